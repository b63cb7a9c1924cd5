"""Series of pictures: each case's steps in strips that stand on the page, and the same and more in players.

A strip needs no script. A player reads one file a case; what both may take of a reader's disk and memory is bounded,
and models beyond it are left out and counted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import ShownSeries, ShownTask
from reports.page.tiles import Grid, Player, Strip, Tile, data_uri, label_of
from reports.reading.runs import Run
from reports.reading.samples import StoredSample, stored_samples
from reports.tables.numbers import plain

STRIP_CASES, PLAYED = 2, 12
STRIPS, CASE, WHOLE = 1_500_000, 4_000_000, 12_000_000
"""Bytes of PNG: in the strips of a grid, in the player's file of a case, in all files of a player."""
REFERENCE = "reference"

Samples = Mapping[str, Mapping[str, StoredSample]]
"""run key -> case -> sample"""


@dataclass(frozen=True)
class Line:
    """What one model made of a case in one way: (step, name of its picture), in order."""

    run: Run
    way: str
    label: str
    sample: StoredSample
    steps: tuple[tuple[float, str], ...]

    @property
    def size(self) -> int:
        return sum(len(self.sample.images[name]) for _, name in self.steps)


def series_grids(task: str, shown: ShownTask, runs: Sequence[Run], cases: Sequence[str]) -> list[Grid]:
    """A grid for each way with models beneath each other, or one grid of all models and ways; steps from left to
    right. None of a way of which no picture is stored."""
    series = shown.series
    assert series is not None
    samples = {
        run.key: {case: one for case, one in stored_samples(run.folder, cases).items() if one.ok} for run in runs
    }
    ways = series.pictures or series.ways
    wanted: list[tuple[str, str, tuple[tuple[str, str], ...]]]
    if series.panels == "way":
        wanted = [(f"{way}-{task}", title, ((way, ""),)) for way, title in ways]
    else:
        wanted = [(f"steps-{task}", series.title, tuple(ways))]
    grids = (_grid(name, title, task, shown, series, within, runs, cases, samples) for name, title, within in wanted)
    return [grid for grid in grids if grid is not None]


def _grid(
    name: str,
    title: str,
    task: str,
    shown: ShownTask,
    series: ShownSeries,
    ways: Sequence[tuple[str, str]],
    runs: Sequence[Run],
    cases: Sequence[str],
    samples: Samples,
) -> Grid | None:
    found = {case: _lines(case, runs, ways, samples) for case in cases}
    found = {case: lines for case, lines in found.items() if lines}
    if not found:
        return None
    known = sorted({step for lines in found.values() for line in lines for step, _ in line.steps})
    longest = max((line for lines in found.values() for line in lines), key=lambda line: len(line.steps))
    columns = [step for step, _ in longest.steps] if series.share else known
    headings = _headings(series, columns, longest)
    strips, fits = _strips(series, found, columns)
    original = any(REFERENCE in line.sample.images for lines in found.values() for line in lines)
    caption, least = series.gallery, min(fits.values())
    if least < len(found[min(fits, key=lambda case: fits[case])]):
        caption += f" The first {least} lines of a case are shown in the strips."
    return Grid(
        name,
        task,
        title,
        caption.strip(),
        (*(("original",) if original else ()), *headings),
        tuple(strips),
        steps=True,
        player=_player(name, shown, series, headings, found, columns),
    )


def _lines(case: str, runs: Sequence[Run], ways: Sequence[tuple[str, str]], samples: Samples) -> list[Line]:
    lines = []
    for run in runs:
        sample = samples[run.key].get(case)
        for way, words in ways if sample else ():
            assert sample is not None
            if steps := _steps(sample.images, way):
                lines.append(Line(run, way, f"{label_of(run, runs)} {words}".rstrip(), sample, tuple(steps)))
    return lines


def _steps(images: Mapping[str, bytes], way: str) -> list[tuple[float, str]]:
    """(step, name of the picture) of a way, in order."""
    pattern = re.compile(rf"{re.escape(way)}-([0-9.]+)")
    found = ((match[1], name) for name in images if (match := pattern.fullmatch(name)))
    return sorted((float(step), name) for step, name in found if step.count(".") < 2 and step != ".")


def _headings(series: ShownSeries, columns: Sequence[float], line: Line) -> tuple[str, ...]:
    most = line.steps[-1][0]
    if not series.share:
        return tuple(_words(series, line.way, step, most) for step in columns)
    shares = (f"{round(100 * step / most)} %" for step in columns)
    return tuple(f"{columns[0]:g} of {most:g}" if place == 0 else share for place, share in enumerate(shares))


def _words(series: ShownSeries, way: str, step: float, most: float) -> str:
    return series.words.format(way=way, step=f"{step:g}", most=f"{most:g}")


