"""Draws many scenes at once: anti-aliased shapes, alpha-blended over a plain background or a vertical gradient.

Centres lie on a quarter-pixel grid and there are three sizes, so every object that can occur is one of
``shapes x sizes x 16`` coverage stamps. They are made once, by 8x8 supersampling, and drawing is a gather and a blend.
The detector fits the same stamps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.world.scene import BACKGROUND_RGB, COLOUR_RGB, RADII, SHAPES, SIDE, SceneBatch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

GRID = 4
"""Centres are multiples of 1/GRID pixel."""

STAMP = 17
"""Side of a stamp in pixels: an object of radius 7 whose centre is anywhere in the middle pixel, and a margin."""

SAMPLES = 8
"""Sample points per pixel and direction."""

Plane = NDArray[np.float64]


INSIDE: dict[str, Callable[[Plane, Plane], Any]] = {
    "circle": lambda u, v: u * u + v * v <= 1,
    "square": lambda u, v: np.maximum(abs(u), abs(v)) <= 0.92,
    "triangle": lambda u, v: (v <= 0.9) & (1.9 * abs(u) <= v + 1),
    "cross": lambda u, v: (np.minimum(abs(u), abs(v)) <= 0.34) & (np.maximum(abs(u), abs(v)) <= 1),
    "ring": lambda u, v: (u * u + v * v <= 1) & (u * u + v * v >= 0.55**2),
    "moon": lambda u, v: (u * u + v * v <= 1) & ((u - 0.55) ** 2 + v * v >= 0.7**2),
}
"""Shape -> whether a point of the box [-1, 1] x [-1, 1] (v down) lies inside."""


@cache
def stamps() -> NDArray[np.float32]:
    """Coverage in [0, 1], ``shapes sizes GRID GRID STAMP STAMP``.

    The two GRID axes are the offsets of y and x in quarter pixels: the centre of stamp ``(i, j)`` is at
    ``STAMP // 2 + i / GRID`` in y, and at ``STAMP // 2 + j / GRID`` in x.
    """
    points = (np.arange(STAMP * SAMPLES) + 0.5) / SAMPLES - STAMP // 2
    made = np.zeros((len(SHAPES), len(RADII), GRID, GRID, STAMP, STAMP), np.float32)
    for s, shape in enumerate(SHAPES):
        for r, radius in enumerate(RADII):
            for i in range(GRID):
                for j in range(GRID):
                    v, u = np.meshgrid((points - i / GRID) / radius, (points - j / GRID) / radius, indexing="ij")
                    inside = np.asarray(INSIDE[shape](u, v), np.float32)
                    made[s, r, i, j] = inside.reshape(STAMP, SAMPLES, STAMP, SAMPLES).mean(axis=(1, 3))
    made.setflags(write=False)
    return made


def background(batch: SceneBatch) -> NDArray[np.float32]:
    """``count 32 3``: the colour of each row, running linearly from the top row to the bottom row."""
    share = (np.arange(SIDE, dtype=np.float32) / (SIDE - 1))[None, :, None]
    top, bottom = BACKGROUND_RGB[batch.top][:, None], BACKGROUND_RGB[batch.bottom][:, None]
    return np.asarray(top * (1 - share) + bottom * share, np.float32)


def draw_array(batch: SceneBatch) -> NDArray[np.float32]:
    """Float32 RGB in [0, 1], ``count 3 32 32``."""
    count, margin = len(batch), STAMP // 2 + 1
    wide = SIDE + 2 * margin
    coverage = np.zeros((count, wide * wide), np.float32)
    paint = np.zeros((count, wide * wide), np.int8)
    row, slot = np.nonzero(batch.present)
    shape, size, colour = batch.shape[row, slot], batch.size[row, slot], batch.colour[row, slot]
    steps_x, steps_y = (np.rint(value[row, slot] * GRID).astype(np.int64) for value in (batch.x, batch.y))
    stamp = stamps()[shape, size, steps_y % GRID, steps_x % GRID].reshape(len(row), STAMP * STAMP)
    left, top = steps_x // GRID - STAMP // 2 + margin, steps_y // GRID - STAMP // 2 + margin
    inner = (np.arange(STAMP)[:, None] * wide + np.arange(STAMP)[None]).reshape(-1)
    place = (row * wide * wide + top * wide + left)[:, None] + inner[None]
    painted = stamp > 0
    where = place[painted]
    # Boxes never touch, so a pixel belongs to one object at most and plain assignment is a blend.
    coverage.reshape(-1)[where] = stamp[painted]
    paint.reshape(-1)[where] = np.broadcast_to(colour[:, None], stamp.shape)[painted]
    inside = slice(margin, margin + SIDE)
    alpha = coverage.reshape(count, 1, wide, wide)[:, :, inside, inside]
    ink = paint.reshape(count, wide, wide)[:, inside, inside]
    behind = background(batch).transpose(0, 2, 1)[:, :, :, None]
    pictures = np.empty((count, 3, SIDE, SIDE), np.float32)
    for channel in range(3):
        ground = behind[:, channel]
        pictures[:, channel] = ground + alpha[:, 0] * (COLOUR_RGB[:, channel][ink] - ground)
    return pictures


def draw(batch: SceneBatch) -> Float[Tensor, "count 3 32 32"]:
    """The pictures as a float32 tensor in [0, 1]."""
    import torch

    return torch.from_numpy(draw_array(batch))
