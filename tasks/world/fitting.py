"""Finds the objects of a picture by synthesis: which stamps, in which colours, explain the picture best?

Let ``d`` be the picture less its background, ``a`` the coverage of a stamp and ``c`` the difference between an object's
colour and the background. Painting the stamp with strength ``s`` reduces the squared error by
``2 s <d, a c> - s^2 |a c|^2``, the *gain*. The strength may fall to 0.6, since blur and a cautious decoder fade small
objects; noise with mean zero does not change what is best on average.

1. The background is the best (robustly) of the 64 pairs of named colours and the median, then a straight line through
   the rows, fitted to the pixels near it.
2. The gain of every shape, size and colour at every whole pixel comes from one correlation per size.
3. The place with the largest gain is looked at again on the quarter-pixel grid and kept if it explains enough of its
   stamp; what would overlap it is ruled out; this repeats until nothing is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tasks.world.draw import GRID, STAMP, stamps
from tasks.world.scene import BACKGROUND_RGB, COLOUR_RGB, RADII, SHAPES, SIDE

OUTLIER = 0.1
"""Squared RGB distance beyond which a pixel says nothing about the background."""

FAINTEST = 0.6
"""A stamp may be painted fainter than its colour says, down to this strength: blur takes from small shapes first."""
ACCEPT = 0.3
"""The least share of its own energy that a stamp must explain: 1 for a perfect picture, 0 for none."""

OVERLAP = 1.0
"""How far, in pixels, two found boxes may overlap."""

MOST_FOUND = 8
"""Objects looked for in one picture: twice what a scene holds, so that additions of a model are counted."""

REACH = 5
"""The finer search covers this many quarter pixels around a whole one, in each direction."""

PATCH = STAMP + 4
CENTRE = PATCH // 2
MISSING = -1e9


@dataclass(frozen=True)
class Found:
    """Objects of a batch, one row each: image, indices of shape, size and colour, centre in pixels, share explained."""

    image: Tensor
    shape: Tensor
    size: Tensor
    colour: Tensor
    x: Tensor
    y: Tensor
    score: Tensor


@cache
def _coarse() -> tuple[tuple[int, Tensor, Tensor], ...]:
    """Per size: half width h, stamps ``shapes 1 2h 2h`` centred on a pixel corner, their squared coverage by row."""
    tables = []
    middle = STAMP // 2
    for size, radius in enumerate(RADII):
        half = int(radius)
        window = slice(middle - half, middle + half)
        cut = torch.from_numpy(stamps()[:, size, 0, 0, window, window].copy())
        tables.append((half, cut[:, None], cut.square().sum(-1)))
    return tuple(tables)


@cache
def _fine() -> tuple[Tensor, Tensor, Tensor]:
    """Every stamp near the middle of a patch: coverage ``stamps PATCH*PATCH``, its square by row, and what each is.

    What each is: columns shape, size, offset of y and offset of x in quarter pixels.
    """
    rows, labels = [], []
    table = stamps()
    for shape in range(len(SHAPES)):
        for size in range(len(RADII)):
            for dy in range(-REACH, REACH + 1):
                for dx in range(-REACH, REACH + 1):
                    patch = np.zeros((PATCH, PATCH), np.float32)
                    top, left = (CENTRE - STAMP // 2 + shift // GRID for shift in (dy, dx))
                    patch[top : top + STAMP, left : left + STAMP] = table[shape, size, dy % GRID, dx % GRID]
                    rows.append(patch)
                    labels.append((shape, size, dy, dx))
    coverage = torch.from_numpy(np.stack(rows))
    return coverage.flatten(1), coverage.square().sum(-1), torch.tensor(labels)


def find_background(images: Tensor) -> Tensor:
    """``batch 3 32``: the background's colour in every row, from pictures ``batch 3 32 32`` in [0, 1]."""
    share = torch.linspace(0, 1, SIDE)
    palette = torch.from_numpy(BACKGROUND_RGB)
    seen = images[..., ::2]
    mixed = palette[:, None, :, None] * (1 - share) + palette[None, :, :, None] * share
    flat = mixed.flatten(0, 1)
    distance = (
        seen.square().sum(1)[:, None]
        - 2 * torch.einsum("bchw,pch->bphw", seen, flat)
        + flat.square().sum(1)[None, :, :, None]
    )
    cost, choice = distance.clamp(max=OUTLIER).sum((2, 3)).min(1)
    # A model may paint a background that has no name; then the median colour is nearer to most pixels.
    median = seen.flatten(2).median(2).values[..., None]
    unnamed = (seen - median[..., None]).square().sum(1).clamp(max=OUTLIER).sum((1, 2)) < cost
    best = torch.where(unnamed[:, None, None], median, flat[choice])
    inlier = ((images - best[..., None]).square().sum(1) < OUTLIER).float()
    # A straight line per channel through the inliers, pulled weakly to the named colours.
    weight, pull = inlier.sum(2), 8.0 / SIDE
    total = torch.einsum("bhw,bchw->bch", inlier, images) + pull * best
    weight = weight + pull
    design = torch.stack([1 - share, share])
    normal = torch.einsum("bh,ih,jh->bij", weight, design, design)
    ends = torch.linalg.solve(normal, torch.einsum("bch,ih->bic", total, design))
    return torch.einsum("bic,ih->bch", ends, design).clamp(0, 1)


