"""What is right: a file is read, or refused by one line that a user can act on; nothing else is raised, and it ends."""

from __future__ import annotations

import contextlib
import io
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.errors import UserError

CPU_SECONDS, SECONDS = 5.0, 60.0
"""For one input: of this process, and by the clock, since others compute beside it."""


class TookTooLong(BaseException):
    """No ``Exception``, so that no reader takes it for a broken file."""


class Wrong(Exception):
    """An input that was neither read nor refused."""


def judge(read: Callable[[bytes, Path], None], data: bytes, folder: Path, refusals: tuple[type[Exception], ...]) -> str:
    """``read`` or ``refused``. Raises Wrong with the place where it broke."""
    try:
        with _limited(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            read(data, folder)
        return "read"
    except refusals as error:
        if "\n" in str(error).strip() or not str(error).strip():
            raise Wrong(f"refused in {len(str(error).splitlines())} lines: {str(error)[:200]!r}") from error
        return "refused"
    except TookTooLong:
        raise Wrong(f"more than {CPU_SECONDS:.0f} s of computing, or {SECONDS:.0f} s") from None
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/" not in frame.filename]
        ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}" if ours else "nowhere"
        raise Wrong(f"{type(error).__name__} at {place}: {str(error)[:120]!r}") from error


def each(*reads: Callable[[], Any]) -> None:
    """Every one of these, whether or not those before were refused; then the first refusal."""
    refused: UserError | None = None
    for read in reads:
        try:
            read()
        except UserError as error:
            refused = refused or error
    if refused is not None:
        raise refused


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise TookTooLong

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, CPU_SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, SECONDS))
    before = [(number, signal.signal(number, stop)) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        for number, handler in before:
            signal.signal(number, handler)
