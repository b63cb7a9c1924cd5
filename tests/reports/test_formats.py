"""Tables as files: Markdown, CSV, LaTeX; hostile names stay text in each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from reports.reading.runs import read_stored
from reports.tables.formats import letters, to_csv, to_latex, to_markdown
from reports.tables.table import Table, build_breakdown, build_table

HOSTILE = "a_b@50-x"


@pytest.fixture
def table(maker: Any, subject: Callable[..., Any]) -> Table:
    failing = ("scene-00003",)
    maker.task(
        subjects=[
            subject("ddt", 1.5, 9.0),
            subject("vqgan", 0.4, 2.0),
            subject(HOSTILE, 0.9, failing=failing),
            subject("identity"),
        ]
    )
    return build_table("reconstruction-world", read_stored(str(maker.root)).runs)


def test_markdown_has_one_cell_per_column_and_marks_the_best(table: Table) -> None:
    text = to_markdown(table)
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1
    assert re.search(r"\| VQGAN \| \*\*[0-9.]+\*\* \[", text)
    assert "*identity* (control)" in text
    assert "a\\_b" in text


def test_csv_has_every_digit(table: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert len(rows) == len(table.rows) * len(table.columns)
    found = {(row["model"], row["metric"]): row for row in rows}
    for line in table.rows:
        for estimate in line.run.estimates:
            if not estimate.stratum and estimate.value is not None:
                row = found[line.run.subject, estimate.metric]
                assert float(row["value"]) == estimate.value
                assert int(row["failed"]) == estimate.failed
    assert found["ddt", "lpips"]["value"] == ""
    assert found["ddt", "lpips"]["absent"] == "the backbone vgg16 is not on this machine"


def test_csv_runs_no_formula(maker: Any, subject: Callable[..., Any]) -> None:
    from dataclasses import replace

    maker.task(subjects=[subject("ddt")])
    table = build_table("reconstruction-world", read_stored(str(maker.root)).runs)
    poisoned = replace(table, task="=HYPERLINK(1)")
    assert {row[0] for row in csv.reader(io.StringIO(to_csv(poisoned)))} == {"task", "'=HYPERLINK(1)"}


def test_latex_is_balanced_and_escaped(table: Table) -> None:
    from dataclasses import replace

    text = to_latex(replace(table, task=r"50% of $\input{x} & #1_~^"))
    body = re.sub(r"\\[{}]", "", re.sub(r"^%.*\n", "", text))
    depth = 0
    for character in body:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert r"50\% of \$\textbackslash{}input\{x\} \& \#1\_\textasciitilde{}\textasciicircum{}" in text
    for block in re.findall(r"\\begin\{tabular\}\{(l+r+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        for line in block[1].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(block[0]) - 1
    assert text.isascii(), "pdflatex takes no other characters"


def test_breakdown_by_stratum_has_a_column_per_stratum(maker: Any) -> None:
    maker.task()
    table = build_breakdown("reconstruction-world", read_stored(str(maker.root)).runs, "psnr")
    assert table is not None
    assert [column.name for column in table.columns] == ["1 objects", "2 objects", "3 objects"]
    assert not any(cell.mark for row in table.rows for cell in row.cells)


def test_footnote_letters() -> None:
    assert letters([1, 26, 27]) == "a,z,aa"
