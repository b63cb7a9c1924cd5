"""Runs made in memory of scores that a test draws: what comparing reads of a stored run, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from harness.contracts import Estimate
from harness.influences import METHOD
from harness.measure import WITHIN_STRATA
from reports.reading.runs import CaseScores, Measure, Run

METRIC = "measured"


def names(count: int, first: int = 0) -> list[str]:
    return [f"case-{number:05d}" for number in range(first, first + count)]


def case_scores(
    numerators: np.ndarray,
    denominators: np.ndarray | None = None,
    *,
    cases: Sequence[str] = (),
    groups: Sequence[str] = (),
    strata: Sequence[str] = (),
) -> CaseScores:
    known = list(cases) or names(len(numerators))
    tops = np.asarray(numerators, np.float64)
    bottoms = np.ones(len(tops)) if denominators is None else np.asarray(denominators, np.float64)
    clusters, tags = list(groups) or known, list(strata) or [""] * len(known)
    return CaseScores(np.array(known), np.array(clusters), np.array(tags), tops, bottoms)


def made_run(
    label: str,
    scores: CaseScores | None,
    *,
    value: float | None = None,
    digest: str = "the cases",
    version: int = 1,
    method: str = "clustered BCa bootstrap",
    fingerprint: dict[str, Any] | None = None,
    **rest: Any,
) -> Run:
    """``value``: by default the ratio of the scores."""
    if value is None and scores is not None:
        value = float(scores.numerators.sum() / scores.denominators.sum())
    estimate = Estimate(
        METRIC, version, value, None, None, method, 40, 0, "higher", "dB", fingerprint=fingerprint or {}, **rest
    )
    run = Run(label, "task", label, cast(Any, None), {}, {}, {}, measure=Measure(digest, (estimate,)), named=True)
    run.__dict__["scores"] = {} if scores is None else {METRIC: scores}
    return run


def shares(rng: np.random.Generator, count: int, value: float, spread: float) -> CaseScores:
    """As a metric stores them whose value is shared out: the value plus the share times the number of cases."""
    parts = rng.normal(0, spread, count)
    return case_scores(value + parts - parts.mean())


def jackknife_groups(values: np.ndarray) -> CaseScores:
    return case_scores(values, cases=[f"jackknife-{number:02d}" for number in range(len(values))])


def perplexity_run(label: str, losses: np.ndarray) -> Run:
    """Shown as the exponential of its ratio."""
    scores = case_scores(losses)
    return made_run(label, scores, value=math.exp(float(losses.mean())))


SHARED = METHOD
STRATIFIED = {"resampled": WITHIN_STRATA}
