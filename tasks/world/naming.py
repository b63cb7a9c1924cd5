"""Names that pick objects out of a scene, and pairs of them that stand in a relation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Literal, TypeVar

import numpy as np

from tasks.world.captions import relations
from tasks.world.sampling import contrasts
from tasks.world.scene import BACKGROUND_NAMES, COLOUR_NAMES, HELD_OUT, Scene, SceneObject

Naming = Literal["any", "seen", "held out"]
"""Which combinations of shape and colour may be named: all, only those seen in training, or one held out."""

T = TypeVar("T")


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of ``items``, each as likely. Raises ValueError where there are none."""
    return items[int(rng.integers(len(items)))]


def noun_of(shape: str, colour: str) -> str:
    """For example ``red circle``."""
    return f"{colour} {shape}"


def may_name(kind: tuple[str, str], naming: Naming) -> bool:
    """Whether a combination, as (shape, colour), may be named."""
    return naming == "any" or (kind in HELD_OUT) == (naming == "held out")


def names(scene: Scene, rng: np.random.Generator, naming: Naming) -> list[tuple[SceneObject, str, bool]]:
    """The objects that a name picks out of the scene, the name, and whether it names a held-out combination.

    With ``naming`` "held out" the full name is taken, otherwise the short one (``the ring``) half of the time where it
    is enough.
    """
    shapes = Counter(item.shape for item in scene.objects)
    kinds = Counter((item.shape, item.colour) for item in scene.objects)
    named = []
    for item in scene.objects:
        kind = (item.shape, item.colour)
        if kinds[kind] > 1:
            continue
        short = shapes[item.shape] == 1 and (
            (naming == "seen" and item.held_out) or (naming != "held out" and rng.random() < 0.5)
        )
        if short:
            named.append((item, f"the {item.shape}", False))
        elif naming != "seen" or not item.held_out:
            named.append((item, f"the {noun_of(*kind)}", item.held_out))
    return named


def related(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str, Sequence[str], bool] | None:
    """The names of two things, every relation of the first to the second, and whether a name is held out. None where
    no two things can be named, or the two that were drawn stand in no relation."""
    named = names(scene, rng, naming)
    pairs = [(one, two) for one in named for two in named if one is not two]
    if naming == "held out":
        pairs = [(one, two) for one, two in pairs if one[2] or two[2]]
    if not pairs:
        return None
    (first, name, held), (second, other, also) = pick(rng, pairs)
    true = list(relations(first.box, second.box))
    return (name, other, true, held or also) if true else None


def only_of_its_shape(scene: Scene, rng: np.random.Generator) -> SceneObject | None:
    """One of the objects whose shape alone names them, or None where each shape is there twice."""
    shapes = Counter(item.shape for item in scene.objects)
    single = [item for item in scene.objects if shapes[item.shape] == 1]
    return pick(rng, single) if single else None


def drawable(scene: Scene, shape: str, naming: Naming) -> tuple[tuple[str, str], ...]:
    """Combinations of this shape that could be seen on the scene's background and may be named."""
    return _drawable_on(scene.top, scene.bottom, shape, naming)


@cache
def _drawable_on(top: str, bottom: str, shape: str, naming: Naming) -> tuple[tuple[str, str], ...]:
    visible = contrasts()[BACKGROUND_NAMES.index(top)] & contrasts()[BACKGROUND_NAMES.index(bottom)]
    kinds = [(shape, colour) for colour, seen in zip(COLOUR_NAMES, visible, strict=True) if seen]
    return tuple(kind for kind in kinds if may_name(kind, naming))
