"""Edits of scenes: an instruction in plain words, the scene before and the scene after, the true edit.

The source of an instruction is the scene alone, so that instruction, source picture and true edit always agree (for
instruction-guided editing of photographs: Zhang et al. 2023, MagicBrush, arXiv:2306.10012, whose kinds of edit these
are, as far as a world without text and people has them).

* An object is named so that only one can be meant: by shape and colour, by shape alone, or with its place.
* A place is one of the nine cells, in the words of the captions (``on the left`` is the middle row); inside its cell an
  added or moved object lies on a place drawn at random, which the instruction does not tell.
* What comes out obeys the rules of the world: one to four objects, boxes apart, every object visible on the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tasks.world.captions import with_article
from tasks.world.instructions import DESTINATIONS, KINDS, EditKind, cell_phrase, instruction, naming
from tasks.world.sampling import GAP, SPLITS, combinations, contrasts, places, split_of
from tasks.world.scene import (
    BACKGROUND_NAMES,
    CELLS,
    COLOUR_NAMES,
    MOST,
    SHAPES,
    SIDE,
    SIZE_NAMES,
    SIZES,
    Scene,
    SceneObject,
    as_batch,
    cell_of,
)

PixelBox = tuple[int, int, int, int]
"""(left, top, right, bottom); right and bottom are the first column and row that lie outside."""

WHOLE: PixelBox = (0, 0, SIDE, SIDE)
GRADIENT = 0.3
"""The share of new backgrounds that run from one colour to another."""
SIZE_SAID = 0.5
"""The share of added objects whose size the instruction tells."""
TRAINING_SHARES = (0.235, 0.215, 0.137, 0.137, 0.147, 0.129)
"""How often each kind is drawn first. A single object cannot be removed and a fifth cannot be added: with these shares
the kinds come out equally often over training scenes (a test counts them)."""
SHORTEST_MOVE = SIDE / 6
"""Pixels, half a cell: an object that stands near the border of its cell would otherwise be moved by a step too small
to be told from none."""
ATTEMPTS = 4
"""Edits of one kind drawn before another kind is tried, when the edited scene belongs to another split."""


@dataclass(frozen=True)
class Edit:
    """One instruction and what it does to a scene."""

    kind: EditKind
    instruction: str
    before: Scene
    after: Scene

    @property
    def gone(self) -> tuple[SceneObject, ...]:
        """The objects that are no longer there as they were: removed, or in their old colour, shape or place."""
        return tuple(item for item in self.before.objects if item not in self.after.objects)

    @property
    def new(self) -> tuple[SceneObject, ...]:
        """The objects that were not there as they are now."""
        return tuple(item for item in self.after.objects if item not in self.before.objects)

    @property
    def kept(self) -> tuple[SceneObject, ...]:
        """The objects that the instruction leaves alone."""
        return tuple(item for item in self.before.objects if item in self.after.objects)

    @property
    def region(self) -> tuple[PixelBox, ...]:
        """The boxes outside of which the true edit changes no pixel; the whole picture for a new background."""
        return pixel_boxes(self.before, self.after)


def pixel_boxes(before: Scene, after: Scene) -> tuple[PixelBox, ...]:
    """The boxes of whole pixels in which two scenes can differ."""
    if (before.top, before.bottom) != (after.top, after.bottom):
        return (WHOLE,)
    boxes = (
        item.box for item in (*before.objects, *after.objects) if (item in before.objects) != (item in after.objects)
    )
    return tuple((int(left), int(top), ceil(right), ceil(bottom)) for left, top, right, bottom in boxes)


def propose(scene: Scene, kind: EditKind, rng: np.random.Generator, held_out: bool = False) -> Edit | None:
    """One edit of this kind, or None where the scene allows none (a single object is not removed, for example).

    ``held_out``: whether the edit may make a combination of shape and colour that training never shows; it need not.
    Raises ValueError for a kind that is not one of ``KINDS``.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind of edit '{kind}'; known: {', '.join(KINDS)}")
    if kind == "background":
        made = _new_background(scene, rng)
    elif kind == "add":
        made = _added(scene, rng, held_out)
    else:
        made = _changed(scene, kind, rng, held_out)
    if made is None:
        return None
    after, words = made
    return Edit(kind, instruction(kind, words, rng), scene, after)


def training_edit(scene: Scene, rng: np.random.Generator) -> Edit | None:
    """An edit of any kind whose result is a scene of the split ``train``; over many scenes the kinds are balanced."""
    first = float(rng.random())
    start = min(int(np.searchsorted(np.cumsum(TRAINING_SHARES), first, side="right")), len(KINDS) - 1)
    others = [kind for kind in KINDS if kind != KINDS[start]]
    for kind in (KINDS[start], *(others[i] for i in rng.permutation(len(others)))):
        for _ in range(ATTEMPTS):
            edit = propose(scene, kind, rng)
            if edit is None:
                break
            if kind == "background" or SPLITS[split_of(as_batch([edit.after]))[0]] == "train":
                return edit
    return None


