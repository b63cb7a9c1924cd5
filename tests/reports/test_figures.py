"""Figures: the same bytes for the same numbers, fonts inside, every panel with words, hostile labels harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from stored_showing import model_shown

from harness.contracts import Case, Sample, ShownSeries, ShownTask
from harness.display import SHOWING, written
from harness.spec import RunSpec
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder
from reports.figures.axes import Name, spread_names
from reports.figures.curves import rate_distortion, series_of
from reports.figures.draw import FORMATS, figures_of, panel_svg, render, rendered
from reports.figures.style import looks_for
from reports.reading.runs import read_stored
from tasks.tokenizing import shown


@pytest.fixture
def stored(maker: Any, subject: Callable[..., Any]) -> Any:
    models = [subject("ddt", 0.6, 5.0), subject("vqgan", 0.5, 3.0), subject("identity", bits=24576.0)]
    maker.task(subjects=models, cases=20)
    maker.task("progressive-world", models[:2], cases=8)
    maker.task("recursion-world", models[:1], cases=8)
    return read_stored(str(maker.root))


def test_every_kind_is_drawn_once_per_task(stored: Any) -> None:
    names = {figure.name for figure in figures_of(stored)}
    assert {
        "rate-distortion-reconstruction-world",
        "progressive-world-curves",
        "recursion-world-curves",
    } <= names
    assert all(panel.description and panel.title for figure in figures_of(stored) for panel in figure.panels)


def test_bytes_are_reproducible_and_carry_no_date(stored: Any) -> None:
    figure = figures_of(stored)[0]
    for form, opening in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        first = render(figure, form)
        assert first == render(figure, form)
        assert first.startswith(opening)
        assert b"CreationDate" not in first and b"dc:date" not in first
        if form == "pdf":
            assert b"/FontFile2" in first, "fonts are embedded as TrueType, which journals ask for"


def test_drawing_leaves_the_users_settings_alone(stored: Any) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    render(figures_of(stored)[0], "png")
    assert dict(matplotlib.rcParams) == before


def test_panels_are_well_formed_and_ids_do_not_meet(stored: Any) -> None:
    figure = figures_of(stored)[0]
    texts = [panel_svg(panel, f"p{place}") for place, panel in enumerate(figure.panels)]
    ids = []
    for text in texts:
        tree = ElementTree.fromstring(text)
        assert not any(element.tag.endswith(("script", "image", "style")) for element in tree.iter())
        here = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
        links = [value[1:] for element in tree.iter() for key, value in element.attrib.items() if key.endswith("href")]
        assert set(links) <= set(here)
        ids += here
    assert len(ids) == len(set(ids))


def test_every_form_at_once_is_drawn_as_each_alone(stored: Any) -> None:
    figure = figures_of(stored)[0]
    assert rendered(figure) == {form: render(figure, form) for form in FORMATS}


def test_curves_hold_what_was_stored(stored: Any) -> None:
    first, last = series_of(stored.of_task("progressive-world")[0], shown.PROGRESSIVE.series)
    assert (first.way, last.way) == ("first", "last")
    assert first.points[0].x == pytest.approx(1 / 64) and first.points[-1].x == 1
    assert first.points[-1].y == pytest.approx(last.points[-1].y)
    run = stored.of_task("recursion-world")[0]
    ways = {curve.way: curve for curve in series_of(run, shown.RECURSION.series)}
    assert set(ways) == {"codes", "none", "shuffled"}
    # The fixture stores 30 - 0.4 t + (0, 1, 2, 0, 1, 2, 0, 1) on its 8 cases.
    assert ways["codes"].points[-1].y == pytest.approx(30 - 4 + 7 / 8)
    points = rate_distortion(stored.of_task("reconstruction-world"), "bits-per-pixel", "psnr")
    assert {curve.subject: curve.points[0].x for curve in points} == {"ddt": 0.5, "vqgan": 0.5, "identity": 24.0}


def test_what_the_codes_use_of_what_they_spend_stands_beside_it(stored: Any) -> None:
    runs = stored.of_task("reconstruction-world")
    both = next(run for run in runs if run.estimate("psnr") is not None)
    spent = replace(both.estimate("psnr"), metric="spent", value=512.0)
    used = replace(spent, metric="used", value=384.0)
    wider = replace(both, measure=replace(both.measure, estimates=(*both.estimates, spent, used)))
    points = rate_distortion([wider], "spent", "psnr", ("used", "spent"))[0].points
    assert [point.x for point in points] == [512.0, 384.0]
    assert points[0].y == points[1].y
    assert len(rate_distortion([wider], "spent", "psnr", ("not measured", "spent"))[0].points) == 1


def test_looks_do_not_depend_on_order_and_models_differ() -> None:
    names = ["vqgan", "ddt", "var", "mine", "yours", "identity", "jpeg"]
    looks = looks_for({name: model_shown(name) for name in names})
    assert looks == looks_for({name: model_shown(name) for name in reversed(names)})
    models = [look for look in looks.values() if not look.control]
    assert len({(look.colour, look.marker) for look in models}) == len(models)


@pytest.mark.parametrize(
    "colour",
    [
        look.colour
        for look in looks_for({name: model_shown(name) for name in ("ddt", "vqgan", "var", *"abcdef")}).values()
    ],
)
def test_colours_have_a_contrast_of_three_on_white(colour: str) -> None:
    """WCAG 2.2, 1.4.11: graphical objects need 3:1."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 3


