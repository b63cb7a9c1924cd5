"""The samples that lm-eval and lmms-eval log: a line for each document, with the metrics of its answer.

lm-eval writes ``samples_TASK_DATE.jsonl`` and names a line's metrics in ``metrics``; lmms-eval writes
``DATE_samples_TASK.jsonl``, and all in a line that is neither document nor answer is a metric, some as objects with a
``score``. ``results_DATE.json`` (lmms-eval: ``DATE_results.json``) says which way is better, and what the metric came
to: one that is not the mean of its lines is not judged, since nobody could tell its interval.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contracts import ShownMetric
from harness.errors import UserError
from reports.reading.scored import Column, Scored

NOT_METRICS = frozenset(
    (
        *("doc_id", "doc", "target", "arguments", "input", "resps", "filtered_resps", "filter", "metrics", "doc_hash"),
        *("prompt_hash", "target_hash", "input_media", "token_counts", "task", "idx"),
    )
)
LM_EVAL = re.compile(r"samples_(?P<task>.+?)(?:_(?P<date>\d{4}-\d\d-\d\dT[^/]*))?\.jsonl")
LMMS_EVAL = re.compile(r"(?P<date>.+?)_samples_(?P<task>.+)\.jsonl")
LOGARITHMS = re.compile(r"(?:\w+_)?(?P<exponential>perplexity)|bits_per_byte")
"""Metrics whose lines hold logarithms of likelihoods, alone or with what they are counted over."""
TWO_PERCENT = "where nothing else is stated"
OF_A_SUBTASK = 200.0
"""The most that a pair of questions gets: 100 for their mean, 100 for both."""


def columns_of_samples(path: Path, rows: Sequence[tuple[int, Mapping[str, Any]]], notes: list[str]) -> list[Column]:
    """A column for each metric that is a number for each line; ``notes`` gets a line for each that is not."""
    task, results = _task_of(path)
    protocol = _protocol(task, results)
    names = dict.fromkeys(name for _, row in rows for name in _metrics_of(row))
    filters = dict.fromkeys(str(row.get("filter") or "") for _, row in rows)
    found = []
    for metric in names:
        for kind in filters:
            lines = [(number, row) for number, row in rows if str(row.get("filter") or "") == kind and metric in row]
            name = metric if len(filters) == 1 else f"{metric},{kind}"
            column = _column(path, task, metric, name, lines)
            if column is None:
                notes.append(f"{task}: {name} is not judged: it is not a number for each document")
            elif not _agrees(column, results, task, metric, kind):
                notes.append(f"{task}: {name} is not judged: it is not the mean over documents, so has no interval")
            else:
                column.protocol = protocol
                higher = results.get("higher_is_better", {}).get(task, {}).get(metric)
                if isinstance(higher, bool):
                    column.direction = "higher" if higher else "lower"
                found.append(column)
    return found


def _metrics_of(row: Mapping[str, Any]) -> list[str]:
    named = row.get("metrics")
    names = named if isinstance(named, list) else [name for name in row if name not in NOT_METRICS]
    return [name for name in names if isinstance(name, str) and name in row]


def _task_of(path: Path) -> tuple[str, dict[str, Any]]:
    """(the task that the file's name says, what the results file beside it says; empty without one)."""
    for pattern, beside in ((LM_EVAL, "results_{}.json"), (LMMS_EVAL, "{}_results.json")):
        if found := pattern.fullmatch(path.name):
            results = path.with_name(beside.format(found["date"])) if found["date"] else None
            return found["task"], _results(results) if results and results.is_file() else {}
    return path.stem, {}


def _results(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}, the results beside the samples, cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _protocol(task: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal for two files to be compared, as far as the results say."""
    stated = {
        "version of the task": results.get("versions", {}).get(task),
        "examples shown before": results.get("n-shot", {}).get(task),
    }
    return {"task": task, **{name: value for name, value in stated.items() if value is not None}}


def _column(
    path: Path, task: str, metric: str, name: str, lines: Sequence[tuple[int, Mapping[str, Any]]]
) -> Column | None:
    """None where a line holds something else than a number, or an object with a ``score``."""
    column = Column(task, name)
    if found := LOGARITHMS.fullmatch(metric):
        column.direction, column.exponential = "lower", found["exponential"] is not None
        column.shown = ShownMetric(margin_relative=0.02, margin_reason=TWO_PERCENT, tier="blocks")
    pairs = _question_pairs(lines, metric)
    if pairs is not None:
        return _of_pairs(column, pairs)
    counted: Counter[str] = Counter()
    for _, row in lines:
        parts = _parts(row[metric], column)
        if parts is None:
            return None
        case = f"{row.get('doc_id')}-{str(row.get('doc_hash', ''))[:12]}".strip("-")
        counted[case] += 1  # answers to one document are its cluster
        group, again = case, f" #{counted[case]}" if counted[case] > 1 else ""
        column.rows.append(Scored(case + again, group, "", *parts))
    return column


def _parts(value: Any, column: Column) -> tuple[float | None, float] | None:
    """(numerator, denominator) of a line; the numerator of a failed one is None. None for no number."""
    if isinstance(value, Mapping):
        value = value.get("score", "")
    if value is None:
        return None, 1.0
    if column.shown is not None:  # logarithms: of one answer, or (logarithm, what it is counted over)
        top, bottom = value if isinstance(value, list) and len(value) == 2 else (value, 1.0)
        if not _is_number(top) or not _is_number(bottom):
            return None
        scale = 1.0 if column.exponential else math.log(2)
        return (-float(top) / scale if math.isfinite(top) else None), float(bottom)
    if not _is_number(value):
        return None
    return (float(value) if math.isfinite(value) else None), 1.0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _question_pairs(
    lines: Sequence[tuple[int, Mapping[str, Any]]], metric: str
) -> dict[tuple[str, str], list[float]] | None:
    """(category, question) -> scores of its two lines, where every line names both and every question has two: how
    MME's answers are told. Else None."""
    found: dict[tuple[str, str], list[float]] = {}
    for _, row in lines:
        value = row[metric]
        if not isinstance(value, Mapping) or not {"question_id", "category", "score"} <= value.keys():
            return None
        if not _is_number(value["score"]):
            return None
        found.setdefault((str(value["category"]), str(value["question_id"])), []).append(float(value["score"]))
    return found if found and all(len(scores) == 2 for scores in found.values()) else None


def _of_pairs(column: Column, pairs: Mapping[tuple[str, str], Sequence[float]]) -> Column:
    """A sum over categories of means over pairs, each 100 times the share of right answers, and 100 for both."""
    sizes = Counter(category for category, _ in pairs)
    most = OF_A_SUBTASK * len(sizes)
    for (category, question), scores in pairs.items():
        score = 100 * sum(scores) / 2 + 100 * (sum(scores) == 2)
        weight = 1 / sizes[category]
        case = f"{category}/{question}"
        column.rows.append(Scored(case, case, category, score * weight, weight / len(sizes)))
    column.within_strata = len(sizes) > 1
    column.unit = "points"
    column.shown = ShownMetric(margin=0.05 * most, margin_reason="5 % of the maximum", tier="blocks")
    return column


def _agrees(column: Column, results: Mapping[str, Any], task: str, metric: str, kind: str) -> bool:
    """Whether what the results file states is what our mean of the lines comes to; true where it states nothing."""
    stated = results.get("results", {}).get(task, {})
    value = next((stated[key] for key in (f"{metric},{kind or 'none'}", metric) if _is_number(stated.get(key))), None)
    kept = [row for row in column.rows if row.top is not None]
    bottom = math.fsum(row.bottom for row in kept)
    if value is None or not bottom:
        return True
    ours = math.fsum(row.top or 0.0 for row in kept) / bottom
    ours = math.exp(min(ours, 700.0)) if column.exponential else ours
    return any(math.isclose(ours * scale, value, rel_tol=1e-6, abs_tol=1e-9) for scale in (1.0, 100.0))
