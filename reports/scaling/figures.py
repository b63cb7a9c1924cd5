"""The figures of ``ddtbench scale``: log-log, with the laws, their 95 % bands, and the runs that were held out.

Two a task: the metric against parameters and against compute; and, where a model has several checkpoints of a training,
against tokens, beside the IsoFLOP view.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reports.figures.axes import GAP, Name, spread_names
from reports.figures.key import canvas_of, label_axes, over_unit
from reports.figures.panels import Figure, Panel
from reports.figures.scaling_figure import MEGA, TERA, draw_marks, finish_axes, looks_of_families
from reports.figures.style import FINE, GROUND, INK, MUTED, Look
from reports.scaling.design import levels
from reports.scaling.isoflop import FLOPS_A_TOKEN, Valley, valleys
from reports.scaling.trainings import Training, families, one_stage, trained_alike
from reports.scaling.values import COMPUTE, JOINT, SIZE, Analysis, Fitted
from reports.tables.numbers import with_unit_prefix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes"], None]
STEPS = 60
"""Points of a curve."""
BUDGETS = 4
"""Curves of equal compute, where no such runs are there."""
BEYOND = 4.0
"""Such curves go on to so many times the tokens that were seen, and as far below."""
ABOUT = (
    "Each mark is a checkpoint, its area grows with the model's parameters, embeddings left out; bars are 95 % "
    "intervals over cases."
)
LAWS = (
    " Lines are power laws by least squares through the logarithms, with 95 % bands. A hollow mark with a thin bar is "
    "what the smaller sizes predict of the largest, with the 95 % interval of a new run."
)
TOKENS = " Lines join the checkpoints of one training; dashed is E + A / N^a + B / D^b."


def figures_of_laws(found: Sequence[Analysis]) -> list[Figure]:
    """Both figures of every task that has them."""
    return [figure for one in found for figure in (_laws(one), _tokens(one)) if figure is not None]


def _laws(one: Analysis) -> Figure:
    looks = looks_of_families(one.found)
    alike = trained_alike(one_stage(one.found))
    panels = [_compute_panel(one, looks)]
    if alike:
        panels.insert(0, _size_panel(one, alike, looks))
    caption = ABOUT + (LAWS if any(fit.line for fit in one.fits) else "")
    return Figure(f"scaling-{one.task}-laws", "Scaling laws", one.task, caption, tuple(panels))


def _tokens(one: Analysis) -> Figure | None:
    grown = [
        point
        for family in families(one.found)
        for own in [one_stage([other for other in one.found if other.family == family])]
        if len(levels([other.tokens for other in own])) > 1
        for point in own
    ]
    if not grown:
        return None
    looks = looks_of_families(one.found)
    joint = {fit.family: fit for fit in one.fits if fit.law == JOINT and fit.drawn}
    panels = [_token_panel(one, grown, joint, looks)]
    for family in families(grown):
        own = [point for point in grown if point.family == family]
        if one.loss and (family in joint or valleys(own)):
            panels.append(_isoflop_panel(one, own, joint.get(family), looks[family]))
            break  # one view a figure; the others are in the table
    return Figure(f"scaling-{one.task}-tokens", "Tokens and compute", one.task, ABOUT + TOKENS, tuple(panels))


def _size_panel(one: Analysis, alike: Sequence[Training], looks: Mapping[str, Look]) -> Panel:
    fits = [fit for fit in one.fits if fit.law == SIZE and fit.line]
    held = [item for item in one.predictions if item.law == SIZE and item.largest and item.refused is None]

    def draw(axes: Axes) -> None:
        across = [point.parameters / MEGA for point in alike]
        for fit in fits:
            _line(axes, fit, MEGA, [point.parameters for point in fit.of], looks[fit.family].colour)
        draw_marks(axes, alike, across, looks)
        for number, item in enumerate(held):
            x = item.parameters / MEGA * 1.07 ** (1 + number)
            look = looks[item.family]
            axes.vlines(x, item.low, item.high, color=look.colour, linewidth=0.7, zorder=3)
            axes.scatter(
                [x],
                [item.value],
                s=26,
                marker=look.marker,
                facecolors=GROUND,
                edgecolors=look.colour,
                linewidths=1.0,
                zorder=4,
            )
        label_axes(axes, "parameters without embeddings, N (millions)", _label(one))
        finish_axes(axes, alike, across, looks, one.loss)

    said = "; ".join(f"{fit.family} a = {fit.quantities[0].value:.3g}" for fit in fits)
    return Panel(f"{one.label} and parameters", f"{one.label} against parameters: {said or 'no law'}.", draw)


def _compute_panel(one: Analysis, looks: Mapping[str, Look]) -> Panel:
    fits = [fit for fit in one.fits if fit.law == COMPUTE and fit.line]

    def draw(axes: Axes) -> None:
        for fit in fits:
            _line(axes, fit, TERA, [point.flops for point in fit.of], looks[fit.family].colour)
        if not fits:
            _join(axes, one.found, lambda point: point.flops / TERA, looks)
        across = [point.flops / TERA for point in one.found]
        draw_marks(axes, one.found, across, looks)
        label_axes(axes, "training compute, C (TFLOP)", _label(one))
        finish_axes(axes, one.found, across, looks, one.loss)

    said = "; ".join(f"{fit.family} c = {fit.quantities[0].value:.3g}" for fit in fits)
    return Panel(f"{one.label} and compute", f"{one.label} against compute: {said or 'no law'}.", draw)


def _token_panel(
    one: Analysis, grown: Sequence[Training], joint: Mapping[str, Fitted], looks: Mapping[str, Look]
) -> Panel:
    def draw(axes: Axes) -> None:
        _join(axes, grown, lambda point: point.tokens / MEGA, looks)
        for family, fit in joint.items():
            tokens = [point.tokens for point in fit.of]
            for size in levels([point.parameters for point in fit.of]):
                x = _between(min(tokens), max(tokens))
                assert fit.drawn is not None
                y = fit.drawn.law.at([size] * len(x), x)
                axes.plot([part / MEGA for part in x], y, "--", color=looks[family].colour, linewidth=0.8, zorder=2)
        across = [point.tokens / MEGA for point in grown]
        draw_marks(axes, grown, across, looks)
        label_axes(axes, "tokens seen in training, D (millions)", _label(one))
        finish_axes(axes, grown, across, looks, one.loss)

    return Panel(f"{one.label} and checkpoint", f"{one.label} against the tokens that a checkpoint saw.", draw)


def _isoflop_panel(one: Analysis, own: Sequence[Training], fit: Fitted | None, look: Look) -> Panel:
    there = valleys(own)

    def draw(axes: Axes) -> None:
        ends = _curves_of_law(axes, fit, own) if fit is not None and fit.drawn is not None else []
        for valley in there:
            _curve_of_runs(axes, valley, look)
        axes.set_xscale("log")
        axes.set_yscale("log")
        _plain_ticks(axes)
        _name_budgets(axes, ends)
        label_axes(axes, "parameters without embeddings, N (millions)", _label(one))

    what = "by the law in N and D" if fit is not None else "as measured"
    words = f"{one.label} against parameters at equal compute, {what}: a dot marks the best size."
    return Panel(f"{look.label} at equal compute", words, draw)


def _curves_of_law(axes: Axes, fit: Fitted, own: Sequence[Training]) -> list[tuple[float, float, str]]:
    """Draws a curve for each budget; where each ends, and what it is called."""
    assert fit.drawn is not None
    law = fit.drawn.law
    sizes, flops = [point.parameters for point in own], [point.flops for point in own]
    drawn = []
    fewest, most = (end(point.tokens for point in own) for end in (min, max))
    for number, budget in enumerate(_between(min(flops), max(flops), BUDGETS)):
        ends = (budget / (FLOPS_A_TOKEN * most * BEYOND), budget * BEYOND / (FLOPS_A_TOKEN * fewest))
        if max(min(sizes), ends[0]) >= min(max(sizes), ends[1]):
            continue
        x = _between(max(min(sizes), ends[0]), min(max(sizes), ends[1]))
        y = law.at(x, [budget / (FLOPS_A_TOKEN * size) for size in x])
        shade = 0.35 + 0.65 * number / (BUDGETS - 1)
        axes.plot([size / MEGA for size in x], y, color=INK, alpha=shade, linewidth=1.2)
        best = min(range(len(x)), key=lambda place: float(y[place]))
        if 0 < best < len(x) - 1:
            axes.scatter([x[best] / MEGA], [y[best]], s=22, color=INK, zorder=4)
        drawn.append((x[-1] / MEGA, float(y[-1]), f"{with_unit_prefix(budget)}FLOP"))
    return drawn


def _name_budgets(axes: Axes, ends: Sequence[tuple[float, float, str]]) -> None:
    """Each budget at the end of its curve, none over another."""
    points, box = canvas_of(axes).dpi / 72, axes.get_window_extent()
    names = []
    for x, y, words in ends:
        across, up = (float(part) for part in axes.transData.transform((x, y)))
        names.append((Name(across, up, up, words, MUTED, False), (x, y)))
    names.sort(key=lambda pair: pair[0].y)
    spread_names([name for name, _ in names], GAP * points, box.y0, box.y1)
    for name, place in names:
        axes.annotate(
            name.text,
            place,
            (4, (name.at - name.y) / points),
            textcoords="offset points",
            fontsize=FINE,
            color=name.colour,
            va="center",
            parse_math=False,
        )


def _curve_of_runs(axes: Axes, valley: Valley, look: Look) -> None:
    sizes = [point.parameters for point in valley.of]
    axes.scatter(
        [size / MEGA for size in sizes],
        [point.value.y for point in valley.of],
        s=26,
        marker=look.marker,
        color=look.colour,
        zorder=4,
    )
    x = _between(min(sizes), max(sizes))
    axes.plot([size / MEGA for size in x], [valley.at(size) for size in x], color=look.colour, linewidth=1.0)
    if valley.best is not None:
        axes.scatter([valley.best / MEGA], [valley.at(valley.best)], s=30, marker="o", color=INK, zorder=5)


# ------------------------------------------------------------------------------------------------ on the axes


def _line(axes: Axes, fit: Fitted, unit: float, over: Sequence[float], colour: str) -> None:
    """A straight law over its points, with its band."""
    assert fit.line is not None
    x = _between(min(over), max(over))
    band = [fit.line.band(value) for value in x]
    drawn = [value / unit for value in x]
    axes.fill_between(
        drawn, [low for low, _ in band], [high for _, high in band], color=colour, alpha=0.14, linewidth=0, zorder=1
    )
    axes.plot(drawn, [fit.line.at(value) for value in x], color=colour, linewidth=1.1, zorder=2)


def _join(axes: Axes, found: Sequence[Training], axis: Callable[[Training], float], looks: Mapping[str, Look]) -> None:
    for whose in dict.fromkeys((one.family, one.recipe, one.seed, one.parameters) for one in found):
        own = [one for one in found if (one.family, one.recipe, one.seed, one.parameters) == whose]
        own.sort(key=axis)
        x, y = [axis(one) for one in own], [one.value.y for one in own]
        axes.plot(x, y, color=looks[whose[0]].colour, linewidth=1.1, zorder=3)


def _between(low: float, high: float, count: int = STEPS) -> list[float]:
    """From ``low`` to ``high`` in equal steps of the logarithm."""
    return [low * (high / low) ** (place / (count - 1)) for place in range(count)]


def _plain_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    plain: Any = FuncFormatter(lambda value, _: f"{value:.3g}")
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(plain)
        axis.set_minor_locator(NullLocator())
    low, high = axes.get_xlim()
    axes.set_xlim(low, low * math.pow(high / low, 1 / 0.8))


def _label(one: Analysis) -> str:
    return over_unit(one.label, one.unit)
