"""Marks of points with their intervals, the height of the axes around them, plain numbers on a log scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.figures.curves import Point
from reports.figures.key import root_of
from reports.figures.style import GROUND, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def set_height(axes: Axes, points: Sequence[Point]) -> None:
    """Limits around values and intervals: shifted marks are no data that matplotlib would look at."""
    edges = [edge for point in points for edge in (point.y, point.low, point.high) if edge is not None]
    if edges:
        margin = 0.14 * (max(edges) - min(edges)) or 0.05 * abs(edges[0]) or 1.0
        axes.set_ylim(min(edges) - margin, max(edges) + margin)


def mark(axes: Axes, point: Point, look: Look, shift: float) -> None:
    from matplotlib.transforms import ScaledTranslation

    beside = axes.transData + ScaledTranslation(shift / 72, 0, root_of(axes).dpi_scale_trans)
    if point.low is not None and point.high is not None and not look.pale:
        axes.vlines(point.x, point.low, point.high, color=look.colour, linewidth=1.4, zorder=3, transform=beside)
    size = 14 if look.pale else 22 if look.control else 38
    height = 1 if look.pale else 4
    marks = axes.scatter(
        [point.x], [point.y], s=size, marker=look.marker, color=look.colour, linewidths=1.2, zorder=height
    )
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
        facecolors=GROUND,
        edgecolors=look.colour,
        linewidths=0.9,
        zorder=4,
    )
    hollow.set_offset_transform(beside)


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
