"""What can be told of a scene from a picture: all of its own, and what a change of one attribute takes away alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.images import to_bytes
from tasks.world.draw import draw_array
from tasks.world.recovery import ATTRIBUTES, asked, recovered, scene_from, scenes_seen
from tasks.world.sampling import scenes_of
from tasks.world.scene import Scene, SceneObject, as_batch

SCENES = scenes_of("test", 0, 12).scenes()
ONE = Scene((SceneObject("ring", "red", "medium", 12, 20),), "grey", "grey")


def picture(*scenes: Scene) -> np.ndarray:
    return to_bytes(draw_array(as_batch(list(scenes))))


@pytest.mark.parametrize("scene", SCENES[:6])
def test_everything_can_be_told_from_the_picture_itself(scene: Scene) -> None:
    assert recovered(scene, picture(scene)) == [asked(scene)]
    assert scene_from(scene.facts()) == scene


@pytest.mark.parametrize(
    ("lost", "changed"),
    [
        ("colour", replace(ONE.objects[0], colour="blue")),
        ("shape", replace(ONE.objects[0], shape="square")),
        ("size", replace(ONE.objects[0], size="large")),
        ("place", replace(ONE.objects[0], x=16)),
    ],
)
def test_what_is_changed_is_lost_and_the_background_stays(lost: str, changed: SceneObject) -> None:
    (found,) = recovered(ONE, picture(replace(ONE, objects=(changed,))))
    assert found[lost] == 0 and found["background"] == 1


def test_another_background_is_lost_and_the_object_stays() -> None:
    (found,) = recovered(ONE, picture(replace(ONE, top="beige", bottom="beige")))
    assert found == {**dict.fromkeys(ATTRIBUTES, 1), "background": 0}


def test_an_empty_field_tells_neither_colour_nor_place_and_ties_are_no_recovery() -> None:
    (found,) = recovered(ONE, np.full((1, 32, 32, 3), 128, np.uint8))
    assert found["place"] == 0 and found["colour"] == 0 and found["background"] == 1


def test_the_scene_of_a_picture_is_seen_as_it_was_drawn() -> None:
    pictures = picture(*SCENES)
    seen = scenes_seen(pictures)
    rights = [recovered(scene, one[None])[0] for scene, one in zip(seen, pictures, strict=True)]
    assert [len(scene.objects) for scene in seen] == [len(scene.objects) for scene in SCENES]
    assert rights == [asked(scene) for scene in SCENES]
