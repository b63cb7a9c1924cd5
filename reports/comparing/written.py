"""A comparison as text, Markdown, CSV, JSON and LaTeX. Nothing is decided here."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

from harness.spec import path_safe
from reports.comparing.flips import Flip, Flips, Made
from reports.comparing.rows import Compared, Comparison, as_dict
from reports.comparing.wording import (
    case_text,
    cases_text,
    cells_of,
    counts_text,
    flip_title,
    legend,
    made_text,
    metric_title,
    value_text,
)
from reports.tables.formats import LATEX_HEAD, markdown_text, spreadsheet_safe
from reports.tables.grid import Grid, grid_latex, grid_lines, grid_markdown
from reports.tables.layout import folded, wrapped
from reports.tables.terminal import DEFAULT_WIDTH, NARROWEST

FORMATS = ("text", "markdown", "csv", "json", "latex")
HEADINGS = ("model", "value", "difference [95 %]", "p", "could show", "answer")


def written(found: Comparison, flips: Sequence[Flips], form: str, pictures: str = "") -> str:
    """In one of ``FORMATS``, with a line break at its end. ``pictures``: the folder, relative to the file, in which
    Markdown shows them ("": it shows none)."""
    writers: dict[str, Callable[[], str]] = {
        "text": lambda: _text(found, flips),
        "markdown": lambda: _markdown(found, flips, pictures),
        "csv": lambda: _csv(found),
        "json": lambda: _json(found, flips),
        "latex": lambda: _latex(found),
    }
    return writers[form]()


def _shown(found: Comparison) -> list[list[Compared]]:
    """The rows that were compared, by task and metric."""
    rows = [row for row in found.rows if row.found is not None]
    return [list(group) for _, group in groupby(rows, key=lambda row: (row.task, row.metric))]


# ------------------------------------------------------------------------------------------------ text


def _text(found: Comparison, flips: Sequence[Flips]) -> str:
    room = max(NARROWEST, shutil.get_terminal_size((DEFAULT_WIDTH, 40)).columns)
    blocks = []
    for rows in _shown(found):
        first = rows[0]
        title = (
            f"{first.task} \N{MIDDLE DOT} {metric_title(first)} \N{MIDDLE DOT} {cases_text(rows)} \N{MIDDLE DOT} "
            f"{found.baseline.label} {value_text(first, first.reference)}"
        )
        blocks.append(grid_lines(Grid(title, HEADINGS, tuple(map(cells_of, rows)), closing=True), room))
    blocks += [_flip_lines(item, room) for item in flips]
    notes = [line for note in (*found.notes, legend(found)) for line in wrapped(note, room, "  ")]
    unread = (f"left out: {item.where}: {item.reason}" for item in found.problems)
    notes += [line for text in unread for line in wrapped(text, room, "  ")]
    return "\n\n".join("\n".join(block) for block in [*blocks, notes]) + "\n"


def _flip_lines(item: Flips, room: int) -> list[str]:
    lines = wrapped(flip_title(item), room, "  ")
    lines += wrapped(counts_text(item) or item.why or f"by {item.label}, {item.cases:,} cases", room, "  ")
    for flip in item.flips:
        lines += wrapped(case_text(flip), room, "  ")
        for made in (flip.model, flip.baseline):
            lines += [f"  {line}" for line in wrapped(f"{made.model}: {made_text(made, item)}", room - 2, "  ")]
    return [*lines, *_where_pictures_lie(item, room)]


def _where_pictures_lie(item: Flips, room: int) -> list[str]:
    """The commands that write a run's pictures as files."""
    lie = {made.model: _folder(made.picture) for flip in item.flips for made in (flip.model, flip.baseline)}
    lie = {model: folder for model, folder in lie.items() if folder}
    if not lie:
        return []
    how = "pictures lie in (ddtbench export RUN --to DIR --as png writes them; so does --format markdown --to FILE):"
    return [*wrapped(how, room, "  "), *(f"  {line}" for folder in lie.values() for line in folded(folder, room - 2))]


