"""The page: one HTML file with everything inside, readable from disk without a network, light or dark, paper or phone.

Templates escape whatever comes from data. Only three things enter as markup: our own marks, interval strips, and panels
that matplotlib wrote (it escapes its texts).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.comparing.protocols import protocol_of
from reports.figures.draw import FORMATS, panel_svg
from reports.figures.panels import Figure
from reports.figures.style import SPARE, Look, lighter, looks_of
from reports.page.findings import lede, title, warnings
from reports.page.gallery import Grid
from reports.page.samples import Sheet
from reports.page.strips import STRIP_FORMATS
from reports.reading.runs import Stored
from reports.tables.cells import Cell
from reports.tables.formats import heading, letters, subtitle
from reports.tables.table import Table, halves

TEMPLATES = Path(__file__).parent / "templates"
FAILURES_SHOWN = 200
ENVIRONMENT_HIDDEN = ("schema", "environment", "host", "started", "finished")
_SHAPES = {
    "o": '<circle cx="6" cy="6" r="4.2"/>',
    "s": '<rect x="2" y="2" width="8" height="8"/>',
    "^": '<path d="M6 1.4 10.6 10 1.4 10z"/>',
    "v": '<path d="M6 10.6 10.6 2 1.4 2z"/>',
    "<": '<path d="M1.4 6 10 1.4 10 10.6z"/>',
    ">": '<path d="M10.6 6 2 1.4 2 10.6z"/>',
    "D": '<path d="M6 .8 11.2 6 6 11.2.8 6z"/>',
    "P": '<path d="M4.4 1.5h3.2v2.9h2.9v3.2H7.6v2.9H4.4V7.6H1.5V4.4h2.9z"/>',
    "h": '<path d="M6 .9 10.4 3.4v5.2L6 11.1 1.6 8.6V3.4z"/>',
    "p": '<path d="M6 1 11 4.7 9.1 10.5H2.9L1 4.7z"/>',
}
_CONTROL_SHAPE = '<circle cx="6" cy="6" r="3.4" fill="none" stroke="currentColor" stroke-width="1.4"/>'


@dataclass(frozen=True)
class Page:
    """All that the templates show."""

    stored: Stored
    tables: Sequence[Table]
    breakdowns: Sequence[Table]
    figures: Sequence[Figure]
    grids: Sequence[Grid]
    downloads: Sequence[str] = ()
    headlines: Sequence[Table] = ()
    sheets: Sequence[Sheet] = ()


def render_page(page: Page) -> str:
    """The HTML of a report. The same runs give the same bytes."""
    import jinja2

    looks = looks_of(page.stored.runs)
    names = colour_names(looks)
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        swatch=lambda subject: _swatch(looks[subject], names),
        strip=lambda table, column, row: interval_strip(table, column, row, names, looks),
        letters=letters,
        plain_id=_plain_id,
    )
    return environment.get_template("report.html").render(
        title=title(page.tables) if page.tables else "Nothing to compare yet",
        lede=lede(page.tables, page.headlines) if page.tables else "",
        page=page,
        warnings=[
            *(f"Left out: {text}" for text in page.stored.left_out),
            *(text for table in page.tables for text in warnings(table)),
        ],
        halves=halves,
        subtitle=subtitle,
        meanings=_meanings,
        shown_breakdowns=[
            table for table in page.breakdowns if not table.stratum_of or page.stored.shown(table.task).breakdown
        ],
        panels=[
            [Markup(panel_svg(p, f"f{i}p{j}", names)) for j, p in enumerate(f.panels)]
            for i, f in enumerate(page.figures)
        ],
        formats=FORMATS,
        strip_formats=STRIP_FORMATS,
        colours=[(name, colour, lighter(colour)) for colour, name in ((c, n[4:-1]) for c, n in names.items())],
        failures=_failures(page.stored),
        protocols=_protocols(page.stored),
        environments=_environments(page.stored),
    )


def _meanings(table: Table) -> list[tuple[str, str]]:
    """(heading, what it is in plain words) of the columns that say so."""
    return [(heading(column), column.meaning) for column in table.columns if column.meaning]


def colour_names(looks: Mapping[str, Look]) -> dict[str, str]:
    """hex colour -> ``var(--mN)``, so that the page can lighten it on a dark ground."""
    shown = (look.colour for look in looks.values() if not look.control)
    # a figure can give a family of models a colour that no single model has
    known = (colour for colour, _ in SPARE)
    colours = dict.fromkeys((*shown, *known))
    return {colour: f"var(--m{place})" for place, colour in enumerate(colours)}


def _swatch(look: Look, names: Mapping[str, str]) -> Markup:
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


def _failures(stored: Stored) -> list[dict[str, Any]]:
    """Failed cases by run, the first 200 of each by name."""
    return [
        {"run": run, "shown": run.failures[:FAILURES_SHOWN], "more": max(0, len(run.failures) - FAILURES_SHOWN)}
        for run in stored.runs
        if run.failures
    ]


def _protocols(stored: Stored) -> list[dict[str, Any]]:
    """Each different protocol once, with the numbers that were made under it."""
    found: dict[str, dict[str, Any]] = {}
    for run in stored.runs:
        for estimate in run.estimates:
            if estimate.stratum or estimate.value is None:
                continue
            protocol = protocol_of(run, estimate)
            entry = found.setdefault(
                json.dumps([run.task, protocol], sort_keys=True, default=str),
                {
                    "task": run.task,
                    "items": [(key, _words(value)) for key, value in protocol.items()],
                    "metrics": {},
                    "methods": {},
                },
            )
            entry["metrics"][estimate.metric] = None
            entry["methods"][estimate.method] = None
    return list(found.values())


def _environments(stored: Stored) -> list[dict[str, Any]]:
    """Each different environment once, with the runs made in it; no host and no time."""
    found: dict[str, dict[str, Any]] = {}
    for run in stored.runs:
        kept = _flat(run.environment)
        entry = found.setdefault(json.dumps(kept, default=str), {"items": list(kept.items()), "runs": []})
        entry["runs"].append(run)
    return [entry for entry in found.values() if entry["items"]]


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """name -> value over every environment a run was made in, without what says nothing about its numbers."""
    several, runs = environment.get("environments"), environment.get("runs")
    parts = list(several.values()) if isinstance(several, Mapping) else []
    parts += runs if isinstance(runs, list) else []
    found: dict[str, dict[str, None]] = {}
    for part in parts or [environment]:
        for name, value in part.items() if isinstance(part, Mapping) else ():
            if name not in ENVIRONMENT_HIDDEN:
                found.setdefault(str(name), {})[_words(value)] = None
    return {name: "; ".join(values) for name, values in found.items()}


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return str(value)


def _plain_id(text: str) -> str:
    """A fragment identifier: letters, digits and hyphens."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in text) or "x"
