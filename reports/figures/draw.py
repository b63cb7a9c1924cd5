"""Figures: rate and distortion, progressive decoding, recursion, scaling, from stored numbers, to the same bytes.

A figure is a row of panels. Files hold the row; the page shows panels one by one, so that they stack on a phone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from harness.contracts import ShownSeries, ShownTask
from reports.figures.curves import Curve, rate_distortion, series_of
from reports.figures.drawing import draw_models, draw_paths, draw_rate_distortion, draw_ways
from reports.figures.learning import learning_figure
from reports.figures.panels import Figure, Panel
from reports.figures.scaling_figure import scaling_figure
from reports.figures.style import CONTROL, GRID, INK, MUTED, Look, looks_of, matplotlib_settings
from reports.reading.runs import Run, Stored, in_order
from reports.tables.cells import column_for
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
    looks = looks_of(stored.runs)
    figures = []
    for task in stored.tasks:
        runs, shown = in_order(stored.of_task(task)), stored.shown(task)
        series = [*([shown.series] if shown.series else []), *shown.further]
        made = (
            _rate_distortion(task, shown, runs, looks),
            *(_series(task, item, runs, looks, place) for place, item in enumerate(series)),
            scaling_figure(task, runs),
            learning_figure(task, runs, looks) if series else None,
        )
        figures += [figure for figure in made if figure is not None]
    return figures


def render(figure: Figure, form: str) -> bytes:
    """The whole figure as ``svg``, ``png`` or ``pdf``: the same bytes for the same numbers."""
    return _render(figure.panels, (form,), matplotlib_settings())[form]


def rendered(figure: Figure) -> dict[str, bytes]:
    """The whole figure in every form, drawn once."""
    return _render(figure.panels, FORMATS, matplotlib_settings())


def render_panel(panel: Panel, form: str, size: tuple[float, float]) -> bytes:
    """One panel alone, without its title, ``size`` inches wide and high."""
    return _render((panel,), (form,), matplotlib_settings(), titled=False, size=size)[form]


def panel_svg(panel: Panel, prefix: str, colours: Mapping[str, str] = MappingProxyType({})) -> str:
    """One panel for a page: text stays text in the page's font, ink is the page's, ids are unique by ``prefix``.

    ``colours`` maps hex colours of models to what the page calls them (``var(--m0)``), so that both grounds suit them.
    """
    settings = {**matplotlib_settings(), "svg.fonttype": "none", "axes.titlelocation": "left"}
    settings |= {"figure.facecolor": "none", "savefig.facecolor": "none", "axes.facecolor": "none"}
    text = _render((panel,), ("svg",), settings, titled=False)["svg"].decode()
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


def _render(
    panels: Sequence[Panel],
    forms: Sequence[str],
    settings: Mapping[str, Any],
    titled: bool = True,
    size: tuple[float, float] | None = None,
) -> dict[str, bytes]:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    made = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, settings))  # the stubs want every name spelt out
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.06)
        canvas = Canvas(figsize=size or (PANEL[0] * len(panels), PANEL[1]), layout=layout)
        FigureCanvasAgg(canvas)
        for place, panel in enumerate(panels):
            axes = canvas.add_subplot(1, len(panels), place + 1)
            if titled:
                axes.set_title("\n".join(folded(panel.title, TITLE)))
            panel.draw(axes)
        for form in forms:
            buffer = io.BytesIO()
            canvas.savefig(buffer, format=form, metadata=_METADATA[form])
            made[form] = buffer.getvalue()
    return made


# ------------------------------------------------------------------------------------------------ rate and distortion


def _rate_distortion(task: str, shown: ShownTask, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    panels: list[Panel] = []
    planes = [rate_distortion(runs, shown.rate, metric, shown.used) for metric in shown.plane]
    rates = [curve.points[0].x for curve in planes[0]] if planes else []
    for metric, curves in zip(shown.plane, planes, strict=True):
        if len(curves) < 2:
            continue
        column, spent = column_for(metric, runs), column_for(shown.rate, runs).label
        words = "; ".join(f"{looks[c.subject].label} {c.points[0].y:.4g} at {c.points[0].x:.3g}" for c in curves)
        panels.append(
            Panel(
                column.label,
                f"{column.label} against {spent}: {words} {spent}.",
                draw_rate_distortion(curves, looks, column, spent, rates),
            )
        )
    if not panels:
        return None
    label = column_for(shown.rate, runs).label
    marks = "Bars are 95 % intervals; grey marks are controls."
    if shown.rate not in runs[0].rates():
        across = f"{' and '.join(panel.title for panel in panels)} against {label} (log scale). {marks}"
        return Figure(f"plane-{task}", f"{panels[0].title} against {label}", task, across, tuple(panels))
    caption = (
        f"What each model keeps of an image, against what it spends ({label}, log scale). {marks} "
        "Models that spend the same stand side by side."
    )
    if any(len(curve.points) > 1 for curves in planes for curve in curves):
        caption += (
            " A hollow mark is what the codes use of it at most: the sum of the entropies of their positions, over "
            "these images."
        )
    return Figure(f"rate-distortion-{task}", "Rate and distortion", task, caption, tuple(panels))


# ------------------------------------------------------------------------------------------------ series


def _series(
    task: str, shown: ShownSeries, runs: Sequence[Run], looks: Mapping[str, Look], place: int = 0
) -> Figure | None:
    """A panel for each way with all models in it, or one for each model with all ways. ``place`` counts the series of a
    task."""
    curves = [(run, series_of(run, shown)) for run in runs if shown.controls or not looks[run.subject].control]
    panels = _by_way(shown, curves, looks) if shown.panels == "way" else _by_model(shown, curves, looks)
    name = f"{task}-curves" + (f"-{place + 1}" if place else "")
    return Figure(name, shown.title, task, shown.caption, tuple(panels)) if panels else None


def _by_way(shown: ShownSeries, found: Sequence[tuple[Run, Sequence[Curve]]], looks: Mapping[str, Look]) -> list[Panel]:
    every = [curve for _, curves in found for curve in curves]
    span = _span(every)
    panels = []
    for way, title in shown.ways:
        mine = [curve for curve in every if curve.way == way]
        if mine:
            said = "; ".join(f"{looks[c.subject].label} {_ends(c, shown.unit)}" for c in mine)
            words = f"{shown.label} against {shown.axis}, {title.lower()}: {said}."
            draw = draw_paths if shown.against else draw_models
            panels.append(Panel(title, words, draw(mine, looks, _span(mine) if shown.apart else span, shown)))
    return panels


def _span(curves: Sequence[Curve]) -> tuple[float, float]:
    """The lowest and the highest end of all intervals."""
    points = [point for curve in curves for point in curve.points]
    ends = [end for point in points for end in (point.y, point.low, point.high) if end is not None]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _by_model(
    shown: ShownSeries, found: Sequence[tuple[Run, Sequence[Curve]]], looks: Mapping[str, Look]
) -> list[Panel]:
    said = dict(shown.ways)
    panels = []
    for run, curves in found:
        if curves:
            look = looks[run.subject]
            ends = "; ".join(f"{said[c.way]} {_ends(c, shown.unit)}" for c in curves)
            words = f"{shown.label} of {look.label} against {shown.axis}: {ends}."
            panels.append(Panel(look.label, words, draw_ways(curves, look, shown)))
    return panels


def _ends(curve: Curve, unit: str) -> str:
    return f"from {curve.points[0].y:.3g} to {curve.points[-1].y:.3g} {unit}".rstrip()
