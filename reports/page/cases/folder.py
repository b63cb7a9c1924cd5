"""Writes the samples of a task beside its page, as scripts: an index of the cases, and the samples in chunks.

    data/NAME/meta.js        models, strata, metrics, how many cases there are
    data/NAME/index-N.js     some cases: id, stratum, question, verdicts and scores of each model, where the samples are
    data/NAME/words-N.js     what was said on the same cases, loaded when somebody searches
    data/NAME/samples-N.js   the samples, in the order of the cases

One sample of each model is held at a time, beside the part of its run that it stands in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.contracts import ShownTask
from reports.page.cases.choosing import BYTES, Chosen, choose
from reports.page.cases.sample import Pictures, answers, held, images_of
from reports.page.cases.scores import Scored, metrics_of, scored
from reports.page.cases.scripts import ChunkWriter, encoded, write_script
from reports.page.cases.words import readable, visible
from reports.page.gallery import REFERENCE
from reports.reading.by_case import Row, SamplesByCase
from reports.reading.questions import asked
from reports.reading.runs import Run, Stored, in_order
from reports.reading.samples import StoredSample, facts_in
from reports.tables.cells import Column
from reports.tables.table import twin_mark

BLOCK = 500_000
"""Characters of an index script after which the next begins."""
QUESTION, SAID = 400, 300
"""Characters of a question that the index holds, and of an answer that is searched."""
OF_A_REPORT = 1_000_000_000
"""Bytes of samples, shared among the tasks of a report."""
HUGE = 1e300
"""Stands for an infinite score, which JSON has none of."""


@dataclass(frozen=True)
class CaseFolder:
    """What a task's page needs to know of it. ``name``: its folder in ``data/``; ``runs``: one for each model."""

    name: str
    shown: int
    all: int
    runs: tuple[Run, ...]


def sampled(cases: CaseFolder) -> str:
    """How many of the cases the page holds, in words."""
    if cases.shown == cases.all:
        return f"All {cases.all:,} cases; with scripts off, a few of them."
    return (
        f"{cases.shown:,} of {cases.all:,} cases, chosen in runs of neighbours by a seeded hash of their ids, the same "
        "for every model; "
        "the others are in the run folders."
    )


