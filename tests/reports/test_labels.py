"""No name in a figure lies over another, over an axis or outside, whatever models are called and however many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from harness.contracts import Case, Sample, ShownModel, ShownSeries, ShownTask
from harness.display import SHOWING, written
from harness.spec import RunSpec
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder
from reports.figures.canvas import drawn, saved
from reports.figures.curves import Point
from reports.figures.draw import figures_of
from reports.figures.names import LONGEST, apart, breadth, fitted, shortened
from reports.figures.panels import Figure, Panel
from reports.figures.scaling_figure import draw_marks, finish_axes, looks_of_families
from reports.figures.style import matplotlib_settings
from reports.reading.runs import read_stored
from reports.scaling.trainings import Training
from reports.tables.layout import width

NAMES = {
    "long": [f"{'a tokenizer of mine, trained again and again, ' * 5}epoch {number}"[-200:] for number in range(20)],
    "one word": [f"{'W' * 198}{number:02d}" for number in range(20)],
    "right to left": [f"{'מודל ארוך מאוד ' * 3}{number}" for number in range(6)],
    "wide": [f"{'視覚的トークナイザー' * 20}{number}" for number in range(6)],
    "marks": ["$x_1$ and $", "_under_", r"\frac{a}{b}", "a_b^c $$", "100 % #", "<b>&amp;", "\u202eevil", ""],
    "twenty": [f"model {number}" for number in range(20)],
    "hundred": [f"candidate {number}" for number in range(100)],
}
BY_MODEL = ShownSeries("t", "x", (("a", "first"), ("b", "second")), "part", "share", "", "c", "g", panels="model")
PATHS = ShownSeries("t", "kept", (("a", "A"),), "part", "done", "", "c", "g", against="kept")
STEPS = (0.125, 0.25, 0.5, 1.0)


def store(root: Path, task: str, number: int, name: str, shown: ShownTask) -> None:
    """A run of four cases that measure something at steps, alike in all models, and whose model logged its training."""
    folder = RunFolder.create_or_open(root, RunSpec(f"model-{number}", 1, "", task, 1, "by hand"))
    samples = []
    for row in range(4):
        numbers = {f"part-{way}-{s}": 0.2 * s + row / 40 + number / 300 for way in "ab" for s in STEPS}
        numbers |= {f"kept-a-{s}": 0.9 - 0.3 * s + number / 500 for s in STEPS}
        samples.append(Sample(Case(f"c{row}", f"c{row}"), numbers=numbers))
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {"key": folder.key}))
    folder.write_manifest(shown=name, **{SHOWING: {"task": written(shown), "model": {}, "metrics": {}}})
    examined = {"words": 2.0 + number / 9, "pictures": 3.0}
    losses = [[20 * step, 6.0 / step + number / 50] for step in range(1, 30)]
    card = {"recipe": {"name": f"{name} s0"}, "losses": losses, "validation_nats_per_token": examined}
    folder.write_cost({"training": {**card, "steps": 400 + 100 * (number % 2), "stage": "pretrain"}})


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Figure]]:
    """The figures of series for each kind of names, stored once."""
    made: dict[str, list[Figure]] = {}

    def of(kind: str) -> list[Figure]:
        if kind not in made:
            root = tmp_path_factory.mktemp("runs")
            by_way = replace(BY_MODEL, panels="way")
            for task, series in (("ways", by_way), ("models", BY_MODEL), ("paths", PATHS)):
                few = NAMES[kind] if task != "models" or kind == "hundred" else NAMES[kind][:6]  # a panel for each
                for number, name in enumerate(few):
                    store(root, task, number, name, ShownTask(task, series=series))
            made[kind] = figures_of(read_stored(str(root)))
        return made[kind]

    return of


@pytest.fixture
def settings() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(matplotlib_settings())
        yield


def texts_of(canvas: Any) -> list[tuple[str, Any]]:
    """(text, place on the canvas) of everything that is written."""
    canvas.draw_without_rendering()
    found = [text for legend in canvas.legends for text in legend.get_texts()]
    for axes in canvas.axes:
        found += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        found += [axes.title, axes._left_title, axes._right_title, axes.xaxis.offsetText, axes.yaxis.offsetText]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    renderer = canvas.canvas.get_renderer()
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found if text.get_text().strip()]


def troubles(panels: Sequence[Panel], titled: bool) -> list[str]:
    """Which texts lie over each other or leave the canvas, by more than a pixel of a hundred an inch."""
    canvas = drawn(panels, titled)
    texts, whole, found = texts_of(canvas), canvas.bbox, []
    for text, box in texts:
        if box.x0 < whole.x0 - 1 or box.x1 > whole.x1 + 1 or box.y0 < whole.y0 - 1 or box.y1 > whole.y1 + 1:
            found.append(f"{text!r} leaves the canvas")
    for (one, first), (two, second) in combinations(texts, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        up = min(first.y1, second.y1) - max(first.y0, second.y0)
        if across > 1 and up > 1:
            found.append(f"{one!r} and {two!r}")
    least = 0.4 * whole.width / max((axes.get_gridspec().ncols for axes in canvas.axes), default=1)
    if any(axes.get_window_extent().width < least for axes in canvas.axes):
        found.append("names leave no room for what they name")
    return found


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.usefixtures("settings")
def test_no_name_lies_over_anything(figures: Callable[[str], list[Figure]], kind: str) -> None:
    made = figures(kind)
    assert {figure.name for figure in made} >= {"ways-curves", "models-curves", "paths-curves", "ways-losses"}
    for figure in made:
        assert troubles(figure.panels, titled=True) == [], figure.name
        assert troubles(figure.panels[:1], titled=False) == [], figure.name


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.usefixtures("settings")
def test_no_name_of_a_point_lies_over_anything(kind: str, maker: Any, subject: Callable[..., Any]) -> None:
    for number, name in enumerate(NAMES[kind]):
        key = maker.run("reconstruction-world", subject(f"m{number}", 0.3 + 0.05 * number, bits=512.0), ["scene-0"])
        RunFolder.open(f"{maker.root}/m{number}/reconstruction-world/{key}").write_manifest(shown=name)
    (figure,) = figures_of(read_stored(str(maker.root)))
    assert troubles(figure.panels, titled=True) == []
    assert troubles(figure.panels[:1], titled=False) == []


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.usefixtures("settings")
def test_no_name_of_a_family_lies_over_anything(kind: str) -> None:
    found = [
        Training(
            name, ShownModel(name), name, 1e6 * size, 1e7, 6e13 * size, Point(1e6, 3 / size + row / 40, None, None)
        )
        for row, name in enumerate(NAMES[kind])
        for size in (1, 2, 4)
    ]
    looks = looks_of_families(found)

    def draw(axes: Any) -> None:
        across = [one.flops / 1e12 for one in found]
        draw_marks(axes, found, across, looks)
        finish_axes(axes, found, across, looks, True)

    assert troubles([Panel("Scaling", "", draw)], titled=True) == []


def test_a_crowd_is_named_by_its_leaders_and_the_caption_says_so(figures: Callable[[str], list[Figure]]) -> None:
    made = {figure.name: figure for figure in figures("hundred")}
    assert (
        "Named are the 12 of 100 models that come first in order; the others are pale." in made["ways-curves"].caption
    )
    assert made["ways-curves"].panels[0].description.endswith("and 88 more.")
    assert len(made["models-curves"].panels) == 12, "a panel for each that is named"
    assert "12 of 100 trainings" in made["ways-losses"].caption


def test_dollars_and_underscores_stand_as_they_are(figures: Callable[[str], list[Figure]]) -> None:
    canvas = saved(figures("marks")[0].panels, ("svg",), {**matplotlib_settings(), "svg.fonttype": "none"})["svg"]
    for name in ("$x_1$ and $", "_under_", "a_b^c $$", "&lt;b&gt;&amp;amp;"):
        assert name in canvas.decode()


@pytest.mark.parametrize("name", [name for kind in ("long", "one word", "wide") for name in NAMES[kind][:1]])
def test_a_name_is_shortened_in_the_middle_and_folded_to_its_room(name: str) -> None:
    short = shortened(name)
    assert width(short) <= LONGEST and (short == name or short.count("…") == 1)
    assert short[:9] == name[:9] and short[-1:] == name[-1:]
    lines = fitted(name, 80).split("\n")
    assert all(breadth(line) <= 80 for line in lines)
    assert "".join("".join(lines).split()) == "".join(name.split())


def test_names_that_are_shortened_alike_are_numbered() -> None:
    names = [f"{'x' * 100}{middle}{'y' * 100}" for middle in "abc"]
    assert len(set(apart(names).values())) == 3 and all(width(name) <= LONGEST for name in apart(names).values())
