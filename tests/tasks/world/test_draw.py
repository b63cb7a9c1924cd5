"""The renderer: areas, places and colours of what it paints, and its speed."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.world.draw import GRID, draw, draw_array, stamps
from tasks.world.sampling import scenes_of
from tasks.world.scene import BACKGROUNDS, COLOUR_NAMES, COLOURS, SHAPES, SIDE, SIZES, Scene, SceneObject, as_batch
from tasks.world.stream import open_world

AREAS = {
    "circle": math.pi,
    "square": 4 * 0.92**2,
    "triangle": 1.9**2 / 1.9,
    "cross": 4 * (2 * 0.34 - 0.34**2),
    "ring": math.pi * (1 - 0.55**2),
}


@pytest.mark.parametrize("shape", AREAS)
@pytest.mark.parametrize("size", range(3))
def test_coverage_has_the_area_of_the_shape(shape: str, size: int) -> None:
    radius = list(SIZES.values())[size]
    areas = stamps()[SHAPES.index(shape), size].sum((-1, -2))
    # An edge is placed to 1/16 pixel at worst; the bars of the small cross, 3.4 pixels wide, then err by 3 %.
    np.testing.assert_allclose(areas, AREAS[shape] * radius**2, rtol=0.03)


def test_stamps_stay_inside_their_box() -> None:
    edge = np.concatenate([stamps()[..., 0, :], stamps()[..., -1, :], stamps()[..., :, 0], stamps()[..., :, -1]])
    assert not edge.any() and stamps().min() == 0 and stamps().max() == 1


@given(
    st.sampled_from(SHAPES),
    st.sampled_from(COLOUR_NAMES),
    st.sampled_from(list(SIZES)),
    st.tuples(*[st.integers(8 * GRID, 24 * GRID)] * 2),
    st.tuples(*[st.integers(-1, 1)] * 2),
)
@settings(max_examples=60, deadline=None)
def test_a_whole_pixel_moves_the_picture(
    shape: str, colour: str, size: str, centre: tuple[int, int], move: tuple[int, int]
) -> None:
    x, y = centre[0] / GRID, centre[1] / GRID
    here = Scene((SceneObject(shape, colour, size, x, y),), "grey", "grey")
    there = Scene((SceneObject(shape, colour, size, x + move[0], y + move[1]),), "grey", "grey")
    first, second = draw_array(as_batch([here, there]))
    # A plain background is interpolated between equal ends, which rounds by one unit in the last place.
    np.testing.assert_allclose(np.roll(first, (move[1], move[0]), axis=(1, 2)), second, atol=2e-7)


def test_inside_is_the_colour_and_outside_the_background() -> None:
    scene = Scene((SceneObject("square", "blue", "medium", 10, 20),), "beige", "slate")
    picture = draw_array(as_batch([scene]))[0]
    np.testing.assert_allclose(
        picture[:, 16:24, 6:14], np.full((3, 8, 8), 1) * np.c_[COLOURS["blue"]].T[..., None] / 255
    )
    np.testing.assert_allclose(picture[:, 0, 0] * 255, BACKGROUNDS["beige"], atol=1e-3)
    np.testing.assert_allclose(picture[:, -1, -1] * 255, BACKGROUNDS["slate"], atol=1e-3)
    middle = (np.array(BACKGROUNDS["beige"]) + BACKGROUNDS["slate"]) / 2
    np.testing.assert_allclose(picture[:, 15:17, 30].mean(1) * 255, middle, atol=1e-3)


def test_pictures_are_float32_in_range_and_do_not_depend_on_the_batch() -> None:
    batch = scenes_of("val", 0, 40)
    whole = draw(batch)
    assert whole.shape == (40, 3, SIDE, SIDE) and whole.dtype.is_floating_point and whole.element_size() == 4
    assert float(whole.min()) >= 0 and float(whole.max()) <= 1
    for row in (0, 17, 39):
        assert draw(batch.select([row]))[0].equal(whole[row])
    assert draw(batch.select(slice(0))).shape == (0, 3, SIDE, SIDE)


def test_two_thousand_scenes_a_second() -> None:
    world = open_world(0)
    world.batch(0, 8)
    began = time.process_time()
    world.batch(1, 2000)
    # Sampling and drawing take about 0.15 s of CPU time; the promise is 1 s.
    assert time.process_time() - began < 1.0
