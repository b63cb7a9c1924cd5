"""Figures: rate and distortion, progressive decoding, recursion, scaling, from stored numbers, to the same bytes.

A figure is a row of panels. Files hold the row; the page shows panels one by one, so that they stack on a phone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from reports.figures.curves import progressive, rate_distortion, recursion
from reports.figures.drawing import WAYS, draw_curves, draw_rate_distortion, draw_recursion
from reports.figures.panels import Figure, Panel
from reports.figures.scaling_figure import scaling_figure
from reports.figures.style import CONTROL, GRID, INK, MUTED, Look, looks_for, matplotlib_settings
from reports.reading.runs import Run, Stored, in_order
from reports.reading.words import label_of_metric
from reports.tables.layout import folded

TITLE = 44
"""Characters of a line of a panel's title."""
PANEL = (4.3, 3.2)
FORMATS = ("svg", "png", "pdf")
_METADATA: Mapping[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "ddtbench"},
    "png": {"Software": "ddtbench"},
    "pdf": {"CreationDate": None, "Creator": "ddtbench", "Producer": None},
}


def figures_of(stored: Stored) -> list[Figure]:
    """Every figure that the stored runs can fill; none where the numbers are not there."""
    looks = looks_for((run.subject for run in stored.runs), stored.controls)
    figures = []
    for task in stored.tasks:
        runs = in_order(stored.of_task(task))
        for make in (_rate_distortion, _progressive, _recursion):
            figure = make(task, runs, looks)
            if figure is not None:
                figures.append(figure)
        scaled = scaling_figure(task, runs)
        figures += [scaled] if scaled else []
    return figures


def render(figure: Figure, form: str) -> bytes:
    """The whole figure as ``svg``, ``png`` or ``pdf``: the same bytes for the same numbers."""
    return _render(figure.panels, form, matplotlib_settings())


def panel_svg(panel: Panel, prefix: str, colours: Mapping[str, str] = MappingProxyType({})) -> str:
    """One panel for a page: text stays text in the page's font, ink is the page's, ids are unique by ``prefix``.

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
    for colour, variable in (
        (INK, "currentColor"),
        (GRID, "var(--hair)"),
        (MUTED, "var(--muted)"),
        (CONTROL, "var(--control)"),
        *colours.items(),
    ):
        text = text.replace(colour, variable)
    return re.sub(
        r'<svg([^>]*?) width="[^"]*"',
        r"<svg\1",
        re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", text, count=1),
        count=1,
    )


def _render(panels: Sequence[Panel], form: str, settings: Mapping[str, Any], titled: bool = True) -> bytes:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    buffer = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, settings))  # the stubs want every name spelt out
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.06)
        canvas = Canvas(figsize=(PANEL[0] * len(panels), PANEL[1]), layout=layout)
        FigureCanvasAgg(canvas)
        for place, panel in enumerate(panels):
            axes = canvas.add_subplot(1, len(panels), place + 1)
            if titled:
                axes.set_title("\n".join(folded(panel.title, TITLE)))
            panel.draw(axes)
        canvas.savefig(buffer, format=form, metadata=_METADATA[form])
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------------ rate and distortion


def _rate_distortion(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    panels: list[Panel] = []
    rates = [curve.points[0].x for curve in rate_distortion(runs, "psnr")]
    for metric, unit in (("psnr", "dB"), ("object-recall", ""), ("object-f1", "")):
        curves = rate_distortion(runs, metric)
        if len(curves) < 2 or (metric == "object-f1" and len(panels) > 1):
            continue
        label = label_of_metric(metric)
        words = "; ".join(
            f"{looks[c.subject].label} {c.points[0].y:.4g} at {c.points[0].x:.3g} bits per pixel" for c in curves
        )
        panels.append(
            Panel(
                label,
                f"{label} against bits per pixel: {words}.",
                draw_rate_distortion(curves, looks, label, unit, rates),
            )
        )
    if not panels:
        return None
    caption = (
        "What each model keeps of an image, against the bits that it spends per pixel (log scale). Bars are 95 % "
        "intervals; grey marks are controls. Models that spend the same bits stand side by side."
    )
    return Figure(f"rate-distortion-{task}", "Rate and distortion", task, caption, tuple(panels))


# ------------------------------------------------------------------------------------------------ curves


def _progressive(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    curves = [curve for run in runs if not looks[run.subject].control for curve in progressive(run)]
    panels: list[Panel] = []
    edges = [
        edge
        for curve in curves
        for point in curve.points
        for edge in (point.y, point.low, point.high)
        if edge is not None
    ]
    span = (min(edges), max(edges)) if edges else (0.0, 1.0)
    for order, title in (("first", "First codes first"), ("last", "Last codes first")):
        shown = [curve for curve in curves if curve.way == order]
        if shown:
            ends = "; ".join(
                f"{looks[c.subject].label} from {c.points[0].y:.3g} to {c.points[-1].y:.3g} dB" for c in shown
            )
            panels.append(
                Panel(
                    title,
                    f"PSNR against the share of codes shown, {title.lower()}: {ends}.",
                    draw_curves(shown, looks, span),
                )
            )
    if not panels:
        return None
    caption = (
        "PSNR of images decoded from a part of their codes, in the tokenizer's own order and in reverse. What a "
        "missing code is, each tokenizer states. Bands are 95 % intervals."
    )
    return Figure(f"{task}-curves", "Progressive decoding", task, caption, tuple(panels))


def _recursion(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    panels: list[Panel] = []
    for run in runs:
        curves = recursion(run)
        if curves:
            look = looks[run.subject]
            words = "; ".join(
                f"with {WAYS[c.way][0]} from {c.points[0].y:.3g} to {c.points[-1].y:.3g} dB" for c in curves
            )
            panels.append(
                Panel(
                    look.label,
                    f"PSNR of {look.label}'s one-step estimate as noise grows: {words}.",
                    draw_recursion(curves, look),
                )
            )
    if not panels:
        return None
    caption = (
        "PSNR of the clean image estimated in one step from a noisy one, against the share of noise t. Bands are 95 % "
        "intervals."
    )
    return Figure(f"{task}-curves", "Estimates from noise", task, caption, tuple(panels))
