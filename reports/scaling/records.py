"""An analysis of scaling as records: CSV and JSON, with every digit."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from reports.scaling.design import levels
from reports.scaling.values import Analysis

FITS = (
    *("task", "metric", "unit", "model", "law", "quantity", "value", "low", "high", "measured", "inside"),
    *("parameters", "tokens", "runs", "sizes", "method", "refused", "would"),
)
POINTS = (
    *("task", "metric", "unit", "model", "training", "seed", "stage", "parameters", "tokens", "flops"),
    *("value", "low", "high", "run"),
)


def fits_rows(found: Sequence[Analysis]) -> Iterator[dict[str, Any]]:
    """A row for each number of a law, each refusal and each prediction."""
    for one in found:
        for fit in one.fits:
            count = len(levels([training.parameters for training in fit.of]))
            told = {**_of(one), "model": fit.family, "law": fit.law, "runs": len(fit.of), "sizes": count}
            if fit.refused is not None:
                yield {**told, "refused": fit.refused.why, "would": fit.refused.would}
            for said in fit.quantities:
                numbers = {"value": said.value, "low": said.low, "high": said.high}
                yield {**told, "quantity": said.name, **numbers, "method": fit.method}
        for held in one.predictions:
            name = "largest held out" if held.largest else "size held out"
            told = {**_of(one), "model": held.family, "law": held.law, "quantity": name, "measured": held.measured}
            told |= {"parameters": held.parameters, "tokens": held.tokens, "runs": held.runs}
            if held.refused is not None:
                yield {**told, "refused": held.refused.why, "would": held.refused.would}
            else:
                yield {**told, "value": held.value, "low": held.low, "high": held.high, "inside": held.inside}


def points_rows(found: Sequence[Analysis]) -> Iterator[dict[str, Any]]:
    """A row for each checkpoint."""
    for one in found:
        for point in one.found:
            numbers = {"parameters": point.parameters, "tokens": point.tokens, "flops": point.flops}
            value = {"value": point.value.y, "low": point.value.low, "high": point.value.high}
            who = {"model": point.family, "training": point.recipe, "seed": point.seed, "stage": point.stage}
            yield {**_of(one), **who, **numbers, **value, "run": point.run}


def as_csv(rows: Iterator[dict[str, Any]], head: Sequence[str]) -> str:
    """Every digit; what is not there, or not a number, is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, head, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _bare(value) for name, value in row.items()})
    return buffer.getvalue()


def as_json(found: Sequence[Analysis]) -> str:
    """Fits, predictions and points as lists of objects."""

    def clean(row: dict[str, Any]) -> dict[str, Any]:
        return {name: None if _missing(value) else value for name, value in row.items()}

    whole = {"fits": list(map(clean, fits_rows(found))), "points": list(map(clean, points_rows(found)))}
    notes = {one.task: list(one.notes) for one in found}
    return json.dumps({"schema": 1, **whole, "notes": notes}, indent=1, sort_keys=True) + "\n"


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _bare(value: Any) -> Any:
    if _missing(value):
        return ""
    return repr(value) if isinstance(value, float) else value


def _of(one: Analysis) -> dict[str, Any]:
    return {"task": one.task, "metric": one.metric, "unit": one.unit}
