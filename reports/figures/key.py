"""The key of a figure: names below it, each beside its mark, where there is no room for them beside what they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from reports.figures.names import breadth, broadest, fitted
from reports.figures.style import FINE, INK, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D

HANDLE, PAD, SPACE = 1.8, 0.6, 1.6
"""Of an entry, in sizes of its letters: its mark, the room between mark and name, the room before the next column."""
EDGE = 8.0
"""Points that stay free at both sides of a key."""
INSIDE = 5
"""Names of a key inside the axes, at most."""
_entries: WeakKeyDictionary[Canvas, dict[str, Line2D]] = WeakKeyDictionary()


def root_of(axes: Axes) -> Canvas:
    canvas = axes.get_figure(root=True)
    assert canvas is not None
    return canvas


def canvas_of(axes: Axes) -> Canvas:
    """The figure, laid out as far as these axes go, so that their places on the canvas are final. Others are left out:
    many panels would each lay out all."""
    canvas = root_of(axes)
    others = [one for one in canvas.axes if one is not axes and one.get_visible()]
    for one in others:
        one.set_visible(False)
    canvas.draw_without_rendering()
    for one in others:
        one.set_visible(True)
    return canvas


def mark_of(look: Look) -> tuple[str, Line2D]:
    """An entry of a model: its name, and its mark on its line."""
    return look.label, line_of(look.colour, "-", look.marker)


def line_of(colour: str, dashes: Any, marker: str) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linestyle=dashes, marker=marker, markersize=4.5, linewidth=1.2)


def add_key(axes: Axes, entries: Sequence[tuple[str, Line2D]]) -> None:
    """Put names below the whole figure, which grows by as much; what another panel has put there stands there once."""
    canvas = root_of(axes)
    known = _entries.setdefault(canvas, {})
    if all(name in known for name, _ in entries):
        return
    for name, mark in entries:
        known.setdefault(name, mark)
    before = 0.0
    for legend in canvas.legends:
        before += legend.get_window_extent().height
        legend.remove()
    room = 72 * canvas.get_figwidth() - 2 * EDGE
    taken = FINE * (HANDLE + PAD)
    names = [fitted(name, room - taken, FINE) for name in known]
    column = taken + FINE * SPACE + max(broadest(name, FINE) for name in names)
    legend = canvas.legend(
        handles=list(known.values()),
        labels=[str(place) for place in range(len(names))],  # matplotlib leaves out what begins with "_"
        loc="outside lower left",
        ncols=max(1, min(len(names), int((room + FINE * SPACE) / column))),
        fontsize=FINE,
        handlelength=HANDLE,
        handletextpad=PAD,
        columnspacing=SPACE,
        labelspacing=0.45,
        borderpad=0.2,
        frameon=False,
        labelcolor=INK,
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
    canvas.set_figheight(canvas.get_figheight() + (legend.get_window_extent().height - before) / canvas.dpi)


def fits_inside(axes: Axes, entries: Sequence[tuple[str, Line2D]]) -> bool:
    """Puts a key inside the axes, where the names are few and short; False, and nothing, where they are not."""
    room = 72 * axes.get_position().width * root_of(axes).get_figwidth()
    if len(entries) > INSIDE or any(breadth(name, FINE) > room / 2 for name, _ in entries):
        return False
    labels = [str(place) for place in range(len(entries))]
    legend = axes.legend([mark for _, mark in entries], labels, fontsize=FINE, handlelength=HANDLE, labelspacing=0.3)
    for text, (name, _) in zip(legend.get_texts(), entries, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
    return True


def label_axes(axes: Axes, across: str, up: str, note: str = "") -> None:
    """What the axes show, folded to their panel; a note stands below."""
    canvas, place = root_of(axes), axes.get_subplotspec()
    rows, columns = place.get_gridspec().get_geometry() if place is not None else (1, 1)
    wide, high = 72 * canvas.get_figwidth() / columns - 80, 72 * canvas.get_figheight() / rows - 70
    lines = [fitted(text, max(wide, 60)) for text in (across, note) if text]
    axes.set_xlabel("\n".join(lines), parse_math=False)
    axes.set_ylabel(fitted(up, max(high, 60)), parse_math=False)


def over_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label
