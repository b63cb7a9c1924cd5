"""Tables as files: Markdown, CSV with every digit, LaTeX (booktabs). They show a finished ``Table``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from reports.tables.cells import Cell, Column
from reports.tables.numbers import ABSENT, MINUS
from reports.tables.table import Row, Table, halves

LATEX_HEAD = "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}\n"
BEST, TIED = "*", "\N{DAGGER}"
LEGEND = (
    "Intervals are 95 %. Best in bold (*); not separable from the best: \N{DAGGER} (paired tests on the same cases, "
    "Holm over the table). \N{GREATER-THAN OR EQUAL TO} / \N{LESS-THAN OR EQUAL TO}: the value with every failed case "
    "counted wrong. Tests compare these checkpoints; a claim about kinds of tokenizers needs several training seeds of "
    "each."
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    MINUS: r"$-$",
    "\N{DAGGER}": r"\textsuperscript{\dag}",
    "\N{UPWARDS ARROW}": r"$\uparrow$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{NOT EQUAL TO}": r"$\neq$",
    "\N{INFINITY}": r"$\infty$",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{EN DASH}": "--",
    ABSENT: "---",
}


def heading(column: Column) -> str:
    """``PSNR up-arrow (dB)``."""
    unit = f" ({column.unit})" if column.unit else ""
    group = f"{column.group}: " if column.group else ""
    return f"{group}{column.label}{' ' + column.arrow if column.arrow else ''}{unit}"


def letters(notes: Iterable[int]) -> str:
    """Footnote numbers as letters: a, b ... z, aa."""
    return ",".join(_letter(number) for number in notes)


def _letter(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def to_markdown(table: Table) -> str:
    """GitHub tables: best in bold, controls in italics below, footnotes after each; costs in a second table."""
    return "\n".join(_markdown_table(part) for part in halves(table))


def subtitle(table: Table) -> str:
    """What a table shows besides its task: ``psnr by stratum``, ``rate and cost``, or nothing."""
    return f"{table.stratum_of} by stratum" if table.stratum_of else table.part


def _markdown_table(table: Table) -> str:
    more = subtitle(table)
    lines = [f"### {markdown_text(table.task)}{', ' + markdown_text(more) if more else ''}", ""]
    lines.append("| model | " + " | ".join(markdown_text(heading(column)) for column in table.columns) + " |")
    lines.append("|:--|" + "--:|" * len(table.columns))
    for row in (*table.models, *table.controls):
        name = f"*{markdown_text(row.label)}* (control)" if row.control else markdown_text(row.label)
        lines.append(f"| {name} | " + " | ".join(_markdown_cell(cell) for cell in row.cells) + " |")
    if table.chance:
        lines.append("| *chance* | " + " | ".join(markdown_text(cell.text) for cell in table.chance) + " |")
    about = f"{table.cases:,} cases{': ' + markdown_text(table.about) if table.about else ''}."
    lines += ["", about + ("" if table.part else " " + LEGEND.replace(" (*)", ""))]
    lines += [""] if table.notes else []
    lines += [f"- ({_letter(place)}) {markdown_text(note)}" for place, note in enumerate(table.notes, 1)]
    return "\n".join(lines) + "\n"


def _markdown_cell(cell: Cell) -> str:
    text = cell.text + (f"<sup>{cell.protocol}</sup>" if cell.protocol else "")
    if cell.mark == "best":
        text = f"**{text}**"
    elif cell.mark == "tied":
        text += TIED
    rest = " ".join(part for part in (cell.interval, f"({cell.bound})" if cell.bound else "") if part)
    notes = f" ({letters(cell.notes)})" if cell.notes else ""
    return f"{text}{' ' + rest if rest else ''}{notes}"


def markdown_text(text: str) -> str:
    """Text that Markdown and the HTML inside it leave as it is."""
    text = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", " ".join(text.split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


CSV_HEADER = (
    *("task", "model", "key", "control", "metric", "stratum", "value", "low", "high", "unit", "direction", "mark"),
    *("ranked", "scored", "failed", "failures_wrong", "method", "version", "protocol", "absent", "chance"),
)


def to_csv(table: Table) -> str:
    """One line per model and column with every digit: nothing is rounded, hidden or marked away here."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for row in table.rows:
        for place, cell in enumerate(row.cells):
            if cell.text:
                writer.writerow([spreadsheet_safe(value) for value in _csv_values(table, row, place, cell)])
    return buffer.getvalue()