@dataclass
class _Block:
    """Cases of one index script, column by column."""

    at: int
    models: int
    metrics: int
    size: int = 0
    columns: dict[str, list[Any]] = field(default_factory=lambda: {"id": [], "st": [], "q": [], "ch": []})
    marks: list[list[str]] = field(default_factory=list)
    words: list[list[str]] = field(default_factory=list)
    scores: list[list[list[float | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.marks, self.words = [[] for _ in range(self.models)], [[] for _ in range(self.models)]
        self.scores = [[[] for _ in range(self.models)] for _ in range(self.metrics)]


def write_cases(folder: Path, name: str, stored: Stored, task: str) -> CaseFolder | None:
    """Write ``data/NAME/`` for a task into the report's folder; None where no samples are kept."""
    runs = [run for run in in_order(stored.of_task(task)) if not run.results_only]
    shown = stored.shown(task)
    readers = [
        SamplesByCase(run, {key: (item.objects, item.masks) for key, item in run.shown_instruments.items()})
        for run in runs
    ]
    budget = min(BYTES, OF_A_REPORT // max(1, len(stored.tasks)))
    chosen = choose((reader.order() for reader in readers), sum(reader.bytes for reader in readers), budget)
    if not chosen.cases:
        return None
    for reader in readers:
        reader.expect(chosen.cases)
    metrics = metrics_of(shown, runs)
    verdict = shown.verdict if any(shown.verdict in run.scores for run in runs) else ""
    known = [scored(run, verdict, metrics, chosen.cases) for run in runs]
    writer = _Writer(folder, name, shown, runs, readers, known, metrics)
    writer.write(chosen)
    write_script(folder, name, "meta", encoded(_meta(writer, chosen, verdict)))
    return CaseFolder(name, len(chosen.cases), chosen.all, tuple(runs))


class _Writer:
    """Goes through the cases once."""

    def __init__(
        self,
        folder: Path,
        name: str,
        shown: ShownTask,
        runs: Sequence[Run],
        readers: Sequence[SamplesByCase],
        known: Sequence[Scored],
        metrics: Sequence[Column],
    ) -> None:
        self.folder, self.name, self.shown, self.runs = folder, name, shown, runs
        self.readers, self.known, self.metrics = readers, known, metrics
        self.strata: dict[str, int] = {}
        self.blocks = 0
        self.has = {"d": False, "c": False, "q": False}
        self._chunks = ChunkWriter(folder, name)
        self._pictures = Pictures(folder / "data" / name)
        self._headings = {picture: heading for heading, picture in shown.pictures}
        self._headings.setdefault(REFERENCE, shown.reference or REFERENCE)

    def write(self, chosen: Chosen) -> None:
        """All scripts but ``meta``."""
        block = self._block(0)
        for place, (case, stratum) in enumerate(chosen.cases.items()):
            self._case(block, place, case, stratum)
            if block.size > BLOCK:
                self._close(block)
                block = self._block(place + 1)
        self._chunks.close()
        if block.columns["id"]:
            self._close(block)

    def _block(self, at: int) -> _Block:
        return _Block(at, len(self.runs), len(self.metrics))

    def _case(self, block: _Block, place: int, case: str, stratum: str) -> None:
        rows = [reader.row(case) for reader in self.readers]
        question = self._question(case, rows)
        self.has["q"] = self.has["q"] or bool(question)
        shared = self._shared(rows)
        self._pictures.again()
        pictures = [[readable(self._headings[key], 200), self._pictures.of(png)] for key, png in shared.items()]
        own = {"q": readable(question), "p": [pair for pair in pictures if pair[1]]}
        chunks = [self._chunks.add(place, "case", own)]
        for model, (run, row, known) in enumerate(zip(self.runs, rows, self.known, strict=True)):
            block.marks[model].append(known.mark(case, row["outcome"]) if row else "-")
            for metric, values in enumerate(known.values):
                block.scores[metric][model].append(in_json(values.get(case)))
            said = " ".join(answers((row or {}).get("text") or "")) or str((row or {}).get("reason") or "")
            block.words[model].append(readable(said[:SAID]))
            block.size += 8 + 8 * len(known.values)
            if row:
                said_of = known.said(case, self.metrics), known.reasons.get(case, ())
                sample = held(row, *said_of, shared, run.shown_instruments, self._pictures)
                self.has = {key: self.has[key] or key in sample for key in self.has}
                chunks.append(self._chunks.add(place, str(model), sample))
        text = question if len(question) <= QUESTION else f"{question[:QUESTION]} \N{HORIZONTAL ELLIPSIS}"
        number = self.strata.setdefault(stratum, len(self.strata))
        for key, value in (("id", case), ("st", number), ("q", readable(text)), ("ch", [min(chunks), max(chunks)])):
            block.columns[key].append(value)
        block.size += len(case) + len(text) + 24

    def _question(self, case: str, rows: Sequence[Row | None]) -> str:
        """As the task says where it stands; "" where it says nothing."""
        row = next((row for row in rows if row), None)
        if row is None or not self.shown.asked:
            return ""
        facts = facts_in(row["facts"])
        lines = asked(self.shown, StoredSample(case, True, "", "", facts, {}))
        return "" if lines == (case,) else "\n".join(lines)

    def _shared(self, rows: Sequence[Row | None]) -> dict[str, bytes]:
        """name -> PNG of what belongs to the question, by the first model that has it."""
        wanted = list(dict.fromkeys([*(name for _, name in self.shown.pictures), REFERENCE]))
        images = [images_of(row) for row in rows if row and row["outcome"] == "ok"]
        found = {name: next((item[name] for item in images if item.get(name)), b"") for name in wanted}
        return {name: png for name, png in found.items() if png}

    def _close(self, block: _Block) -> None:
        marks = ["".join(letters) for letters in block.marks]
        ids = enumerate(block.columns["id"], block.at)
        labels = {str(number): visible(case) for number, case in ids if visible(case) != case}
        index = {"at": block.at, **block.columns, "as": labels, "v": marks, "s": block.scores}
        write_script(self.folder, self.name, f"index-{self.blocks}", encoded(index))
        write_script(self.folder, self.name, f"words-{self.blocks}", encoded({"at": block.at, "t": block.words}))
        self.blocks += 1


def _meta(writer: _Writer, chosen: Chosen, verdict: str) -> dict[str, Any]:
    runs = writer.runs
    label = next((run.metric(verdict).label for run in runs if verdict in run.shown_metrics), verdict)
    return {
        "shown": len(chosen.cases),
        "all": chosen.all,
        "blocks": writer.blocks,
        "models": [[readable(_label(run, runs), 300), int(run.control)] for run in runs],
        "strata": [readable(name, 300) for name in writer.strata],
        "verdict": readable(label, 300),
        "metrics": [[readable(item.label, 300), item.unit, item.direction] for item in writer.metrics],
        "objects": int(writer.has["d"]),
        "codes": int(writer.has["c"]),
    }


def _label(run: Run, runs: Sequence[Run]) -> str:
    return run.label + twin_mark(run, [other for other in runs if other.subject == run.subject])


def in_json(value: float | None) -> float | None:
    """Five digits, which tell cases apart."""
    if value is None or math.isnan(value):
        return None
    return float(f"{value:.5g}") if math.isfinite(value) else math.copysign(HUGE, value)