def _at(series: ShownSeries, line: Line, columns: Sequence[float]) -> list[tuple[float, str] | None]:
    """What a line has in each column: of shares the steps in order, else those of the column's step."""
    if series.share:
        return [line.steps[place] if place < len(line.steps) else None for place in range(len(columns))]
    there = dict(line.steps)
    return [(step, there[step]) if step in there else None for step in columns]


def _strips(
    series: ShownSeries, found: Mapping[str, Sequence[Line]], columns: Sequence[float]
) -> tuple[list[Strip], dict[str, int]]:
    """(strips of the first cases, case -> how many of its lines have room)."""
    strips: list[Strip] = []
    fits: dict[str, int] = {}
    cases = list(found.items())[:STRIP_CASES]
    if sum(line.size for _, lines in cases for line in lines) > STRIPS:
        cases = cases[:1]  # of large pictures one case with as many models as there is room for
    for case, lines in cases:
        fits[case] = _room([line.size for line in lines], STRIPS)
        for line in lines[: fits[case]]:
            images, most = line.sample.images, line.steps[-1][0]
            tiles = [Tile(data_uri(images[REFERENCE]), f"original of case {case}")] if REFERENCE in images else []
            for there in _at(series, line, columns):
                if there is None:
                    tiles.append(Tile("", ""))
                    continue
                step, name = there
                alt = f"{line.label}, {_words(series, line.way, step, most)}, case {case}"
                tiles.append(Tile(data_uri(images[name]), alt, f"{step:g}" if series.share else ""))
            strips.append(Strip(line.label, line.run.subject, tuple(tiles), line.run.control, case))
    return strips, fits


def _room(sizes: Sequence[int], budget: int) -> int:
    """How many of these fit, at least one."""
    total = 0
    for place, size in enumerate(sizes):
        total += size
        if total > budget:
            return max(1, place)
    return len(sizes)


# ------------------------------------------------------------------------------------------------ what is played


def _player(
    name: str,
    shown: ShownTask,
    series: ShownSeries,
    headings: Sequence[str],
    found: Mapping[str, Sequence[Line]],
    columns: Sequence[float],
) -> Player:
    """Lines stand in the order of the first case; one that another case lacks is empty there."""
    every = list(dict.fromkeys(line.label for lines in found.values() for line in lines))
    sizes = [max(line.size for lines in found.values() for line in lines if line.label == label) for label in every]
    labels = every[: _room(sizes, CASE)]
    played: list[tuple[str, Mapping[str, Any]]] = []
    total = 0
    for case, lines in found.items():
        mine = {line.label: line for line in lines}
        total += sum(line.size for label, line in mine.items() if label in labels)
        if played and total > WHOLE:
            break
        images = lines[0].sample.images
        beside = [(heading, _coded(images[key])) for heading, key in shown.pictures if key in images]
        told: dict[str, Any] = {"original": _coded(images.get(REFERENCE, b"")), "beside": beside}
        told["lines"] = [_told(series, mine[label], columns) if label in mine else None for label in labels]
        played.append((case, told))
    return Player(name, tuple(headings), tuple(labels), tuple(played), len(every) - len(labels))


def _told(series: ShownSeries, line: Line, columns: Sequence[float]) -> list[list[Any] | None]:
    """[picture, what the step is, what was measured there] for each column; None where the model lacks the step."""
    numbers = _numbers(series, line)
    most = line.steps[-1][0]
    return [
        None
        if there is None
        else [_coded(line.sample.images[there[1]]), _words(series, line.way, there[0], most), numbers.get(there[0], [])]
        for there in _at(series, line, columns)
    ]


def _coded(png: bytes) -> str:
    """A PNG as base64; "" for what is none."""
    return base64.b64encode(png).decode() if data_uri(png) else ""


def _numbers(series: ShownSeries, line: Line) -> dict[float, list[str]]:
    """step -> what this case measures there, in words: of the picture's own way, else of all of them."""
    ways = dict(series.ways)
    named = {line.way: series.label} if line.way in ways else ways
    said: dict[float, list[str]] = {}
    for way, words in named.items():
        pattern = re.compile(rf"{re.escape(series.measure)}-{re.escape(way)}-(\d+\.?\d*)")
        for name, value in line.sample.numbers.items():
            if match := pattern.fullmatch(name):
                under = _under(series, line.sample.numbers, way, match[1])
                if under:
                    text = f"{words} {plain(value / under, 3)} {series.unit}".rstrip()
                    said.setdefault(float(match[1]), []).append(text)
    return said


def _under(series: ShownSeries, numbers: Mapping[str, float], way: str, step: str) -> float:
    """What a number is divided by; 0 where that is not there."""
    if not series.over:
        return 1.0
    return numbers.get(f"{series.over}-{way}-{step}", numbers.get(f"{series.over}-{way}", 0.0))
