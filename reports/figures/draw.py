"""Figures: rate and distortion, progressive decoding, recursion, scaling, from stored numbers, to the same bytes.

A figure is a row of panels. Files hold the row; the page shows panels one by one, so that they stack on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from harness.contracts import ShownSeries, ShownTask
from reports.figures.canvas import saved
from reports.figures.crowds import looks_in, said_of
from reports.figures.curves import Curve, rate_distortion, series_of
from reports.figures.drawing import draw_models, draw_paths, draw_rate_distortion, draw_ways
from reports.figures.learning import learning_figure, validation_figure
from reports.figures.panels import Figure, Panel
from reports.figures.scaling_figure import scaling_figure
from reports.figures.style import Look, looks_of, matplotlib_settings
from reports.figures.vector import for_page, with_dark
from reports.reading.runs import Run, Stored, in_order
from reports.tables.cells import column_for

FORMATS = ("svg", "png", "pdf")


def figures_of(stored: Stored) -> list[Figure]:
    """Every figure that the stored runs can fill; none where the numbers are not there."""
    looks = looks_of(stored.runs)
    figures = []
    for task in stored.tasks:
        runs, shown = in_order(stored.of_task(task)), stored.shown(task)
        series = [*([shown.series] if shown.series else []), *shown.further]
        mine, crowd = looks_in(shown, runs, looks)
        made = [
            _rate_distortion(task, shown, runs, mine),
            *(_series(task, item, runs, mine, place) for place, item in enumerate(series)),
        ]
        figures += [replace(figure, caption=figure.caption + crowd) for figure in made if figure is not None]
        scaling = scaling_figure(task, runs)
        learnt = (learning_figure(task, runs, looks), validation_figure(task, runs)) if series or scaling else ()
        figures += [figure for figure in (scaling, *learnt) if figure is not None]
    return figures


def render(figure: Figure, form: str) -> bytes:
    """The whole figure as ``svg``, ``png`` or ``pdf``: the same bytes for the same numbers."""
    return _finished(saved(figure.panels, (form,), matplotlib_settings()))[form]


def rendered(figure: Figure) -> dict[str, bytes]:
    """The whole figure in every form, drawn once."""
    return _finished(saved(figure.panels, FORMATS, matplotlib_settings()))


def _finished(made: Mapping[str, bytes]) -> dict[str, bytes]:
    return {form: with_dark(content) if form == "svg" else content for form, content in made.items()}


def render_panel(panel: Panel, form: str, size: tuple[float, float]) -> bytes:
    """One panel alone, without its title, ``size`` inches wide and high."""
    return saved((panel,), (form,), matplotlib_settings(), titled=False, size=size)[form]


def panel_svg(panel: Panel, prefix: str, colours: Mapping[str, str] = MappingProxyType({})) -> str:
    """One panel for a page, whose text stays text (``vector.for_page``)."""
    settings = {**matplotlib_settings(), "svg.fonttype": "none", "axes.titlelocation": "left"}
    settings |= {"figure.facecolor": "none", "savefig.facecolor": "none", "axes.facecolor": "none"}
    return for_page(saved((panel,), ("svg",), settings, titled=False)["svg"], prefix, colours)


# ------------------------------------------------------------------------------------------------ rate and distortion


def _rate_distortion(task: str, shown: ShownTask, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    panels: list[Panel] = []
    planes = [rate_distortion(runs, shown.rate, metric, shown.used) for metric in shown.plane]
    rates = [curve.points[0].x for curve in planes[0]] if planes else []
    for metric, curves in zip(shown.plane, planes, strict=True):
        if len(curves) < 2:
            continue
        column, spent = column_for(metric, runs), column_for(shown.rate, runs).label
        words = said_of(
            [
                (look, f"{look.label} {c.points[0].y:.4g} at {c.points[0].x:.3g}")
                for c in curves
                for look in [looks[c.subject]]
            ]
        )
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
            said = said_of(
                [(look, f"{look.label} {_ends(c, shown.unit)}") for c in mine for look in [looks[c.subject]]]
            )
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
        look = looks[run.subject]
        if curves and not look.pale:
            ends = "; ".join(f"{said[c.way]} {_ends(c, shown.unit)}" for c in curves)
            words = f"{shown.label} of {look.label} against {shown.axis}: {ends}."
            panels.append(Panel(look.label, words, draw_ways(curves, look, shown)))
    return panels


def _ends(curve: Curve, unit: str) -> str:
    return f"from {curve.points[0].y:.3g} to {curve.points[-1].y:.3g} {unit}".rstrip()
