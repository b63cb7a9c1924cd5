"""Frechet distance of outputs to the statistics of a published reference set, read from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from harness.contracts import Columns
from harness.errors import UserError
from harness.metrics import NotMeasured
from harness.metrics.frechet import Gaussian, gaussian_of
from harness.metrics.moments import Moments
from harness.metrics.statistics_files import StatisticsFile


@dataclass(frozen=True)
class FrechetToFile:
    """On the features of one instrument (``contracts.SetMetric``); the references stay, only outputs vary.

    Raises UserError where the file has other dimensions than the features.
    """

    name: str
    features: str
    file: StatisticsFile
    about: dict[str, Any] = field(default_factory=dict)
    layer: Literal["", "_spatial"] = ""
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    bounds: tuple[float, float] = (0.0, np.inf)

    streams = True  # its states are small: they may be summed over parts of a large set

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output{self.layer}",)

    @property
    def protocol(self) -> dict[str, Any]:
        return {**self.about, **self.file.about(), "interval": "outputs vary, references stay"}

    def state(self, columns: Columns) -> Moments:
        (need,) = self.needs
        found = Moments.of(columns[need])
        if len(found.mean) != len(self.reference.mean):
            raise UserError(
                f"{self.file.path} holds statistics of {len(self.reference.mean)} dimensions and {need} has "
                f"{len(found.mean)}: make the statistics by the same protocol"
            )
        return found

    def value(self, state: Moments) -> float:
        if state.count < 2:
            raise NotMeasured(f"a Frechet distance needs two images or more, not {state.count}")
        return gaussian_of(state).distance(self.reference)

    @cached_property
    def reference(self) -> Gaussian:
        return self.file.spatial if self.layer else self.file.pool3
