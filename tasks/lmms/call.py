"""One call of lmms-eval in a process of its own, and what it left behind: answers, scores of rows, stated totals."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import checkout_root
from harness.texts import numbered_lines
from tasks.lmms.definition import Definition
from tasks.lmms.documents import lmms_root

ANSWERS, LOG, OUT = "answers.jsonl", "lmms-eval.log", "out"
POLL_SECONDS = 0.5
_ERROR = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)\b.*$", re.MULTILINE)


@dataclass(frozen=True)
class Call:
    """What is asked: the first ``count`` rows of a task, of ``model`` (``NAME[@SOURCE]``), in the folder ``work``."""

    definition: Definition
    model: str
    device: str
    count: int
    batch: int
    threads: int
    work: Path

    @property
    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "lmms_eval"),
            *("--model", "ddtbench", "--model_args", f"model={self.model},answers={ANSWERS}"),
            *("--tasks", self.definition.task, "--limit", str(self.count)),
            *("--batch_size", str(self.batch), "--device", self.device),
            *("--log_samples", "--output_path", OUT),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """Offline, with this checkout first and the spec's threads; a hub token is none of its business."""
        ours = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
        paths = [str(checkout_root()), *filter(None, [ours.get("PYTHONPATH", "")])]
        offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
        threads = {"OMP_NUM_THREADS": str(self.threads)}
        return {**ours, **offline, **threads, "PYTHONPATH": os.pathsep.join(paths)}


@dataclass(frozen=True)
class Result:
    """``answers`` and ``scores`` by row; ``failed``: row -> reason; ``stated``: metric -> total over all rows."""

    answers: Mapping[int, str]
    scores: Mapping[int, float]
    failed: Mapping[int, str]
    stated: Mapping[str, float]


def ask(call: Call, heard: Callable[[int, bool], None]) -> Result:
    """Run lmms-eval; ``heard(row, failed)`` is called as answers come in. Raises UserError where it left no results,
    with its own reason and the place of its log."""
    call.work.mkdir(parents=True, exist_ok=True)
    for owner in (path for path in lmms_root().iterdir() if path.is_dir()):
        link = call.work / owner.name  # data sets are found by a path relative to the working directory
        if not link.is_symlink():
            link.symlink_to(owner.resolve(), target_is_directory=True)
    before = set(_results_files(call.work))
    with (call.work / LOG).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            call.command, cwd=call.work, env=call.environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _follow(process, call.work / ANSWERS, heard)
        finally:
            process.terminate()
            process.wait()
    new = sorted(set(_results_files(call.work)) - before)
    if not new:
        raise UserError(f"lmms-eval left no results of '{call.definition.task}': {_why(call.work / LOG)}")
    return read_result(new[-1], call.work / ANSWERS, call.definition)


def _follow(process: subprocess.Popen[bytes], answers: Path, heard: Callable[[int, bool], None]) -> None:
    told = 0
    while True:
        ended = process.poll() is not None
        records = list(_answer_records(answers))
        for record in records[told:]:
            heard(int(record["document"]), "failed" in record)
        told = len(records)
        if ended:
            return
        time.sleep(POLL_SECONDS)


def _results_files(work: Path) -> list[Path]:
    return sorted((work / OUT).glob("*/*_results.json"))


def _why(log: Path) -> str:
    """The last error in its log, else its last line."""
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    errors = _ERROR.findall(text)
    last = errors[-1] if errors else (text.splitlines() or ["it said nothing"])[-1]
    return f"{last[:300]} (its log: {log})"


def read_result(results: Path, answers: Path, definition: Definition) -> Result:
    """From lmms-eval's results file, the samples file beside it, and our model's answers."""
    task = definition.task
    samples = results.with_name(results.name.replace("_results.json", f"_samples_{task}.jsonl"))
    try:  # lmms-eval writes NaN where it has no number, and U+2028 as it is: these lines end in \n alone
        stated = json.loads(results.read_text(encoding="utf-8"))["results"][task]
        rows = [json.loads(line) for _, line in numbered_lines(samples.read_text(encoding="utf-8"))]
        scores = {int(row["doc_id"]): _score(row, definition.metrics) for row in rows}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"lmms-eval's results in {results.parent} cannot be read ({error!r}): run again") from error
    said, failed = {}, {}
    for record in _answer_records(answers):  # of a row that was asked again the last one counts
        row = int(record["document"])
        if record["task"] != task:
            continue
        if "failed" in record:
            failed[row] = record["failed"]
        else:
            said[row] = record["answer"]
            failed.pop(row, None)
    return Result(
        answers=said,
        scores={row: score for row, score in scores.items() if score is not None},
        failed=failed,
        stated=_totals(stated, definition.metrics),
    )


def _answer_records(path: Path) -> Iterator[Mapping[str, Any]]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for _, line in numbered_lines(text[: text.rfind("\n") + 1]):  # what follows is being written
        yield json.loads(line)


def _score(sample: Mapping[str, Any], metrics: Sequence[str]) -> float | None:
    """lmms-eval's score of one row by the first metric that has one: a number, the ``score`` of a record, or for
    records of ``pred`` and ``answer`` whether they are equal but for case and blanks, as its SEED-Bench counts."""
    for metric in metrics:
        value = sample.get(metric)
        if isinstance(value, Mapping):
            said, truth = value.get("pred"), value.get("answer")
            if isinstance(said, str) and isinstance(truth, str):
                return float(said.lower().strip() == truth.lower().strip())
            value = value.get("score")
        if isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
    return None


def _totals(stated: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, float]:
    """``metric,filter`` -> value, of the first filter; what lmms-eval does not state ("N/A", a null) is left out."""
    found: dict[str, float] = {}
    for key, value in stated.items():
        metric = key.partition(",")[0]
        if metric in metrics and isinstance(value, (int, float)):
            found.setdefault(metric, float(value))
    return found
