"""How figures draw on axes: points with intervals, curves with bands, names instead of legends."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.contracts import ShownSeries
from reports.figures.axes import (
    BESIDE,
    Name,
    canvas_of,
    in_lines,
    log_ticks,
    mark,
    mark_used,
    name_points,
    set_height,
    spread_names,
)
from reports.figures.curves import Curve
from reports.figures.style import INK, MUTED, SPARE, Look
from reports.tables.cells import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# A control further from the models than twice their spread would flatten them: it is named at the edge instead.
FAR = 2.0
MEETING = 0.03
"""Curves whose ends are nearer than this share of the scale have a legend and not a name at the end."""


WAYS = (("-", ""), (":", INK), ("--", MUTED), ("-.", MUTED))
"""Dashes and colour of a model's ways; the first has the model's own."""


def draw_rate_distortion(
    curves: Sequence[Curve], looks: Mapping[str, Look], column: Column, spent: str, rates: Sequence[float]
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        axes.set_xscale("log")
        kept, outside = _within_reach(curves, looks)
        labels = []
        for curve, shift in zip(kept, _dodges(kept), strict=True):
            point, look = curve.points[0], looks[curve.subject]
            mark(axes, point, look, shift)
            for used in () if look.control else curve.points[1:]:
                mark_used(axes, point, used, look, shift)
            labels.append((point.x, point.y, shift, look))
        log_ticks(axes, rates or [curve.points[0].x for curve in curves])
        axes.set_xlabel(spent)
        axes.set_ylabel(f"{column.label} ({column.unit})" if column.unit else column.label)
        set_height(axes, [curve.points[0] for curve in kept])
        name_points(axes, labels)
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


def _dodges(curves: Sequence[Curve], step: float = 5.0) -> list[float]:
    """Sideways shifts in points, so that models which spend the same bits do not hide each other."""
    shifts = []
    for curve in curves:
        x = curve.points[0].x
        peers = [other for other in curves if abs(other.points[0].x / x - 1) < 0.05]
        shifts.append(step * (peers.index(curve) - (len(peers) - 1) / 2))
    return shifts


def draw_paths(
    curves: Sequence[Curve], looks: Mapping[str, Look], span: tuple[float, float], shown: ShownSeries
) -> Callable[[Axes], None]:
    """One way of a series against a second measure: a path per model, a mark, its interval and its number for each
    step."""

    def draw(axes: Axes) -> None:
        for curve in curves:
            look = looks[curve.subject]
            across, up = [point.x for point in curve.points], [point.y for point in curve.points]
            axes.plot(across, up, color=look.colour, linewidth=1, zorder=2)
            for point in curve.points:
                mark(axes, point, look, 0.0)
                words = "" if point.step is None else f"{point.step:g}"
                place = (point.x, point.y)
                axes.annotate(words, place, (4, 4), textcoords="offset points", fontsize=7.5, color=look.colour)
        margin = 0.06 * (span[1] - span[0]) or 1.0
        axes.set_ylim(span[0] - margin, span[1] + margin)
        axes.margins(x=0.12)
        axes.set_xlabel(shown.axis)
        axes.set_ylabel(f"{shown.label} ({shown.unit})" if shown.unit else shown.label)
        axes.legend(handles=[_mark_of(looks[curve.subject]) for curve in curves], fontsize=8, handlelength=1.6)

    return draw


def draw_models(
    curves: Sequence[Curve], looks: Mapping[str, Look], span: tuple[float, float], shown: ShownSeries
) -> Callable[[Axes], None]:
    """One way of a series: a curve per model."""

    def draw(axes: Axes) -> None:
        for curve in curves:
            look = looks[curve.subject]
            _line(axes, curve, look.colour, "-", look.marker)
        margin = 0.06 * (span[1] - span[0]) or 1.0
        axes.set_ylim(span[0] - margin, span[1] + margin)
        ends = [(curve.points[-1].y, looks[curve.subject].label, looks[curve.subject].colour) for curve in curves]
        heights = [y for y, *_ in ends]
        meet = shown.apart and len(ends) > 1 and max(heights) - min(heights) < MEETING * (span[1] - span[0])
        _finish(axes, shown, [] if meet else ends)
        if meet:  # names at one place tell nothing
            marks = [_mark_of(looks[curve.subject]) for curve in curves]
            axes.legend(handles=marks, fontsize=8, handlelength=1.6, labelspacing=0.3)

    return draw


def _mark_of(look: Look) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=look.colour, marker=look.marker, markersize=4, label=look.label)


def draw_ways(curves: Sequence[Curve], look: Look, shown: ShownSeries) -> Callable[[Axes], None]:
    """One model's series: a curve per way."""
    # many ways are alike in kind, and each has a colour of its own
    styles = WAYS if len(shown.ways) <= len(WAYS) else tuple(("-", colour) for colour, _ in SPARE)
    drawn = dict(zip((way for way, _ in shown.ways), styles, strict=False))

    def draw(axes: Axes) -> None:
        names = []
        for curve in curves:
            dashes, colour = drawn.get(curve.way, styles[-1])
            _line(axes, curve, colour or look.colour, dashes, "" if colour else look.marker)
            names.append((curve.points[-1].y, dict(shown.ways)[curve.way], colour or look.colour))
        axes.margins(y=0.1)
        _finish(axes, shown, names)

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


def _finish(axes: Axes, shown: ShownSeries, names: Sequence[tuple[float, str, str]]) -> None:
    """Axis labels, and each curve's name at its end instead of a legend."""
    axes.set_xlabel(shown.axis)
    axes.set_ylabel(f"{shown.label} ({shown.unit})" if shown.unit else shown.label)
    axes.set_xlim(0, 1.0)
    points = canvas_of(axes).dpi / 72
    box = axes.get_window_extent()
    placed = []
    for y, text, colour in names:
        up = float(axes.transData.transform((1, y))[1])
        placed.append(Name(y, up, up, in_lines(text, BESIDE), colour, True))
    placed.sort(key=lambda name: name.y)
    spread_names(placed, 11.5 * points, box.y0, box.y1)
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
