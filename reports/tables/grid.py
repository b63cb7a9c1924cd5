"""A small table of words, for commands that decide: one value, every form (text, Markdown, CSV, LaTeX).

Cells are finished text. What a reader must know stands in ``notes``, below. In a terminal that is too narrow for a
line, every row becomes a paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.tables.formats import latex_text, markdown_text
from reports.tables.layout import cut, folded, left, right, width, wrapped

GAP = "  "
NARROWEST_NAME = 12
RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


@dataclass(frozen=True)
class Grid:
    """``words``: how many columns are names, set flush left from the first on (in Markdown and LaTeX, too); the others
    are numbers. ``closing``: the last column is words, too. ``hidden``: columns that a terminal leaves out, since the
    title says it."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    words: int = 1
    closing: bool = False
    name: str = "table"

    def is_words(self, place: int) -> bool:
        return place < self.words or (self.closing and place == len(self.headings) - 1)


def grid_lines(grid: Grid, room: int) -> list[str]:
    """For a terminal of that many columns: title, rule, headings, rows, notes."""
    widths = [max(width(text) for text in column) for column in zip(grid.headings, *grid.rows, strict=True)]
    rest = sum(widths[1:]) + len(GAP) * (len(widths) - 1)
    title = wrapped(grid.title, room, "  ")
    if grid.rows and room - rest < min(NARROWEST_NAME, widths[0]):
        return [*title, *_paragraphs(grid, room), *_notes(grid, room)]
    widths[0] = min(widths[0], room - rest)
    rule = RULE * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines = [*title, rule, *_line(grid, grid.headings, widths), rule]
    for row in grid.rows:
        lines += _line(grid, row, widths)
    return [*lines, rule, *_notes(grid, room)]


def _line(grid: Grid, row: Sequence[str], widths: Sequence[int]) -> list[str]:
    begun, *more = folded(row[0], widths[0])
    cells = [
        left(text, size) if grid.is_words(place) else right(text, size)
        for place, (text, size) in enumerate(zip(row, widths, strict=True))
        if place
    ]
    return [(left(begun, widths[0]) + GAP + GAP.join(cells)).rstrip(), *more]


def _paragraphs(grid: Grid, room: int) -> list[str]:
    lines: list[str] = []
    for row in grid.rows:
        lines.append(cut(row[0], room))
        said = [f"{heading} {text}".strip() for heading, text in zip(grid.headings, row, strict=True) if text][1:]
        lines += [f"  {line}" for line in wrapped(", ".join(said), room - 2)]
    return lines


def _notes(grid: Grid, room: int) -> list[str]:
    return [line for note in grid.notes for line in wrapped(note, room, "  ")]


def grid_markdown(grid: Grid) -> str:
    """A heading, a GitHub table, and the notes as a list."""
    ways = [":--" if grid.is_words(place) else "--:" for place in range(len(grid.headings))]
    rows = [grid.headings, *grid.rows]
    lines = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join(ways) + "|")
    notes = ["", *(f"- {markdown_text(note)}" for note in grid.notes)] if grid.notes else []
    return "\n".join([f"### {markdown_text(grid.title)}", "", *lines, *notes]) + "\n"


def grid_latex(grid: Grid) -> str:
    """A booktabs table; the notes follow the title in the caption. A name that repeats the one above is left out."""
    ways = "".join("l" if grid.is_words(place) else "r" for place in range(len(grid.headings)))
    lines = ["\\begin{table}[t]", "\\centering\\small", f"\\begin{{tabular}}{{{ways}}}", "\\toprule"]
    lines += [" & ".join(map(latex_text, grid.headings)) + r" \\", "\\midrule"]
    above: Sequence[str] = ()
    for row in grid.rows:
        if above and row[0] != above[0] and grid.words > 1:
            lines.append("\\addlinespace")
        shown = list(row)
        for place in range(grid.words - 1):
            if above and row[: place + 1] == above[: place + 1]:
                shown[place] = ""
        lines.append(" & ".join(map(latex_text, shown)) + r" \\")
        above = row
    caption = " ".join([f"{grid.title}.", *(f"{note.rstrip('.')}." for note in grid.notes)])
    lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{latex_text(caption)}}}"]
    return "\n".join([*lines, f"\\label{{tab:{grid.name}}}", "\\end{table}"]) + "\n"
