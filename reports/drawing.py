"""How figures draw on axes: points with intervals, curves with bands, names instead of legends."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from reports.curves import Curve, Point
from reports.style import INK, MUTED, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as FigureCanvas

# A control further from the models than twice their spread would flatten them: it is named at the edge instead.
FAR = 2.0


WAYS = {"codes": ("its codes", "-"), "none": ("no codes", ":"), "shuffled": ("another's codes", "--")}


def draw_rate_distortion(
    curves: Sequence[Curve], looks: Mapping[str, Look], label: str, unit: str, rates: Sequence[float]
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        axes.set_xscale("log")
        kept, outside = _within_reach(curves, looks)
        labels = []
        for curve, shift in zip(kept, _dodges(kept), strict=True):
            point, look = curve.points[0], looks[curve.subject]
            _mark(axes, point, look, shift)
            labels.append((point.x, point.y, shift, look))
        _log_ticks(axes, rates or [curve.points[0].x for curve in curves])
        axes.set_xlabel("bits per pixel")
        axes.set_ylabel(f"{label} ({unit})" if unit else label)
        _set_height(axes, [curve.points[0] for curve in kept])
        _name_points(axes, labels)
        if outside:
            words = ", ".join(f"{looks[c.subject].label} {c.points[0].y:.3g}" for c in outside)
            axes.annotate(
                textwrap.fill(f"out of the frame: {words}", 52),  # one long line would squeeze the panels
                (1, 1.0),
                (0, 3),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=7.5,
                color=MUTED,
            )

    return draw


def _within_reach(curves: Sequence[Curve], looks: Mapping[str, Look]) -> tuple[list[Curve], list[Curve]]:
    """Models always; controls unless they are so far off that the models would shrink to one spot."""
    models = [curve.points[0].y for curve in curves if not looks[curve.subject].control]
    if not models:
        return list(curves), []
    spread = max(max(models) - min(models), 0.12 * abs(max(models)))
    low, high = min(models) - FAR * spread, max(models) + FAR * spread
    inside = [curve for curve in curves if not looks[curve.subject].control or low <= curve.points[0].y <= high]
    return inside, [curve for curve in curves if curve not in inside]


def _set_height(axes: Axes, points: Sequence[Point]) -> None:
    """Limits around values and intervals: shifted marks are no data that matplotlib would look at."""
    edges = [edge for point in points for edge in (point.y, point.low, point.high) if edge is not None]
    if edges:
        margin = 0.14 * (max(edges) - min(edges)) or 0.05 * abs(edges[0]) or 1.0
        axes.set_ylim(min(edges) - margin, max(edges) + margin)


def _dodges(curves: Sequence[Curve], step: float = 5.0) -> list[float]:
    """Sideways shifts in points, so that models which spend the same bits do not hide each other."""
    shifts = []
    for curve in curves:
        x = curve.points[0].x
        peers = [other for other in curves if abs(other.points[0].x / x - 1) < 0.05]
        shifts.append(step * (peers.index(curve) - (len(peers) - 1) / 2))
    return shifts


def _mark(axes: Axes, point: Point, look: Look, shift: float) -> None:
    from matplotlib.transforms import ScaledTranslation

    beside = axes.transData + ScaledTranslation(shift / 72, 0, _root(axes).dpi_scale_trans)
    if point.low is not None and point.high is not None:
        axes.vlines(point.x, point.low, point.high, color=look.colour, linewidth=1.4, zorder=3, transform=beside)
    size = 22 if look.control else 38
    marks = axes.scatter([point.x], [point.y], s=size, marker=look.marker, color=look.colour, linewidths=1.2, zorder=4)
    marks.set_offset_transform(beside)


@dataclass
class _Name:
    """A name beside a point: where the point is on the canvas, how high the name stands after all names made room."""

    x: float
    y: float
    at: float
    text: str
    colour: str
    bold: bool


def _root(axes: Axes) -> FigureCanvas:
    canvas = axes.get_figure(root=True)
    assert canvas is not None
    return canvas


def _canvas(axes: Axes) -> FigureCanvas:
    """The whole figure, laid out, so that places on the canvas are final."""
    canvas = _root(axes)
    canvas.draw_without_rendering()
    return canvas


def _name_points(axes: Axes, labels: Sequence[tuple[float, float, float, Look]]) -> None:
    """Names beside their points, pushed apart where they would overlap; a hairline leads to one that was moved."""
    points = _canvas(axes).dpi / 72
    gap, character, box = 11.5 * points, 0.64 * 8.5 * points, axes.get_window_extent()
    names = []
    for x, y, shift, look in labels:
        across, up = (float(part) for part in axes.transData.transform((x, y)))
        colour = MUTED if look.control else look.colour
        names.append(_Name(across + shift * points, up, up, look.label, colour, not look.control))
    for right in (False, True):
        side = [name for name in names if (name.x + character * (len(name.text) + 3) > box.x1) == right]
        side.sort(key=lambda name: name.y)
        _spread(side, gap, box.y0 + 0.3 * gap, box.y1 - 0.3 * gap)
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


def _spread(names: Sequence[_Name], gap: float, low: float, high: float) -> None:
    """Move names, sorted by height, apart to at least ``gap``, as near to their points as that allows."""
    for _ in range(60):
        for below, above in pairwise(names):
            overlap = gap - (above.at - below.at)
            if overlap > 0:
                below.at -= overlap / 2
                above.at += overlap / 2
        for name in names:
            name.at = min(max(name.at, low), high)


def _log_ticks(axes: Axes, values: Sequence[float]) -> None:
    """Plain numbers on a log axis: 0.01, 0.1, 1, 10; for a narrow range also 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    wide = max(values) / min(values) > 30
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    middle = (max(values) * min(values)) ** 0.5
    axes.set_xlim(min(min(values) / 1.6, middle / 3), max(max(values) * 1.6, middle * 3))


