"""Figures: rate and distortion, progressive decoding, recursion. Drawn from stored numbers, reproducible to the byte.

A figure is a row of panels. The files hold the row; the page shows the panels one by one, so that they stack on a phone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reports.curves import Curve, Point, progressive, rate_distortion, recursion
from reports.read import Run, Stored
from reports.style import CONTROL, GRID, INK, MUTED, Look, looks_for, matplotlib_settings, order_key
from reports.tables import METRIC_LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL = (4.3, 3.2)
FORMATS = ("svg", "png", "pdf")
# A control further from the models than twice their own spread would flatten them: it is named at the edge, not drawn to scale.
FAR = 2.0
_METADATA: Mapping[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "ddtbench"},
    "png": {"Software": "ddtbench"},
    "pdf": {"CreationDate": None, "Creator": "ddtbench", "Producer": None},
}
WAYS = {"codes": ("its codes", "-"), "none": ("no codes", ":"), "shuffled": ("another image's codes", "--")}


@dataclass(frozen=True)
class Panel:
    """One plot: a title, what it says in words (the alternative text), and how to draw it."""

    title: str
    description: str
    draw: Callable[[Axes], None]


@dataclass(frozen=True)
class Figure:
    """Panels side by side, with a name for files and a caption."""

    name: str
    task: str
    caption: str
    panels: tuple[Panel, ...]


def figures_of(stored: Stored) -> list[Figure]:
    """Every figure that the stored runs can fill; none where the numbers are not there."""
    looks = looks_for(run.subject for run in stored.runs)
    figures = []
    for task in stored.tasks:
        runs = sorted(stored.of_task(task), key=lambda run: (order_key(run.subject), run.key))
        for make in (_rate_distortion, _progressive, _recursion):
            figure = make(task, runs, looks)
            if figure is not None:
                figures.append(figure)
    return figures


def render(figure: Figure, form: str) -> bytes:
    """The whole figure as ``svg``, ``png`` or ``pdf``: the same bytes for the same numbers."""
    return _render(figure.panels, form, matplotlib_settings())


def panel_svg(panel: Panel, prefix: str, colours: Mapping[str, str] = MappingProxyType({})) -> str:
    """One panel for a page: text stays text in the page's font, ink follows the page's colour, ids are unique by ``prefix``.

    ``colours`` maps hex colours of models to what the page calls them (``var(--m0)``), so that both grounds suit them.
    """
    settings = {**matplotlib_settings(), "svg.fonttype": "none", "axes.titlelocation": "left"}
    settings |= {"figure.facecolor": "none", "savefig.facecolor": "none", "axes.facecolor": "none"}
    text = _render((panel,), "svg", settings, titled=False).decode()
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'id="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(xlink:href="|url\()#', rf"\1#{prefix}-", text)
    text = text.replace(" font-family: 'DejaVu Sans';", "")
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    for colour, variable in ((INK, "currentColor"), (GRID, "var(--hair)"), (MUTED, "var(--muted)"), (CONTROL, "var(--control)"), *colours.items()):
        text = text.replace(colour, variable)
    return re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", text, count=1), count=1)


def _render(panels: Sequence[Panel], form: str, settings: Mapping[str, Any], titled: bool = True) -> bytes:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    buffer = io.BytesIO()
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **settings}):
        canvas = Canvas(figsize=(PANEL[0] * len(panels), PANEL[1]), layout="constrained")
        FigureCanvasAgg(canvas)
        canvas.get_layout_engine().set(w_pad=0.08, h_pad=0.06, wspace=0.06)
        for place, panel in enumerate(panels):
            axes = canvas.add_subplot(1, len(panels), place + 1)
            if titled:
                axes.set_title(panel.title)
            panel.draw(axes)
        canvas.savefig(buffer, format=form, metadata=_METADATA[form])
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------------ rate and distortion


def _rate_distortion(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    panels = []
    rates = [curve.points[0].x for curve in rate_distortion(runs, "psnr")]
    for metric, unit in (("psnr", "dB"), ("object-f1", ""), ("object-recall", "")):
        curves = rate_distortion(runs, metric)
        if len(curves) < 2 or (metric == "object-recall" and len(panels) > 1):
            continue
        label = METRIC_LABELS.get(metric, metric.replace("-", " "))
        words = "; ".join(f"{looks[c.subject].label} {c.points[0].y:.4g} at {c.points[0].x:.3g} bits per pixel" for c in curves)
        panels.append(Panel(label, f"{label} against bits per pixel: {words}.", _rd_drawer(curves, looks, label, unit, rates)))
    if not panels:
        return None
    caption = "What each model keeps of an image, against the bits that it spends per pixel (log scale). Bars are 95 % intervals; grey marks are controls."
    return Figure(f"rate-distortion-{task}", task, caption, tuple(panels))


def _rd_drawer(curves: Sequence[Curve], looks: Mapping[str, Look], label: str, unit: str, rates: Sequence[float]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        axes.set_xscale("log")
        kept, outside = _within_reach(curves, looks)
        labels = []
        for curve in kept:
            point, look = curve.points[0], looks[curve.subject]
            _mark(axes, point, look)
            labels.append((point.x, point.y, look))
        _log_ticks(axes, rates or [curve.points[0].x for curve in curves])
        axes.set_xlabel("bits per pixel")
        axes.set_ylabel(f"{label} ({unit})" if unit else label)
        axes.margins(y=0.14)
        _name_points(axes, labels)
        if outside:
            words = ", ".join(f"{looks[c.subject].label} {c.points[0].y:.3g}" for c in outside)
            axes.annotate(f"out of the frame: {words}", (1, 1.0), (0, 3), xycoords="axes fraction", textcoords="offset points", ha="right", va="bottom", fontsize=7.5, color=MUTED)

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


def _mark(axes: Axes, point: Point, look: Look) -> None:
    if point.low is not None and point.high is not None:
        axes.vlines(point.x, point.low, point.high, color=look.colour, linewidth=1.4, zorder=3)
    size = 22 if look.control else 38
    edge = {} if look.marker in "x+1234|_" else {"edgecolors": "none"}
    axes.scatter([point.x], [point.y], s=size, marker=look.marker, color=look.colour, linewidths=1.2, zorder=4, **edge)


def _name_points(axes: Axes, labels: Sequence[tuple[float, float, Look]]) -> None:
    """Names beside their points, pushed apart where they would overlap, with a hairline to the point where one was moved."""
    axes.figure.draw_without_rendering()
    gap = 11.5 * axes.figure.dpi / 72
    box = axes.get_window_extent()
    places = []
    for x, y, look in labels:
        spot = axes.transData.transform((x, y))
        places.append([float(spot[0]), float(spot[1]), float(spot[1]), look])
    character = 0.64 * 8.5 * axes.figure.dpi / 72
    for right in (False, True):
        full = [item for item in places if (item[0] + character * (len(item[3].label) + 3) > box.x1) == right]
        side = sorted(full, key=lambda item: item[1])
        _spread(side, gap, box.y0 + 0.3 * gap, box.y1 - 0.3 * gap)
        for x, y, at, look in side:
            shift = -9 if right else 9
            moved = abs(at - y) > 0.35 * gap
            axes.annotate(
                look.label,
                axes.transData.inverted().transform((x, y)),
                (shift * (1.7 if moved else 1), (at - y) * 72 / axes.figure.dpi),
                textcoords="offset points",
                ha="right" if right else "left",
                va="center",
                fontsize=8.5,
                color=MUTED if look.control else look.colour,
                fontweight="normal" if look.control else "bold",
                arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4} if moved else None,
            )


def _spread(items: list[list[Any]], gap: float, low: float, high: float) -> None:
    """Move the third entries apart to at least ``gap``, as near to the second ones as that allows."""
    for _ in range(60):
        for below, above in zip(items, items[1:], strict=False):
            overlap = gap - (above[2] - below[2])
            if overlap > 0:
                below[2] -= overlap / 2
                above[2] += overlap / 2
        for item in items:
            item[2] = min(max(item[2], low), high)


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


# ------------------------------------------------------------------------------------------------ curves


def _progressive(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    curves = [curve for run in runs if not looks[run.subject].control for curve in progressive(run)]
    panels = []
    edges = [edge for curve in curves for point in curve.points for edge in (point.y, point.low, point.high) if edge is not None]
    span = (min(edges), max(edges)) if edges else (0.0, 1.0)
    for order, title in (("first", "First codes first"), ("last", "Last codes first")):
        shown = [curve for curve in curves if curve.way == order]
        if shown:
            ends = "; ".join(f"{looks[c.subject].label} from {c.points[0].y:.3g} to {c.points[-1].y:.3g} dB" for c in shown)
            panels.append(Panel(title, f"PSNR against the share of codes shown, {title.lower()}: {ends}.", _curve_drawer(shown, looks, span)))
    if not panels:
        return None
    caption = (
        "PSNR of images decoded from a part of their codes, in the tokenizer's own order and in reverse. What a missing code is, "
        "each tokenizer states. Bands are 95 % intervals."
    )
    return Figure(f"progressive-{task}", task, caption, tuple(panels))


def _recursion(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    panels = []
    for run in runs:
        curves = recursion(run)
        if curves:
            look = looks[run.subject]
            words = "; ".join(f"with {WAYS[c.way][0]} from {c.points[0].y:.3g} to {c.points[-1].y:.3g} dB" for c in curves)
            panels.append(Panel(look.label, f"PSNR of {look.label}'s one-step estimate as noise grows: {words}.", _recursion_drawer(curves, look)))
    if not panels:
        return None
    caption = "PSNR of the clean image estimated in one step from a noisy one, against the share of noise t. Bands are 95 % intervals."
    return Figure(f"recursion-{task}", task, caption, tuple(panels))


def _curve_drawer(curves: Sequence[Curve], looks: Mapping[str, Look], span: tuple[float, float]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for curve in curves:
            look = looks[curve.subject]
            _line(axes, curve, look.colour, "-", look.marker)
        margin = 0.06 * (span[1] - span[0]) or 1.0
        axes.set_ylim(span[0] - margin, span[1] + margin)
        _finish(axes, "share of codes shown", [(curve.points[-1].y, looks[curve.subject].label, looks[curve.subject].colour) for curve in curves])

    return draw


def _recursion_drawer(curves: Sequence[Curve], look: Look) -> Callable[[Axes], None]:
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
    axes.plot(x, [point.y for point in curve.points], color=colour, linestyle=dashes, marker=marker, markersize=4, zorder=3, clip_on=False)


def _finish(axes: Axes, xlabel: str, names: Sequence[tuple[float, str, str]]) -> None:
    """Axis labels, and each curve's name at its end instead of a legend."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel("PSNR (dB)")
    axes.set_xlim(0, 1.0)
    axes.figure.draw_without_rendering()
    gap = 11.5 * axes.figure.dpi / 72
    box = axes.get_window_extent()
    items = [[0.0, float(axes.transData.transform((1, y))[1]), float(axes.transData.transform((1, y))[1]), (y, name, colour)] for y, name, colour in names]
    items.sort(key=lambda item: item[1])
    _spread(items, gap, box.y0, box.y1)
    for _, at, moved, (y, name, colour) in items:
        axes.annotate(name, (1.0, y), (7, (moved - at) * 72 / axes.figure.dpi), textcoords="offset points", va="center", fontsize=8.5, color=colour, fontweight="bold", annotation_clip=False)
