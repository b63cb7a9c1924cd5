"""Pictures: originals beside what each model made of them, and partial decodings side by side.

The cases are a seeded choice, the same for every model of a task, and the worst case of each model by the metric
that heads the task, said so.
Nothing is chosen by looking. Pictures travel inside the page as PNG data and are enlarged without smoothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.contracts import ShownSeries, ShownTask
from harness.seeding import seed_for
from reports.reading.runs import Run, Stored, in_order
from reports.reading.samples import pictures
from reports.tables.cells import column_for
from reports.tables.numbers import plain
from reports.tables.table import twin_mark

CHOSEN = 8
STRIP_CASES = 2
BUDGET = 6_000_000
REFERENCE, OUTPUT = "reference", "output"


@dataclass(frozen=True)
class Tile:
    """One picture: PNG as a data URI ('' where the model failed), alternative text, and a caption such as a PSNR. One
    without source and text is a place that stays empty."""

    source: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Strip:
    """One line of a grid: whose pictures they are, and one tile per column. ``subject`` is '' for originals; ``case``
    is that of all its pictures, if they have one."""

    label: str
    subject: str
    tiles: tuple[Tile, ...]
    control: bool = False
    case: str = ""


@dataclass(frozen=True)
class Grid:
    """Pictures in lines and columns under ``columns`` as headings; ``gap`` is where a second kind of case begins.
    ``steps``: columns are the steps of a series, and so it can be played."""

    name: str
    task: str
    title: str
    caption: str
    columns: tuple[str, ...]
    strips: tuple[Strip, ...]
    gap: int = 0
    steps: bool = False


def grids_of(stored: Stored) -> list[Grid]:
    """Every grid that the stored pictures can fill, task by task, within a budget of bytes for the whole page."""
    grids: list[Grid] = []
    for task in stored.tasks:
        shown = stored.shown(task)
        if shown.asked:
            continue  # shown with question and verdict (``samples``)
        runs = [run for run in in_order(stored.of_task(task)) if not run.results_only]
        grids += _task_grids(task, shown, runs, BUDGET // max(1, len(stored.tasks)))
    return grids


def choose_cases(runs: Sequence[Run], count: int = CHOSEN) -> list[str]:
    """``count`` cases by a seeded hash of their ids, among those that most runs scored: the same for every model."""
    tally: dict[str, int] = {}
    for run in runs:
        for case in {str(case) for scores in list(run.scores.values())[:1] for case in scores.cases}:
            tally[case] = tally.get(case, 0) + 1
    most = max(tally.values(), default=0)
    common = [case for case, times in tally.items() if times == most]
    return sorted(common, key=lambda case: (seed_for("gallery", case), case))[:count]


def main_metric(shown: ShownTask, runs: Sequence[Run]) -> str:
    """The first metric that heads the task and that some run has for each case; "" where none does."""
    return next((name for name in shown.headline if any(_by_case(run, name) for run in runs)), "")


def _by_case(run: Run, metric: str) -> dict[str, float]:
    scores = run.scores.get(metric)
    return scores.by_case() if scores is not None and not scores.jackknife else {}


def worst_cases(runs: Sequence[Run], metric: str) -> list[tuple[Run, str]]:
    """For each run its worst case by the metric; runs without it per case are left out."""
    found = []
    for run in runs:
        values, estimate = _by_case(run, metric), run.estimate(metric)
        sign = -1 if estimate is not None and estimate.direction == "lower" else 1
        if values:
            found.append((run, min(values, key=lambda case: (sign * values[case], case))))
    return found


def _task_grids(task: str, shown_task: ShownTask, runs: Sequence[Run], budget: int) -> list[Grid]:
    models = [run for run in runs if not run.control]
    metric = main_metric(shown_task, runs)
    chosen = choose_cases(models or runs)
    worst = worst_cases(models, metric)
    wanted = list(dict.fromkeys([*chosen, *(case for _, case in worst)]))
    shown = {run.key: pictures(run.folder, wanted) for run in runs}
    if shown_task.series is not None:
        return _series_grids(task, shown_task.series, models or runs, chosen[:STRIP_CASES], shown)
    names = {name for images in shown.values() for case in images.values() for name in case}
    if OUTPUT not in names:
        return []
    count = _affordable(shown, chosen, budget)
    owners: dict[str, list[str]] = {}
    for run, case in worst:
        owners.setdefault(case, []).append(_label(run, runs))
    columns = [(case, case) for case in chosen[:count]]
    columns += [(case, "worst of " + ", ".join(names)) for case, names in owners.items()]
    return [_outputs(task, columns, count, runs, shown, metric)] if columns else []


def _affordable(shown: Mapping[str, Mapping[str, Mapping[str, bytes]]], chosen: Sequence[str], budget: int) -> int:
    """How many of the chosen cases fit the budget; at least one."""
    total = 0
    for place, case in enumerate(chosen):
        total += sum(len(images[case].get(OUTPUT, b"")) for images in shown.values() if case in images)
        if total > budget:
            return max(1, place)
    return len(chosen)


Shown = Mapping[str, Mapping[str, Mapping[str, bytes]]]


def _outputs(
    task: str, columns: Sequence[tuple[str, str]], chosen: int, runs: Sequence[Run], shown: Shown, metric: str
) -> Grid:
    """Originals above, then a line per run; ``columns`` are (case, heading), the first ``chosen`` of them by hash."""
    originals = []
    for case, _ in columns:
        png = next((shown[run.key][case][REFERENCE] for run in runs if REFERENCE in shown[run.key].get(case, {})), b"")
        originals.append(Tile(data_uri(png), f"original of case {case}"))
    column = column_for(metric, runs) if metric else None
    strips = [Strip("original", "", tuple(originals))]
    for run in runs:
        values, label = _by_case(run, metric), _label(run, runs)
        tiles = []
        for case, _ in columns:
            png = shown[run.key].get(case, {}).get(OUTPUT, b"")
            number = plain(values[case], 3) if case in values else ""
            said = f", {column.label} {number} {column.unit}".rstrip() if column and number else ""
            alt = f"{label}'s output on case {case}{said}" if png else f"{label} failed on case {case}"
            tiles.append(Tile(data_uri(png), alt, number))
        strips.append(Strip(label, run.subject, tuple(tiles), run.control))
    caption = f"The first {chosen} cases are chosen by a seeded hash, the same for every model."
    if column:
        caption += f" The last show each model's worst case by {column.label}." if len(columns) > chosen else ""
        caption += f" Numbers are {column.label}{f' in {column.unit}' if column.unit else ''}."
    headings = tuple(heading for _, heading in columns)
    title = "Originals and outputs"
    return Grid(f"gallery-{task}", task, title, caption, headings, tuple(strips), gap=chosen)


def _series_grids(
    task: str, series: ShownSeries, runs: Sequence[Run], cases: Sequence[str], shown: Shown
) -> list[Grid]:
    """A grid for each way with models beneath each other, or one grid of all models and ways; steps from left to
    right."""
    ways = series.pictures or series.ways
    if series.panels == "way":
        grids = [
            _series_grid(f"{way}-{task}", title, task, series, ((way, ""),), runs, cases, shown) for way, title in ways
        ]
    else:
        grids = [_series_grid(f"steps-{task}", series.title, task, series, ways, runs, cases, shown)]
    return [grid for grid in grids if grid.strips]


def _series_grid(
    name: str,
    title: str,
    task: str,
    series: ShownSeries,
    ways: Sequence[tuple[str, str]],
    runs: Sequence[Run],
    cases: Sequence[str],
    shown: Shown,
) -> Grid:
    """Steps that are shares stand in order; others stand below each other, and a model may lack some."""
    found = [
        (case, run, way, words, shown[run.key].get(case, {}), steps)
        for case in cases
        for run in runs
        for way, words in ways
        if (steps := _steps(shown[run.key].get(case, {}), way))
    ]
    known = sorted({step for *_, steps in found for step, _ in steps})
    strips: list[Strip] = []
    headings: tuple[str, ...] = ()
    for case, run, way, words, images, steps in found:
        label, most = f"{_label(run, runs)} {words}".rstrip(), steps[-1][0]
        original = [Tile(data_uri(images[REFERENCE]), f"original of case {case}")] if REFERENCE in images else []
        keys = dict(steps)
        columns = [step for step, _ in steps] if series.share else known
        said = [series.words.format(way=way, step=f"{step:g}", most=f"{most:g}") for step in columns]
        tiles = [
            Tile(data_uri(images[keys[step]]), f"{label}, {text}, case {case}", f"{step:g}" if series.share else "")
            if step in keys
            else Tile("", "")
            for step, text in zip(columns, said, strict=True)
        ]
        strips.append(Strip(label, run.subject, (*original, *tiles), run.control, case))
        shares = [
            f"{step:g} of {most:g}" if place == 0 else f"{round(100 * step / most)} %"
            for place, step in enumerate(columns)
        ]
        named = shares if series.share else said
        headings = max(headings, (*(("original",) if original else ()), *named), key=len)
    return Grid(name, task, title, series.gallery, headings, tuple(strips), steps=True)


def _steps(images: Mapping[str, bytes], way: str) -> list[tuple[float, str]]:
    """(step, name of the picture) of a way, in order."""
    pattern = re.compile(rf"{re.escape(way)}-([0-9.]+)")
    return sorted((float(match[1]), name) for name in images if (match := pattern.fullmatch(name)))


def _label(run: Run, runs: Sequence[Run]) -> str:
    return run.label + twin_mark(run, [other for other in runs if other.subject == run.subject])


def data_uri(png: bytes) -> str:
    """Data of a PNG as a URI; '' for none, and for bytes that are no PNG."""
    return "data:image/png;base64," + base64.b64encode(png).decode() if png.startswith(b"\x89PNG\r\n\x1a\n") else ""
