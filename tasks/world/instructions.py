"""The words of edits: instructions in a few wordings, and names of objects and places that mean one thing only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from tasks.world.captions import CELL_PHRASES
from tasks.world.scene import CELLS, Scene, SceneObject

EditKind = Literal["remove", "add", "recolour", "replace", "move", "background"]
KINDS: tuple[EditKind, ...] = ("remove", "add", "recolour", "replace", "move", "background")

WORDINGS: dict[EditKind, tuple[str, ...]] = {
    "remove": ("remove {it}", "delete {it}", "take {it} away"),
    "add": ("add {new} {where}", "put {new} {where}", "draw {new} {where}"),
    "recolour": ("make {it} {new}", "turn {it} {new}", "change the colour of {it} to {new}"),
    "replace": ("replace {it} with {new}", "swap {it} for {new}", "turn {it} into {new}"),
    "move": ("move {it} {where}", "shift {it} {where}", "bring {it} {where}"),
    "background": ("change the background to {new}", "make the background {new}", "set the background to {new}"),
}

DESTINATIONS = {
    cell: f"to the {words}"
    for cell, words in zip(
        CELLS,
        (
            "top left",
            "top middle",
            "top right",
            "middle left",
            "centre",
            "middle right",
            "bottom left",
            "bottom middle",
            "bottom right",
        ),
        strict=True,
    )
}
"""Where an object is moved to. ``to the left`` could mean a direction, so the middle row and column say so."""

SHORT, PLACED = 0.2, 0.1
"""How often an object is named by its shape alone, or with its place, although shape and colour would do."""


def instruction(kind: EditKind, words: Mapping[str, str], rng: np.random.Generator) -> str:
    """One of the wordings of a kind; ``words`` fill its gaps (``it``, ``new``, ``where``)."""
    wording = WORDINGS[kind][rng.integers(len(WORDINGS[kind]))]
    return wording.format(**words)


def naming(scene: Scene, item: SceneObject, rng: np.random.Generator) -> str:
    """For example ``the red circle``, ``the ring`` or ``the red circle on the left``: one object and no other."""
    kind, shape = f"the {item.colour} {item.shape}", f"the {item.shape}"
    draw = rng.random()
    alike = [other for other in scene.objects if other.shape == item.shape and other.colour == item.colour]
    if len(alike) > 1 or draw < PLACED:
        return f"{kind} {cell_phrase(item.cell)}"
    only = sum(other.shape == item.shape for other in scene.objects) == 1
    return shape if only and draw < PLACED + SHORT else kind


def cell_phrase(cell: str) -> str:
    """``on the left``, ``in the top left``, as the captions say it."""
    return CELL_PHRASES.get(cell, f"in the {cell}")
