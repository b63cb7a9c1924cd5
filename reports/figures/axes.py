"""What every figure does with its axes: marks with intervals, names beside points, plain numbers on a log scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from reports.figures.curves import Point
from reports.figures.style import MUTED, Look
from reports.tables.layout import folded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as FigureCanvas

NARROWEST, BESIDE = 10, 18
"""Characters of a line of a name: the fewest, and the most beyond the end of an axis."""


def set_height(axes: Axes, points: Sequence[Point]) -> None:
    """Limits around values and intervals: shifted marks are no data that matplotlib would look at."""
    edges = [edge for point in points for edge in (point.y, point.low, point.high) if edge is not None]
    if edges:
        margin = 0.14 * (max(edges) - min(edges)) or 0.05 * abs(edges[0]) or 1.0
        axes.set_ylim(min(edges) - margin, max(edges) + margin)


def mark(axes: Axes, point: Point, look: Look, shift: float) -> None:
    from matplotlib.transforms import ScaledTranslation

    beside = axes.transData + ScaledTranslation(shift / 72, 0, root_of(axes).dpi_scale_trans)
    if point.low is not None and point.high is not None:
        axes.vlines(point.x, point.low, point.high, color=look.colour, linewidth=1.4, zorder=3, transform=beside)
    size = 22 if look.control else 38
    marks = axes.scatter([point.x], [point.y], s=size, marker=look.marker, color=look.colour, linewidths=1.2, zorder=4)
    marks.set_offset_transform(beside)


def mark_used(axes: Axes, spent: Point, used: Point, look: Look, shift: float) -> None:
    """A small hollow mark at what is used, joined to what is spent."""
    from matplotlib.transforms import ScaledTranslation

    beside = axes.transData + ScaledTranslation(shift / 72, 0, root_of(axes).dpi_scale_trans)
    axes.hlines(spent.y, used.x, spent.x, color=look.colour, linewidth=0.8, zorder=2, transform=beside)
    hollow = axes.scatter(
        [used.x],
        [used.y],
        s=16,
        marker=look.marker,
        facecolors="white",
        edgecolors=look.colour,
        linewidths=0.9,
        zorder=4,
    )
    hollow.set_offset_transform(beside)


@dataclass
class Name:
    """A name beside a point: where the point is on the canvas, how high the name stands after all names made room."""

    x: float
    y: float
    at: float
    text: str
    colour: str
    bold: bool

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1


def in_lines(text: str, characters: int) -> str:
    """A name folded to fit a room of so many characters, so that it runs into nothing beside it."""
    return "\n".join(folded(text, max(characters, NARROWEST)))


def root_of(axes: Axes) -> FigureCanvas:
    canvas = axes.get_figure(root=True)
    assert canvas is not None
    return canvas


def canvas_of(axes: Axes) -> FigureCanvas:
    """The whole figure, laid out, so that places on the canvas are final."""
    canvas = root_of(axes)
    canvas.draw_without_rendering()
    return canvas


def name_points(axes: Axes, labels: Sequence[tuple[float, float, float, Look]]) -> None:
    """Names beside their points, pushed apart where they would overlap; a hairline leads to one that was moved."""
    points = canvas_of(axes).dpi / 72
    gap, character, box = 11.5 * points, 0.64 * 8.5 * points, axes.get_window_extent()
    names = []
    for x, y, shift, look in labels:
        across, up = (float(part) for part in axes.transData.transform((x, y)))
        colour = MUTED if look.control else look.colour
        across += shift * points
        room = int(max(box.x1 - across, across - box.x0) / character) - 3  # on the wider side of its point
        names.append(Name(across, up, up, in_lines(look.label, room), colour, not look.control))
    for right in (False, True):
        side = [name for name in names if (name.x + character * (_longest(name.text) + 3) > box.x1) == right]
        side.sort(key=lambda name: name.y)
        spread_names(side, gap, box.y0 + 0.3 * gap, box.y1 - 0.3 * gap)
        for name in side:
            moved = abs(name.at - name.y) > 0.35 * gap
            line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4}
            across, up = (float(part) for part in axes.transData.inverted().transform((name.x, name.y)))
            axes.annotate(
                name.text,
                (across, up),
                ((-9 if right else 9) * (1.7 if moved else 1), (name.at - name.y) / points),
                textcoords="offset points",
                ha="right" if right else "left",
                va="center",
                fontsize=8.5,
                color=name.colour,
                fontweight="bold" if name.bold else "normal",
                arrowprops=line if moved else None,
            )


def _longest(text: str) -> int:
    return max(map(len, text.split("\n")))


def spread_names(names: Sequence[Name], gap: float, low: float, high: float) -> None:
    """Move names, sorted by height, apart to at least ``gap`` (of a name of several lines as often), as near to their
    points as that allows."""
    for _ in range(60):
        for below, above in pairwise(names):
            overlap = gap * (above.lines + below.lines) / 2 - (above.at - below.at)
            if overlap > 0:
                below.at -= overlap / 2
                above.at += overlap / 2
        for name in names:
            margin = gap * (name.lines - 1) / 2
            name.at = min(max(name.at, low + margin), high - margin)


def log_ticks(axes: Axes, values: Sequence[float]) -> None:
    """Plain numbers on a log axis: 0.01, 0.1, 1, 10; for a narrow range also 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    wide = max(values) / min(values) > 30
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    middle = (max(values) * min(values)) ** 0.5
    axes.set_xlim(min(min(values) / 1.6, middle / 3), max(max(values) * 1.6, middle * 3))
