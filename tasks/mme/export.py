"""A run of MME for other programs: the txt files of MME's own ``eval_tool``, and lmms-eval's samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.export import StoredRun, left_out
from tasks.mme.answers import answers_of
from tasks.mme.parsers import PARSERS
from tasks.mme.schema import PERCEPTION, SUBTASKS

LMMS = "lmms-eval"


def write_txt(run: StoredRun, folder: Path) -> str:
    """``SUBTASK.txt``, a line per question: picture, question, true answer, answer, with tabs between, the two of a
    picture one after the other, as ``calculation.py`` reads them. Tabs and line ends inside a text become blanks, one
    for one, so that what it reads in the first four characters stays."""
    failed, lines = 0, 0
    found: dict[str, list[str]] = {}
    for picture, subtask, questions in _pairs(run):
        if questions is None:
            failed += 1
            continue
        for question, truth, answer in questions:
            cells = (picture, question, truth, answer)
            found.setdefault(subtask, []).append("\t".join(re.sub(r"[\t\r\n]", " ", cell) for cell in cells) + "\n")
            lines += 1
    for subtask, rows in found.items():
        (folder / f"{subtask}.txt").write_text("".join(rows), encoding="utf-8", newline="")
    lacking = [name for name in SUBTASKS if name not in found]
    rest = f"; its script wants all {len(SUBTASKS)} files, and the run has no {', '.join(lacking)}" if lacking else ""
    return f"{lines:,} answers in {len(found)} files{left_out(failed)}{rest}"


def write_samples(run: StoredRun, folder: Path) -> str:
    """``samples_mme.jsonl``, a line per question as lmms-eval's task ``mme`` logs it: ``doc_id`` counts the questions
    in the order of the run, the score is by lmms-eval's own reading of the answer."""
    failed, lines, number = 0, 0, 0
    with (folder / "samples_mme.jsonl").open("w", encoding="utf-8", newline="") as file:
        for picture, subtask, questions in _pairs(run):
            if questions is None:
                failed, number = failed + 1, number + 2
                continue
            group = "perception" if subtask in PERCEPTION else "cognition"
            for question, truth, answer in questions:
                score = float(PARSERS[LMMS](answer) == truth.lower())
                doc = {"question_id": picture, "category": subtask, "question": question, "answer": truth}
                record: dict[str, Any] = {
                    "doc_id": number,
                    "doc": doc,
                    "target": truth,
                    "filtered_resps": [answer],
                    f"mme_{group}_score": {"question_id": picture, "category": subtask, "score": score},
                }
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                number, lines = number + 1, lines + 1
    return f"{lines:,} answers in samples_mme.jsonl{left_out(failed)}"


def _pairs(run: StoredRun) -> Iterator[tuple[str, str, list[tuple[str, str, str]] | None]]:
    """(picture, subtask, (question, true answer, answer) twice); None for a pair that failed."""
    for sample in run.samples():
        facts = sample.case.facts
        _, _, inside = sample.case.id.partition("/")  # after the data's name
        subtask = str(facts["subtask"])
        picture = inside.removeprefix(f"{subtask}/")
        if sample.outcome != "ok":
            yield picture, subtask, None
            continue
        yield picture, subtask, list(zip(facts["questions"], facts["answers"], answers_of(sample), strict=True))
