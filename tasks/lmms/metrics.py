"""lmms-eval's numbers: the mean of its scores of rows, with an interval; and the totals that it states, without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from harness.contracts import Columns
from harness.metrics import NotMeasured
from harness.metrics.ratio import Ratio
from tasks.lmms.entries import SCORE, STATED


def score() -> Ratio:
    """Mean over rows of lmms-eval's own score of a row, in [0, 1] for the nine sets (right answers, VQA accuracy)."""
    return Ratio(SCORE, (f"number.{SCORE}",), worst=0.0)


@dataclass(frozen=True)
class Stated:
    """A total that lmms-eval states over all rows of one call (``contracts.StatedMetric``).

    Not measured where a row failed, since lmms-eval counts it as wrong; nor where the rows at hand are not those of
    one call (a limit was lowered).
    """

    name: str
    version: int = 1
    direction: Literal["higher"] = "higher"
    unit: str = ""
    method: str = "stated by lmms-eval, no interval"

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"number.stated-{self.name.removeprefix('lmms-')}", "number.lmms-asked", "number.lmms-failed")

    def stated(self, columns: Columns, asked: int) -> float:
        """The total of the call that asked most rows."""
        total, of, failed = (np.asarray(columns[name], np.float64) for name in self.needs)
        last = int(np.argmax(of))
        if failed[last]:
            raise NotMeasured(
                f"{int(failed[last])} of {int(of[last])} answers failed; lmms-eval, which counts them as wrong, says "
                f"{total[last]:.4g}"
            )
        if of[last] != asked or not np.isfinite(total[last]):
            raise NotMeasured(f"lmms-eval stated it over {int(of[last])} rows, and these are {asked}")
        return float(total[last])


def __getattr__(name: str) -> Callable[[], Any]:
    """A factory for each stated total, by its name: the catalogue's places."""
    if name in STATED:
        return partial(Stated, name)
    raise AttributeError(name)
