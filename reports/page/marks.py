"""Small drawings of the pages: a model's mark in its colour, an interval on the scale of its column; and what scripts
read of a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup

from reports.figures.style import SPARE, Look, worded
from reports.tables.cells import Cell, Column
from reports.tables.sizes import set_size
from reports.tables.table import Table

_SHAPES = {
    "o": '<circle cx="6" cy="6" r="4.2"/>',
    "s": '<rect x="2" y="2" width="8" height="8"/>',
    "^": '<path d="M6 1.4 10.6 10 1.4 10z"/>',
    "v": '<path d="M6 10.6 10.6 2 1.4 2z"/>',
    "<": '<path d="M1.4 6 10 1.4 10 10.6z"/>',
    ">": '<path d="M10.6 6 2 1.4 2 10.6z"/>',
    "D": '<path d="M6 .8 11.2 6 6 11.2.8 6z"/>',
    "P": '<path d="M4.4 1.5h3.2v2.9h2.9v3.2H7.6v2.9H4.4V7.6H1.5V4.4h2.9z"/>',
    "X": '<path d="M3.6 1.2 6 3.6 8.4 1.2 10.8 3.6 8.4 6 10.8 8.4 8.4 10.8 6 8.4 3.6 10.8 1.2 8.4 3.6 6 1.2 3.6z"/>',
    "*": '<path d="M6 .6 7.4 4.5 11.4 4.6 8.2 7 9.4 11 6 8.6 2.6 11 3.8 7 .6 4.6 4.6 4.5z"/>',
    "d": '<path d="M6 .8 9.2 6 6 11.2 2.8 6z"/>',
    "8": '<path d="M4 1.2H8L10.8 4V8L8 10.8H4L1.2 8V4z"/>',
    "h": '<path d="M6 .9 10.4 3.4v5.2L6 11.1 1.6 8.6V3.4z"/>',
    "p": '<path d="M6 1 11 4.7 9.1 10.5H2.9L1 4.7z"/>',
}
_CONTROL_SHAPE = '<circle cx="6" cy="6" r="3.4" fill="none" stroke="currentColor" stroke-width="1.4"/>'


def colour_names(looks: Mapping[str, Look]) -> dict[str, str]:
    """hex colour -> ``var(--mN)``, so that the page can lighten it on a dark ground."""
    shown = (look.colour for look in looks.values() if not look.control)
    # a figure can give a family of models a colour that no single model has
    known = (colour for colour, _ in SPARE)
    colours = dict.fromkeys((*shown, *known))
    names = {colour: f"var(--m{place})" for place, colour in enumerate(colours)}
    # a name in a figure is darker than its mark where that is too light to be read
    return names | {worded(colour): f"{name[:-1]}t)" for colour, name in names.items() if worded(colour) not in names}


def swatch(look: Look, names: Mapping[str, str]) -> Markup:
    """The model's marker in its colour, as in the figures."""
    shape = _CONTROL_SHAPE if look.control else _SHAPES.get(look.marker, _SHAPES["o"])
    colour = "var(--control)" if look.control else names[look.colour]
    return Markup(
        f'<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true" style="color:{colour}" fill="currentColor">'
        f"{shape}</svg>"
    )


def interval_strip(
    table: Table, place: int, shown: Cell, names: Mapping[str, str], looks: Mapping[str, Look]
) -> Markup:
    """A dot and its 95 % whisker on the scale that the column's models share; nothing for controls and lone values."""
    row = next(item for item in table.rows if item.cells[place] is shown)
    peers = [item.cells[place] for item in table.models if item.cells[place].low is not None]
    if (
        row.control
        or table.columns[place].direction == "none"
        or shown.low is None
        or shown.high is None
        or shown.value is None
        or len(peers) < 2
    ):
        return Markup("")
    low = min(cell.low for cell in peers if cell.low is not None)
    high = max(cell.high for cell in peers if cell.high is not None)
    if not high > low:
        return Markup("")

    def at(value: float) -> float:
        return round(4 + 92 * (value - low) / (high - low), 2)

    colour = names[looks[row.run.subject].colour]
    left, right, dot = at(shown.low), at(shown.high), at(shown.value)
    return Markup(
        f'<svg class="strip" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" style="color:{colour}">'
        f'<path class="rail" d="M4 4H96"/><path class="whisker" d="M{left} 4H{right}"/>'
        f'<path class="dot" d="M{dot} 4h.001"/></svg>'
    )


def full_value(cell: Cell) -> Markup:
    """`` data-value="..."`` with every digit, as a script reads numbers; nothing where there is none."""
    if cell.value is None or math.isnan(cell.value):
        return Markup("")
    text = repr(float(cell.value)) if math.isfinite(cell.value) else "Infinity" if cell.value > 0 else "-Infinity"
    return Markup(f' data-value="{text}"')


def own_size(column: Column, cell: Cell) -> str:
    """The N of one cell, where its column has several."""
    return set_size(cell.estimate) if len(column.sizes) > 1 else ""
