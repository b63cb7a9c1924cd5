"""GenEval's result file, one JSON object per image: written so that the official summary script reads it.

Columns: ``filename``, ``tag``, ``prompt``, ``correct``, ``reason``, ``metadata`` (the prompt's record, as JSON text)
and ``details`` (kept boxes of each class, as JSON text). Colour verdicts are not part of it: to score again, keep the
stored form of :mod:`tasks.geneval.detections` too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.files import Folder
from tasks.geneval.detections import Detections, to_rows
from tasks.geneval.prompts import Prompt
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