def _new_background(scene: Scene, rng: np.random.Generator) -> tuple[Scene, dict[str, str]] | None:
    colours = [COLOUR_NAMES.index(item.colour) for item in scene.objects]
    fit = [name for name, seen in zip(BACKGROUND_NAMES, contrasts(), strict=True) if seen[colours].all()]
    if rng.random() < GRADIENT:
        pairs = [(top, bottom) for top in fit for bottom in fit if top != bottom]
    else:
        pairs = [(name, name) for name in fit]
    pairs = [pair for pair in pairs if pair != (scene.top, scene.bottom)]
    if not pairs:
        return None
    top, bottom = pairs[rng.integers(len(pairs))]
    words = top if top == bottom else f"a gradient from {top} to {bottom}"
    return Scene(scene.objects, top, bottom), {"new": words}


def _added(scene: Scene, rng: np.random.Generator, held_out: bool) -> tuple[Scene, dict[str, str]] | None:
    if len(scene.objects) == MOST:
        return None
    kinds = _kinds(scene, held_out)
    sizes = [SIZE_NAMES[index] for index in rng.permutation(len(SIZE_NAMES))]
    placed = next(((size, place) for size in sizes if (place := _place(scene.objects, size, rng))), None)
    if placed is None or not kinds:
        return None
    size, place = placed
    shape, colour = kinds[rng.integers(len(kinds))]
    item = SceneObject(shape, colour, size, *place)
    noun = f"{size} {colour} {shape}" if rng.random() < SIZE_SAID else f"{colour} {shape}"
    words = {"new": with_article(noun), "where": cell_phrase(item.cell)}
    return replace(scene, objects=(*scene.objects, item)), words


def _changed(
    scene: Scene, kind: EditKind, rng: np.random.Generator, held_out: bool
) -> tuple[Scene, dict[str, str]] | None:
    """Edits of one object that is there: ``remove``, ``recolour``, ``replace``, ``move``."""
    index = int(rng.integers(len(scene.objects)))
    item = scene.objects[index]
    others = (*scene.objects[:index], *scene.objects[index + 1 :])
    words = {"it": naming(scene, item, rng)}
    if kind == "remove":
        return (replace(scene, objects=others), words) if others else None
    if kind == "move":
        place = _place(others, item.size, rng, mover=item)
        if place is None:
            return None
        after = replace(item, x=place[0], y=place[1])
        words["where"] = DESTINATIONS[after.cell]
    else:
        same_shape = kind == "recolour"
        kinds = [
            (shape, colour)
            for shape, colour in _kinds(scene, held_out)
            if (shape == item.shape) == same_shape and not (same_shape and colour == item.colour)
        ]
        if not kinds:
            return None
        shape, colour = kinds[rng.integers(len(kinds))]
        after = replace(item, shape=shape, colour=colour)
        words["new"] = colour if same_shape else with_article(f"{colour} {shape}")
    return replace(scene, objects=(*scene.objects[:index], after, *scene.objects[index + 1 :])), words


def _kinds(scene: Scene, held_out: bool) -> list[tuple[str, str]]:
    """Every (shape, colour) that can be seen on the scene's background."""
    backgrounds = [BACKGROUND_NAMES.index(name) for name in (scene.top, scene.bottom)]
    return _visible_kinds(backgrounds[0], backgrounds[1], held_out)


@cache
def _visible_kinds(top: int, bottom: int, held_out: bool) -> list[tuple[str, str]]:
    allowed = combinations(held_out) & (contrasts()[top] & contrasts()[bottom])[None]
    return [(SHAPES[shape], COLOUR_NAMES[colour]) for shape, colour in zip(*np.nonzero(allowed), strict=True)]


@cache
def _cells(size: str) -> NDArray[np.int64]:
    """``rows columns``: the index of the cell of every place that the centre of an object of this size may have."""
    steps = places(SIZE_NAMES.index(size))
    return np.array([[CELLS.index(cell_of(float(x), float(y))) for x in steps] for y in steps])


def _place(
    others: Sequence[SceneObject], size: str, rng: np.random.Generator, mover: SceneObject | None = None
) -> tuple[float, float] | None:
    """A centre with room for an object of this size: a cell is drawn among those with room, then a place in it. For a
    ``mover`` neither its own cell nor a place too near will do."""
    steps, cells = places(SIZE_NAMES.index(size)), _cells(size)
    free = np.ones(cells.shape, bool)
    for other in others:
        apart = SIZES[size] + other.radius + GAP
        near_x, near_y = abs(steps - other.x) < apart, abs(steps - other.y) < apart
        free[np.ix_(near_y, near_x)] = False
    if mover is not None:
        near_x, near_y = abs(steps - mover.x) < SHORTEST_MOVE, abs(steps - mover.y) < SHORTEST_MOVE
        free[np.ix_(near_y, near_x)] = False
        free &= cells != CELLS.index(mover.cell)
    room = np.flatnonzero(np.bincount(cells[free], minlength=len(CELLS)))
    if not len(room):
        return None
    rows, columns = np.nonzero(free & (cells == room[rng.integers(len(room))]))
    pick = rng.integers(len(rows))
    return float(steps[columns[pick]]), float(steps[rows[pick]])
