"""The checkpoints among stored runs: what their training took, as their cards state it, and what was measured of them.

Parameters are counted without embeddings, tokens are those seen in training, compute is in FLOPs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import Estimate, ShownModel
from reports.comparing.ranking import FAILED_LIMIT
from reports.figures.curves import Point
from reports.reading.runs import Run

SAME_SIZE = 1.1
"""Sizes that differ by a smaller factor are one: models of one shape differ in a few rows by their vocabulary."""
SCALED = 1.3
"""Compute has to differ by this factor for a curve: seeds and like recipes differ by less."""
STATED = ("non_embedding_parameters", "tokens_seen", "training_flops")
"""What the card of a checkpoint says of its training."""
SAME_TOKENS = 0.02
"""Trainings whose tokens differ by a smaller share saw equally many."""


@dataclass(frozen=True)
class Training:
    """One checkpoint: whose it is (``family``: a model and, where not native, its order of tokens), which training it
    belongs to, how large it is (parameters without embeddings), what it took, and what was measured. ``seed`` and
    ``stage`` are those of the training, ``run`` is the key of the run."""

    family: str
    model: ShownModel
    recipe: str
    parameters: float
    tokens: float
    flops: float
    value: Point
    seed: int = 0
    stage: str = ""
    run: str = ""


def trainings(runs: Sequence[Run], metric: str) -> list[Training]:
    """The checkpoints among the runs that state what their training took, by family, size and compute.

    Each checkpoint once, with the run of most cases: a second run of the same weights is no second training. A run with
    more than 1 % of its cases failed is no point.
    """
    found: dict[str, tuple[int, Training]] = {}
    for run in runs:
        stated, estimate = run.cost.get("training"), run.estimate(metric)
        if run.control or run.failed_share > FAILED_LIMIT or not isinstance(stated, Mapping):
            continue
        if estimate is None or not _is_finite(estimate.value):
            continue
        parameters, tokens, flops = (_number(stated, key) for key in STATED)
        if min(parameters, tokens, flops) <= 0:
            continue
        recipe = stated.get("recipe")
        recipe = recipe if isinstance(recipe, Mapping) else {}
        value = Point(flops, float(estimate.value or 0.0), *_ends(estimate))
        family, made_by = (
            _family(_name(run), bool(run.shown_model.family), recipe),
            str(recipe.get("name", run.subject)),
        )
        key = str(run.spec.get("checkpoint") or (made_by, parameters, tokens))
        cases = found[key][0] if key in found else -1
        if estimate.scored > cases:
            seed, stage = int(_number(recipe, "seed")), str(stated.get("stage", ""))
            whole = (family, run.shown_model, made_by, parameters, tokens, flops, value, seed, stage, run.key)
            found[key] = (estimate.scored, Training(*whole))
    return sorted(
        (one for _, one in found.values()), key=lambda one: (one.family, one.parameters, one.recipe, one.flops)
    )


def _ends(estimate: Estimate) -> tuple[float | None, float | None]:
    """The interval, or two None."""
    low, high = estimate.low, estimate.high
    return (low, high) if _is_finite(low) and _is_finite(high) else (None, None)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _name(run: Run) -> str:
    return run.shown_model.label or str(run.spec.get("model", run.subject)).partition("@")[0]


def _family(name: str, stated: bool, recipe: Mapping[str, Any]) -> str:
    order = str(recipe.get("order", "native"))
    if not stated:  # any model of the trainer's: alike are those on one tokenizer
        name = f"{name} on {str(recipe.get('tokenizer', 'no tokenizer')).partition('@')[0]}"
    if not recipe.get("pictures", True):
        return "text alone"
    return name if order == "native" else f"{name}, {order}"


def _number(stated: Mapping[str, Any], key: str) -> float:
    """What is stated, or 0 for what is no number, or none that a float holds."""
    value = stated.get(key)
    try:
        return float(value) if value is not None and _is_finite(value) else 0.0
    except OverflowError:
        return 0.0


def is_scaled(found: Sequence[Training]) -> bool:
    """Whether some family has checkpoints that took different compute: a curve, not a point."""
    for family in families(found):
        took = [one.flops for one in found if one.family == family]
        if max(took) >= SCALED * min(took):
            return True
    return False


def sizes(values: Iterable[float]) -> int:
    """How many different sizes there are, those within ``SAME_SIZE`` of the one below counted once."""
    ordered = sorted(values)
    return sum(place == 0 or value > SAME_SIZE * ordered[place - 1] for place, value in enumerate(ordered))


def families(found: Sequence[Training]) -> list[str]:
    return list(dict.fromkeys(one.family for one in found))


def one_stage(found: Sequence[Training]) -> list[Training]:
    """The checkpoints of the stage of training that most sizes went through (of most checkpoints, then): those of
    another stage are on another curve."""

    def own(stage: str) -> list[Training]:
        return [one for one in found if one.stage == stage]

    stages = list(dict.fromkeys(one.stage for one in found))
    best = max(stages, key=lambda stage: (sizes(one.parameters for one in own(stage)), len(own(stage))), default="")
    return own(best)


def trained_alike(found: Sequence[Training]) -> list[Training]:
    """Of each family with several sizes the checkpoints at the number of tokens which most of its sizes were trained
    for (the largest of those)."""
    kept: list[Training] = []
    for family in families(found):
        own = [one for one in found if one.family == family]
        if sizes(one.parameters for one in own) < 2:
            continue

        def peers(one: Training, own: Sequence[Training] = own) -> list[Training]:
            return [other for other in own if abs(other.tokens / one.tokens - 1) < SAME_TOKENS]

        best = max(own, key=lambda one: (sizes(other.parameters for other in peers(one)), one.tokens))
        kept += peers(best)
    return kept
