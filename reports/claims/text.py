"""Answers in words: for a terminal, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from reports.claims.answers import Answer, effect, wanted
from reports.claims.populations import Trained
from reports.reading.runs import Run
from reports.tables.formats import markdown_text
from reports.tables.layout import clean, left, wrapped
from reports.tables.numbers import with_unit_prefix

TINY = 1e8
WORD = len("undetermined") + 2
TESTS = {
    "welch": "",
    "paired": "paired, ",
    "interval": "",
    "exponent": "a of A / N^a, ",
    "slope": "rise per tenfold N, ",
}
VERDICTS = ("supported", "refuted", "undetermined")
FIELDS = (
    *("topic", "claim", "says", "verdict", "effect", "low", "high", "unit", "side", "margin", "n", "method", "why"),
    *("task", "metric", "test", "quote", "source", "margin_reason", "measured_by", "runs"),
)


def as_text(found: Sequence[Answer], room: int) -> str:
    """Claims by topic, at most ``room`` columns wide."""
    lines: list[str] = []
    for topic in dict.fromkeys(one.claim.topic for one in found):
        lines.append(topic)
        for one in found:
            if one.claim.topic == topic:
                lines += _lines(one, room)
    return "\n".join([*lines, "", *wrapped(summary(found), room)]) + "\n"


def summary(found: Sequence[Answer]) -> str:
    """How many of each verdict, and of what models all this is said."""
    counts = ", ".join(f"{sum(one.verdict == word for one in found)} {word}" for word in VERDICTS)
    return f"{len(found)} claims: {counts}. {said_of(found)}"


def said_of(found: Sequence[Answer]) -> str:
    """The sentence that goes with every answer: how small the models are that it is said of."""
    sizes = [size for one in found for size in one.sizes]
    if not sizes:
        return "Nothing is said of models of other sizes than those that were run."
    span = " to ".join(dict.fromkeys(with_unit_prefix(size) for size in (min(sizes), max(sizes))))
    tiny = "tiny models" if max(sizes) < TINY else "models"
    return (
        f"All of it is said of {tiny}, of {span} parameters, on the tasks and data named here: it says nothing of the "
        "paper's own models."
    )


def _lines(one: Answer, room: int) -> list[str]:
    indent = " " * (WORD + 2)
    lines = _wrapped(f"  {left(one.verdict, WORD)}{one.claim.says}", room, indent)
    parts = []
    if one.value is not None:
        claimed = f"(claimed: {wanted(one.claim)})"
        parts.append(f"{one.label} {effect(one)} {claimed}; {TESTS[one.claim.test]}{one.n}: {runs_of(one)}")
    parts += [one.why] if one.why else []
    return lines + _wrapped(indent + "; ".join(parts), room, indent)


def _wrapped(text: str, room: int, indent: str) -> list[str]:
    """A command to type is not broken at its hyphens."""
    return textwrap.wrap(clean(text), room, subsequent_indent=indent, break_on_hyphens=False)


def runs_of(one: Answer) -> str:
    """The trainings or models behind an answer, those of each term together."""
    return " | ".join(_together([Trained.of(run).name for run in group]) for group in one.runs)


def _together(names: Sequence[str]) -> str:
    """``ddt-0.5m-s0, s1, s2``: what names have in common is said once."""
    every = list(dict.fromkeys(names))
    if len(every) < 2:
        return "".join(every)
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*every, strict=False))
    common = re.sub(r"[^-_/]*$", "", "".join(letters[0] for letters in alike))
    return ", ".join([every[0], *(name[len(common) :] for name in every[1:])])


def as_markdown(found: Sequence[Answer]) -> str:
    """A table by topic, the sentences of the paper below it."""
    lines = ["| topic | claim | answer | effect | n | runs |", "|:--|:--|:--|:--|:--|:--|"]
    for one in found:
        said = f"{effect(one)} ({wanted(one.claim)} would support it)" if one.value is not None else one.why
        more = f": {one.why}" if one.value is not None and one.why else ""
        cells = (one.claim.topic, one.claim.says, f"**{one.verdict}**{markdown_text(more)}", said, one.n)
        words = [cell if "**" in cell else markdown_text(cell) for cell in cells]
        lines.append("| " + " | ".join([*words, markdown_text(runs_of(one))]) + " |")
    lines += ["", markdown_text(summary(found)), ""]
    for quote, source in dict.fromkeys((one.claim.quote, one.claim.source) for one in found):
        whose = ", ".join(one.claim.name for one in found if (one.claim.quote, one.claim.source) == (quote, source))
        lines.append(f'- {whose}: "{markdown_text(quote)}" ({markdown_text(source)})')
    return "\n".join(lines) + "\n"


def rows(found: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    """A row for each claim, with every digit and the folders of its runs."""
    for one in found:
        claim = one.claim
        stated = {name: getattr(claim, name) for name in FIELDS if hasattr(claim, name)}
        told = {"verdict": one.verdict, "effect": one.value, "low": one.low, "high": one.high, "unit": one.unit}
        more = {"n": one.n, "method": one.method, "why": one.why, "claim": claim.name}
        yield {**stated, **told, **more, "runs": [[place_of(run) for run in group] for group in one.runs]}


def place_of(run: Run) -> str:
    """The folder of a run, from its root on."""
    return "/".join(run.folder.path.rstrip("/").split("/")[-3:])


def as_csv(found: Sequence[Answer]) -> str:
    """As ``rows``; runs of a term are parted by spaces, terms by ``|``."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows(found):
        flat = {name: "" if value is None else value for name, value in row.items()}
        flat["runs"] = " | ".join(" ".join(group) for group in row["runs"])
        writer.writerow(flat)
    return buffer.getvalue()


def as_json(found: Sequence[Answer]) -> str:
    """As ``rows``, with the sentence that goes with all."""
    whole = {"schema": 1, "said_of": said_of(found), "claims": list(rows(found))}
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"
