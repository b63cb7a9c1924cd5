"""Engines: the same units of work, handed out to this process, to isolated children, or to a cluster.

An engine decides where and in which order units are computed, never what their bytes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from harness.units import Tick, Unit


class Engine(Protocol):
    """Made for one job; computes its units and is closed. ``compute`` may yield units in any order."""

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes]]:
        """(unit, bytes of its part) as each is finished; the caller stores it before asking for the next."""
        ...

    def probe(self) -> Mapping[str, Any]:
        """What ``Task.probe`` says on the engine's device, with the spec's threads."""
        ...

    def close(self) -> None:
        """Give back what it holds; units in progress are dropped."""
        ...
