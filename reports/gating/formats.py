"""A judgement as text for a terminal, Markdown for a pull request, JUnit XML for CI, and JSON. They decide nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reports.gating.judge import Judgement, Row
from reports.gating.words import headline, legend, named, numbers, remarks, verdict_words
from reports.tables.formats import markdown_text
from reports.tables.layout import clean, left, right, width, wrapped

HEADS = {"old": "old", "new": "new", "worse": "worse by", "interval": "[95 %]", "margin": "margin", "p": "p"}
INTERVAL_ALONE = "worse by [95 %]"
DROPPED_FIRST = (("p",), ("old", "new"), ("worse",), ("margin",))
"""Columns that a narrow terminal leaves out, in this order: the verdict goes by the interval, which stays."""
GAP = "  "
SCHEMA = 1


def to_text(judgement: Judgement, columns: int) -> str:
    """A table no wider than the terminal, tasks as headings, then remarks and how to read it."""
    cells = [numbers(row) for row in judgement.rows]
    verdicts = [verdict_words(row) for row in judgement.rows]
    shown = list(HEADS)
    heads = dict(HEADS)
    widths = {name: max(width(HEADS[name]), *(width(cell[name]) for cell in cells)) for name in HEADS}
    last = max(width("verdict"), *map(width, verdicts))
    first = max(width("metric"), *(width(row.label) + 2 for row in judgement.rows))
    for names in DROPPED_FIRST:
        if first + last + len(GAP) + sum(widths[item] + len(GAP) for item in shown) > columns:
            shown = [name for name in shown if name not in names]
        if "worse" not in shown:
            heads["interval"] = INTERVAL_ALONE
            widths["interval"] = max(widths["interval"], width(INTERVAL_ALONE))
    total = first + last + len(GAP) + sum(widths[item] + len(GAP) for item in shown)
    if total > columns:
        first = max(12, first - (total - columns))
    rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * min(
        columns, first + last + len(GAP) + sum(widths[n] + len(GAP) for n in shown)
    )

    def line(name: str, values: dict[str, str], verdict: str) -> str:
        return (left(name, first) + GAP + "".join(right(values[n], widths[n]) + GAP for n in shown) + verdict).rstrip()

    lines = [*wrapped(headline(judgement), columns), "", rule, line("metric", heads, "verdict"), rule]
    task = None
    for row, values, verdict in zip(judgement.rows, cells, verdicts, strict=True):
        if row.task != task:
            task = row.task
            lines.append(clean(f"{task}, {row.asked:,} cases" if row.asked else task))
        lines.append(line(f"  {row.label}", values, verdict))
    lines.append(rule)
    for text in (*_all_remarks(judgement), *legend(judgement)):
        lines += wrapped(text, columns, "  ")
    return "\n".join(lines)


def _all_remarks(judgement: Judgement) -> list[str]:
    return [text for row in judgement.rows for text in remarks(row)] + list(judgement.notes)


def to_markdown(judgement: Judgement) -> str:
    """For a pull request: the sentence, a table, and the rest folded away."""
    lines = [f"### {markdown_text(headline(judgement))}", ""]
    lines.append("| task | metric | old | new | worse by | 95 % interval | margin | p | verdict |")
    lines.append("|:--|:--|--:|--:|--:|:--|--:|--:|:--|")
    for row in judgement.rows:
        values = numbers(row)
        word = verdict_words(row)
        bold = f"**{word}**" if row.verdict != "holds" and row.tier == "blocks" else word
        parts = [markdown_text(row.task), markdown_text(row.label), *(values[name] for name in HEADS), bold]
        lines.append("| " + " | ".join(parts) + " |")
    more = [*_all_remarks(judgement), *legend(judgement)]
    lines += ["", "<details><summary>How to read this</summary>", ""]
    lines += [f"- {markdown_text(text)}" for text in more]
    lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def to_junit(judgement: Judgement, undecided_passes: bool, name: str = "ddtbench regress") -> str:
    """JUnit XML: a test case for each metric. A blocking metric that regressed is a failure; one that is missing or
    undecided an error, or skipped where ``undecided_passes``. What only warns says so in its output."""
    root = Element("testsuites", name=name)
    suite = SubElement(root, "testsuite", name=f"{judgement.new} against {judgement.old}")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for row in judgement.rows:
        counts["tests"] += 1
        case = SubElement(suite, "testcase", classname=clean(row.task), name=clean(row.metric), time="0")
        said = clean(_sentence(row))
        kind = _junit_kind(row, undecided_passes)
        if kind:
            counts[{"failure": "failures", "error": "errors", "skipped": "skipped"}[kind]] += 1
            attributes = {"message": said} if kind == "skipped" else {"message": said, "type": row.verdict}
            SubElement(case, kind, attributes)
        SubElement(case, "system-out").text = said
    for element in (root, suite):
        for key, count in counts.items():
            element.set(key, str(count))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _junit_kind(row: Row, undecided_passes: bool) -> str:
    if row.tier != "blocks" or row.verdict == "holds":
        return ""
    if row.verdict == "regressed":
        return "failure"
    return "skipped" if undecided_passes else "error"


def _sentence(row: Row) -> str:
    values = numbers(row)
    unit = f" {row.unit}" if row.unit else ""
    worse = f"worse by {values['worse']} {values['interval']}".rstrip() + unit
    said = (
        f"{verdict_words(row)}: {values['old']} before, {values['new']} now, {worse}, margin {values['margin']}{unit}"
    )
    return "; ".join([said, *(text.removeprefix(f"{named(row)}: ") for text in remarks(row))])


def to_json(judgement: Judgement) -> str:
    """Every number with all its digits."""
    rows: Sequence[dict[str, Any]] = [
        {**asdict(row), "needed": row.needed, "shown_drop": row.shown_drop} for row in judgement.rows
    ]
    body = {
        "schema": SCHEMA,
        "verdict": judgement.verdict,
        "new": judgement.new,
        "old": judgement.old,
        "family": judgement.family,
        "metrics": rows,
        "notes": list(judgement.notes),
    }
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"
