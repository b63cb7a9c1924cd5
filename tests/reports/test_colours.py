"""Colours of figures and pages: told apart without one kind of cone, readable on both grounds, in files and pages."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from stored_showing import model_shown

from reports.figures.canvas import saved
from reports.figures.panels import Panel
from reports.figures.style import (
    DARK,
    FURTHER_MARKERS,
    LIGHT,
    SPARE,
    contrast,
    lighter,
    looks_for,
    matplotlib_settings,
    worded,
)
from reports.figures.vector import for_page, with_dark
from reports.page.marks import colour_names

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
CONES = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
FIXED = ("ddt", "vqgan", "var")
MODELS = looks_for({name: model_shown(name) for name in (*FIXED, *"abcdef")})


def lab(colour: str, cones: str) -> np.ndarray:
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(CONES[cones]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("cones", CONES)
def test_models_are_told_apart_without_one_kind_of_cone(cones: str) -> None:
    """Distances in CIELAB, where 2.3 can just be seen. Markers differ as well."""
    looks = [MODELS[name] for name in FIXED]
    for one, two in combinations(looks, 2):
        assert np.linalg.norm(lab(one.colour, cones) - lab(two.colour, cones)) > 12
        assert np.linalg.norm(lab(lighter(one.colour), cones) - lab(lighter(two.colour), cones)) > 7
    for one, two in combinations(MODELS.values(), 2):
        assert np.linalg.norm(lab(one.colour, cones) - lab(two.colour, cones)) > 7, (one, two)
        assert one.marker != two.marker


def test_forty_models_have_forty_looks() -> None:
    looks = looks_for({f"m{number}": model_shown("unknown") for number in range(40)})
    assert len({(look.colour, look.marker) for look in looks.values()}) == 40
    assert not set(FURTHER_MARKERS) & {marker for _, marker in SPARE}


@pytest.mark.parametrize("look", MODELS.values(), ids=MODELS)
def test_marks_and_names_are_readable_on_both_grounds(look: object) -> None:
    colour = look.colour  # type: ignore[attr-defined]
    assert contrast(colour, LIGHT["ground"]) >= 3 and contrast(lighter(colour), DARK["ground"]) >= 4.5
    assert contrast(worded(colour), LIGHT["ground"]) >= 4.5


@pytest.mark.parametrize("name", ["ink", "muted", "link", "best", "warn"])
def test_words_of_pages_are_readable_on_both_grounds(name: str) -> None:
    for palette in (LIGHT, DARK):
        assert all(contrast(palette[name], palette[ground]) >= 4.5 for ground in ("ground", "raised"))
        assert name not in ("best", "warn") or contrast(palette[name], palette[f"{name}-ground"]) >= 4.5


def drawn_svg(**more: object) -> bytes:
    def draw(axes: object) -> None:
        axes.plot([1, 2], [1, 2], color=SPARE[0][0])  # type: ignore[attr-defined]
        axes.annotate("named", (1, 1), color=worded(SPARE[2][0]))  # type: ignore[attr-defined]

    return saved([Panel("A", "a", draw)], ("svg",), {**matplotlib_settings(), **more})["svg"]


def test_a_file_has_a_dark_colour_for_each_that_it_draws_with_and_keeps_the_light_ones() -> None:
    plain = drawn_svg().decode()
    text = with_dark(drawn_svg()).decode()
    assert "@media screen and (prefers-color-scheme: dark)" in text
    used = set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", plain))
    assert {("fill", LIGHT["ground"]), ("stroke", SPARE[0][0]), ("fill", worded(SPARE[2][0]))} <= used
    for kind, colour in used:
        other = re.search(rf'\[style\*="{kind}: {colour}"\] {{ {kind}: (#[0-9a-f]{{6}}) !important }}', text)
        assert other and other[1] != colour
    assert text.replace(text[text.index("@media") : text.index("</style>")], "") == plain


def test_a_panel_in_a_page_has_no_colour_of_its_own() -> None:
    names = colour_names(MODELS)
    text = for_page(drawn_svg(**{"svg.fonttype": "none", "savefig.facecolor": "none"}), "p", names)
    assert not re.findall(r"#[0-9a-f]{6}\b", text)
    assert "font-family" not in text