def _folder(picture: str) -> str:
    return picture.rpartition("/samples/")[0]


# ------------------------------------------------------------------------------------------------ files


def _grids(found: Comparison, headings: tuple[str, ...]) -> list[Grid]:
    """One per task, with the metric in front."""
    grids = []
    for task, group in groupby([row for rows in _shown(found) for row in rows], key=lambda row: row.task):
        rows = list(group)
        filled = tuple(_file_row(row) for row in rows)
        title = f"{task}, {cases_text(rows)}, beside {found.baseline.label}"
        grids.append(Grid(title, headings, filled, words=2, closing=True, name=f"compare-{task}"))
    return grids


def _file_row(row: Compared) -> tuple[str, ...]:
    model, value, *rest = cells_of(row)
    return metric_title(row), model, value, value_text(row, row.reference), *rest


def _file_headings(found: Comparison) -> tuple[str, ...]:
    return ("metric", *HEADINGS[:2], found.baseline.label, *HEADINGS[2:])


def pictures_of(flips: Sequence[Flips], folder: str) -> dict[str, bytes]:
    """Name -> PNG of every picture that the Markdown form shows, beside its file in ``folder``."""
    return {
        _picture_name(item, made, flip, folder): made.png
        for item in flips
        for flip in item.flips
        for made in (flip.model, flip.baseline)
        if made.png
    }


def _picture_name(item: Flips, made: Made, flip: Flip, folder: str) -> str:
    digest = hashlib.sha256(f"{item.task}\n{flip.case}".encode()).hexdigest()[:8]
    return f"{folder}/{path_safe(made.model)}-{path_safe(item.task)}-{digest}.png"


def _markdown(found: Comparison, flips: Sequence[Flips], pictures: str = "") -> str:
    parts = [grid_markdown(grid) for grid in _grids(found, _file_headings(found))]
    for item in flips:
        lines = [f"### {markdown_text(flip_title(item))}", ""]
        lines.append(markdown_text(counts_text(item) or item.why or f"by {item.label}, {item.cases:,} cases"))
        for flip in item.flips:
            lines += ["", f"- {markdown_text(case_text(flip))}"]
            for made in (flip.model, flip.baseline):
                seen = f" ![{made.model}]({_picture_name(item, made, flip, pictures)})" if pictures and made.png else ""
                lines.append(f"  - {markdown_text(f'{made.model}: {made_text(made, item)}')}{seen}")
        parts.append("\n".join(lines) + "\n")
    unread = [f"left out: {item.where}: {item.reason}" for item in found.problems]
    notes = [f"- {markdown_text(text)}" for text in (*found.notes, *unread)]
    return "\n".join([*parts, "\n".join([*notes, *([""] if notes else []), markdown_text(legend(found))]) + "\n"])


def _latex(found: Comparison) -> str:
    grids = _grids(found, _file_headings(found))
    if grids:
        grids[0] = replace(grids[0], notes=(*found.notes, legend(found)))
    return LATEX_HEAD + "\n".join(map(grid_latex, grids))


def _csv(found: Comparison) -> str:
    """One line per comparison with every digit, those that could not be made among them, with their reason."""
    buffer = io.StringIO()
    rows = [as_dict(row) for row in found.rows]
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([spreadsheet_safe("" if value is None else value) for value in row.values()])
    return buffer.getvalue()


def _json(found: Comparison, flips: Sequence[Flips]) -> str:
    content: dict[str, Any] = {
        "schema": 1,
        "runs": found.where,
        "baseline": found.baseline.label,
        "level": 0.95,
        "family": found.family,
        "rows": [as_dict(row) for row in found.rows],
        "flips": [_without_bytes(asdict(item)) for item in flips],
        "notes": list(found.notes),
        "problems": [{"where": item.where, "reason": item.reason} for item in found.problems],
    }
    return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _without_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items() if not isinstance(item, bytes)}
    return [_without_bytes(item) for item in value] if isinstance(value, list | tuple) else value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
