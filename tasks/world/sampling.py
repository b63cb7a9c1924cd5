"""Seeded sampling of scenes, whole batches at a time, and the splits.

**The split is a function of the scene**: a hash of what stands where (shape, colour and centre rounded to whole pixels
of every object, in any order; background and size left out) decides between ``train`` (6 of 8 parts), ``val`` and
``test`` (1 each). So no arrangement of one split can occur in another, on whatever background. Training and validation
scenes show no combination of ``HELD_OUT``; test scenes draw from all.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.seeding import rng_for
from tasks.world.draw import GRID
from tasks.world.scene import (
    BACKGROUND_RGB,
    COLOUR_NAMES,
    COLOUR_RGB,
    CONTRAST,
    HELD_OUT,
    MOST,
    RADII,
    SHAPES,
    SIDE,
    SceneBatch,
    join,
)

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
PARTS = 8
BLOCK = 256
GAP = 1.5
"""The least distance between two boxes, in pixels."""
SAME_KIND = 0.3
"""The share of scenes whose objects are all of one kind, for counting."""
PLAIN = 0.5
"""The share of plain backgrounds."""
CELL_MARGIN = 0.5
"""Centres keep this distance, in pixels, from the borders of the 3x3 cells, so that no cell is in doubt."""
COUNT_SHARES = (0.15, 0.17, 0.28, 0.4)
"""Of one to four objects, before crowded scenes are rejected: after it each number has about a quarter."""
SIZE_SHARES = ((0.3, 0.35, 0.35), (0.3, 0.35, 0.35), (0.5, 0.3, 0.2), (0.7, 0.22, 0.08))
"""Of small, medium and large, for each number of objects."""
CANDIDATES = 24
"""Places tried for an object before its scene is rejected."""


@cache
def contrasts() -> NDArray[np.bool_]:
    """``backgrounds colours``: which object colours can be seen on which background."""
    distance = np.linalg.norm(BACKGROUND_RGB[:, None] - COLOUR_RGB[None], axis=-1)
    return np.asarray(distance >= CONTRAST)


@cache
def combinations(held_out: bool) -> NDArray[np.bool_]:
    """``shapes colours``: the combinations that may be drawn, with or without those held out of training."""
    allowed = [[held_out or (shape, colour) not in HELD_OUT for colour in COLOUR_NAMES] for shape in SHAPES]
    return np.array(allowed)


@cache
def places(size: int) -> NDArray[np.float32]:
    """Where a centre may lie: on the grid, its box half a pixel inside the picture, off the borders of the cells."""
    radius = float(RADII[size])
    steps = np.arange(SIDE * GRID + 1, dtype=np.float32) / GRID
    inside = (steps >= radius + 0.5) & (steps <= SIDE - radius - 0.5)
    border = np.minimum(abs(steps - SIDE / 3), abs(steps - 2 * SIDE / 3))
    return np.asarray(steps[inside & (border >= CELL_MARGIN)])


def split_of(batch: SceneBatch) -> NDArray[np.int64]:
    """The index into ``SPLITS`` of each scene, from its objects alone."""
    x, y = (np.rint(value).astype(np.uint64) for value in (batch.x, batch.y))
    shape, colour = batch.shape.astype(np.uint64), batch.colour.astype(np.uint64)
    word = ((shape * np.uint64(64) + colour) * np.uint64(64) + x) * np.uint64(64) + y + np.uint64(1)
    # The sum of the mixed words does not depend on the order of the objects.
    total = np.where(batch.present, _mix(word), np.uint64(0)).sum(axis=1, dtype=np.uint64)
    part = (_mix(total) >> np.uint64(32)) % np.uint64(PARTS)
    return np.asarray(np.where(part >= 2, 0, part + 1), np.int64)


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: every bit of the result depends on every bit of the word."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def sample(rng: np.random.Generator, count: int, split: Split) -> SceneBatch:
    """``count`` scenes of a split. Crowded scenes that do not fit are drawn again, so four large objects are rare."""
    wanted = SPLITS.index(split)
    kept: list[SceneBatch] = []
    have = 0
    while have < count:
        proposed, fits = _propose(
            rng, max(64, (count - have) * (2 if split == "train" else 2 * PARTS)), split == "test"
        )
        good = proposed.select(fits)
        good = good.select(split_of(good) == wanted)
        kept.append(good)
        have += len(good)
    return join(kept).select(slice(count))


def scenes_of(split: Split, first: int, count: int) -> SceneBatch:
    """Scenes ``first ... first + count - 1`` of a split; scene i is the same whatever range it is asked in."""
    blocks = range(first // BLOCK, (first + count - 1) // BLOCK + 1) if count else range(0, 1)
    start = first - blocks.start * BLOCK if count else 0
    return join([_block(split, block) for block in blocks]).select(slice(start, start + count))


@lru_cache(maxsize=128)
def _block(split: Split, block: int) -> SceneBatch:
    return sample(rng_for("world", split, block), BLOCK, split)


def _propose(rng: np.random.Generator, count: int, held_out: bool) -> tuple[SceneBatch, NDArray[np.bool_]]:
    """Scenes drawn freely, and which of them fit: every object found a place, and none lacks a visible colour."""
    numbers = 1 + rng.choice(MOST, size=count, p=COUNT_SHARES)
    top = rng.integers(len(BACKGROUND_RGB), size=count)
    bottom = np.where(rng.random(count) < PLAIN, top, rng.integers(len(BACKGROUND_RGB), size=count))
    shape = rng.integers(len(SHAPES), size=(count, MOST))
    visible = contrasts()[top] & contrasts()[bottom]
    allowed = visible[:, None] & combinations(held_out)[shape]
    colour = np.where(allowed, rng.random(allowed.shape, np.float32), -1).argmax(-1)
    fits = allowed.any(-1).all(-1)
    edges = np.cumsum(SIZE_SHARES, axis=1)[numbers - 1][:, None, :-1]
    size = (rng.random((count, MOST, 1)) >= edges).sum(-1)
    one_kind = (rng.random(count) < SAME_KIND)[:, None]
    shape, colour = (np.where(one_kind, value[:, :1], value) for value in (shape, colour))
    x, y = np.zeros((2, count, MOST), np.float32)
    tables = [places(kind) for kind in range(len(RADII))]
    lengths = np.array([len(table) for table in tables])
    table = np.stack([np.resize(values, lengths.max()) for values in tables])
    for slot in range(MOST):
        here = size[:, slot, None]
        draws = (rng.random((2, count, CANDIDATES), np.float32) * lengths[here]).astype(np.int64)
        try_x, try_y = table[here, draws[0]], table[here, draws[1]]
        free = np.ones((count, CANDIDATES), bool)
        for other in range(slot):
            apart = (RADII[size[:, slot]] + RADII[size[:, other]] + GAP)[:, None]
            distance = np.maximum(abs(try_x - x[:, other, None]), abs(try_y - y[:, other, None]))
            free &= (distance >= apart) | (numbers <= other)[:, None]
        pick = free.argmax(axis=1)
        x[:, slot], y[:, slot] = (np.take_along_axis(value, pick[:, None], 1)[:, 0] for value in (try_x, try_y))
        fits &= free.any(axis=1) | (numbers <= slot)
    shape[np.arange(MOST)[None] >= numbers[:, None]] = -1
    return SceneBatch(shape, colour, size, x, y, top, bottom), np.asarray(fits)
