"""Samples of every task in words and pictures: what was asked, what each model answered, and whether that is right.

Which cases are shown follows from the order of the cases: of each stratum the first that some model got right and the
first other one that some got wrong; without verdicts the first eight. Nothing is chosen by looking. Verdicts are the
stored scores; their reasons are what the metric itself says of the stored observations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.contracts import ShownTask
from reports.page.cases.words import visible
from reports.page.gallery import OUTPUT, Tile, data_uri, main_metric
from reports.reading.questions import asked, spoken
from reports.reading.runs import Run, Stored, in_order
from reports.reading.samples import StoredSample, case_order, stored_samples
from reports.tables.numbers import plain

MOST = 14
WITHOUT_VERDICT = 8
Mark = Literal["", "right", "wrong", "failed"]


@dataclass(frozen=True)
class Said:
    """A line of an answer with its verdict."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Answer:
    """What one model made of a case: a picture, or words, or both."""

    tile: Tile | None
    lines: tuple[Said, ...]


@dataclass(frozen=True)
class Line:
    """A case: what was asked in words, the pictures that belong to the question, one answer per model."""

    case: str
    stratum: str
    asked: tuple[str, ...]
    shown: tuple[Tile, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Sheet:
    """The samples of one task. ``shown``: headings of the question's pictures; ``models``: (label, subject)."""

    name: str
    task: str
    caption: str
    shown: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


def sheets_of(stored: Stored) -> list[Sheet]:
    """One sheet per task that says where its questions stand; none for a task of which nothing readable is stored."""
    sheets = []
    for task in stored.tasks:
        shown = stored.shown(task)
        runs = [run for run in in_order(stored.of_task(task)) if not run.results_only]
        sheet = _sheet(shown, task, runs) if shown.asked and runs else None
        if sheet is not None:
            sheets.append(sheet)
    return sheets


def chosen_cases(order: Mapping[str, str], verdicts: Sequence[Mapping[str, bool]], most: int = MOST) -> list[str]:
    """The cases to show, in case order. ``order``: case -> stratum; ``verdicts``: per model case -> right."""
    if not any(verdicts):
        return list(order)[:WITHOUT_VERDICT]
    picked: list[str] = []
    for stratum in dict.fromkeys(order.values()):
        mine = [case for case, name in order.items() if name == stratum]
        for wanted in (True, False):
            found = (c for c in mine if c not in picked and any(v.get(c) is wanted for v in verdicts))
            picked += [case for case in [next(found, None)] if case is not None]
    kept = set(picked[:most])
    return [case for case in order if case in kept]


def _sheet(shown: ShownTask, task: str, runs: Sequence[Run]) -> Sheet | None:
    models = [run for run in runs if not run.control] or list(runs)
    order = case_order(models[0].folder)
    verdicts = [_verdicts(run, shown.verdict) for run in models]
    cases = chosen_cases(order, verdicts)
    samples = [stored_samples(run.folder, cases) for run in models]
    reasons = [run.reasons_of(cases) for run in models]
    lines: list[Line] = []
    headings: tuple[str, ...] = ()
    for case in cases:
        known = next((found[case] for found in samples if case in found and found[case].ok), None)
        if known is None:
            continue
        pictures = [(heading, known.images.get(name, b"")) for heading, name in shown.pictures]
        headings = max(headings, tuple(heading for heading, _ in pictures), key=len)
        tiles = tuple(Tile(data_uri(png), f"{heading} of {case}") for heading, png in pictures)
        answers = tuple(
            _answer(shown, run, found.get(case), verdict.get(case), why)
            for run, found, verdict, why in zip(models, samples, verdicts, reasons, strict=True)
        )
        questions = tuple(map(visible, asked(shown, known)))
        lines.append(Line(case, order[case], questions, tiles, answers))
    if not lines:
        return None
    named = tuple((run.label, run.subject) for run in models)
    return Sheet(f"samples-{task}", task, _caption(shown, runs), headings, named, tuple(lines))


def _caption(shown: ShownTask, runs: Sequence[Run]) -> str:
    if not shown.verdict:
        return "The first cases in their order, the same for every model."
    label = next((run.metric(shown.verdict).label for run in runs if shown.verdict in run.shown_metrics), shown.verdict)
    return (
        "Of each stratum, in the order of the cases, the first that some model got right and the first other that some "
        f"got wrong. Right and wrong are by the metric '{label}'."
    )


def _verdicts(run: Run, metric: str) -> dict[str, bool]:
    scores = run.scores.get(metric)
    return {case: value > 0 for case, value in scores.by_case().items()} if scores else {}


# ------------------------------------------------------------------------------------------------ what was answered


def _answer(
    shown: ShownTask,
    run: Run,
    sample: StoredSample | None,
    right: bool | None,
    reasons: Mapping[tuple[str, str], str],
) -> Answer:
    if sample is None:
        return Answer(None, (Said("not asked"),))
    if not sample.ok:
        return Answer(None, (Said(f"failed: {visible(sample.reason)}", "failed"),))
    source = data_uri(sample.images.get(OUTPUT, b""))
    tile = Tile(source, f"{run.label} on {sample.case}") if source else None
    metric = shown.verdict or main_metric(shown, [run])
    why = [visible(line) for line in reasons.get((metric, sample.case), "").split("\n") if line]
    texts = [visible(text) for text in spoken(sample.text)]
    if texts and len(why) == len(texts) and set(why) <= {"right", "wrong"}:  # a verdict for each of several answers
        pairs = zip(why, texts, strict=True)
        return Answer(tile, tuple(Said(f"{word}: {text}", _mark(word == "right")) for word, text in pairs))
    lines = [Said(text) for text in texts]
    if right is not None and shown.verdict:
        lines.append(Said("right" if right else "wrong", _mark(right)))
        return Answer(tile, (*lines, *(Said(f"but {part}" if right else part) for part in why)))
    return Answer(tile, (*lines, *_score(run, metric, sample.case), *map(Said, why)))


def _mark(right: bool) -> Mark:
    return "right" if right else "wrong"


def _score(run: Run, metric: str, case: str) -> tuple[Said, ...]:
    """What the case scores by a metric; nothing where that is no metric of cases."""
    scores = run.scores.get(metric)
    value = scores.by_case().get(case) if scores is not None and not scores.jackknife else None
    if value is None:
        return ()
    estimate = run.estimate(metric)
    unit = run.metric(metric).unit or (estimate.unit if estimate else "")
    return (Said(f"{run.metric(metric).label} {plain(value, 3)} {unit}".rstrip()),)
