"""GenEval's result file, one JSON object per image: written so that the official summary script reads it, and read.

Columns: ``filename``, ``tag``, ``prompt``, ``correct``, ``reason``, ``metadata`` (the prompt's record, as JSON text)
and ``details`` (kept boxes of each class, as JSON text). Colour verdicts are not part of it: to score again, keep the
stored form of :mod:`tasks.geneval.detections` too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest
from harness.store.files import Folder
from harness.texts import numbered_lines, parse_json, read_text
from tasks.geneval.detections import Detections, from_rows, to_rows
from tasks.geneval.names import OBJECTS
from tasks.geneval.prompts import Prompt, parse_prompt
from tasks.geneval.scoring import Verdict

COLUMNS = ("filename", "tag", "prompt", "correct", "reason", "metadata", "details")


@dataclass(frozen=True)
class Result:
    """One image: its file, what it was asked for, the verdict, and the detections that the verdict rests on."""

    filename: str
    prompt: Prompt
    verdict: Verdict
    detections: Detections


def write_results(path: str | Path, results: Iterable[Result]) -> None:
    """Write the file whole or not at all, one line per image in the order given. The folder is made if need be."""
    path = Path(path)
    lines = [json.dumps(_record(result), ensure_ascii=False) + "\n" for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    Folder(path.parent).write(path.name, "".join(lines).encode())


def read_results(path: str | Path, classes: Sequence[str] = OBJECTS) -> tuple[Result, ...]:
    """Results from a file of ours or of the official script, in file order; ``classes`` are what prompts may name.

    Raises UserError with file and line: not JSON, a missing or unknown column, a wrong type, a prompt record that
    contradicts the columns, a correct image with a reason, a file named twice.
    """
    seen: dict[str, int] = {}
    results: list[Result] = []
    for number, line in numbered_lines(read_text(Path(path))):
        result = _result(line, f"{path}:{number}", classes)
        if result.filename in seen:
            raise UserError(f"{path}:{number}: '{result.filename}' is already in line {seen[result.filename]}")
        seen[result.filename] = number
        results.append(result)
    return tuple(results)


def _record(result: Result) -> dict[str, Any]:
    return {
        "filename": result.filename,
        "tag": result.prompt.tag,
        "prompt": result.prompt.text,
        "correct": result.verdict.correct,
        "reason": result.verdict.reason,
        "metadata": json.dumps(result.prompt.to_json()),
        "details": json.dumps(to_rows(result.detections)),
    }


def _result(line: str, where: str, classes: Sequence[str]) -> Result:
    record = _columns(line, where)
    prompt = parse_prompt(record["metadata"], f"{where}: metadata", classes)
    for column, value in (("tag", prompt.tag), ("prompt", prompt.text)):
        if record[column] != value:
            raise UserError(f"{where}: '{column}' is {record[column]!r}, but its metadata says {value!r}")
    if record["correct"] != (not record["reason"]):
        raise UserError(f"{where}: 'correct' is {record['correct']} with the reason {record['reason']!r}")
    try:
        detections = from_rows(json.loads(record["details"]), classes=classes)  # NaN is told by its box
    except (UserError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{where}: details: {error}") from error
    return Result(record["filename"], prompt, Verdict(record["correct"], record["reason"]), detections)


def _columns(line: str, where: str) -> dict[str, Any]:
    record = parse_json(line, where)
    if not isinstance(record, dict):
        raise UserError(f"{where}: must be a JSON object, is {record!r}")
    for column in record:
        if column not in COLUMNS:
            raise UserError(f"{where}: unknown column '{column}'{nearest(column, COLUMNS)}")
    for column in COLUMNS:
        wanted = bool if column == "correct" else str
        if not isinstance(record.get(column), wanted):
            raise UserError(f"{where}: '{column}' must be {wanted.__name__}, is {record.get(column)!r}")
    return record
