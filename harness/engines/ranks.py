"""One subject over several processes, which a launcher started: the first one drives, and the others do as it does.

A library that shards a model (tensor parallel, FSDP) wants every process to ask it the same at the same time. So the
first process tells the others each unit before it makes it, and all make it; the first alone stores what came out.
Instruments look in the first process alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.contracts import ComputesUnits
from harness.engines import Engine
from harness.engines.children import picklable
from harness.engines.local import InProcess
from harness.errors import UserError
from harness.isolation import tried
from harness.jobs import Job, Tick, Unit
from harness.launch import launched
from harness.store.summary import Stored

if TYPE_CHECKING:
    from harness.plan import PlannedRun

PATIENCE = timedelta(days=7)
"""For the others, who wait while the first one observes and measures."""


def join(device: str, engine: str = "local", workers: int | None = None) -> None:
    """Meet the other processes, unless a library has done so already. Raises UserError for other workers beside them,
    and for a device that they would share."""
    if engine != "local" or (workers or 1) > 1:
        raise UserError(
            f"the {launched()} processes that the launcher started are one worker together: leave out --engine and "
            "--workers, or start the command without a launcher"
        )
    import torch
    import torch.distributed as dist

    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    elif device != "cpu":
        raise UserError(f"the launcher gives each process its GPU, so '{device}' means nothing to it: --device cuda")
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)


def require_handed_out(planned: Iterable[PlannedRun]) -> None:
    """Raise UserError for a task that another program puts to the model: no unit of it could be made together."""
    for item in planned:
        if launched() > 1 and isinstance(item.task, ComputesUnits):
            raise UserError(f"task '{item.request.task}' starts a process of its own: run it without a launcher")


def dismiss() -> None:
    """The other processes, where there are some, are done."""
    if launched() > 1:
        import torch.distributed as dist

        with contextlib.suppress(RuntimeError):
            _pass(("end", None))
        dist.destroy_process_group()


def _pass(message: Any = None) -> Any:
    """The first process's message, in each of them."""
    import torch
    import torch.distributed as dist

    box = [message]
    dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


class Ranks:
    """The team (``engines.Team``) of the first process."""

    def __init__(self) -> None:
        self.runs = 1
        self.processes = launched()

    def prepare(self, opening: Callable[[], Any]) -> None:
        """Nothing: every process opens the subject itself."""

    def engine(self, job: Job, units: Sequence[Unit]) -> Engine:
        """Raises UserError for a job that the other processes cannot be given."""
        if not job.model:
            return InProcess(job)
        if not picklable(job):
            raise UserError("several processes need a task and a subject that pickle")
        _pass(("job", job))
        return Together(job)

    def close(self) -> None:
        """The others forget their subject, too; one that is gone already needs not to."""
        with contextlib.suppress(RuntimeError):
            _pass(("rest", None))


class Together:
    """The engine of the first process: each unit is made by all of them."""

    def __init__(self, job: Job) -> None:
        self._here = InProcess(job)

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes | Stored]]:
        for unit in units:
            _pass(("unit", unit))
            yield from self._here.compute([unit], tick)

    def probe(self) -> Mapping[str, Any]:
        _pass(("probe", None))
        return self._here.probe()

    def close(self) -> None:
        self._here.close()


def follow(release: Callable[[], None]) -> None:
    """Of the other processes: do what the first one says, until it is done. What fails here fails there as well, where
    it is told."""
    import torch.distributed as dist

    engine: InProcess | None = None
    while True:
        kind, value = _pass()
        if kind == "end":
            dist.destroy_process_group()
            return
        if kind == "job":
            engine = InProcess(value)
        elif kind == "rest":
            engine = None
            release()
        elif engine is not None:
            tried(engine.probe if kind == "probe" else partial(_make, engine, value))


def _make(engine: InProcess, unit: Unit) -> None:
    for _ in engine.compute([unit], lambda done, failed: None):
        pass
