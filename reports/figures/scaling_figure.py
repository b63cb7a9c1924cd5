"""The figure of scaling curves: a task's leading metric against training compute, and against model size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.contracts import ShownModel, ShownTask
from reports.figures.axes import GAP, Name, have_room, spread_names
from reports.figures.crowds import LEADING, MOST, crowd
from reports.figures.key import add_key, canvas_of, label_axes, mark_of
from reports.figures.names import fitted
from reports.figures.panels import Figure, Panel
from reports.figures.style import FINE, Look, looks_for
from reports.reading.runs import Run
from reports.scaling.analysis import size_laws
from reports.scaling.lines import PowerLaw
from reports.scaling.trainings import Training, families, is_scaled, trained_alike, trainings
from reports.tables.numbers import show, with_unit_prefix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TERA, MEGA = 1e12, 1e6
DRAWN = 0.62
"""The share of a panel's width that its marks have; names have the rest."""
WIDE = 5.0
"""Over a wider range even steps leave the lower part of a log axis bare."""
CAPTION = (
    "Each mark is a checkpoint, its area grows with the model's parameters; a line joins the checkpoints of one "
    "training. Compute is six FLOPs a token and parameter, embeddings left out. Bars are 95 % "
    "intervals over cases."
)
SIZES = " Against size stand, of each model of several sizes, the checkpoints that saw equally many tokens ({tokens})."
LAW = (
    " Dashed: A / N^a by least squares through the logarithms, with the 95 % interval of a over the points; it says "
    "nothing outside the sizes shown."
)


def scaling_figure(task: str, runs: Sequence[Run]) -> Figure | None:
    """None unless some model was measured at checkpoints that took different compute."""
    shown = next((run.shown_task for run in runs if run.shown_task.title), ShownTask())
    measured = ((metric, trainings(runs, metric)) for metric in shown.headline)
    metric, found = next(((name, points) for name, points in measured if is_scaled(points)), ("", []))
    if not found:
        return None
    looks, label = looks_of_families(found), runs[0].metric(metric).label
    alike = trained_alike(found)
    stated = [estimate for run in runs if (estimate := run.estimate(metric)) is not None]
    loss = all(estimate.direction == "lower" for estimate in stated)
    laws = size_laws(found) if loss else {}
    panels = [
        Panel(f"{label} and compute", _compute_words(found, looks, label), _draw_compute(found, looks, label, loss))
    ]
    caption = CAPTION
    if alike:
        words = _size_words(alike, looks, label, laws)
        panels.append(Panel(f"{label} and size", words, _draw_size(alike, looks, label, laws, loss)))
        caption += SIZES.format(tokens=_tokens(alike, looks))
    if laws:
        parts = (f"{looks[name].label} {_exponent(law)}" for name, law in laws.items() if not looks[name].pale)
        caption += f"{LAW} Exponents a: {'; '.join(parts)}."
    if (crowded := len(looks)) > MOST:
        caption += f" Named are the first {LEADING} of {crowded} models; the others are pale."
    return Figure(f"scaling-{task}", "Scaling", task, caption, tuple(panels))


def _tokens(alike: Sequence[Training], looks: Mapping[str, Look]) -> str:
    most = {family: max(one.tokens for one in alike if one.family == family) for family in families(alike)}
    named = {name: count for name, count in most.items() if not looks[name].pale}
    return ", ".join(f"{looks[name].label} {with_unit_prefix(count)}" for name, count in named.items())


def _exponent(law: PowerLaw) -> str:
    value, interval = show(-law.exponent, -law.high, -law.low)
    return f"{value} {interval}".rstrip()


def looks_of_families(found: Sequence[Training]) -> dict[str, Look]:
    """A family in its native order looks as its model does; the others have a look of their own."""
    models = {}
    for one in found:
        native = one.family == one.model.label
        name, _, order = one.family.partition(", ")
        label = f"{name}, {order.partition('(')[0]}" if order else name
        models[one.family] = replace(one.model if native else ShownModel(), label=label)
    looks, names = looks_for(models), list(models)
    return crowd(looks, set(names[:LEADING] if len(names) > MOST else names), names)


def _compute_words(found: Sequence[Training], looks: Mapping[str, Look], label: str) -> str:
    parts = []
    for family in (name for name in families(found) if not looks[name].pale):
        own = sorted((one for one in found if one.family == family), key=lambda one: one.flops)
        ends = [own[0]] if len(own) == 1 else [own[0], own[-1]]
        said = " and ".join(f"{one.value.y:.3g} after {with_unit_prefix(one.flops)}" for one in ends)
        parts.append(f"{looks[family].label} {said}")
    return f"{label} against training FLOPs: {'; '.join(parts)}."


def _size_words(alike: Sequence[Training], looks: Mapping[str, Look], label: str, laws: Mapping[str, PowerLaw]) -> str:
    parts = []
    for family in (name for name in families(alike) if not looks[name].pale):
        own = [one for one in alike if one.family == family]
        said = ", ".join(f"{one.value.y:.3g} at {with_unit_prefix(one.parameters)}" for one in own)
        law = f" (exponent {_exponent(laws[family])})" if family in laws else ""
        parts.append(f"{looks[family].label} {said}{law}")
    return f"{label} against parameters without embeddings: {'; '.join(parts)}."


