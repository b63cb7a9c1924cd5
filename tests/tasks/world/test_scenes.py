"""Scenes and their splits: what a scene promises, and that no split can show another's."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.world.sampling import GAP, SPLITS, Split, contrasts, scenes_of, split_of
from tasks.world.scene import CONTRAST, HELD_OUT, MOST, SIDE, Scene, SceneBatch, SceneObject, as_batch
from tasks.world.stream import open_world

COUNT = 1500


@pytest.fixture(scope="module", params=SPLITS)
def split(request: pytest.FixtureRequest) -> tuple[Split, SceneBatch]:
    return request.param, scenes_of(request.param, 0, COUNT)


def arrangement(scene: Scene) -> frozenset[tuple[object, ...]]:
    """What the split is decided by, computed apart from the code that decides."""
    return frozenset((item.shape, item.colour, round(item.x), round(item.y)) for item in scene.objects)


def equal(a: SceneBatch, b: SceneBatch) -> bool:
    return a.scenes() == b.scenes()


def test_boxes_lie_inside_and_apart(split: tuple[Split, SceneBatch]) -> None:
    for scene in split[1].scenes():
        assert 1 <= len(scene.objects) <= MOST
        for i, item in enumerate(scene.objects):
            assert min(item.box) >= 0.5 and max(item.box) <= SIDE - 0.5
            for other in scene.objects[:i]:
                apart = max(abs(item.x - other.x), abs(item.y - other.y)) - item.radius - other.radius
                assert apart >= GAP


def test_every_object_contrasts_and_has_a_cell_of_its_own(split: tuple[Split, SceneBatch]) -> None:
    batch = split[1]
    row, slot = np.nonzero(batch.present)
    for end in (batch.top, batch.bottom):
        assert contrasts()[end[row], batch.colour[row, slot]].all()
    assert CONTRAST >= 0.4
    for scene in batch.scenes():
        assert len({item.cell for item in scene.objects}) == len(scene.objects)


def test_held_out_combinations_occur_in_test_scenes_only(split: tuple[Split, SceneBatch]) -> None:
    name, batch = split
    shown = {(item.shape, item.colour) for scene in batch.scenes() for item in scene.objects}
    if name == "test":
        assert shown >= HELD_OUT
        marked = [scene for scene in batch.scenes() if scene.facts()["held_out"]]
        # 6 of 60 combinations are held out and a scene has 2.4 objects of 1.9 kinds: about one scene in six.
        assert 0.1 < len(marked) / COUNT < 0.3
        assert all(scene.held_out for scene in marked)
    else:
        assert not shown & HELD_OUT
        assert not any(scene.held_out for scene in batch.scenes())


def test_splits_share_no_arrangement() -> None:
    seen = {name: {arrangement(scene) for scene in scenes_of(name, 0, COUNT).scenes()} for name in SPLITS}
    seen["train"] |= {arrangement(scene) for scene in open_world(0).scenes(0, COUNT).scenes()}
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["val"] and not seen["val"] & seen["test"]


def test_the_split_ignores_order_background_and_size() -> None:
    batch = scenes_of("test", 0, 300)
    other = SceneBatch(
        batch.shape[:, ::-1], batch.colour[:, ::-1], 2 - batch.size[:, ::-1], batch.x[:, ::-1], batch.y[:, ::-1],
        (batch.top + 1) % 8, batch.bottom,
    )  # fmt: skip
    assert (split_of(other) == SPLITS.index("test")).all()
    moved = SceneBatch(batch.shape, batch.colour, batch.size, batch.x + 1, batch.y, batch.top, batch.bottom)
    # Another arrangement falls anywhere: 1/8 of them into test (a standard deviation is 0.02).
    assert 0.04 < (split_of(moved) == SPLITS.index("test")).mean() < 0.21


def test_a_scene_does_not_depend_on_the_range_it_is_asked_in() -> None:
    whole = scenes_of("test", 0, 600)
    assert equal(whole.select(slice(200, 530)), scenes_of("test", 200, 330))
    assert len(scenes_of("val", 5, 0)) == 0


def test_numbers_of_objects_are_balanced() -> None:
    numbers = np.bincount(open_world(1).scenes(0, 4000).present.sum(1), minlength=MOST + 1)[1:] / 4000
    # Four objects do not always fit; every number must still have at least a seventh.
    assert (numbers > 1 / 7).all() and (numbers < 0.4).all()


def test_the_stream_depends_on_seed_and_step_only() -> None:
    world = open_world(3)
    first = world.batch(7, 16)
    world.batch(8, 16)
    assert first.shape == (16, 3, SIDE, SIDE) and first.equal(open_world(3).batch(7, 16))
    assert not first.equal(world.batch(8, 16)) and not first.equal(open_world(4).batch(7, 16))


def test_arrays_and_single_scenes_hold_the_same() -> None:
    batch = scenes_of("val", 0, 50)
    assert as_batch(batch.scenes()).scenes() == batch.scenes()
    item = SceneObject("circle", "red", "small", 8, 8)
    with pytest.raises(ValueError, match="at most 4"):
        as_batch([Scene((item,) * 5, "grey", "grey")])
