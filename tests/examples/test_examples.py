"""The four example packages: small, complete, and run by the commands of their README."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from packages import commands_of, run_tests_of

from harness.skeleton import ADDS

ROOT = Path(__file__).parent.parent.parent / "examples"
LONGEST = {"model": 20, "tokenizer": 30, "task": 60, "metric": 15}


def code_lines(path: Path) -> int:
    """Lines that hold code: neither blank, nor a comment, nor a docstring."""
    tree = ast.parse(path.read_text())
    said: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            said |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(path.read_text().splitlines(), start=1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and number not in said for number, line in lines)


def row(table: str, label: str) -> list[str]:
    """The numbers in the line of this model."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"{label}  ")]
    return line.removeprefix(label).replace("[", " ").replace("]", " ").replace(",", " ").split()


def page(folder: Path) -> str:
    """The text of all pages of a report."""
    text = "".join(path.read_text() for path in (folder / "index.html", *folder.glob("tasks/*.html")))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_there_is_one_of_each_kind() -> None:
    others = {"cluster", "github-actions"}  # no packages: test_cluster here and tests/reports/gating look at them
    assert {path.name for path in ROOT.iterdir()} - others == set(ADDS) == set(LONGEST)


@pytest.mark.parametrize("kind", ADDS)
def test_it_is_as_short_as_the_guide_says(kind: str) -> None:
    assert code_lines(ROOT / kind / f"my_{kind}" / f"{kind}.py") <= LONGEST[kind]


@pytest.mark.parametrize("kind", ADDS)
def test_its_own_test_passes(kind: str, installed) -> None:
    installed(ROOT / kind)
    assert run_tests_of(ROOT / kind) == 1


def test_the_model_is_judged_and_shown_by_its_label(installed, call, tmp_path: Path) -> None:
    installed(ROOT / "model")
    run, report = commands_of(ROOT / "model")
    code, table, err = call(run)
    assert code == 0, err
    assert float(row(table, "my model")[0]) == 0.07  # a square of the right colour is right by chance and by colour
    assert call(report)[0] == 0
    assert "my model" in page(tmp_path / "report")
    assert "paints a square" in call("ddtbench show my-model")[1]


def test_the_tokenizer_stands_in_the_table_with_its_bits(installed, call, tmp_path: Path) -> None:
    installed(ROOT / "tokenizer")
    run, report = commands_of(ROOT / "tokenizer")
    code, table, err = call(run)
    assert code == 0, err
    numbers = row(table, "my tokenizer")
    assert float(numbers[0]) == pytest.approx(18.6, abs=0.1) and "384" in numbers  # 64 codes of 6 bits
    assert call(report)[0] == 0
    assert "my tokenizer" in page(tmp_path / "report")


def test_the_task_heads_the_report_and_has_a_sample_sheet_with_reasons(installed, call, tmp_path: Path) -> None:
    installed(ROOT / "task")
    run, report = commands_of(ROOT / "task")
    code, table, err = call(run)
    assert code == 0, err
    assert "dots kept" in table
    assert [float(row(table, label)[0]) for label in ("JPEG", "mean colour", "chance")] == [1, 0.25, 0.25]
    assert call(report)[0] == 0
    said = page(tmp_path / "report")
    assert "keep the dot in the bottom right" in said and "\N{BALLOT X} wrong it is in the top left" in said
    installed(ROOT / "tokenizer")
    for task in ("my-task", "reconstruction@world --limit 8"):  # the first table stands over several tasks
        assert call(f"ddtbench run {task} --model my-tokenizer --out runs")[0] == 0
    assert call("ddtbench report runs --to both")[0] == 0
    (first,) = (tmp_path / "both" / "tables").glob("headline.md")
    assert "my task" in first.read_text() and "dots kept" in first.read_text()


def test_the_metric_measures_stored_runs_and_asks_no_model(installed, call, tmp_path: Path) -> None:
    run, measure, report = commands_of(ROOT / "metric")
    assert call(run)[0] == 0
    installed(ROOT / "metric")
    code, table, err = call(measure)
    assert code == 0, err
    assert "20 dB or more" in table
    found = {
        model: next(tmp_path.glob(f"runs/{model}/*/*/measures/*/estimates.json")) for model in ("jpeg", "mean-colour")
    }
    value = {model: estimate(path, "my-metric") for model, path in found.items()}
    assert 0.5 < value["jpeg"] < 1 and value["mean-colour"] == pytest.approx(0.1, abs=0.1)
    assert call(report)[0] == 0
    assert "20 dB or more" in page(tmp_path / "report")


def estimate(path: Path, metric: str) -> float:
    listed = json.loads(path.read_text())
    rows = listed if isinstance(listed, list) else listed["estimates"]
    (value,) = [row["value"] for row in rows if row["metric"] == metric and not row["stratum"]]
    return float(value)
