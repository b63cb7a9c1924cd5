"""A metric that fails (it raises, or its value is not finite): a defect, told from what nobody could measure.

It has an estimate without a value, whose reason begins with ``FAILED``; the others are measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import Columns, Estimate
from harness.errors import UserError
from harness.places import sentence_without_folders

FAILED = "failed: "


def failed_estimate(metric: Any, reason: str, failed: int, fingerprint: Mapping[str, Any]) -> Estimate:
    """What is stored of a metric that failed, whatever of a metric it lacks; ``failed``: cases that failed before."""
    return Estimate(
        metric=name_of(metric),
        version=getattr(metric, "version", 0),
        value=None,
        low=None,
        high=None,
        method="",
        scored=0,
        failed=failed,
        direction=getattr(metric, "direction", "none"),
        unit=str(getattr(metric, "unit", "")),
        absent=f"{FAILED}{sentence_without_folders(reason)}",
        fingerprint=dict(fingerprint),
    )


def name_of(metric: Any) -> str:
    """The metric's name, or that of its class."""
    return str(getattr(metric, "name", "") or type(metric).__name__)


def failures_in(estimates: Sequence[Estimate]) -> list[tuple[str, str]]:
    """(metric, reason) of those that failed."""
    return [(item.metric, item.absent.removeprefix(FAILED)) for item in estimates if item.absent.startswith(FAILED)]


@dataclass(frozen=True)
class Unmade:
    """A metric that could not be made: it fails with the reason, and so keeps its place among the others."""

    name: str
    why: str
    version: int = 0
    direction: str = "none"
    unit: str = ""
    needs: tuple[str, ...] = ()

    def parts(self, _: Columns) -> Any:
        """Raises UserError."""
        raise UserError(self.why)
