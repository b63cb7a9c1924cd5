"""Subjects that draw what a world prompt says, from its words alone. Load this file by its path."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from harness.seeding import rng_for
from tasks.world.captions import NUMBERS, RELATIONS
from tasks.world.draw import draw
from tasks.world.sampling import contrasts
from tasks.world.scene import BACKGROUND_NAMES, COLOUR_NAMES, SHAPES, Scene, SceneObject, as_batch

CORNERS = ((8.0, 8.0), (24.0, 8.0), (8.0, 24.0), (24.0, 24.0))
SIDES = {"left of": (-8.0, 0.0), "right of": (8.0, 0.0), "above": (0.0, -8.0), "below": (0.0, 8.0)}
THING = re.compile(rf"(an?|{'|'.join(NUMBERS[1:])}) (?:({'|'.join(COLOUR_NAMES)}) )?({'|'.join(SHAPES)})(?:es|s)?")


def scene_for(prompt: str, seed: int) -> Scene:
    """A scene that shows the prompt; what its words leave free is drawn."""
    rng = rng_for("oracle", seed)
    words, _, ground = prompt.partition(" on a ")
    kinds = [
        (shape, colour)
        for number, colour, shape in THING.findall(words)
        for _ in range(max(1, NUMBERS.index(number) if number in NUMBERS else 1))
    ]
    named = ground.removeprefix("background from ").removesuffix(" background").split(" to ") if ground else []
    fixed = [colour for _, colour in kinds if colour]
    top, bottom = (named[0], named[-1]) if named else [str(rng.choice(_grounds(fixed)))] * 2
    free = [colour for colour in COLOUR_NAMES if top in _grounds([colour]) and bottom in _grounds([colour])]
    relation = next((name for name in RELATIONS if f" {name} " in words), None)
    if relation:
        (x, y), middle = SIDES[relation], 16.0
        places: Sequence[tuple[float, float]] = ((middle + x, middle + y), (middle - x, middle - y))
    else:
        places = CORNERS
    objects = tuple(
        SceneObject(shape, colour or str(rng.choice(free)), "small" if len(kinds) > 2 else "medium", *place)
        for (shape, colour), place in zip(kinds, places, strict=False)
    )
    return Scene(objects, top, bottom)


def _grounds(colours: Sequence[str]) -> list[str]:
    seen = contrasts()[:, [COLOUR_NAMES.index(colour) for colour in colours]].all(axis=1)
    return [BACKGROUND_NAMES[place] for place in np.flatnonzero(seen)]


class Oracle:
    """Satisfies GeneratesImages: the true scene of every prompt."""

    image_size = 32

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        return draw(as_batch([scene_for(prompt, seed) for prompt, seed in zip(prompts, seeds, strict=True)]))


class OneScene:
    """Satisfies GeneratesImages: a red circle above a blue square, whatever was asked."""

    image_size = 32

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        return Oracle().generate(["a red circle above a blue square on a grey background"] * len(prompts), seeds)
