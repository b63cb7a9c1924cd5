"""Which attributes of a scene can be told from a picture, however blurred or incomplete: a forced choice for each.

For each attribute the scene is drawn anew with every other value of it, all else being true. The attribute is
*recovered* if none of these drawings is as near to the picture (squared differences over all pixels) as the true one:

* ``colour`` of an object: the ten colours;
* ``shape``: the six shapes;
* ``size``: the three sizes;
* ``place``: where it is, and 4 pixels away in eight directions;
* ``background``: the 64 pairs of colours at the top and at the bottom.

Chance is 1/10, 1/6, 1/3, 1/9 and 1/64. What a picture's mean colour alone gives away is another thing (most of all its
background, and that an object is small): the control ``mean-colour`` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.world.draw import draw_array
from tasks.world.scene import (
    BACKGROUND_NAMES,
    BACKGROUND_RGB,
    COLOURS,
    MOST,
    SHAPES,
    SIZES,
    Scene,
    SceneObject,
    as_batch,
)

if TYPE_CHECKING:
    from jaxtyping import UInt8

ATTRIBUTES = ("colour", "shape", "size", "place", "background")
CLEARLY = 1e-6
"""Drawings that are equally near up to this are tied, and a tie is no recovery: rounding does not decide."""
AWAY = 4.0
"""Pixels: less than the radius of the smallest object, so that a displaced one still overlaps its place."""


def scene_from(facts: Mapping[str, Any]) -> Scene:
    """The scene that a case's facts tell (``Scene.facts``)."""
    objects = tuple(
        SceneObject(item["shape"], item["colour"], item["size"], item["x"], item["y"]) for item in facts["objects"]
    )
    top, _, bottom = str(facts["background"]).partition(" to ")
    return Scene(objects, top, bottom or top)


def scenes_seen(pictures: UInt8[np.ndarray, "count 32 32 3"]) -> list[Scene]:
    """What the exact detector finds in each picture, and the pair of named colours nearest to its background: the truth
    of a picture that nobody has told. At most four objects, those that explain most."""
    import torch

    from harness.images import from_bytes
    from tasks.world.detector import open_world_detector
    from tasks.world.fitting import find_background

    with torch.inference_mode():
        ends = find_background(from_bytes(pictures))[:, :, [0, -1]].permute(0, 2, 1).numpy()
    nearest = np.linalg.norm(ends[:, :, None] - BACKGROUND_RGB, axis=-1).argmin(axis=-1)
    names = [tuple(BACKGROUND_NAMES[end] for end in pair) for pair in nearest]
    found = open_world_detector().detect(pictures)
    return [
        scene_from({"objects": items[:MOST], "background": f"{top} to {bottom}"})
        for items, (top, bottom) in zip(found, names, strict=True)
    ]


def _others(scene: Scene) -> Iterator[tuple[str, list[Scene]]]:
    """(attribute, the scene with each other value of it): five times for each object, once for the background."""
    yield (
        "background",
        [
            replace(scene, top=top, bottom=bottom)
            for top, bottom in product(BACKGROUND_NAMES, BACKGROUND_NAMES)
            if (top, bottom) != (scene.top, scene.bottom)
        ],
    )
    steps = [(x, y) for x, y in product((-AWAY, 0.0, AWAY), repeat=2) if (x, y) != (0.0, 0.0)]
    for number, item in enumerate(scene.objects):
        for attribute, changed in (
            ("colour", [replace(item, colour=name) for name in COLOURS if name != item.colour]),
            ("shape", [replace(item, shape=name) for name in SHAPES if name != item.shape]),
            ("size", [replace(item, size=name) for name in SIZES if name != item.size]),
            ("place", [replace(item, x=_inside(item.x + x), y=_inside(item.y + y)) for x, y in steps]),
        ):
            before, after = scene.objects[:number], scene.objects[number + 1 :]
            yield attribute, [replace(scene, objects=(*before, other, *after)) for other in changed]


def _inside(value: float) -> float:
    """A centre within the picture: what lies beyond cannot be drawn."""
    return min(max(value, 0.0), 32.0)


def recovered(scene: Scene, pictures: UInt8[np.ndarray, "count 32 32 3"]) -> list[dict[str, int]]:
    """Of each picture: how many of the objects keep each attribute, and 1 or 0 for ``background``."""
    choices = list(_others(scene))
    drawn = draw_array(as_batch([scene, *(other for _, others in choices for other in others)]))
    drawings = drawn.transpose(0, 2, 3, 1).reshape(len(drawn), -1).astype(np.float64)
    seen = pictures.reshape(len(pictures), -1).astype(np.float64) / 255
    # the square of the picture is the same for all that it is compared with
    gaps = np.square(drawings).sum(axis=1) - 2 * seen @ drawings.T
    counts: list[dict[str, int]] = [dict.fromkeys(ATTRIBUTES, 0) for _ in pictures]
    place = 1
    for attribute, others in choices:
        right = gaps[:, 0] + CLEARLY < gaps[:, place : place + len(others)].min(axis=1)
        place += len(others)
        for row, kept in enumerate(right.tolist()):
            counts[row][attribute] += kept
    return counts


def asked(scene: Scene) -> dict[str, int]:
    """How often each attribute is asked for: once per object, once for the background."""
    return {attribute: 1 if attribute == "background" else len(scene.objects) for attribute in ATTRIBUTES}
