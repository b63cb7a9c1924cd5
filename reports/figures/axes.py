"""Names on axes: beside their points or beyond the ends of their curves, none over another; else in a key below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from reports.figures.key import add_key, canvas_of, mark_of
from reports.figures.names import broadest, fitted
from reports.figures.style import MUTED, SMALL, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NARROWEST = 48.0
"""Points of a line of a name, at the fewest."""
BESIDE = 108.0
"""Points of a line of a name beyond the end of an axis."""
GAP = 11.5
"""Points from one line of a name to the next."""
WIDER = 3
"""Times that the axis is made longer to the right so that names find room."""
TOUCHING = 6
"""So many names may lie over marks where they cannot help it; more stand in a key."""


@dataclass
class Name:
    """A name beside a point: where the point is on the canvas, how high the name stands after all names made room."""

    x: float
    y: float
    at: float
    text: str
    colour: str
    bold: bool
    right: bool = False

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1

    def moved(self, points: float) -> bool:
        return abs(self.at - self.y) > 0.35 * GAP * points

    def offset(self, points: float) -> float:
        """Points from the point to the name, to the left where it ends there."""
        return (-9 if self.right else 9) * (1.7 if self.moved(points) else 1)

    def box(self, points: float) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) on the canvas."""
        start, wide = self.x + points * self.offset(points), points * broadest(self.text, SMALL, self.bold)
        half = points * GAP * self.lines / 2
        return (
            start - wide if self.right else start,
            self.at - half,
            start if self.right else start + wide,
            self.at + half,
        )


Box = tuple[float, float, float, float]


def overlap(one: Box, two: Box, by: float = 0.0) -> bool:
    """Whether two boxes lie over each other by more than ``by``."""
    across, up = min(one[2], two[2]) - max(one[0], two[0]), min(one[3], two[3]) - max(one[1], two[1])
    return across > by and up > by


def name_points(
    axes: Axes, labels: Sequence[tuple[float, float, float, Look]], lines: Sequence[tuple[float, float, float]] = ()
) -> None:
    """Names beside their points, pushed apart where they would overlap; a hairline leads to one that was moved. Where
    that leaves one over another, over a mark or outside of the axes, all stand in a key below. ``lines``: (from, to,
    height) of what else is drawn."""
    if not labels:
        return
    points = canvas_of(axes).dpi / 72
    ends, clear = axes.get_xlim(), None
    for _ in range(WIDER + 1):
        tried = [_beside(axes, labels, lines, points, right, room) for room in (None, 90.0) for right in (False, True)]
        clear = next((names for names, texts, marks in tried if not texts and not marks), None)
        if clear is not None:
            break
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * (high / low) ** 0.15)  # the axis is logarithmic
    if clear is None:
        axes.set_xlim(*ends)
        tried = [_beside(axes, labels, lines, points, right, room) for room in (None, 90.0) for right in (False, True)]
        clear = next((names for names, texts, _ in tried if not texts), None) if len(labels) <= TOUCHING else None
    if clear is None:
        add_key(axes, [mark_of(look) for *_, look in labels])
        return
    for name in clear:
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4}
        across, up = (float(part) for part in axes.transData.inverted().transform((name.x, name.y)))
        axes.annotate(
            name.text,
            (across, up),
            (name.offset(points), (name.at - name.y) / points),
            textcoords="offset points",
            ha="right" if name.right else "left",
            va="center",
            fontsize=SMALL,
            color=name.colour,
            fontweight="bold" if name.bold else "normal",
            arrowprops=line if name.moved(points) else None,
            parse_math=False,
        )


