"""A reproduction as files: Markdown and LaTeX in the layout of the paper, CSV with a line for each number."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from harness.contracts.published import PublishedRow
from reports.reproducing.beside import Beside, Reproduction
from reports.reproducing.cures import files_for
from reports.reproducing.shown import (
    LEGEND,
    MEASURED,
    TRUST,
    Block,
    Line,
    blocks,
    head,
    lettered,
    matters,
    measured_rows,
    not_measured,
    remarks,
)
from reports.reproducing.verdicts import Verdict
from reports.tables.formats import latex_text, markdown_text, spreadsheet_safe

CSV_HEADER = (
    *("table", "group", "model", "column", "stratum", "published", "printed", "half_digit", "unit"),
    *("source", "trust", "note", "run", "model_run", "metric", "measured", "low", "high", "difference"),
    *("width", "verdict", "why", "unknown", "needs"),
)


def to_csv(found: Reproduction) -> str:
    """A line for each published number, and for each that a run measured beside it or alone."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    items = found.beside
    if not found.asked:
        items = tuple(
            Beside(found.table.column(name), Verdict(""), row) for row in found.table.rows for name in row.values
        )
    needs = "; ".join(files_for(found.table)) if found.asked else ""
    for item in items:
        told = needs if item.run is None and item.verdict.word == "not measured" else ""
        writer.writerow([spreadsheet_safe(value) for value in (*_values(found, item), told)])
    return buffer.getvalue()


def _values(found: Reproduction, item: Beside) -> list[object]:
    row, column, number = item.row, item.column, item.number
    name = row.label if row else item.label
    printed = (number.text, number.printed, number.half_digit) if number else ("", "", "")
    where = _where(row) if row else ("", "", "")
    run = (item.run.key, item.label) if item.run else ("", "")
    numbers = ("" if n is None else repr(n) for n in (item.value, item.low, item.high, item.difference))
    verdict = item.verdict
    width = "" if verdict.width is None else repr(verdict.width)
    return [
        *(found.table.name, column.group, name, column.name, column.stratum, *printed, column.unit),
        *(*where, *run, "|".join(column.metrics), *numbers),
        *(width, verdict.word, verdict.why, "|".join(verdict.unknown)),
    ]


def _where(row: PublishedRow) -> tuple[str, str, str]:
    return "; ".join(source.about for source in row.sources), row.trust, row.note


# ------------------------------------------------------------------------------------------------------- Markdown


def to_markdown(found: Reproduction) -> str:
    """GitHub tables; runs of ours in italics below the published rows."""
    table = found.table
    parts = [f"### {markdown_text(table.title)}", "", f"{markdown_text(table.about)}.", ""]
    for block in blocks(found):
        parts += [f"**{markdown_text(block.title)}**", ""] if block.title else []
        names = ["model", *(head(column) for column in block.columns), "from", *(["verdict"] if found.asked else [])]
        parts.append("| " + " | ".join(markdown_text(name) for name in names) + " |")
        parts.append("|:--|" + "--:|" * len(block.columns) + ":--|" * (2 if found.asked else 1))
        parts += [_markdown_line(line, found.asked) for line in block.lines]
        parts += [_markdown_line(line, found.asked, "*") for line in block.own]
        parts.append("")
    rows, notes = measured_rows(found)
    if rows:
        parts += ["| " + " | ".join(MEASURED) + " |", "|:--|:--|--:|--:|--:|:--|"]
        parts += ["| " + " | ".join(markdown_text(cell) for cell in row) + " |" for row in rows]
        parts += ["", *(f"- ({place}) {markdown_text(note)}" for place, note in enumerate(notes, 1)), ""]
    told = [f"({letter}) {source.trust}: {source.about}" for letter, source in lettered(table)]
    told += [*remarks(found), *matters(found), *not_measured(found)]
    return "\n".join([*parts, *(f"- {markdown_text(line)}" for line in told)]) + "\n"


def _markdown_line(line: Line, asked: bool, around: str = "") -> str:
    name = f"{around}{markdown_text(line.name)}{around}"
    cells = [*line.cells, line.sources, *([line.verdict] if asked else [])]
    return f"| {name} | " + " | ".join(markdown_text(cell) for cell in cells) + " |"


# ---------------------------------------------------------------------------------------------------------- LaTeX


def to_latex(found: Reproduction) -> str:
    """booktabs tables; the first line says which packages they need."""
    made = ["% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}"]
    known = lettered(found.table)
    about = found.table.about[:1].upper() + found.table.about[1:]
    for place, block in enumerate(blocks(found)):
        title = found.table.title + (f", {block.title}" if block.title else "")
        marks = {letter for line in block.lines for letter in line.sources.strip("".join(TRUST.values())).split(",")}
        notes = " ".join(f"({letter}) {source.about}." for letter, source in known if letter in marks)
        made += _latex_block(block, f"{title}. {about}. {LEGEND}. {notes}", _label(found, place))
    rows, reasons = measured_rows(found)
    if rows:
        told = " ".join(f"({place}) {reason}." for place, reason in enumerate(reasons, 1))
        made += _tabular("llrrrl", MEASURED, [[*row] for row in rows], [])
        made += _ended(f"{found.table.title}: measured beside published. {told}", f"{found.table.name}-measured")
    return "\n".join(made) + "\n"


def _label(found: Reproduction, place: int) -> str:
    return f"{found.table.name}-{place}" if place else found.table.name


def _latex_block(block: Block, caption: str, label: str) -> list[str]:
    heads = ["model", *(head(column) for column in block.columns), "from"]
    lines = [[line.name, *line.cells, line.sources] for line in block.lines]
    own = [[line.name, *line.cells, line.sources] for line in block.own]
    return [*_tabular(f"l{'r' * len(block.columns)}l", heads, lines, own), *_ended(caption, label)]


def _tabular(form: str, heads: Sequence[str], rows: Sequence[Sequence[str]], own: Sequence[Sequence[str]]) -> list[str]:
    made = ["\\begin{table}[t]", "\\centering\\small", f"\\begin{{tabular}}{{{form}}}", "\\toprule"]
    made += [_latex_row(heads), "\\midrule", *(_latex_row(row) for row in rows)]
    if own:
        made.append("\\midrule")
        made += [f"\\textit{{{latex_text(row[0])}}} & " + _latex_row(row[1:]) for row in own]
    return [*made, "\\bottomrule", "\\end{tabular}"]


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(_latex_trust(cell) for cell in cells) + r" \\"


def _latex_trust(cell: str) -> str:
    """The mark of a second-hand source above the line."""
    return latex_text(cell).replace(TRUST["secondary"], r"$^{\circ}$")


def _ended(caption: str, label: str) -> list[str]:
    return [f"\\caption{{{_latex_trust(caption)}}}", f"\\label{{tab:{label}}}", "\\end{table}", ""]
