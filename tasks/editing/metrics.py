"""Metrics of editing. Each is a ratio of sums over cases, so that it has strata and clustered intervals.

L1 and L2 are MagicBrush's (arXiv:2306.10012, section 5): mean absolute and mean squared difference to the true edit.
Where MagicBrush compares features of CLIP and DINO, ``cos-world`` compares those of the world's own small network: it
is in other units and means nothing beside a published CLIP-I.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import SHARE, Columns, MetricTraits
from harness.metrics.ratio import Ratio
from tasks.editing.alignment import Cosine
from tasks.editing.judging import Verdict, judge
from tasks.world.matching import TOLERANCE

Floats = NDArray[np.float64]
Facts = Mapping[str, Any]

RULES = f"objects by world-detector; place within {TOLERANCE} px, or in its cell where only that was told; sizes free"
COPY = "an unchanged copy of the source has success 0"
_TRAITS = replace(SHARE, protocol={"judge": RULES, "floor": COPY})


def l2() -> Ratio:
    """Mean squared difference of pixel values in [0, 1] (MagicBrush's L2: no root is taken)."""
    return Ratio("l2", ("pixels.mse",), direction="lower", worst=1.0, traits=SHARE)


def l1_outside() -> Ratio:
    """Mean absolute difference to the true edit outside of the region that it changes; cases that change the whole
    picture (a new background) do not count."""
    columns = ("world-surroundings.l1",), ("world-surroundings.any",)
    return Ratio("l1-outside", *columns, direction="lower", worst=1.0, traits=SHARE)


@dataclass(frozen=True)
class Judged:
    """A share by the rules of ``judging``: ``counts`` gives (right, asked) of a case from its verdict and facts."""

    name: str
    counts: Callable[[Verdict, Facts], tuple[float, float]]
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    worst: float | None = 0.0
    traits: MetricTraits = _TRAITS
    needs: tuple[str, ...] = ("world-detector.detections", "world-surroundings.top", "world-surroundings.bottom")

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        detections, top, bottom = (columns[name] for name in self.needs)
        rows = []
        for facts, found, ends in zip(columns["facts"], detections, zip(top, bottom, strict=True), strict=True):
            known = json.loads(facts)
            rows.append(self.counts(judge(known, json.loads(found), ends), known))
        counts = np.array(rows, np.float64).reshape(-1, 2)
        return counts[:, 0], counts[:, 1]

    def reasons(self, columns: Columns) -> list[str]:
        """The first thing that is wrong in each output, "" where it is the true edit."""
        needed = (columns[name] for name in ("facts", *self.needs))
        return [
            judge(json.loads(facts), json.loads(found), (top, bottom)).reason
            for facts, found, top, bottom in zip(*needed, strict=True)
        ]


def cos_world() -> Cosine:
    """Similarity to the true edit on the world's features."""
    return Cosine("cos-world", ("world-features.output", "world-features.reference"))


def success() -> Judged:
    """Share of cases in which what the instruction asks for is done, whatever else happened to the picture."""
    return Judged("edit-success", lambda verdict, _: (verdict.success, 1))


def success_held_out() -> Judged:
    """``edit-success`` of the cases that change or make a combination of shape and colour which training never
    showed."""
    return Judged(
        "edit-success-held-out",
        lambda verdict, facts: (verdict.success and bool(facts["held_out"]), bool(facts["held_out"])),
    )


def preserved() -> Judged:
    """Share of the objects which the instruction leaves alone that keep shape, colour and place."""
    traits = replace(SHARE, protocol={"judge": RULES})
    return Judged("edit-preserved", lambda verdict, _: (verdict.preserved, verdict.kept), traits=traits)


def exact() -> Judged:
    """Share of cases in which the whole picture is the true edit: success, all else kept, nothing added, the right
    background."""
    return Judged("edit-exact", lambda verdict, _: (verdict.exact, 1))
