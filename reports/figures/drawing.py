"""How figures draw on axes: points with intervals, curves with bands, names beside them or in a key below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.contracts import ShownSeries
from reports.figures.axes import Box, name_ends, name_points, overlap
from reports.figures.curves import Curve, Point
from reports.figures.key import add_key, canvas_of, fits_inside, label_axes, line_of, mark_of, over_unit
from reports.figures.names import breadth, shortened
from reports.figures.points import log_ticks, mark, mark_used, set_height
from reports.figures.style import FINE, INK, MUTED, SPARE, Look, worded
from reports.tables.cells import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A control further from the models than twice their spread would flatten them: it is named below the axis instead.
FAR = 2.0
MEETING = 0.03
"""Curves whose ends are nearer than this share of the scale have a key and not a name at the end."""
OUTSIDE = 4
"""Controls out of the frame that are named."""

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
            if not look.pale:
                labels.append((point.x, point.y, shift, look))
        log_ticks(axes, rates or [curve.points[0].x for curve in curves])
        label_axes(axes, spent, over_unit(column.label, column.unit), _outside(outside, looks))
        set_height(axes, [curve.points[0] for curve in kept])
        spans = [
            (curve.points[1].x, curve.points[0].x, curve.points[0].y)
            for curve in kept
            if len(curve.points) > 1 and not looks[curve.subject].control
        ]
        name_points(axes, labels, spans)

    return draw


def _outside(curves: Sequence[Curve], looks: Mapping[str, Look]) -> str:
    said = [f"{shortened(looks[curve.subject].label, 32)} {curve.points[0].y:.3g}" for curve in curves]
    more = [f"and {len(said) - OUTSIDE} more"] if len(said) > OUTSIDE else []
    return f"out of the frame: {', '.join([*said[:OUTSIDE], *more])}" if said else ""


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
            axes.plot(across, up, color=look.colour, linewidth=0.6 if look.pale else 1, zorder=1 if look.pale else 2)
            for point in curve.points:
                mark(axes, point, look, 0.0)
        margin = 0.06 * (span[1] - span[0]) or 1.0
        axes.set_ylim(span[0] - margin, span[1] + margin)
        axes.margins(x=0.12)
        label_axes(axes, shown.axis, over_unit(shown.label, shown.unit))
        named = [curve for curve in curves if not looks[curve.subject].pale]
        add_key(axes, [mark_of(looks[curve.subject]) for curve in named])
        _number_steps(axes, [(point, looks[curve.subject].text) for curve in named for point in _ends_first(curve)])

    return draw


def _ends_first(curve: Curve) -> list[Point]:
    """Its points, the first and the last before the others."""
    return [*curve.points[:1], *curve.points[:0:-1]]


def _number_steps(axes: Axes, steps: Sequence[tuple[Point, str]]) -> None:
    """Each step's number beside its mark, where it does not lie over another."""
    points, frame = canvas_of(axes).dpi / 72, axes.get_window_extent()
    taken: list[Box] = []
    for point, colour in steps:
        words = "" if point.step is None else f"{point.step:g}"
        x, y = (float(part) + 4 * points for part in axes.transData.transform((point.x, point.y)))
        box = (x, y, x + points * breadth(words, FINE), y + points * FINE)
        if not words or box[2] > frame.x1 or any(overlap(box, other) for other in taken):
            continue
        taken.append(box)
        place = (point.x, point.y)
        axes.annotate(words, place, (4, 4), textcoords="offset points", fontsize=FINE, color=colour, parse_math=False)


def draw_models(
    curves: Sequence[Curve], looks: Mapping[str, Look], span: tuple[float, float], shown: ShownSeries
) -> Callable[[Axes], None]:
    """One way of a series: a curve per model."""

    def draw(axes: Axes) -> None:
        for curve in curves:
            look = looks[curve.subject]
            if look.pale:
                x, y = [point.x for point in curve.points], [point.y for point in curve.points]
                axes.plot(x, y, color=look.colour, linewidth=0.6, zorder=1)
            else:
                _line(axes, curve, look.colour, "-", look.marker)
        margin = 0.06 * (span[1] - span[0]) or 1.0
        axes.set_ylim(span[0] - margin, span[1] + margin)
        named = [(curve, looks[curve.subject]) for curve in curves if not looks[curve.subject].pale]
        heights = [curve.points[-1].y for curve, _ in named]
        meet = shown.apart and len(named) > 1 and max(heights) - min(heights) < MEETING * (span[1] - span[0])
        ends = [(curve.points[-1].y, look.label, look.text, not look.control) for curve, look in named]
        _finish(axes, shown, curves)
        marks = [mark_of(look) for _, look in named]
        if meet and fits_inside(axes, marks):  # names at one place tell nothing
            return
        if meet or not name_ends(axes, ends):
            add_key(axes, marks)

    return draw


def draw_ways(curves: Sequence[Curve], look: Look, shown: ShownSeries) -> Callable[[Axes], None]:
    """One model's series: a curve per way."""
    # many ways are alike in kind, and each has a colour of its own
    styles = WAYS if len(shown.ways) <= len(WAYS) else tuple(("-", colour) for colour, _ in SPARE)
    drawn = dict(zip((way for way, _ in shown.ways), styles, strict=False))

    def draw(axes: Axes) -> None:
        names, marks = [], []
        for curve in curves:
            dashes, colour = drawn.get(curve.way, styles[-1])
            words, marker = dict(shown.ways)[curve.way], "" if colour else look.marker
            _line(axes, curve, colour or look.colour, dashes, marker)
            names.append((curve.points[-1].y, words, worded(colour or look.colour), True))
            marks.append((words, line_of(colour or INK, dashes, marker)))  # a key is for all panels
        axes.margins(y=0.1)
        _finish(axes, shown, curves)
        if not name_ends(axes, names):
            add_key(axes, marks)

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


def _finish(axes: Axes, shown: ShownSeries, curves: Sequence[Curve]) -> None:
    """Labels and the width: of shares from none to all, else of the steps that there are."""
    label_axes(axes, shown.axis, over_unit(shown.label, shown.unit))
    steps = [point.x for curve in curves for point in curve.points]
    axes.set_xlim(min([0.0, *steps]), max([1.0, *steps]))
