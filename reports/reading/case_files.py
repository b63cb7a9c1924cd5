"""Per-case results that other programs wrote, read as runs, so that they are compared and gated like our own.

* A table with the columns ``case, metric, value`` (CSV, JSONL or Parquet), and, if it has them, ``task``, ``model``,
  ``group`` (the cluster of a case), ``stratum``, ``direction`` (higher or lower) and ``unit``. An empty value is a
  failed case.
* The samples of lm-eval (``samples_TASK_DATE.jsonl``) and of lmms-eval (``DATE_samples_TASK.jsonl``), or a folder of
  them. What they are, higher or lower, is read from the results file beside them, where there is one.

A row is one case. Its metrics are means over cases; perplexities are made of the logarithms that the rows hold, and
MME's totals of its pairs. Of a score that says nothing of itself, higher is better.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.texts import decode_text, first_line, numbered_lines, read_text
from reports.reading.run import Run
from reports.reading.sample_files import columns_of_samples
from reports.reading.scored import Column, Direction, Scored, run_of

NEEDED = ("case", "metric", "value")
SUFFIXES = (".csv", ".jsonl", ".parquet")


def is_case_file(place: Path) -> bool:
    """Whether the path is a file of a form that is read here, or a folder of samples."""
    return place.is_file() or bool(sample_files(place))


def sample_files(folder: Path) -> list[Path]:
    """The samples of another harness in a folder, or one folder below it, as both harnesses write them."""
    found = [*folder.glob("*samples_*.jsonl"), *folder.glob("*/*samples_*.jsonl")] if folder.is_dir() else []
    return sorted(found)


def read_case_files(place: Path, model: str = "") -> tuple[list[Run], list[str]]:
    """(a run for each task, what of it cannot be judged). ``model``: of a table of several, the one to read.

    Raises UserError, in one line, for a file of no known form, one without cases, or a value that is no number.
    """
    notes: list[str] = []
    columns: list[Column] = []
    for path in [place] if place.is_file() else sample_files(place):
        rows = _rows(path)
        if not rows:
            raise UserError(f"{path} holds no cases")
        table = all(name in rows[0][1] for name in NEEDED)
        if not table and ("doc_id" not in rows[0][1] or path.suffix != ".jsonl"):
            raise UserError(
                f"{path}: neither a table with the columns {', '.join(NEEDED)} nor samples of lm-eval or lmms-eval; "
                f"its columns are {', '.join(map(str, list(rows[0][1])[:6]))}"
            )
        found = _columns_of_table(path, rows, model) if table else columns_of_samples(path, rows, notes)
        twice = next(
            (new for new in found if any((new.task, new.metric) == (old.task, old.metric) for old in columns)), None
        )
        if twice:
            raise UserError(f"{place} holds {twice.task} twice: name one of its files")
        columns += found
    if not columns:
        raise UserError(f"{place}: no metric of it is a number for each case{'; ' + notes[0] if notes else ''}")
    tasks = dict.fromkeys(column.task for column in columns)
    name = model or place.stem
    return [run_of(place, name, [column for column in columns if column.task == task]) for task in tasks], notes


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(line, values by name)."""
    if path.suffix == ".csv":
        reader = csv.DictReader(read_text(path).splitlines())
        return [(number, dict(row)) for number, row in enumerate(reader, 2)]
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return list(enumerate(pq.read_table(path).to_pylist(), 1))
        except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
            raise UserError(f"{path} is not a Parquet file that can be read: {first_line(error)}") from error
    if path.suffix != ".jsonl":
        raise UserError(f"{path}: per-case results are read from {', '.join(SUFFIXES)}")
    text = decode_text(path.read_bytes(), str(path))
    return [(number, _object(line, f"{path}, line {number}")) for number, line in numbered_lines(text) if line.strip()]


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)  # with the NaN and Infinity that other programs write
    except (ValueError, RecursionError):
        raise UserError(f"{where}: not JSON") from None
    if not isinstance(value, dict):
        raise UserError(f"{where}: not an object")
    if "\\ud" in line.lower():  # an escape of half a pair, or of a whole one
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UserError(f"{where}: a text holds half of a surrogate pair: write the character out") from None
    return value


def _columns_of_table(path: Path, rows: Sequence[tuple[int, Mapping[str, Any]]], model: str) -> list[Column]:
    models = list(dict.fromkeys(str(row["model"]) for _, row in rows if row.get("model")))
    if len(models) > 1 and model not in models:
        raise UserError(
            f"{path} holds {len(models)} models, and one is judged: --model {' or --model '.join(models[:4])}"
        )
    found: dict[tuple[str, str], Column] = {}
    seen: set[tuple[str, str, str]] = set()
    for number, row in rows:
        if len(models) > 1 and str(row.get("model")) != model:
            continue
        if lacking := [name for name in NEEDED if name not in row]:
            raise UserError(f"{path}, line {number}: the row has no '{lacking[0]}'")
        task, metric, case = str(row.get("task") or "cases"), str(row["metric"] or ""), str(row["case"])
        if not metric or row["case"] in (None, ""):
            raise UserError(f"{path}, line {number}: a row needs a case and a metric")
        if (task, metric, case) in seen:
            raise UserError(
                f"{path}, line {number}: case '{case}' has {metric} twice; repeated answers are cases of one group"
            )
        seen.add((task, metric, case))
        column = found.setdefault((task, metric), Column(task, metric, direction=_known_direction(metric)))
        _take_stated(column, row, f"{path}, line {number}")
        value = _number(row["value"], f"{path}, line {number}")
        column.rows.append(Scored(case, str(row.get("group") or case), str(row.get("stratum") or ""), value))
    return list(found.values())


def _take_stated(column: Column, row: Mapping[str, Any], where: str) -> None:
    if stated := row.get("direction"):
        if stated not in ("higher", "lower"):
            raise UserError(f"{where}: direction must be higher or lower, not '{stated}'")
        column.direction = stated
    if unit := row.get("unit"):
        column.unit = str(unit)


def _known_direction(metric: str) -> Direction:
    """That of the catalogue, where it has a metric of this name."""
    from harness import catalog
    from harness.isolation import tried

    made, _ = tried(lambda: catalog.make("metric", metric))
    return "lower" if getattr(made, "direction", "") == "lower" else "higher"


def _number(value: Any, where: str) -> float | None:
    """None for what is empty or not finite: a case that failed."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{where}: value must be a number, is {value!r}") from None
    return number if math.isfinite(number) else None
