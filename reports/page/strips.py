"""Strips of pictures as files: one figure for a paper, and one animation that plays the steps.

Both hold what the page shows of a series: steps from left to right, or one after the other, models below each other.
The same pictures give the same bytes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.figures.draw import render_panel
from reports.figures.names import fitted, shortened
from reports.figures.panels import Panel
from reports.figures.style import FINE
from reports.page.gallery import Grid, Strip, Tile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL import Image

STRIP_FORMATS = ("png", "pdf", "webp")
INCHES, LABEL, HEAD = 0.62, 1.15, 0.42
"""The side of a picture in a figure, and the room for names beside it and above."""
NAME, TINY = 36, 6.5
"""Characters of a name beside a picture; points of the letters of a heading."""
CELL, GAP = 128, 4
"""Pixels of a picture in a figure's one image, and half of the white between two."""
PIXELS, MARGIN, HEADING, FONT = 96, 6, 24, 13
"""Of an animation: the side of a picture, the space between two, the room above them, the height of letters."""
FRAME, LAST = 450, 1600
"""Milliseconds that a step is seen, and the last one."""


def render_strips(grid: Grid, form: str) -> bytes:
    """All strips of a grid as ``png`` or ``pdf``, or as an animated ``webp``."""
    return _animation(grid) if form == "webp" else _figure(grid, form)


def _figure(grid: Grid, form: str) -> bytes:
    rows, columns = len(grid.strips), len(grid.columns)

    head = [fitted(shortened(words, 40), 72 * INCHES - 3, TINY) for words in grid.columns]
    above = max(HEAD, (max(text.count("\n") for text in head) + 2) * TINY * 1.25 / 72)

    def draw(axes: Axes) -> None:
        axes.set_axis_off()
        axes.imshow(_mosaic(grid), extent=(0, columns, rows, 0), interpolation="nearest", aspect="auto")
        axes.set_xlim(-LABEL / INCHES, columns)
        axes.set_ylim(rows, -above / INCHES)
        for column, words in enumerate(head):
            axes.text(column + 0.5, -0.12, words, ha="center", va="bottom", fontsize=TINY, parse_math=False)
        for row, strip in enumerate(grid.strips):
            label = fitted(shortened(strip.label, NAME), 72 * LABEL - 14, FINE, bold=True)
            place = (-0.15, row + 0.5)
            axes.text(*place, label, ha="right", va="center", fontsize=FINE, fontweight="bold", parse_math=False)

    size = (LABEL + INCHES * columns, above + INCHES * rows)
    return render_panel(Panel(grid.title, grid.caption, draw), form, size)


def _mosaic(grid: Grid) -> Image.Image:
    """All pictures in one, since each image of a figure costs time and room."""
    from PIL import Image

    whole = Image.new("RGB", (CELL * len(grid.columns), CELL * len(grid.strips)), "white")
    for row, strip in enumerate(grid.strips):
        for column, tile in enumerate(strip.tiles):
            if (picture := _picture(tile)) is not None:
                side = CELL - 2 * GAP
                place = (CELL * column + GAP, CELL * row + GAP)
                whole.paste(picture.resize((side, side), Image.Resampling.NEAREST), place)
    return whole


def _picture(tile: Tile) -> Image.Image | None:
    from PIL import Image

    if not tile.source:
        return None
    return Image.open(io.BytesIO(base64.b64decode(tile.source.partition(",")[2]))).convert("RGB")


def _animation(grid: Grid) -> bytes:
    """A frame for each step: a line for each model, a column for each case, and the original on the left."""
    cases = list(dict.fromkeys(strip.case for strip in grid.strips))
    lines = list(dict.fromkeys(strip.label for strip in grid.strips))
    first = 1 if grid.columns and grid.columns[0] == "original" else 0
    frames = [
        _frame(grid.strips, cases, lines, step, words) for step, words in enumerate(grid.columns) if step >= first
    ]
    buffer = io.BytesIO()
    times = [FRAME] * (len(frames) - 1) + [LAST]
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, lossless=True, quality=60
    )
    return buffer.getvalue()


def names_width(labels: Sequence[str]) -> int:
    """Pixels that the names beside the pictures of an animation take."""
    from PIL import ImageFont

    font = ImageFont.load_default(FONT)
    return 3 * MARGIN + int(max((font.getlength(shortened(label, NAME)) for label in labels), default=0))


def _frame(strips: Sequence[Strip], cases: Sequence[str], lines: Sequence[str], step: int, words: str) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    font, names, side = ImageFont.load_default(FONT), names_width(lines), PIXELS + MARGIN
    frame = Image.new("RGB", (names + side * len(cases), HEADING + side * len(lines)), "white")
    draw = ImageDraw.Draw(frame)
    draw.text((names, MARGIN // 2), words, "black", font)
    for strip in strips:
        across, down = names + side * cases.index(strip.case), HEADING + side * lines.index(strip.label)
        draw.text((MARGIN, down + (PIXELS - FONT) // 2), shortened(strip.label, NAME), "black", font)
        # a model that lacks a step keeps showing the one before
        seen = [picture for tile in strip.tiles[: step + 1] if (picture := _picture(tile)) is not None]
        if seen:
            frame.paste(seen[-1].resize((PIXELS, PIXELS), Image.Resampling.NEAREST), (across, down))
    return frame