def find_objects(images: Tensor) -> Found:
    """The objects of pictures ``batch 3 32 32`` in [0, 1], in order of image and then of gain."""
    behind = find_background(images)
    difference = images - behind[..., None]
    maps = torch.cat([difference, (difference * behind[..., None]).sum(1, keepdim=True)], dim=1)
    colours = torch.from_numpy(COLOUR_RGB)
    energy = (colours[None, :, :, None] - behind[:, None]).square().sum(2)
    gains = _gain_maps(maps, energy, colours)
    margin = CENTRE + 1
    wide = functional.pad(maps, (margin,) * 4)
    tall = functional.pad(energy, (margin, margin), mode="replicate")
    radii = torch.from_numpy(RADII)
    grid = torch.arange(SIDE + 1)
    alive = torch.arange(len(images))
    rows: list[tuple[Tensor, ...]] = []
    for _ in range(MOST_FOUND):
        peak, place = gains[alive].flatten(1).max(1)
        alive, place = alive[peak > 0], place[peak > 0]
        if not len(alive):
            break
        y, x = place % (SIDE + 1) ** 2 // (SIDE + 1), place % (SIDE + 1)
        shape, size, colour, fine_y, fine_x, score = _refine(wide, tall, colours, alive, y + margin, x + margin)
        fine_x, fine_y = x + fine_x, y + fine_y
        keep = score >= ACCEPT
        rows.append(tuple(value[keep] for value in (alive, shape, size, colour, fine_x, fine_y, score)))
        # What is refused rules out its own place only, what is found all that would overlap it.
        least = (radii[size][:, None] + radii[None] - OVERLAP).where(keep[:, None], torch.tensor(1.0))
        apart = torch.maximum((grid[:, None] - fine_y[:, None, None]).abs(), (grid[None] - fine_x[:, None, None]).abs())
        taken = apart[:, None] < least[:, :, None, None]
        near = torch.maximum((grid[:, None] - y[:, None, None]).abs(), (grid[None] - x[:, None, None]).abs()) < 1
        gains[alive] = gains[alive].masked_fill(taken | near[:, None], MISSING)
    columns = (
        [torch.cat(parts) for parts in zip(*rows, strict=True)] if rows else [torch.empty(0, dtype=torch.long)] * 7
    )
    order = torch.argsort(columns[0], stable=True)
    image, shape, size, colour, x, y, score = (column[order] for column in columns)
    return Found(image, shape, size, colour, x, y, score)


def _gain_maps(maps: Tensor, energy: Tensor, colours: Tensor) -> Tensor:
    """``batch sizes 33 33``: the largest gain over shapes and colours with the centre at each pixel corner."""
    count = len(maps)
    gains = torch.full((count, len(RADII), SIDE + 1, SIDE + 1), MISSING)
    for size, (half, stamp, squares) in enumerate(_coarse()):
        found = functional.conv2d(maps.reshape(count * 4, 1, SIDE, SIDE), stamp).reshape(
            count, 4, len(SHAPES), SIDE + 1 - 2 * half, SIDE + 1 - 2 * half
        )
        linear = torch.einsum("bcsyx,kc->bksyx", found[:, :3], colours) - found[:, 3:]
        quadratic = functional.conv1d(energy.flatten(0, 1)[:, None], squares[:, None])
        quadratic = quadratic.reshape(count, len(colours), len(SHAPES), -1)
        gain = _gain(linear, quadratic[..., None]).amax((1, 2))
        gains[:, size, half : SIDE + 1 - half, half : SIDE + 1 - half] = gain
    return gains


def _gain(linear: Tensor, quadratic: Tensor) -> Tensor:
    """The gain at the best strength."""
    strength = (linear / quadratic).clamp_(FAINTEST, 1.0)
    return strength * (2 * linear - strength * quadratic)


def _refine(wide: Tensor, tall: Tensor, colours: Tensor, image: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    """(shape, size, colour, offset of y, offset of x, share explained) of the best stamp near each place."""
    coverage, squares, labels = _fine()
    reach = torch.arange(PATCH) - CENTRE
    rows, columns = y[:, None] + reach, x[:, None] + reach
    patch = wide[image[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    found = torch.einsum("mpc,tp->mtc", patch.flatten(1, 2), coverage)
    linear = found[..., :3] @ colours.T - found[..., 3:]
    quadratic = torch.einsum("mkp,tp->mtk", tall[image[:, None], :, rows].transpose(1, 2), squares)
    gain = _gain(linear, quadratic).flatten(1)
    best = gain.argmax(1)
    stamp, colour = best // len(colours), best % len(colours)
    # The gain is at most the energy of the stamp, which it reaches on a perfect picture.
    score = gain.gather(1, best[:, None])[:, 0] / quadratic.flatten(1).gather(1, best[:, None])[:, 0]
    shape, size, offset_y, offset_x = labels[stamp].unbind(1)
    return shape, size, colour, offset_y / GRID, offset_x / GRID, score
