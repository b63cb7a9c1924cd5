"""Which team computes, by the name of its engine."""

from __future__ import annotations

from collections.abc import Callable

from harness.engines import Team
from harness.errors import UserError, nearest
from harness.launch import launched
from harness.progress import Progress

ENGINES = ("local", "ray")


def require_engine(engine: str, address: str) -> None:
    """Raise UserError for an engine that is unknown, or an address that it does not read."""
    if engine not in ENGINES:
        raise UserError(f"unknown engine '{engine}'{nearest(engine, ENGINES)}")
    if address and engine != "ray":
        raise UserError(f"--address {address} is that of a Ray cluster: add --engine ray")


def team(
    engine: str,
    address: str,
    workers: int | None,
    threads: int,
    device: str,
    timeout: float | None = None,
    release: Callable[[], None] = lambda: None,
    out: str = "",
    progress: Progress | None = None,
) -> Team:
    """``out``: where runs are stored. Raises UserError for what cannot be."""
    require_engine(engine, address)
    if launched() > 1:
        from harness.engines.ranks import Ranks

        return Ranks()
    if engine == "local":
        from harness.engines.local import Crew

        return Crew(workers, threads, device, timeout, release)
    from harness.engines.ray import RayTeam

    return RayTeam(workers, threads, device, timeout, release, address=address, out=out, progress=progress)
