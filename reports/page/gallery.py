"""Pictures: originals beside what each model made of them, and partial decodings side by side.

The cases are a seeded choice, the same for every model of a task, and the worst case of each model by PSNR, said so.
Nothing is chosen by looking. Pictures travel inside the page as PNG data and are enlarged without smoothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.seeding import seed_for
from reports.figures.style import label_of
from reports.reading.kinds import kind_of
from reports.reading.runs import Run, Stored, in_order
from reports.reading.samples import pictures
from reports.tables.numbers import fixed
from reports.tables.table import twin_mark

CHOSEN = 8
STRIP_CASES = 2
BUDGET = 6_000_000
REFERENCE, OUTPUT = "reference", "output"
_STEP = re.compile(r"(first|last)-(\d+)")
_TIME = re.compile(r"(codes|none|shuffled)-([0-9.]+)")
ORDERS = {"first": "First codes first", "last": "Last codes first"}
WAYS = {"codes": "with its codes", "none": "without codes", "shuffled": "with another image's codes"}


@dataclass(frozen=True)
class Tile:
    """One picture: PNG as a data URI ('' where the model failed), alternative text, and a caption such as a PSNR."""

    source: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Strip:
    """One line of a grid: whose pictures they are, and one tile per column. ``subject`` is '' for originals."""

    label: str
    subject: str
    tiles: tuple[Tile, ...]
    control: bool = False


@dataclass(frozen=True)
class Grid:
    """Pictures in lines and columns under ``columns`` as headings; ``gap`` is where a second kind of case begins."""

    name: str
    task: str
    title: str
    caption: str
    columns: tuple[str, ...]
    strips: tuple[Strip, ...]
    gap: int = 0


def grids_of(stored: Stored) -> list[Grid]:
    """Every grid that the stored pictures can fill, task by task, within a budget of bytes for the whole page."""
    grids: list[Grid] = []
    for task in stored.tasks:
        if kind_of(task) is not None:
            continue  # shown with prompt and verdict (``samples``)
        runs = [run for run in in_order(stored.of_task(task)) if not run.results_only]
        grids += _task_grids(task, runs, BUDGET // max(1, len(stored.tasks)))
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


def worst_cases(runs: Sequence[Run]) -> list[tuple[Run, str]]:
    """For each run its case of lowest PSNR, models before controls; runs without PSNR per case are left out."""
    found = []
    for run in runs:
        values = run.scores["psnr"].by_case() if "psnr" in run.scores else {}
        if values:
            found.append((run, min(values, key=lambda case: (values[case], case))))
    return found


def _task_grids(task: str, runs: Sequence[Run], budget: int) -> list[Grid]:
    models = [run for run in runs if not run.control]
    chosen = choose_cases(models or runs)
    worst = worst_cases(models)
    wanted = list(dict.fromkeys([*chosen, *(case for _, case in worst)]))
    shown = {run.key: pictures(run, wanted) for run in runs}
    names = {name for images in shown.values() for case in images.values() for name in case}
    if any(_STEP.fullmatch(name) for name in names):
        return _progressive_grids(task, models or runs, chosen[:STRIP_CASES], shown)
    if any(_TIME.fullmatch(name) for name in names):
        return _recursion_grids(task, runs, chosen[:STRIP_CASES], shown)
    if OUTPUT not in names:
        return []
    count = _affordable(shown, chosen, budget)
    owners: dict[str, list[str]] = {}
    for run, case in worst:
        owners.setdefault(case, []).append(_label(run, runs))
    columns = [(case, case) for case in chosen[:count]]
    columns += [(case, "worst of " + ", ".join(names)) for case, names in owners.items()]
    return [_outputs(task, columns, count, runs, shown)] if columns else []


def _affordable(shown: Mapping[str, Mapping[str, Mapping[str, bytes]]], chosen: Sequence[str], budget: int) -> int:
    """How many of the chosen cases fit the budget; at least one."""
    total = 0
    for place, case in enumerate(chosen):
        total += sum(len(images[case].get(OUTPUT, b"")) for images in shown.values() if case in images)
        if total > budget:
            return max(1, place)
    return len(chosen)


Shown = Mapping[str, Mapping[str, Mapping[str, bytes]]]


def _outputs(task: str, columns: Sequence[tuple[str, str]], chosen: int, runs: Sequence[Run], shown: Shown) -> Grid:
    """Originals above, then a line per run; ``columns`` are (case, heading), the first ``chosen`` of them by hash."""
    originals = []
    for case, _ in columns:
        png = next((shown[run.key][case][REFERENCE] for run in runs if REFERENCE in shown[run.key].get(case, {})), b"")
        originals.append(Tile(data_uri(png), f"original of case {case}"))
    strips = [Strip("original", "", tuple(originals))]
    for run in runs:
        psnr = run.scores["psnr"].by_case() if "psnr" in run.scores else {}
        label = _label(run, runs)
        tiles = []
        for case, _ in columns:
            png = shown[run.key].get(case, {}).get(OUTPUT, b"")
            number = fixed(psnr[case], 1) if case in psnr else ""
            said = f", PSNR {number} dB" if number else ""
            tiles.append(
                Tile(
                    data_uri(png),
                    f"{label}'s reconstruction of case {case}{said}" if png else f"{label} failed on case {case}",
                    number,
                )
            )
        strips.append(Strip(label, run.subject, tuple(tiles), run.control))
    caption = f"The first {chosen} cases are chosen by a seeded hash, the same for every model. "
    caption += "The last show each model's case of lowest PSNR. " if len(columns) > chosen else ""
    headings = tuple(heading for _, heading in columns)
    title = "Originals and reconstructions"
    return Grid(
        f"gallery-{task}", task, title, caption + "Numbers are PSNR in dB.", headings, tuple(strips), gap=chosen
    )


def _progressive_grids(task: str, runs: Sequence[Run], cases: Sequence[str], shown: Shown) -> list[Grid]:
    """For each order one grid: case after case, models beneath each other, ever more codes from left to right."""
    grids = []
    for order, title in ORDERS.items():
        strips: list[Strip] = []
        headings: tuple[str, ...] = ()
        for case in cases:
            for run in runs:
                images = shown[run.key].get(case, {})
                steps = sorted(
                    (int(match[2]), name) for name in images if (match := _STEP.fullmatch(name)) and match[1] == order
                )
                if not steps:
                    continue
                label, most = _label(run, runs), steps[-1][0]
                tiles = [Tile(data_uri(images[REFERENCE]), f"original of case {case}")] if REFERENCE in images else []
                tiles += [
                    Tile(data_uri(images[key]), f"{label}, {order} {count} of {most} codes of case {case}", str(count))
                    for count, key in steps
                ]
                strips.append(Strip(label, run.subject, tuple(tiles), run.control))
                named = ("1 code", *(f"{round(100 * count / most)} %" for count, _ in steps[1:]))
                headings = max(headings, (*(("original",) if REFERENCE in images else ()), *named), key=len)
        if strips:
            caption = (
                "Decoded from a part of the codes only; the number below a picture is how many. What a missing code "
                "is, each tokenizer states."
            )
            grids.append(Grid(f"{order}-{task}", task, title, caption, tuple(headings), tuple(strips)))
    return grids


def _recursion_grids(task: str, runs: Sequence[Run], cases: Sequence[str], shown: Shown) -> list[Grid]:
    """One grid: the one-step estimate from ever more noise, with the image's codes, none, and another image's."""
    strips: list[Strip] = []
    headings: tuple[str, ...] = ()
    for run in runs:
        for case in cases:
            images = shown[run.key].get(case, {})
            times = sorted({float(match[2]) for name in images if (match := _TIME.fullmatch(name))})
            for way, words in WAYS.items():
                if not times or f"{way}-{times[0]}" not in images:
                    continue
                tiles = [Tile(data_uri(images.get(REFERENCE, b"")), f"original of case {case}")]
                tiles += [
                    Tile(data_uri(images.get(f"{way}-{t}", b"")), f"estimate from noise {t} {words}, case {case}")
                    for t in times
                ]
                strips.append(Strip(f"{_label(run, runs)} {words}", run.subject, tuple(tiles), run.control))
                headings = ("original", *(f"t = {t:g}" for t in times))
    caption = "The clean image estimated in one step from a noisy one; t is the share of noise, 1 is noise alone."
    return (
        [Grid(f"estimates-{task}", task, "Estimates from noise", caption, tuple(headings), tuple(strips))]
        if strips
        else []
    )


def _label(run: Run, runs: Sequence[Run]) -> str:
    return label_of(run.subject) + twin_mark(run, [other for other in runs if other.subject == run.subject])


def data_uri(png: bytes) -> str:
    """Data of a PNG as a URI; '' for none, and for bytes that are no PNG."""
    return "data:image/png;base64," + base64.b64encode(png).decode() if png.startswith(b"\x89PNG\r\n\x1a\n") else ""