def _csv_values(table: Table, row: Row, place: int, cell: Cell) -> list[object]:
    import hashlib
    import json

    column, run = table.columns[place], row.run_in(place)
    own = [column.task or table.task, run.subject, run.key, row.control]
    item = cell.estimate
    if item is None:
        value = "" if cell.value is None else repr(cell.value)
        return [*own, column.name, "", value, "", "", column.unit, *[""] * 11]
    protocol = json.dumps(dict(item.fingerprint), sort_keys=True, default=str)
    numbers = ["" if number is None else repr(number) for number in (item.value, item.low, item.high)]
    wrong = "" if item.failures_wrong is None else repr(item.failures_wrong)
    tail = [
        item.scored,
        item.failed,
        wrong,
        item.method,
        item.version,
        hashlib.sha256(protocol.encode()).hexdigest()[:12],
    ]
    return [
        *own,
        item.metric,
        item.stratum,
        *numbers,
        item.unit,
        item.direction,
        cell.mark,
        row.ranked,
        *tail,
        item.absent,
        "" if item.chance is None else repr(item.chance),
    ]


def spreadsheet_safe(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers are left alone."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(value)
        except ValueError:
            return "'" + value
    return value


def to_latex(table: Table) -> str:
    """booktabs tables, costs in a second one; the first line says which packages they need."""
    return LATEX_HEAD + "\n".join(_latex_table(part) for part in halves(table))


def _latex_table(table: Table) -> str:
    lines = ["\\begin{table}[t]", "\\centering\\small"]
    lines += [f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}", "\\toprule"]
    lines.append(" & ".join(["model", *(latex_text(heading(column)) for column in table.columns)]) + r" \\")
    lines.append("\\midrule")
    lines += [_latex_row(row) for row in table.models]
    if table.controls:
        lines += ["\\midrule"] if table.models else []
        lines += [_latex_row(row) for row in table.controls]
    if table.chance:
        lines += ["\\midrule", " & ".join(["chance", *(latex_text(cell.text) for cell in table.chance)]) + r" \\"]
    lines += ["\\bottomrule", "\\end{tabular}"]
    notes = " ".join(
        f"\\textsuperscript{{{_letter(place)}}}\\,{latex_text(note)}." for place, note in enumerate(table.notes, 1)
    )
    legend = "" if table.part else " " + latex_text(LEGEND.replace(" (*)", ""))
    more = subtitle(table)
    about = ": " + latex_text(table.about) if table.about else ""
    caption = f"{latex_text(table.task + (', ' + more if more else ''))}, {table.cases:,} cases{about}.{legend}"
    lines += [
        f"\\caption{{{caption}{' ' + notes if notes else ''}}}",
        f"\\label{{tab:{_label(table.name)}}}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(row: Row) -> str:
    name = f"\\textit{{{latex_text(row.label)}}}" if row.control else latex_text(row.label)
    return " & ".join([name, *(_latex_cell(cell) for cell in row.cells)]) + r" \\"


def _latex_cell(cell: Cell) -> str:
    text = latex_text(cell.text)
    if cell.mark == "best":
        text = f"\\textbf{{{text}}}"
    elif cell.mark == "tied":
        text += r"\textsuperscript{\dag}"
    small = " ".join(part for part in (cell.interval, f"({cell.bound})" if cell.bound else "") if part)
    above = ",".join(part for part in (cell.protocol, letters(cell.notes)) if part)
    if small:
        text += r" {\scriptsize " + latex_text(small) + "}"
    return text + (r"\textsuperscript{" + above + "}" if above else "")


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text)
