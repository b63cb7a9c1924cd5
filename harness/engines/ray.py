"""The Ray engine: the same units handed out to actors, on a cluster or on this machine's own Ray.

``RayTeam`` stands where the local engine's ``Crew`` does. What an actor is, ``engines.ray_actors`` says; what becomes
of a unit whose worker died, ``engines.children``. Ray is imported when the first actor is needed.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from harness import catalog
from harness.contracts import ModelEntry
from harness.engines import Engine
from harness.engines.children import Children
from harness.engines.local import cores_at_hand
from harness.engines.ray_actors import Actors, Needs
from harness.engines.ray_jobs import StoringJob
from harness.environment import Environment
from harness.errors import UserError
from harness.isolation import attempt
from harness.jobs import Job, Unit
from harness.paths import checkout_root
from harness.progress import Progress

ADDRESS = "RAY_ADDRESS"
REACHED = 5.0
"""Seconds in which an address must answer."""
STORE = 80 << 20
"""Bytes of the object store of this machine's own Ray: parts do not pass through it."""


def needs_of(model: str, threads: int, device: str) -> Needs:
    """What a worker with this model (``NAME[@...]``) takes, as its entry says; else a CPU for each thread, and on a GPU
    the whole of one."""
    name = catalog.split_name(model)[0]
    entry = next((item for item in catalog.entries("model") if item.name == name), None)
    entry = entry if isinstance(entry, ModelEntry) else ModelEntry(name, "", "")
    cpus = float(threads) if entry.cpus is None else entry.cpus
    gpus = 1.0 if entry.gpus is None else entry.gpus
    return Needs(cpus, gpus if device.partition(":")[0] == "cuda" else 0.0)


class RayTeam:
    """The actors of a suite's runs. ``workers`` None: as many as the cluster has room for.

    ``address`` is a cluster's, ``HOST:PORT`` or ``auto``; "" is what ``RAY_ADDRESS`` says, else a Ray of this machine
    alone, which ends with the team. One that is connected already is used and stays. Raises UserError for what is wrong
    with the request, before anything is written.
    """

    processes = 1

    def __init__(
        self,
        workers: int | None,
        threads: int = 1,
        device: str = "cpu",
        timeout: float | None = None,
        release: Callable[[], None] = lambda: None,
        address: str = "",
        out: str = "",
        progress: Progress | None = None,
    ) -> None:
        if find_spec("ray") is None:
            raise UserError("--engine ray needs Ray: pip install 'ddtbench[ray]'")
        if workers is not None and workers < 1:
            raise UserError(f"workers must be at least 1, not {workers}")
        if timeout is not None and not timeout > 0:
            raise UserError(f"a batch's time limit must be above 0 seconds, not {timeout:g}")
        if device not in ("cpu", "cuda"):
            raise UserError(f"Ray itself gives each worker its GPU, so '{device}' means nothing to it: --device cuda")
        if out:
            require_shared(out)
        self.runs = 1
        self._count, self._threads, self._device, self._timeout = workers, threads, device, timeout
        self._release, self._progress = release, progress or Progress("quiet")
        self._address = address or os.environ.get(ADDRESS, "")
        if self._address:
            require_reachable(self._address)
        self._actors: Actors | None = None
        self._connected = False

    def prepare(self, opening: Callable[[], Any]) -> None:
        """Nothing: actors are placed by what a job needs."""

    def engine(self, job: Job, units: Sequence[Unit]) -> Engine:
        """For this job. Raises UserError for one that does not pickle, or that workers could not store."""
        require_shared(job.place)
        needs = needs_of(job.model, self._threads, self._device)
        here = Environment.current(self._threads, self._device)
        made = Children(StoringJob(job, here, self._device), self._hands(needs, len(units)))
        self._release()
        return made

    def _hands(self, needs: Needs, units: int) -> Actors:
        if self._actors is not None and self._actors.needs != needs:
            self._actors.close()
            self._actors = None
        if self._actors is None:
            connect = partial(self._connect, needs)
            self._actors = Actors(connect, needs, self._threads, self._timeout, self._progress)
        self._actors.units = units
        return self._actors

    def _connect(self, needs: Needs) -> int:
        """Connect to Ray, unless this process is; how many workers there may be."""
        import ray

        if not ray.is_initialized():
            where, options = self._address or "local", {}
            if not self._address:
                cpus = max(cores_at_hand(), math.ceil((self._count or 1) * needs.cpus))
                options = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": STORE}
            _, reason = attempt(partial(_init, where, options))
            if reason:
                what = f"the Ray cluster at {where} cannot be used" if self._address else "Ray does not start here"
                raise UserError(f"{what}: {reason}")
            self._connected = True
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        room = sum(needs.room_in(node) for node in nodes)
        if not room and not self._address:
            raise UserError(f"a worker takes {needs}, as its model's entry says: this machine has not that much")
        return self._count or max(1, room)

    def close(self) -> None:
        """End the actors, and the connection where it is ours."""
        if self._actors is not None:
            self._actors.close()
            self._actors = None
        if self._connected:
            import ray

            ray.shutdown()
            self._connected = False


def _init(address: str, options: Mapping[str, Any]) -> None:
    """``ray.init``, which leaves the driver's own way to end, and its environment, as they were. Workers of this
    machine import what the driver does: this checkout."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    before, paths = signal.getsignal(signal.SIGTERM), os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(checkout_root()), *([paths] if paths else [])])
    try:
        ray.init(address=address, logging_level=logging.ERROR, **options)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
        if paths is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = paths


def require_shared(place: str) -> None:
    """Raise UserError for a folder that exists in one process alone."""
    if place.startswith("memory:"):
        raise UserError(
            f"{place} is in the memory of one process, where the workers of Ray cannot store: use a folder that all "
            "machines of the cluster share, or a URL such as s3://BUCKET/runs"
        )


def require_reachable(address: str) -> None:
    """Raise UserError for an address where nothing answers, or that is none."""
    cure = "start one by 'ray start --head', or leave out --address for a Ray of this machine alone"
    if address in ("auto", "local"):
        return
    if "://" in address:
        raise UserError(
            f"Ray's client ({address}) does not pass on what actors say: give the command on a node of the cluster, or "
            "through 'ray job submit', with --address auto"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"'{address}' is not the address of a Ray cluster: write HOST:PORT (10.0.0.1:6379), or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED).close()
    except OSError as error:
        raise UserError(f"no Ray cluster answers at {address} ({error.strerror or error}): {cure}") from error