# ------------------------------------------------------------------------------------------------ on the axes


def _draw_compute(
    found: Sequence[Training], looks: Mapping[str, Look], label: str, loss: bool
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for recipe in dict.fromkeys((one.family, one.recipe, one.parameters) for one in found):
            own = [one for one in found if (one.family, one.recipe, one.parameters) == recipe]
            across = [one.flops / TERA for one in own]
            axes.plot(across, [one.value.y for one in own], color=looks[recipe[0]].colour, linewidth=1.1, zorder=3)
        draw_marks(axes, found, [one.flops / TERA for one in found], looks)
        label_axes(axes, "training compute (TFLOP)", label)
        finish_axes(axes, found, [one.flops / TERA for one in found], looks, loss)

    return draw


def _draw_size(
    alike: Sequence[Training], looks: Mapping[str, Look], label: str, laws: Mapping[str, PowerLaw], loss: bool
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        across = [one.parameters / MEGA for one in alike]
        for family, law in laws.items():
            ends = sorted({one.parameters for one in alike if one.family == family})
            ends = [ends[0], ends[-1]]
            line = [law.at(x) for x in ends]
            colour = looks[family].colour
            axes.plot([x / MEGA for x in ends], line, color=colour, linewidth=1.1, linestyle="--", zorder=2)
        draw_marks(axes, alike, across, looks)
        label_axes(axes, "parameters without embeddings (millions)", label)
        finish_axes(axes, alike, across, looks, loss)

    return draw


def draw_marks(axes: Axes, found: Sequence[Training], across: Sequence[float], looks: Mapping[str, Look]) -> None:
    largest = max(one.parameters for one in found)
    for one, x in zip(found, across, strict=True):
        look = looks[one.family]
        if one.value.low is not None and one.value.high is not None and not look.pale:
            axes.vlines(x, one.value.low, one.value.high, color=look.colour, linewidth=1.2, zorder=3)
        area = 12 + 48 * (one.parameters / largest) ** 0.5
        axes.scatter(
            [x],
            [one.value.y],
            s=area,
            marker=look.marker,
            color=look.colour,
            linewidths=0,
            zorder=1 if look.pale else 4,
        )


def finish_axes(
    axes: Axes, found: Sequence[Training], across: Sequence[float], looks: Mapping[str, Look], loss: bool
) -> None:
    """Plain numbers on log axes (scores, and losses whose interval reaches 0, stand on a linear one), and each
    family's name beside its last point, or in a key below where there is no room."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_xscale("log")
    edges = [edge for one in found for edge in (one.value.y, one.value.low, one.value.high) if edge is not None]
    if loss and min(edges) > 0:
        axes.set_yscale("log")
        wide = max(edges) / min(edges) > WIDE
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)) if wide else MaxNLocator(6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    # names stand in a column of their own, at about the height of their last point: among the marks they hide some
    low, high = min(across) / 1.25, max(across) * 1.25
    axes.set_xlim(low, low * (high / low) ** (1 / DRAWN))
    axes.xaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    last = {one.family: one.value.y for one, _ in sorted(zip(found, across, strict=True), key=lambda pair: pair[1])}
    named = {family: y for family, y in last.items() if not looks[family].pale}
    if not _name_families(axes, named, looks):
        axes.set_xlim(low, high)
        add_key(axes, [mark_of(looks[family]) for family in named])


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade, or 1 alone over more than three of them, or more of one that is not whole."""
    steps = (1.0,) if high > 1000 * low else (1.0, 2.0, 5.0) if high > 6 * low else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]


def _name_families(axes: Axes, last: Mapping[str, float], looks: Mapping[str, Look]) -> bool:
    """Names at about the height of a family's last point; False, and none of them, where they have no room."""
    points, box = canvas_of(axes).dpi / 72, axes.get_window_extent()
    room = (0.94 - DRAWN) * box.width / points
    names = []
    for family, y in last.items():
        up = float(axes.transData.transform((axes.get_xlim()[0], y))[1])
        label = fitted(looks[family].label, room, FINE, bold=True)
        names.append((Name(y, up, up, label, looks[family].text, True), looks[family]))
    names.sort(key=lambda pair: pair[0].y)
    ends = box.y0 + 6 * points, box.y1 - 6 * points
    if not have_room([name for name, _ in names], GAP * points, *ends):
        return False
    spread_names([name for name, _ in names], GAP * points, *ends)
    for name, look in names:
        height = (name.at - box.y0) / box.height
        axes.plot(
            [DRAWN + 0.03],
            [height],
            linestyle="none",
            marker=look.marker,
            color=look.colour,
            markersize=4.5,
            transform=axes.transAxes,
        )
        axes.annotate(
            name.text,
            (DRAWN + 0.06, height),
            xycoords="axes fraction",
            va="center",
            fontsize=FINE,
            fontweight="bold",
            color=name.colour,
            parse_math=False,
        )
    return True
