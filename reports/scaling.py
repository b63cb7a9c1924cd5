"""Scaling curves: a metric against what a language model's training took, and against its size, with a power law.

The law is a straight line through logarithms, metric = a * size**b, by least squares over trainings that saw equally
many tokens (Kaplan et al. 2020, arXiv 2001.08361, section 3.1, have L(N) in this form). The interval of its exponent
is Student's t over the residuals: what the points scatter, seeds included, and not what each point's own cases leave
open. It is drawn for losses alone, since a share of right pictures ends at 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.curves import Point
from reports.read import Run

FEWEST_SIZES = 3
"""Fewer different sizes make no law."""
STATED = ("non_embedding_parameters", "tokens_seen", "training_flops")
"""What the card of a checkpoint says of its training."""
SAME_TOKENS = 0.02
"""Trainings whose tokens differ by a smaller share saw equally many."""


@dataclass(frozen=True)
class Training:
    """One checkpoint: whose it is (``family``: a model and, where not native, its order of tokens), which training it
    belongs to, how large it is (parameters without embeddings), what it took, and what was measured."""

    family: str
    recipe: str
    parameters: float
    tokens: float
    flops: float
    value: Point


@dataclass(frozen=True)
class PowerLaw:
    """metric = factor * x ** exponent, with the exponent's 95 % interval."""

    factor: float
    exponent: float
    low: float
    high: float

    def at(self, x: float) -> float:
        return self.factor * math.pow(x, self.exponent)


def trainings(runs: Sequence[Run], metric: str) -> list[Training]:
    """The checkpoints among the runs that state what their training took, by family, size and compute."""
    found = []
    for run in runs:
        stated, estimate = run.cost.get("training"), run.estimate(metric)
        if not isinstance(stated, Mapping) or estimate is None or estimate.value is None:
            continue
        parameters, tokens, flops = (_number(stated, key) for key in STATED)
        if min(parameters, tokens, flops) <= 0:
            continue
        recipe = stated.get("recipe")
        recipe = recipe if isinstance(recipe, Mapping) else {}
        name = run.subject.partition("@")[0]
        value = Point(flops, estimate.value, estimate.low, estimate.high)
        family, made_by = _family(name, recipe), str(recipe.get("name", run.subject))
        found.append(Training(family, made_by, parameters, tokens, flops, value))
    return sorted(found, key=lambda one: (one.family, one.parameters, one.recipe, one.flops))


def _family(name: str, recipe: Mapping[str, Any]) -> str:
    order = str(recipe.get("order", "native"))
    if not recipe.get("pictures", True):
        return "text alone"
    return name if order == "native" else f"{name}, {order}"


def _number(stated: Mapping[str, Any], key: str) -> float:
    value = stated.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def is_scaled(found: Sequence[Training]) -> bool:
    """Whether some family has checkpoints that took different compute: a curve, not a point."""
    return any(len({one.flops for one in found if one.family == family}) > 1 for family in families(found))


def families(found: Sequence[Training]) -> list[str]:
    return list(dict.fromkeys(one.family for one in found))


def trained_alike(found: Sequence[Training]) -> list[Training]:
    """Of each family the checkpoints at the number of tokens which most of its sizes were trained for (the largest of
    those)."""
    kept: list[Training] = []
    for family in families(found):
        own = [one for one in found if one.family == family]

        def peers(one: Training, own: Sequence[Training] = own) -> list[Training]:
            return [other for other in own if abs(other.tokens / one.tokens - 1) < SAME_TOKENS]

        best = max(own, key=lambda one: (len({other.parameters for other in peers(one)}), one.tokens))
        kept += peers(best)
    return kept


def power_law(points: Sequence[tuple[float, float]]) -> PowerLaw | None:
    """The law through (x, value) pairs; None for fewer than three different x, or values that have no logarithm."""
    if len({x for x, _ in points}) < FEWEST_SIZES or any(x <= 0 or y <= 0 for x, y in points):
        return None
    from scipy import stats

    fit = stats.linregress([math.log(x) for x, _ in points], [math.log(y) for _, y in points])
    exponent = float(fit.slope)
    half = float(stats.t.ppf(0.975, len(points) - 2) * fit.stderr)
    return PowerLaw(math.exp(float(fit.intercept)), exponent, exponent - half, exponent + half)
