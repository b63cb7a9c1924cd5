"""What a scene is: its vocabulary (shapes, colours, sizes, backgrounds, cells), one scene, and many scenes as arrays.

Coordinates are pixels of a 32x32 picture: ``x`` to the right and ``y`` down, the picture spans [0, 32], the centre of
the first pixel is (0.5, 0.5). Centres lie on a quarter-pixel grid. A scene holds one to four objects whose boxes do
not touch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32
"""Height and width of a picture, in pixels."""

MOST = 4
"""The most objects in a scene."""

SHAPES = ("circle", "square", "triangle", "cross", "ring", "moon")
"""Chosen out of twelve candidates as those that differ most under blur, shift and a change of scale."""

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (215, 25, 30),
    "orange": (255, 135, 0),
    "yellow": (250, 230, 35),
    "green": (25, 140, 45),
    "blue": (25, 70, 225),
    "purple": (140, 30, 195),
    "pink": (255, 125, 190),
    "brown": (115, 65, 25),
    "black": (12, 12, 12),
    "white": (250, 250, 250),
}
"""The ten colours of GenEval, as 8-bit RGB."""

SIZES: Mapping[str, float] = {"small": 5.0, "medium": 6.0, "large": 7.0}
"""Name of a size -> half the side of the box which the shape fills, in pixels."""

BACKGROUNDS: Mapping[str, tuple[int, int, int]] = {
    "grey": (128, 128, 128),
    "dark grey": (70, 72, 76),
    "light grey": (196, 198, 200),
    "beige": (214, 200, 168),
    "sage": (140, 168, 142),
    "slate": (96, 116, 140),
    "mauve": (160, 126, 150),
    "sky": (150, 190, 214),
}
"""Muted, so that every one contrasts with at least six object colours."""

CELLS = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")

CONTRAST = 0.45
"""The least RGB distance (channels in [0, 1]) between an object and the background, at the top as at the bottom."""

HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    {
        ("circle", "purple"),
        ("square", "orange"),
        ("triangle", "white"),
        ("cross", "green"),
        ("ring", "red"),
        ("moon", "blue"),
    }
)
"""(shape, colour) that no training or validation scene shows; test scenes do, so composition is tested, not memory."""

COLOUR_NAMES = tuple(COLOURS)
SIZE_NAMES = tuple(SIZES)
BACKGROUND_NAMES = tuple(BACKGROUNDS)
COLOUR_RGB: NDArray[np.float32] = (np.array(list(COLOURS.values())) / 255).astype(np.float32)
BACKGROUND_RGB: NDArray[np.float32] = (np.array(list(BACKGROUNDS.values())) / 255).astype(np.float32)
RADII: NDArray[np.float32] = np.array(list(SIZES.values()), np.float32)


def cell_of(x: float, y: float) -> str:
    """The cell of the 3x3 grid that holds a point, for example ``top left``."""
    column, row = (min(max(int(3 * value // SIDE), 0), 2) for value in (x, y))
    return CELLS[3 * row + column]


@dataclass(frozen=True)
class SceneObject:
    """One object. ``x`` and ``y`` are its centre in pixels."""

    shape: str
    colour: str
    size: str
    x: float
    y: float

    @property
    def radius(self) -> float:
        """Half the side of its box, in pixels."""
        return SIZES[self.size]

    @property
    def cell(self) -> str:
        return cell_of(self.x, self.y)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels."""
        return self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius

    @property
    def held_out(self) -> bool:
        return (self.shape, self.colour) in HELD_OUT

    def facts(self) -> dict[str, Any]:
        """JSON-able, as cases and detections carry it."""
        return {
            "shape": self.shape,
            "colour": self.colour,
            "size": self.size,
            "x": self.x,
            "y": self.y,
            "cell": self.cell,
            "radius": self.radius,
        }


@dataclass(frozen=True)
class Scene:
    """Objects on a background that runs from ``top`` to ``bottom`` (plain where the two are the same)."""

    objects: tuple[SceneObject, ...]
    top: str
    bottom: str

    @property
    def background(self) -> str:
        """For example ``grey`` or ``beige to slate``."""
        return self.top if self.top == self.bottom else f"{self.top} to {self.bottom}"

    @property
    def held_out(self) -> bool:
        """Whether it shows a combination of shape and colour that no training scene shows."""
        return any(item.held_out for item in self.objects)

    def facts(self) -> dict[str, Any]:
        return {
            "objects": [item.facts() for item in self.objects],
            "background": self.background,
            "held_out": sorted({f"{item.colour} {item.shape}" for item in self.objects if item.held_out}),
        }


@dataclass(frozen=True)
class SceneBatch:
    """Many scenes as arrays of indices into the vocabulary; ``shape`` is -1 where a scene has fewer than four objects.

    ``shape``, ``colour``, ``size``, ``x``, ``y`` are ``count 4``; ``top`` and ``bottom`` are ``count``.
    """

    shape: NDArray[np.int64]
    colour: NDArray[np.int64]
    size: NDArray[np.int64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.top)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """``count 4``: which slots hold an object."""
        return np.asarray(self.shape >= 0)

    def select(self, rows: Any) -> SceneBatch:
        """The scenes at these rows (indices, a slice or a mask)."""
        return SceneBatch(*(getattr(self, name)[rows] for name in FIELDS))

    def scenes(self) -> tuple[Scene, ...]:
        return tuple(self._scene(row) for row in range(len(self)))

    def _scene(self, row: int) -> Scene:
        objects = tuple(
            SceneObject(
                SHAPES[self.shape[row, slot]],
                COLOUR_NAMES[self.colour[row, slot]],
                SIZE_NAMES[self.size[row, slot]],
                float(self.x[row, slot]),
                float(self.y[row, slot]),
            )
            for slot in range(MOST)
            if self.shape[row, slot] >= 0
        )
        return Scene(objects, BACKGROUND_NAMES[self.top[row]], BACKGROUND_NAMES[self.bottom[row]])


FIELDS = ("shape", "colour", "size", "x", "y", "top", "bottom")


def join(batches: Sequence[SceneBatch]) -> SceneBatch:
    """One batch after the other."""
    return SceneBatch(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in FIELDS))


def as_batch(scenes: Sequence[Scene]) -> SceneBatch:
    """Arrays from single scenes (edited ones, for example). Raises ValueError for a word that the vocabulary lacks."""
    count = len(scenes)
    shape = np.full((count, MOST), -1, np.int64)
    colour, size = np.zeros((count, MOST), np.int64), np.zeros((count, MOST), np.int64)
    x, y = np.zeros((count, MOST), np.float32), np.zeros((count, MOST), np.float32)
    for row, scene in enumerate(scenes):
        if len(scene.objects) > MOST:
            raise ValueError(f"a scene holds at most {MOST} objects, this one {len(scene.objects)}")
        for slot, item in enumerate(scene.objects):
            shape[row, slot], colour[row, slot] = SHAPES.index(item.shape), COLOUR_NAMES.index(item.colour)
            size[row, slot], x[row, slot], y[row, slot] = SIZE_NAMES.index(item.size), item.x, item.y
    top, bottom = (
        np.array([BACKGROUND_NAMES.index(getattr(s, end)) for s in scenes], np.int64) for end in ("top", "bottom")
    )
    return SceneBatch(shape, colour, size, x, y, top, bottom)
