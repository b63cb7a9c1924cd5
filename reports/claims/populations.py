"""Whose runs a term of a claim means, and which of them may be set side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.claims.statements import Claim, Term
from reports.comparing.protocols import protocol_of
from reports.comparing.ranking import FAILED_LIMIT
from reports.reading.runs import Run
from reports.scaling.trainings import SAME_SIZE


@dataclass(frozen=True)
class Trained:
    """A run, with what the card of its checkpoint states of the training; 0 and "" for what it does not."""

    run: Run
    seed: int | None
    parameters: float
    tokens: float
    stage: str
    share: float
    name: str

    @classmethod
    def of(cls, run: Run) -> Trained:
        stated = run.cost.get("training")
        stated = stated if isinstance(stated, Mapping) else {}
        recipe = recipe_of(run)
        seed = recipe.get("seed")
        return cls(
            run,
            seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
            _number(stated.get("non_embedding_parameters")),
            _number(stated.get("tokens_seen")),
            str(stated.get("stage", "")),
            _number(stated.get("share")),
            str(recipe.get("name") or run.subject),
        )

    def value(self, metric: str) -> float:
        """Of a run that has it."""
        estimate = self.run.estimate(metric)
        assert estimate is not None and estimate.value is not None
        return float(estimate.value)


@dataclass(frozen=True)
class Cell:
    """Trainings of one size, stage and share of it, measured by one protocol: for each term, by seed."""

    protocol: str
    parameters: float
    of: tuple[Mapping[int, Trained], ...] = field(hash=False)

    @property
    def fewest(self) -> int:
        """Seeds of the term that has fewest."""
        return min(map(len, self.of))


def recipe_of(run: Run) -> Mapping[str, Any]:
    """What the training's recipe states; empty where nothing is."""
    stated = run.cost.get("training")
    recipe = stated.get("recipe") if isinstance(stated, Mapping) else None
    return recipe if isinstance(recipe, Mapping) else {}


def usable(runs: Sequence[Run], claim: Claim) -> list[Run]:
    """The runs of the claim's task that have a value of what it speaks of; those with more than 1 % of their cases
    failed are no basis."""
    metrics = {term.metric or claim.metric for term in claim.terms}

    def has_value(run: Run) -> bool:
        found = [run.estimate(metric) for metric in metrics]
        return any(one is not None and one.value is not None for one in found)

    mine = [run for run in runs if run.task == claim.stored_task and not run.control]
    return [run for run in mine if run.failed_share <= FAILED_LIMIT and has_value(run)]


def meant(runs: Sequence[Run], term: Term, metric: str) -> list[Run]:
    """Those of the runs that the term means."""
    return [run for run in runs if _is_meant(run, term) and _has(run, term.metric or metric)]


def _has(run: Run, metric: str) -> bool:
    estimate = run.estimate(metric)
    return estimate is not None and estimate.value is not None


def _is_meant(run: Run, term: Term) -> bool:
    recipe = recipe_of(run)
    stated = run.cost.get("training")
    stage = str(stated.get("stage", "")) if isinstance(stated, Mapping) else ""
    pictures = bool(recipe.get("pictures", True))
    wanted = (
        (term.model, str(run.spec.get("model", "")).partition("@")[0]),
        (term.tokenizer, str(recipe.get("tokenizer", "")).partition("@")[0]),
        (term.order, str(recipe.get("order", "native")).partition("(")[0]),
        (term.stage, stage),
    )
    # a model of text alone counts for no tokenizer, unless it is asked for
    return pictures is (term.pictures is not False) and all(not want or want == have for want, have in wanted)


def cells(runs: Sequence[Run], claim: Claim) -> list[Cell]:
    """Every size, stage, share and protocol in which all terms have a training, the best basis first: that with most
    seeds in the term that has fewest, then most seeds, then the largest size. The rule is the same for all claims."""
    terms = [[Trained.of(run) for run in meant(runs, term, claim.metric)] for term in claim.terms]
    places: dict[tuple[Any, ...], Cell] = {}
    for one in terms[0]:
        if one.seed is None:
            continue
        place = _place(one, claim)
        alike = tuple(_by_seed(peers, place, claim) for peers in terms)
        if all(alike):
            places[place] = Cell(str(place[-1]), one.parameters, alike)
    return sorted(places.values(), key=lambda cell: (-cell.fewest, -sum(map(len, cell.of)), -cell.parameters))


def _place(one: Trained, claim: Claim) -> tuple[Any, ...]:
    estimate = one.run.estimate(claim.metric)
    assert estimate is not None
    protocol = json.dumps(protocol_of(one.run, estimate), sort_keys=True, default=str)
    return one.parameters, one.stage, one.share, protocol


def _by_seed(peers: Sequence[Trained], place: tuple[Any, ...], claim: Claim) -> dict[int, Trained]:
    """One run for each seed, that of most cases: a second run of the same weights is no second training."""
    found: dict[int, Trained] = {}
    for one in sorted(peers, key=lambda one: (-(one.run.measure.size if one.run.measure else 0), one.run.key)):
        size, *rest = _place(one, claim)
        alike = size == place[0] or (size > 0 and max(size / place[0], place[0] / size) <= SAME_SIZE)
        if one.seed is not None and alike and tuple(rest) == tuple(place[1:]):
            found.setdefault(one.seed, one)
    return dict(sorted(found.items()))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