def test_names_are_pushed_apart_and_stay_in_order() -> None:
    names = [Name(0, y, y, "", "", False) for y in (50.0, 50.5, 51.0, 90.0)]
    spread_names(names, 10, 0, 100)
    heights = [name.at for name in names]
    assert heights == sorted(heights)
    # The push converges geometrically: within a tenth of the gap is far below what an eye can see.
    assert min(b - a for a, b in pairwise(heights)) >= 9


LONG = "a vector-quantised autoencoder of mine with a long name, epoch 120"


def test_a_long_name_runs_into_nothing(maker: Any, subject: Callable[..., Any]) -> None:
    """Names used to be printed over the axis on the other side of their point, and past the edge of the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    names = ["ddt", "vqgan"]
    maker.task(subjects=[subject(name, 0.5 + place, 3.0) for place, name in enumerate(names)], cases=12)
    maker.task("progressive-world", [subject(name, 0.5, 3.0) for name in names], cases=8)
    for path in maker.root.glob("vqgan/*/*/manifest.json"):
        RunFolder.open(str(path.parent)).write_manifest(shown=LONG)
    stored = read_stored(str(maker.root))
    assert {run.subject for run in stored.runs} == {"ddt", LONG}
    for figure in figures_of(stored):
        for panel in figure.panels:
            canvas = Figure(figsize=(3.6, 2.9), layout="constrained")
            FigureCanvasAgg(canvas)
            axes = canvas.add_subplot()
            panel.draw(axes)
            canvas.canvas.draw()
            renderer, whole = canvas.canvas.get_renderer(), canvas.bbox
            shown = [
                item for item in axes.get_children() if isinstance(item, Annotation) and "vector" in item.get_text()
            ]
            assert shown, panel.title
            ticks = [label.get_window_extent(renderer) for label in axes.get_yticklabels() if label.get_text()]
            for item in shown:
                assert "".join(item.get_text().split()).endswith("120") or "out of" in item.get_text()
                box = item.get_window_extent(renderer)
                assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1, panel.title
                assert not any(box.overlaps(tick) for tick in ticks), panel.title


def test_names_of_several_lines_are_pushed_further_apart() -> None:
    names = [Name(0, y, y, text, "", False) for y, text in ((50.0, "a"), (51.0, "b\nc\nd"), (52.0, "e"))]
    spread_names(names, 10, 0, 100)
    first, second, third = (name.at for name in names)
    assert second - first >= 18 and third - second >= 18


def with_numbers(maker: Any, name: str, task: str, rows: list[dict[str, float]], series: ShownSeries) -> None:
    folder = RunFolder.create_or_open(maker.root, RunSpec(name, 1, "", task, 1, "by hand"))
    samples = [Sample(Case(f"c{row}", f"c{row}"), numbers=numbers) for row, numbers in enumerate(rows)]
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {"key": folder.key}))
    shown = ShownTask("series", series=series, further=(replace(series, title="again", over=""),))
    folder.write_manifest(**{SHOWING: {"task": written(shown), "model": {}, "metrics": {}}})


def test_a_series_of_ratios_is_sum_by_sum_and_further_series_are_figures_of_their_own(maker: Any) -> None:
    series = ShownSeries("t", "x", (("a", "A"), ("b", "B")), "part", "share", "", "c", "g", over="whole")
    rows = [{"part-a-0.5": 1.0, "whole-a": 1.0, "part-b-0.5": 0.0, "whole-b-0.5": 0.0, "part-a-1": 2.0}] * 8
    rows += [{"part-a-0.5": 1.0, "whole-a": 3.0, "part-b-0.5": 0.0, "whole-b-0.5": 0.0, "part-a-1": 2.0}] * 8
    with_numbers(maker, "mine", "sums", rows, series)
    stored = read_stored(str(maker.root))
    (curve,) = series_of(stored.runs[0], series)
    assert [(point.x, point.y) for point in curve.points] == [(0.5, 0.5), (1.0, 1.0)], "nothing divides those of b"
    names = [figure.name for figure in figures_of(stored)]
    assert names == ["sums-curves", "sums-curves-2"]


def test_controls_are_drawn_where_the_series_asks_for_them(maker: Any) -> None:
    series = ShownSeries("t", "x", (("a", "A"),), "part", "share", "", "c", "g", controls=True)
    for drawn in (True, False):
        for name, role in (("mine", "model"), ("known", "control")):
            with_numbers(maker, name, f"sums-{drawn}", [{"part-a-0.5": 1.0}] * 9, replace(series, controls=drawn))
            path = next((maker.root / name / f"sums-{drawn}").iterdir())
            manifest = RunFolder.open(str(path)).manifest()[SHOWING]
            RunFolder.open(str(path)).write_manifest(**{SHOWING: {**manifest, "model": {"role": role}}})
    figures = {figure.task: figure for figure in figures_of(read_stored(str(maker.root)))}
    assert "known" in figures["sums-True"].panels[0].description
    assert "known" not in figures["sums-False"].panels[0].description


def test_a_series_against_a_second_measure_is_a_path_in_the_order_of_its_steps(maker: Any) -> None:
    series = ShownSeries("t", "x", (("a", "A"),), "done", "share", "", "c", "g", against="kept")
    rows = [{"done-a-1": 0.0, "kept-a-1": 0.9, "done-a-1.5": float(row % 2), "kept-a-1.5": 0.5} for row in range(10)]
    with_numbers(maker, "mine", "sums", rows, series)
    stored = read_stored(str(maker.root))
    (curve,) = series_of(stored.runs[0], series)
    assert [(point.x, point.y) for point in curve.points] == [(pytest.approx(0.9), 0), (0.5, 0.5)]
    figure = figures_of(stored)[0]
    assert render(figure, "png").startswith(b"\x89PNG")


def test_loss_curves_come_from_what_the_cards_of_the_checkpoints_state(maker: Any) -> None:
    series = ShownSeries("t", "x", (("a", "A"),), "part", "share", "", "c", "g")
    for name, steps in (("one", 3), ("two", 2)):
        with_numbers(maker, name, "sums", [{"part-a-0.5": 1.0}] * 9, series)
        path = next((maker.root / name / "sums").iterdir())
        losses = [[20 * step, 5.0 / step] for step in range(1, steps + 1)]
        RunFolder.open(str(path)).write_cost({"training": {"recipe": {"name": f"{name}-s0"}, "losses": losses}})
    figure = next(figure for figure in figures_of(read_stored(str(maker.root))) if figure.name == "sums-losses")
    assert "one-s0 from 5 to 1.67; two-s0 from 5 to 2.5" in figure.panels[0].description
    assert render(figure, "png").startswith(b"\x89PNG")


def test_curves_that_meet_in_panels_of_their_own_scale_have_a_legend(maker: Any) -> None:
    from matplotlib.figure import Figure

    series = ShownSeries("t", "x", (("a", "A"), ("b", "B")), "part", "share", "", "c", "g", apart=True)
    for name, height in (("mine", 0.2), ("yours", 0.7)):
        rows = [{"part-a-0.5": height, "part-a-1": 1.0, "part-b-0.5": 8 * height, "part-b-1": 9 * height}] * 9
        with_numbers(maker, name, "sums", rows, series)
    first, second = next(f for f in figures_of(read_stored(str(maker.root))) if f.name == "sums-curves").panels
    drawn = []
    for panel in (first, second):
        axes = Figure(layout="constrained").add_subplot()
        panel.draw(axes)
        legend = axes.get_legend()
        drawn.append((axes.get_ylim()[1], [text.get_text() for text in legend.get_texts()] if legend else []))
    assert drawn[0][0] < 1.2 and drawn[0][1] == ["mine", "yours"]
    assert drawn[1][0] > 6 and drawn[1][1] == []