def _beside(
    axes: Axes,
    labels: Sequence[tuple[float, float, float, Look]],
    lines: Sequence[tuple[float, float, float]],
    points: float,
    right: bool,
    most: float | None,
) -> tuple[list[Name], bool, bool]:
    """(names at the sides of their points, whether one lies over another or leaves the axes, whether one lies over a
    mark). ``right``: names stand on the right only where they do not fit on the left; ``most`` points a line."""
    box = axes.get_window_extent()
    names = []
    for x, y, shift, look in labels:
        across, up = (float(part) for part in axes.transData.transform((x, y)))
        across += shift * points
        rooms = [(across - box.x0) / points - 18, (box.x1 - across) / points - 18]
        widest = max(rooms) if most is None else min(most, max(rooms))
        text = fitted(look.label, max(widest, NARROWEST), SMALL, not look.control)
        takes = broadest(text, SMALL, not look.control)
        names.append(
            Name(across, up, up, text, look.text, not look.control, (takes <= rooms[0]) if right else takes > rooms[1])
        )
    for side in (False, True):
        mine = sorted((name for name in names if name.right == side), key=lambda name: name.y)
        spread_names(mine, GAP * points, box.y0 + 0.3 * GAP * points, box.y1 - 0.3 * GAP * points)
    boxes = [name.box(points) for name in names]
    inside = all(
        one[0] >= box.x0 and one[2] <= box.x1 + 4 * points and one[1] >= box.y0 - 1 and one[3] <= box.y1 + GAP * points
        for one in boxes
    )
    texts = not inside or any(overlap(one, two, points) for one, two in combinations(boxes, 2))
    reach = 4 * points
    marks = [(name.x - reach, name.y - reach, name.x + reach, name.y + reach) for name in names]
    over = any(overlap(one, mark) for row, one in enumerate(boxes) for at, mark in enumerate(marks) if at != row)
    for start, end, height in lines:
        (first, up), (last, _) = axes.transData.transform([(start, height), (end, height)])
        drawn = (float(first) - reach, float(up) - reach, float(last) + reach, float(up) + reach)
        over = over or any(overlap(one, drawn) for one in boxes)
    return names, texts, over


def spread_names(names: Sequence[Name], gap: float, low: float, high: float) -> None:
    """Move names, sorted by height, apart to at least ``gap`` (of a name of several lines as often), as near to their
    points as that allows."""
    for _ in range(60):
        for below, above in pairwise(names):
            overlapping = gap * (above.lines + below.lines) / 2 - (above.at - below.at)
            if overlapping > 0:
                below.at -= overlapping / 2
                above.at += overlapping / 2
        for name in names:
            margin = gap * (name.lines - 1) / 2
            name.at = min(max(name.at, low + margin), high - margin)
    for below, above in pairwise(names):  # what is still too near after so many rounds: upwards, then down from the top
        above.at = max(above.at, below.at + gap * (above.lines + below.lines) / 2)
    top = high
    for name in reversed(names):
        name.at = min(name.at, top - gap * (name.lines - 1) / 2)
        top = name.at - gap * (name.lines + 1) / 2


def have_room(names: Sequence[Name], gap: float, low: float, high: float) -> bool:
    """Whether names in a column fit between two heights."""
    return gap * sum(name.lines for name in names) <= high - low + gap


def name_ends(axes: Axes, ends: Sequence[tuple[float, str, str, bool]]) -> bool:
    """Each curve's name at its end, beyond the axes: (height, name, colour, bold). False, and none of them, where they
    have no room."""
    points = canvas_of(axes).dpi / 72
    box, edge = axes.get_window_extent(), axes.get_xlim()[1]
    placed = []
    for y, text, colour, bold in ends:
        up = float(axes.transData.transform((edge, y))[1])
        placed.append(Name(y, up, up, fitted(text, BESIDE, SMALL, bold), colour, bold))
    placed.sort(key=lambda name: name.y)
    if not have_room(placed, GAP * points, box.y0, box.y1):
        return False
    spread_names(placed, GAP * points, box.y0, box.y1)
    for name in placed:
        axes.annotate(
            name.text,
            (edge, name.x),
            (7, (name.at - name.y) / points),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=name.colour,
            fontweight="bold" if name.bold else "normal",
            annotation_clip=False,
            parse_math=False,
        )
    return True
