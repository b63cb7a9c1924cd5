"""Precision and recall of generated pictures (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

The manifold of a set of features is the union of closed balls, one around each vector, each as large as the distance to
its k-th nearest other vector of the set (k = 5; Kynkaanniemi et al., eq. 1 and 2, take 3, Naeem et al. 5).

* **precision**: the share of the outputs that lie on the manifold of the references;
* **recall**: the share of the references that lie on the manifold of the outputs;
* **density** (Naeem et al., eq. 4): how many balls of references an output lies in, over k, mean over outputs; 1 is
  expected of the true distribution, and more than 1 is possible;
* **coverage** (eq. 5): the share of the references whose ball holds an output.

A ball is closed here, as in the first paper; the code of the second leaves its border out. Features are compared as
they are. All four depend on how many pictures there are, so two values rank only at equal N.

**What varies.** The references are given, and so are their balls; intervals say what other outputs of the same model
would give. So the outputs of a jackknife group leave, and its references stay: this is why a metric is ``given`` all
cases before their groups become states. The jackknife is about right for precision and density, but too narrow for a
precision next to 1 (at 0.99, of 300 outputs, it held the truth in 86 % of the trials). For coverage and recall, which
do not change smoothly, it errs on the wide side: on Gaussian mixtures (300 to 1,000 vectors, 4 to 12 dimensions) its
standard error was 1.1 to 1.7 times the true one for coverage and 1.3 to 2.1 times for recall, so that it claims too
little, never too much. A bootstrap of the references would claim too much (two sets from one model differed by it in 12
to 30 % of the trials), and one of the outputs makes duplicates, which shrink their manifold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from harness.contracts import Columns, MetricTraits
from harness.metrics.manifold import NEAREST, Geometry
from harness.metrics.neighbours import Floats, Ints

Which = Literal["precision", "recall", "density", "coverage"]


@dataclass(frozen=True, eq=False)
class Outputs:
    """Some of the outputs of a geometry, by their rows, with what was counted of them: a sum over outputs, or one per
    reference. Those of disjoint outputs add."""

    geometry: Geometry
    rows: Ints
    counted: Floats

    def __add__(self, other: Outputs) -> Outputs:
        if self.geometry != other.geometry:
            raise ValueError("these outputs were given different references: they do not add")
        return Outputs(self.geometry, np.concatenate([self.rows, other.rows]), self.counted + other.counted)


@dataclass(frozen=True)
class Given:
    """A metric that knows its references, and where each case stands among them."""

    which: Which
    geometry: Geometry
    places: Mapping[str, int]

    def state(self, columns: Columns) -> Outputs:
        """Of the outputs of these cases, with all references."""
        rows = np.array([self.places[name] for name in columns["case"]], dtype=np.int64)
        if self.which == "recall":
            return Outputs(self.geometry, rows, np.zeros(1))
        inside = self.geometry.inside[rows]
        if self.which == "coverage":
            return Outputs(self.geometry, rows, np.asarray(inside.sum(axis=0), dtype=np.float64))
        balls = np.diff(inside.indptr)
        counted = (balls > 0).sum() if self.which == "precision" else balls.sum() / self.geometry.nearest
        return Outputs(self.geometry, rows, np.array([counted], dtype=np.float64))

    def value(self, state: Outputs) -> float:
        if self.which == "coverage":
            return float((state.counted > 0).mean())
        if self.which == "recall":
            present = np.zeros(len(state.geometry.outputs), dtype=bool)
            present[state.rows] = True
            return float(state.geometry.balls_of_outputs.covered(present).mean())
        return float(state.counted[0]) / len(state.rows)


@dataclass(frozen=True)
class ManifoldMetric:
    """One of the four on one instrument's features (``contracts.SetMetric``). In [0, 1], density in [0, inf); more is
    better. Without ``given`` the references are those of the state's own cases."""

    which: Which
    name: str
    features: str
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    nearest: int = NEAREST
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def traits(self) -> MetricTraits:
        told = {
            "manifold": f"closed balls to nearest neighbour {self.nearest}, euclidean, float64",
            "interval": "outputs vary, references stay",
            "biased_with_n": True,
        }
        highest = np.inf if self.which == "density" else 1.0
        return MetricTraits(bounds=(0.0, highest), protocol={**told, **self.about}, unpaired=True)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    def given(self, columns: Columns) -> Given:
        """This metric with the references of all these cases. Raises NotMeasured for k cases or fewer."""
        outputs, references = (columns[name] for name in self.needs)
        places = {str(name): place for place, name in enumerate(columns["case"])}
        return Given(self.which, Geometry.of(outputs, references, self.nearest), places)

    def state(self, columns: Columns) -> Outputs:
        return self.given(columns).state(columns)

    def value(self, state: Outputs) -> float:
        return Given(self.which, state.geometry, {}).value(state)
