"""A training that is asked to stop, by a scheduler's SIGTERM or by Ctrl-C, ends between two steps with its state saved.

Schedulers give a job some thirty seconds between SIGTERM and SIGKILL; without this the steps since the last save were
lost. The command then exits with 130, as after Ctrl-C, and goes on by ``--resume``.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NoReturn

import torch

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """While it is entered, the first signal is noted; a second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Ending:
        # only the main thread may set handlers; a training in another one is stopped by whoever runs it
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number

    def asked(self, accelerator: Any) -> bool:
        """Whether to stop now. Several processes must stop at the same step: one of them asked is enough."""
        if accelerator.num_processes > 1:
            noted = accelerator.gather(torch.tensor([self.number], device=accelerator.device))
            self.number = int(noted.max())
        return self.number != 0

    def leave(self, say: Callable[[str], None], where: str) -> NoReturn:
        """End the process, after everything is saved."""
        say(f"stopped by {signal.Signals(self.number).name} {where}: saved; the same command with --resume continues")
        raise KeyboardInterrupt
