"""Frechet distances to the statistics of a published reference set, read from a file, and of such files."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from harness.contracts import Columns, MetricTraits
from harness.metrics.feature_sets import FeatureSet, Gaussian
from harness.metrics.frechet import require_two
from harness.metrics.influence import Blocks, Influences, of_one
from harness.metrics.statistics_files import StatisticsFile


@dataclass(frozen=True)
class FrechetToFile:
    """On the features of one instrument (``contracts.SetMetric``); the references stay, only outputs vary. With
    ``side`` "reference" the file is of outputs, and the pictures are the references.

    Raises UserError where the file has other dimensions than the features.
    """

    name: str
    features: str
    file: StatisticsFile
    about: dict[str, Any] = field(default_factory=dict)
    layer: Literal["", "_spatial"] = ""
    side: Literal["output", "reference"] = "output"
    version: int = 2
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.{self.side}{self.layer}",)

    @property
    def traits(self) -> MetricTraits:
        """Its states are small: they may be summed over parts of a large set."""
        if self.side == "reference":
            told = {**about_outputs(self.file), "interval": "references vary, outputs stay"}
        else:
            told = {**self.file.about(), "interval": "outputs vary, references stay"}
        return MetricTraits(bounds=(0.0, math.inf), protocol={**self.about, **told}, streams=True)

    def state(self, columns: Columns) -> FeatureSet:
        (need,) = self.needs
        found = FeatureSet.of(columns[need])
        self.file.require_width(self.layer, found.width, need)
        return found

    def value(self, state: FeatureSet) -> float:
        require_two(state.count)
        return self.reference.distance(state)

    def influences(self, state: FeatureSet, blocks: Blocks) -> Influences | None:
        require_two(state.count)
        return of_one(state, self.reference, self.needs[0], blocks)

    @cached_property
    def reference(self) -> Gaussian:
        return self.file.spatial if self.layer else self.file.pool3


@dataclass(frozen=True)
class FrechetOfFiles:
    """Of two files of statistics (``contracts.StatedMetric``). Nothing varies, so it has no interval. Raises UserError
    where they have other dimensions."""

    name: str
    outputs: StatisticsFile
    references: StatisticsFile
    about: dict[str, Any] = field(default_factory=dict)
    version: int = 2
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    needs: tuple[str, ...] = ()

    method = "of two files of statistics, no interval"

    @property
    def traits(self) -> MetricTraits:
        told = {**self.references.about(), **about_outputs(self.outputs), "interval": "both sides stay"}
        return MetricTraits(bounds=(0.0, math.inf), protocol={**self.about, **told})

    def stated(self, columns: Columns, asked: int) -> float:
        self.outputs.require_width("", len(self.references.pool3.mean), self.references.path.name)
        return self.outputs.pool3.distance(self.references.pool3)


def about_outputs(file: StatisticsFile) -> dict[str, Any]:
    """For fingerprints: whose statistics stand for the outputs."""
    return {name.replace("reference", "outputs"): value for name, value in file.about().items()}
