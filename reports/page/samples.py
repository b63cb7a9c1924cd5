"""Samples of every task in words and pictures: what was asked, what each model answered, and whether that is right.

Which cases are shown follows from the order of the cases: of each stratum the first that some model got right and the
first other one that some got wrong; without verdicts the first eight. Nothing is chosen by looking. Verdicts are the
stored scores; their reasons are what the metric itself says of the stored observations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reports.figures.style import label_of
from reports.page.gallery import OUTPUT, REFERENCE, Tile, data_uri
from reports.reading.kinds import TaskKind, kind_of
from reports.reading.runs import Run, Stored, in_order
from reports.reading.samples import UNREADABLE, StoredSample, case_order, stored_samples
from reports.reading.words import label_of_metric
from reports.tables.numbers import plain

MOST = 14
WITHOUT_VERDICT = 8
COSTS = ("bits-per-text", "nll-bits-per-image", "bits-per-byte")
ANSWERS = "mme-answers.official"
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
    """One sheet per task whose kind has samples; none for a task of which nothing readable is stored."""
    sheets = []
    for task in stored.tasks:
        kind = kind_of(task)
        runs = [run for run in in_order(stored.of_task(task)) if not run.results_only]
        sheet = _sheet(kind, task, runs) if kind and runs else None
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


def _sheet(kind: TaskKind, task: str, runs: Sequence[Run]) -> Sheet | None:
    models = [run for run in runs if not run.control] or list(runs)
    order = case_order(models[0])
    verdicts = [_verdicts(run, kind.verdict) for run in models]
    cases = chosen_cases(order, verdicts)
    samples = [stored_samples(run, cases) for run in models]
    reasons = [_reasons(run, kind, cases) for run in models]
    lines: list[Line] = []
    headings: tuple[str, ...] = ()
    for case in cases:
        known = next((found[case] for found in samples if case in found and found[case].ok), None)
        if known is None:
            continue
        asked, shown = _question(kind, known)
        headings = max(headings, tuple(name for name, _ in shown), key=len)
        answers = tuple(
            _answer(kind, run, found.get(case), verdict.get(case), why.get(case, ""))
            for run, found, verdict, why in zip(models, samples, verdicts, reasons, strict=True)
        )
        lines.append(Line(case, order[case], asked, tuple(tile for _, tile in shown), answers))
    if not lines:
        return None
    named = tuple((label_of(run.subject), run.subject) for run in models)
    return Sheet(f"samples-{task}", task, _caption(kind), headings, named, tuple(lines))


def _caption(kind: TaskKind) -> str:
    if not kind.verdict:
        return "The first cases in their order, the same for every model."
    label = label_of_metric(kind.verdict)
    return (
        "Of each stratum, in the order of the cases, the first that some model got right and the first other that some "
        f"got wrong. Right and wrong are by the metric '{label}'."
    )


def _verdicts(run: Run, metric: str) -> dict[str, bool]:
    scores = run.scores.get(metric)
    return {case: value > 0 for case, value in scores.by_case().items()} if scores else {}


def _reasons(run: Run, kind: TaskKind, cases: Sequence[str]) -> dict[str, str]:
    """case -> why it is not right, in the metric's words; for questions what was read in the answers."""
    from harness import catalog
    from harness.contracts import GivesReasons

    wanted = set(cases)
    if not kind.verdict:
        return {}
    try:
        columns = run.folder.columns().columns
        rows = [row for row, case in enumerate(columns["case"]) if case in wanted]
        few = {name: [values[row] for row in rows] for name, values in columns.items()}
        if kind.samples == "questions":
            said: Sequence[str] = few.get(ANSWERS, [""] * len(rows))
        else:
            metric = catalog.find("metric", kind.verdict)()
            said = metric.reasons(few) if isinstance(metric, GivesReasons) else [""] * len(rows)
    except UNREADABLE:
        return {}
    return {str(case): str(text) for case, text in zip(few["case"], said, strict=True)}


# ------------------------------------------------------------------------------------------------ what was asked


def _question(kind: TaskKind, sample: StoredSample) -> tuple[tuple[str, ...], list[tuple[str, Tile]]]:
    """(words, pictures of the question with their headings)."""
    facts, images = sample.facts, sample.images
    if kind.samples == "prompts":
        return (str(facts.get("geneval", {}).get("prompt", sample.case)),), []
    if kind.samples == "pictures":
        return (str(facts.get("caption", f"class {facts.get('label', '?')}")),), []
    if kind.samples == "questions":
        pairs = zip(facts.get("questions", ()), facts.get("answers", ()), strict=False)
        asked = tuple(f"{question.removesuffix(' Please answer yes or no.')} ({truth})" for question, truth in pairs)
        return asked, [("picture", Tile(data_uri(images.get(REFERENCE, b"")), f"picture of {sample.case}"))]
    if kind.samples == "edits":
        told = tuple(map(str, facts.get("instructions", ())))
        pair = (("before", "source"), ("true edit", REFERENCE))
        return told, [(name, Tile(data_uri(images.get(key, b"")), f"{name} of {sample.case}")) for name, key in pair]
    words = str(facts.get("caption") or facts.get("title") or sample.case)
    return (words,), []


def _answer(kind: TaskKind, run: Run, sample: StoredSample | None, right: bool | None, why: str) -> Answer:
    label = label_of(run.subject)
    if sample is None:
        return Answer(None, (Said("not asked"),))
    if not sample.ok:
        return Answer(None, (Said(f"failed: {sample.reason}", "failed"),))
    if kind.samples == "questions":
        return Answer(None, _spoken(sample, why))
    if kind.samples == "costs":
        return Answer(None, _cost(run, sample.case))
    source = data_uri(sample.images.get(OUTPUT, b""))
    tile = Tile(source, f"{label} on {sample.case}") if source else None
    if right is None:
        return Answer(tile, ())
    lines = [Said("right" if right else "wrong", "right" if right else "wrong")]
    lines += [Said(part if not right else f"but {part}") for part in why.split("\n") if part]
    return Answer(tile, tuple(lines))


def _spoken(sample: StoredSample, read: str) -> tuple[Said, ...]:
    """Each answer as it was given, right where the official parser reads the true word in it."""
    try:
        given = json.loads(sample.text)
    except ValueError:
        given = [sample.text]
    truths = [str(truth).lower() for truth in sample.facts.get("answers", ())]
    heard = read.split() if len(read.split()) == len(given) else [""] * len(given)
    lines = []
    for text, word, truth in zip(given, heard, truths, strict=False):
        mark: Mark = "" if not word else "right" if word == truth else "wrong"
        lines.append(Said(f"{mark}: \N{LEFT DOUBLE QUOTATION MARK}{_short(text)}\N{RIGHT DOUBLE QUOTATION MARK}", mark))
    return tuple(lines)


def _short(text: Any) -> str:
    words = " ".join(str(text).split())
    return words if len(words) <= 60 else words[:59] + "\N{HORIZONTAL ELLIPSIS}"


def _cost(run: Run, case: str) -> tuple[Said, ...]:
    """What the case costs under the model, in the first metric of costs that the run has."""
    for metric in COSTS:
        value = run.scores[metric].by_case().get(case) if metric in run.scores else None
        if value is not None:
            estimate = run.estimate(metric)
            return (Said(f"{plain(value, 3)} {estimate.unit if estimate else ''}".strip()),)
    return (Said("not measured"),)
