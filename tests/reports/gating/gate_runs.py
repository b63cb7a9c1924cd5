"""Runs whose scores a test draws, stored through the harness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from harness.contracts import Estimate, ShownMetric, ShownModel
from harness.display import SHOWING, written
from harness.influences import METHOD, Shares, share_interval
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder, case_set_digest

GATED = ShownMetric("score", margin=0.1, margin_reason="a test says so", tier="blocks")


def store(
    root: Path,
    model: str,
    values: Sequence[float] | np.ndarray,
    task: str = "quiz",
    metric: str = "score",
    *,
    shown: ShownMetric | None = GATED,
    direction: str = "higher",
    unit: str = "",
    failed: int = 0,
    first: int = 0,
    seed: int = 0,
    shared: bool = False,
    fingerprint: Mapping[str, Any] | None = None,
    control: bool = False,
    version: int = 1,
) -> RunFolder:
    """A run folder of results only: one metric, a value for each case. ``shared``: the values are shares of a metric of
    a set; ``failed``: so many more cases failed; ``first``: the number of the first case."""
    tops = np.asarray(values, np.float64)
    cases = [f"case-{number:04d}" for number in range(first, first + len(tops))]
    asked = [*cases, *(f"failed-{number}" for number in range(failed))]
    folder = RunFolder.create_or_open(root, RunSpec(model, 1, "", task, 1, "drawn by a test", seed=seed))
    interval = share_interval(
        float(tops.mean()), Shares.of((tops - tops.mean()) / len(tops), cases, [""] * len(tops)), 0
    )
    method = interval.method if shared else "clustered BCa bootstrap"
    assert method.startswith(METHOD) == shared
    estimate = Estimate(
        metric,
        version,
        float(tops.mean()),
        interval.low,
        interval.high,
        method,
        len(tops),
        failed,
        direction,
        unit,
        fingerprint=dict(fingerprint or {}),
    )
    rows = [
        {"metric": metric, "case": case, "group": case, "stratum": "", "numerator": top, "denominator": 1.0}
        for case, top in zip(cases, tops.tolist(), strict=True)
    ]
    folder.write_measures(case_set_digest(asked), pa.Table.from_pylist(rows), [estimate])
    stated = {"metrics": {metric: written(shown)}} if shown else {}
    role = {"model": written(ShownModel(role="control"))} if control else {}
    folder.write_manifest(
        **{SHOWING: {**stated, **role}},
        results_only=True,
        stored=len(asked),
        cases=len(asked),
        parts=["00000-0.parquet"],
        failures=[(name, "ValueError: no") for name in asked[len(cases) :]],
    )
    return folder


def draws(seed: int, value: float = 0.6, count: int = 400) -> np.ndarray:
    """Right and wrong answers."""
    return (np.random.default_rng(seed).random(count) < value).astype(np.float64)
