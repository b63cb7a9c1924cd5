"""A run through lmms-eval, written as the samples file that lmms-eval logs."""

from __future__ import annotations

import json
from pathlib import Path

from harness.export import StoredRun, left_out
from tasks.lmms.entries import SCORE


def write_samples(run: StoredRun, folder: Path) -> str:
    """``samples_TASK.jsonl``, a line per row: ``doc_id``, ``doc`` (its texts and whole numbers), ``target`` where the
    row states an answer, ``filtered_resps``, and ``score``, lmms-eval's own of the row, where it scores rows."""
    failed, lines = 0, 0
    name = f"samples_{run.argument}.jsonl"
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        for sample in run.samples():
            if sample.outcome != "ok":
                failed += 1
                continue
            doc = {key: value for key, value in sample.case.facts.items() if key != "row"}
            record = {"doc_id": sample.case.facts["row"], "doc": doc, "filtered_resps": [sample.text]}
            if "answer" in doc:
                record["target"] = str(doc["answer"])
            if SCORE in sample.numbers:
                record["score"] = sample.numbers[SCORE]
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            lines += 1
    return f"{lines:,} answers in {name}{left_out(failed)}"
