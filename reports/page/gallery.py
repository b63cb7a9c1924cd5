"""Pictures: originals beside what each model made of them, and partial decodings side by side.

The cases are a seeded choice, the same for every model of a task, and the worst case of each model by the metric
that heads the task, said so.
Nothing is chosen by looking. Pictures travel inside the page as PNG data and are enlarged without smoothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.contracts import ShownTask
from harness.seeding import seed_for
from reports.page.series import PLAYED, series_grids
from reports.page.tiles import Grid, Strip, Tile, data_uri, label_of
from reports.reading.runs import Run, Stored, in_order
from reports.reading.samples import pictures
from reports.tables.cells import column_for
from reports.tables.numbers import plain

__all__ = ["Grid", "Strip", "Tile", "choose_cases", "data_uri", "grids_of", "main_metric", "worst_cases"]

CHOSEN = 8
BUDGET = 6_000_000
REFERENCE, OUTPUT = "reference", "output"


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
    if shown_task.series is not None:
        return series_grids(task, shown_task, models or runs, choose_cases(models or runs, PLAYED))
    metric = main_metric(shown_task, runs)
    chosen = choose_cases(models or runs)
    worst = worst_cases(models, metric)
    wanted = list(dict.fromkeys([*chosen, *(case for _, case in worst)]))
    shown = {run.key: pictures(run.folder, wanted) for run in runs}
    names = {name for images in shown.values() for case in images.values() for name in case}
    if OUTPUT not in names:
        return []
    count = _affordable(shown, chosen, budget)
    owners: dict[str, list[str]] = {}
    for run, case in worst:
        owners.setdefault(case, []).append(label_of(run, runs))
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
        values, label = _by_case(run, metric), label_of(run, runs)
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