def draw_curves(
    curves: Sequence[Curve], looks: Mapping[str, Look], span: tuple[float, float]
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for curve in curves:
            look = looks[curve.subject]
            _line(axes, curve, look.colour, "-", look.marker)
        margin = 0.06 * (span[1] - span[0]) or 1.0
        axes.set_ylim(span[0] - margin, span[1] + margin)
        _finish(
            axes,
            "share of codes shown",
            [(curve.points[-1].y, looks[curve.subject].label, looks[curve.subject].colour) for curve in curves],
        )

    return draw


def draw_recursion(curves: Sequence[Curve], look: Look) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        names = []
        for curve in curves:
            words, dashes = WAYS[curve.way]
            colour = look.colour if curve.way == "codes" else INK if curve.way == "none" else MUTED
            _line(axes, curve, colour, dashes, look.marker if curve.way == "codes" else "")
            names.append((curve.points[-1].y, words, colour))
        axes.margins(y=0.1)
        _finish(axes, "share of noise t", names)

    return draw


def _line(axes: Axes, curve: Curve, colour: str, dashes: str, marker: str) -> None:
    x = [point.x for point in curve.points]
    lows = [point.y if point.low is None else point.low for point in curve.points]
    highs = [point.y if point.high is None else point.high for point in curve.points]
    axes.fill_between(x, lows, highs, color=colour, alpha=0.16, linewidth=0, zorder=2)
    axes.plot(
        x,
        [point.y for point in curve.points],
        color=colour,
        linestyle=dashes,
        marker=marker,
        markersize=4,
        zorder=3,
        clip_on=False,
    )


def _finish(axes: Axes, xlabel: str, names: Sequence[tuple[float, str, str]]) -> None:
    """Axis labels, and each curve's name at its end instead of a legend."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel("PSNR (dB)")
    axes.set_xlim(0, 1.0)
    points = _canvas(axes).dpi / 72
    box = axes.get_window_extent()
    placed = []
    for y, text, colour in names:
        up = float(axes.transData.transform((1, y))[1])
        placed.append(_Name(y, up, up, text, colour, True))
    placed.sort(key=lambda name: name.y)
    _spread(placed, 11.5 * points, box.y0, box.y1)
    for name in placed:
        axes.annotate(
            name.text,
            (1.0, name.x),
            (7, (name.at - name.y) / points),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=name.colour,
            fontweight="bold",
            annotation_clip=False,
        )
