"""Runs of scores that a test draws: in memory, what comparing reads of a stored run and nothing else; or on disk."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from PIL import Image

from harness.contracts import Estimate
from harness.influences import METHOD
from harness.measure import WITHIN_STRATA
from harness.spec import RunSpec
from harness.statistics import ratio_interval
from harness.store.parts import encode_samples
from harness.store.run_folder import RunFolder, case_set_digest
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


# ------------------------------------------------------------------------------------------------ on disk


def quiz(count: int = 40) -> dict[str, str]:
    """Case -> question, as the facts of ``store_run`` hold it."""
    return {name: f"what is number {place}?" for place, name in enumerate(names(count))}


def store_run(
    root: Path,
    model: str,
    scores: Mapping[str, float],
    *,
    task: str = "quiz",
    metric: str = "correct",
    more: Mapping[str, Mapping[str, float]] | None = None,
    direction: str = "higher",
    verdict: bool = True,
    failed: Sequence[str] = (),
    answers: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    version: int = 1,
    control: bool = False,
    label: str = "",
    seed: int = 0,
    absent: Mapping[str, str] | None = None,
    picture: bytes = b"",
) -> RunFolder:
    """A whole run folder: questions, answers, scores of ``metric`` and of ``more``, and how it is shown."""
    folder = RunFolder.create_or_open(root, RunSpec(model, 1, f"weights of {model}", task, 1, "made", seed=seed))
    cases = sorted({*scores, *failed})
    said_of = {case: "" if picture else (answers or {}).get(case, f"{model} says {case}") for case in cases}
    rows = [_sample_row(case, case in failed, said_of[case], picture) for case in cases]
    folder.write_part("00000", encode_samples(rows, {"key": folder.key}))
    measured = {metric: scores, **(more or {})}
    protocol = dict(fingerprint or {"questions": "made"})
    estimates = [
        _estimate(name, values, len(failed), version, direction, protocol) for name, values in measured.items()
    ]
    empty = {"value": None, "low": None, "high": None, "method": ""}
    estimates += [
        replace(estimates[0], metric=name, **empty, absent=why)
        for name, why in (absent or {}).items()  # type: ignore[arg-type]
    ]
    table = [
        {"metric": name, "case": case, "group": case, "stratum": tag(case), "numerator": value, "denominator": 1.0}
        for name, values in measured.items()
        for case, value in sorted(values.items())
    ]
    said = [{"metric": metric, "case": case, "reason": why} for case, why in sorted((reasons or {}).items())]
    digest = case_set_digest(cases)
    folder.write_measures(digest, pa.Table.from_pylist(table), estimates, pa.Table.from_pylist(said) if said else None)
    shown: dict[str, Any] = {
        "task": {"title": task, "headline": [*measured, *(absent or {})], "asked": ["{quiz.question}"]},
        "model": {"label": label or model.upper(), "role": "control" if control else "model"},
        "metrics": {name: {"label": name} for name in measured},
    }
    if verdict:
        shown["task"]["verdict"] = metric
    folder.write_manifest(showing=shown, protocol={"request": {"model": model, "task": task}})
    folder.folder.write_json("environment.json", {"schema": 1, "environments": {}, "runs": []})
    return folder


def a_picture(number: int) -> bytes:
    """A PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 36), (number * 40, 90, 120)).save(buffer, "PNG")
    return buffer.getvalue()


def tag(case: str) -> str:
    return f"tag-{int(case[-1]) % 2}"


def _sample_row(case: str, failed: bool, answer: str, picture: bytes = b"") -> dict[str, Any]:
    drawn = [{"name": "output", "image": {"bytes": picture, "path": None}}] if picture and not failed else []
    question = quiz(1000).get(case, case)
    return {
        "case": case,
        "group": case,
        "stratum": tag(case),
        "facts": json.dumps({"quiz": {"question": question}}),
        "outcome": "failed" if failed else "ok",
        "reason": "ValueError: no" if failed else "",
        "text": "" if failed else answer,
        "numbers": "{}",
        "codes": [],
        "images": drawn,
    }


def _estimate(
    name: str, values: Mapping[str, float], failed: int, version: int, direction: str, protocol: dict[str, Any]
) -> Estimate:
    array = np.array([value for _, value in sorted(values.items())])
    found = ratio_interval(array, np.ones(len(array)), sorted(values), resamples=200)
    ends = (found.value, found.low, found.high, found.method)
    return Estimate(name, version, *ends, len(array), failed, direction, "", fingerprint=protocol)  # type: ignore[arg-type]
