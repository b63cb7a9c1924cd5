"""``ddtbench reproduce``: a published table beside stored runs, and what is said of each number."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "harness"))

from plugin_packages import write_plugin

from harness import catalog, cli
from harness.contracts.published import PublishedNumber
from harness.published import read_published
from harness.store.run_folder import RunFolder
from reports.reading.runs import read_stored
from reports.reproducing.beside import Reproduction, beside
from reports.reproducing.command import FORMS
from reports.reproducing.lint import checked, lint
from reports.reproducing.text import to_text
from reports.reproducing.verdicts import judge, published_error
from reports.tables.layout import width

ENTRY = """
from harness.contracts import PublishedEntry

ENTRIES = (PublishedEntry("scenes", "scenes_tables/table.toml", "a table of another package"),)
"""
TABLE = """
title = "Scenes"
about = "decibels of scenes"
tasks = ["reconstruction"]
run = "ddtbench run reconstruction@FOLDER --model {{model}}"
elsewhere = "ddtbench new tokenizer NAME"
data = ["imagenet-val"]

[protocol]
reference = "{reference}"
rounding = "nearest"

[[column]]
name = "psnr"
label = "PSNR"
metrics = ["psnr"]
unit = "dB"

[[column]]
name = "seen"
label = "whole"
metrics = ["object-f1"]
scale = 100
mean_of = ["one", "two"]

[[column]]
name = "one"
trials = 400

[[column]]
name = "two"
trials = 100

[source.paper]
about = "the paper, table 1"
trust = "primary"

[source.note]
about = "a note on it"
trust = "secondary"
protocol = {{ seeds = "UNKNOWN" }}

[[row]]
model = "VQGAN"
from = ["paper"]
models = ["vqgan"]
values = "{psnr} 50.0 0.50 0.49"
counted = true

[[row]]
model = "DDT"
from = ["note"]
models = ["ddt"]
values = "{psnr}"

[[row]]
model = "Selftok"
from = ["paper"]
models = ["selftok"]
values = "24.14"

[[row]]
model = "Of nobody here"
from = ["note"]
values = "20.0"
"""
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """A command line in this process: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``scenes(psnr=..., reference=...)`` writes the table of a package."""
    site = tmp_path / "site"
    (site / "scenes_tables").mkdir(parents=True)
    (site / "scenes_tables" / "__init__.py").touch()
    write_plugin(site, "scenes", ENTRY)
    monkeypatch.syspath_prepend(str(site))

    def write(psnr: str = "30.00", reference: str = "reconstruction-world") -> None:
        (site / "scenes_tables" / "table.toml").write_text(TABLE.format(psnr=psnr, reference=reference))
        catalog.refresh()

    yield write
    catalog.refresh()


@pytest.fixture
def runs(maker: Any, subject: Any) -> Path:
    """Three tokenizers on forty scenes, asked for as a user asks."""
    make(maker, [subject("ddt", 0.55, 7.0), subject("vqgan", 0.5, 3.0), subject("var", 0.52, 3.2)])
    return Path(maker.root)


def make(maker: Any, subjects: list[Any], task: str = "reconstruction@world") -> None:
    maker.task(task.replace("@", "-"), subjects)
    for path in Path(maker.root).glob("*/*/*"):
        model = path.parts[-3]
        RunFolder.open(path).write_manifest(protocol={"request": {"model": model, "task": task, "limit": None}})


def narrow(root: Path, reach: float) -> None:
    """As more cases would have made them: intervals of so much on either side."""
    for path in root.glob("*/*/*/measures/*/estimates.json"):
        stated = json.loads(path.read_text())
        for item in stated["estimates"]:
            if item["value"] is not None:
                item |= {"low": item["value"] - reach, "high": item["value"] + reach}
        path.write_text(json.dumps(stated))
        RunFolder.open(path.parents[2]).seal_measures(path.parent.name)


def measured(runs: Path, model: str = "vqgan", metric: str = "psnr") -> Any:
    run = next(run for run in read_stored(str(runs)).runs if run.subject == model)
    return run.estimate(metric)


def verdicts(runs: Path, name: str = "scenes") -> dict[tuple[str, str], Any]:
    """(model of the row or label of the run, column) -> what is said."""
    found = beside(read_published(name), read_stored(str(runs)))
    return {(item.row.model if item.row else item.label, item.column.name): item for item in found.beside}


# ------------------------------------------------------------------------------------------------------ arithmetic


@pytest.mark.parametrize(
    ("measured", "error", "published_error", "margin", "word"),
    [
        # 1.96 * 0.01 + 0.005 = 0.0246: within it, and no wider than the margin
        (0.68, 0.01, 0.0, 0.05, "reproduced"),
        (0.6846, 0.01, 0.0, 0.0246, "reproduced"),
        (0.6847, 0.01, 0.0, 0.05, "off"),
        (0.68, 0.01, 0.0, 0.0245, "cannot tell"),
        # a published error widens it: 1.96 * hypot(0.01, 0.02) + 0.005 = 0.0488
        (0.70, 0.01, 0.02, 0.05, "reproduced"),
        (0.70, 0.01, 0.0, 0.05, "off"),
        (0.66, 0.01, 0.0, 0.0, "cannot tell"),
        (0.66, None, 0.0, 0.05, "cannot tell"),
        (0.664, 0.0, 0.0, 0.005, "reproduced"),
    ],
)
def test_a_number_is_reproduced_within_two_errors_and_half_a_digit_if_that_is_no_more_than_the_margin(
    measured: float, error: float | None, published_error: float, margin: float, word: str
) -> None:
    from decimal import Decimal

    number = PublishedNumber("0.66", Decimal("0.66"))
    found = judge(number, measured, error, published_error, margin)
    assert found.word == word
    if found.width is not None and error is not None:
        assert math.isclose(found.width, 1.96 * math.sqrt(error**2 + published_error**2) + 0.005)


def test_a_published_share_has_the_error_of_its_trials_where_the_source_counted_them(scenes) -> None:
    scenes()
    table = read_published("scenes")
    row, other = table.rows[:2]
    assert math.isclose(published_error(table, row, table.column("one")), math.sqrt(0.5 * 0.5 / 400))
    two = math.sqrt(0.49 * 0.51 / 100)
    assert math.isclose(published_error(table, row, table.column("two")), two)
    assert math.isclose(published_error(table, row, table.column("seen")), math.hypot(0.025, two) / 2)
    assert published_error(table, row, table.column("psnr")) == 0
    assert published_error(table, replace(row, counted=False), table.column("one")) == 0
    assert published_error(table, other, table.column("psnr")) == 0


# --------------------------------------------------------------------------------------------------------- verdicts


def test_a_run_by_the_published_protocol_reproduces_its_row(scenes, maker, subject, call) -> None:
    make(maker, [subject("vqgan", 0.5, 3.0)])
    narrow(maker.root, 0.1)
    there = measured(maker.root)
    scenes(psnr=f"{there.value:.2f}")
    found = verdicts(maker.root)["VQGAN", "psnr"]
    assert (found.verdict.word, found.value) == ("reproduced", there.value)
    code, out, err = call("reproduce", "scenes", "--run", maker.root)
    assert (code, err) == (0, "") and "reproduced" in out
    scenes(psnr=f"{there.value + 1:.2f}")
    assert verdicts(maker.root)["VQGAN", "psnr"].verdict.word == "off"


def test_an_interval_wider_than_the_margin_cannot_tell(scenes, runs: Path) -> None:
    scenes(psnr=f"{measured(runs).value:.2f}")
    found = verdicts(runs)["VQGAN", "psnr"].verdict
    assert found.word == "cannot tell" and "margin is 0.2" in found.why


def test_a_metric_without_a_margin_cannot_tell_and_says_so(scenes, runs: Path, monkeypatch) -> None:
    there = measured(runs, metric="object-f1")
    scenes()
    table = read_published("scenes")
    number = PublishedNumber(f"{100 * there.value:.1f}", round_to(100 * there.value))
    rows = (replace(table.rows[0], values={"seen": number}), *table.rows[1:])
    stored = read_stored(str(runs))
    bare = tuple(replace(run, shown_metrics={}) for run in stored.runs)
    monkeypatch.setattr("reports.reproducing.beside.catalog.lookup", unknown)
    found = beside(replace(table, rows=rows), replace(stored, runs=bare))
    (item,) = [item for item in found.measured if item.row is rows[0]]
    assert (item.verdict.word, item.verdict.why) == ("cannot tell", "no margin is stated for this metric")
    assert item.value == 100 * there.value, "in the table's unit"


def round_to(value: float) -> Any:
    from decimal import Decimal

    return Decimal(f"{value:.1f}")


def unknown(*_: object) -> Any:
    from harness.errors import UserError

    raise UserError("gone")


def test_another_protocol_is_named_with_what_differs_and_unknown_is_no_difference(scenes, runs: Path) -> None:
    scenes(reference="photographs of cats")
    found = verdicts(runs)
    ddt = found["DDT", "psnr"].verdict
    assert ddt.word == "protocol mismatch"
    assert ddt.why == "reference is reconstruction-world here, published photographs of cats"
    assert ddt.unknown == ("seeds",)
    assert found["VQGAN", "psnr"].verdict.unknown == ()


def test_a_number_of_nobody_here_is_not_measured_with_the_command_and_the_files(scenes, runs: Path, call) -> None:
    scenes()
    found = verdicts(runs)
    assert found["Selftok", "psnr"].verdict.word == "not measured"
    assert found["Selftok", "psnr"].verdict.why == "ddtbench run reconstruction@FOLDER --model selftok@PATH"
    assert found["Of nobody here", "psnr"].verdict.why == "ddtbench new tokenizer NAME"
    out = " ".join(call("reproduce", "scenes", "--run", runs)[1].split())
    assert "needs imagenet-val: missing; ddtbench data prepare imagenet-val --from PATH" in out


def test_a_model_that_no_row_is_about_stands_below_the_table(scenes, runs: Path) -> None:
    scenes()
    found = beside(read_published("scenes"), read_stored(str(runs)))
    assert [row.label.partition(" (")[0] for row in found.own] == ["DDT", "VQGAN", "VAR"]
    (var,) = [item for item in found.measured if item.label.startswith("VAR") and item.column.name == "psnr"]
    assert var.row is None and var.verdict.word == "not published"


def test_more_than_one_failed_case_of_a_hundred_is_no_measurement(scenes, maker, subject) -> None:
    make(maker, [subject("vqgan", 0.5, 3.0, failing=("scene-00001",))])
    scenes(psnr="30.00")
    found = verdicts(maker.root)["VQGAN", "psnr"].verdict
    assert found.word == "not measured" and "2% of its cases failed, more than 1 %" in found.why


def test_another_size_of_model_is_another_protocol(scenes, maker, subject) -> None:
    make(maker, [subject("vqgan", 0.5, 3.0, cost={"language_parameters": 2_950_000})])
    scenes()
    table = read_published("scenes")
    rows = (replace(table.rows[0], parameters=8e9), *table.rows[1:])
    found = beside(replace(table, rows=rows), read_stored(str(maker.root)))
    (item,) = [item for item in found.measured if item.row is rows[0] and item.column.name == "psnr"]
    assert item.verdict.word == "protocol mismatch"
    assert item.verdict.why.startswith("parameters are 2.95 M here, published 8 G")
    assert found.own[0].label == "VQGAN (zoo, 2.95M, world)"


def test_two_checkpoints_of_a_training_have_names_of_their_own(scenes, maker, subject) -> None:
    make(maker, [subject("vqgan", 0.5, 3.0), subject("ddt", 0.55, 7.0)])
    scenes()
    for number, path in enumerate(sorted(Path(maker.root).glob("*/*/*"))):
        model = f"ddt@training/ddt-small/checkpoints/half-{number}"
        request = {"model": model, "task": "reconstruction@fashion", "limit": None}
        RunFolder.open(path).write_manifest(protocol={"request": request})
    found = beside(read_published("scenes"), read_stored(str(maker.root)))
    assert [row.label.partition(" (")[2] for row in found.own] == [
        f"ddt-small half-{number}, fashion)" for number in range(2)
    ]


# ------------------------------------------------------------------------------------- the zoo beside the real tables


@pytest.fixture
def world(maker: Any, subject: Any) -> Path:
    """The three language models on GenEval's world prompts, as far as a table reads them."""
    names = ("ddt-llama", "vqgan-llama", "var-llama")
    cost = {"training": {"non_embedding_parameters": 2_952_384}}
    make(maker, [subject(name, 0.5, 3.0 + number, cost=cost) for number, name in enumerate(names)], "geneval@world")
    maker.rewrite('"psnr"', '"geneval"')
    return Path(maker.root)


def test_every_cell_of_the_world_says_protocol_mismatch_with_what_differs(world: Path, call) -> None:
    found = beside(read_published("geneval"), read_stored(str(world)))
    assert len(found.own) == 3 and found.measured
    assert {item.verdict.word for item in found.measured} == {"protocol mismatch"}
    assert all("here, published" in item.verdict.why for item in found.measured)
    assert "parameters are 2.95 M here, published 8 G" in found.measured[0].verdict.why
    assert found.own[0].label == "DDT-LLaMA (zoo, 2.95M, embedded world)"
    code, out, err = call("reproduce", "geneval", "--run", world)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines.index("measured beside published") < lines.index("DDT-LLaMA (zoo, 2.95M, embedded world)")


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal(world: Path, columns: int) -> None:
    for entry in catalog.entries("published"):
        for stored in (None, read_stored(str(world))):
            text = to_text(beside(read_published(entry.name), stored), columns)
            assert max(map(width, text.splitlines())) <= columns, entry.name


def test_a_table_alone_shows_what_the_papers_print_with_sources_and_conflicts(call) -> None:
    code, out, err = call("reproduce", "editing")
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert "DDT-LLaMA 5.4 92.9 a°" in said and "DDT-LLaMA 7.1 — b°" in said
    assert "DDT-LLaMA: (a) and (b) disagree in L1; both stand here" in said
    assert "(a) secondary: a note on the DDT-LLaMA paper" in said and "not measured" not in said


# ------------------------------------------------------------------------------------------------------------- files


def test_the_csv_has_a_line_for_each_number_with_digits_source_trust_and_verdict(world: Path, call) -> None:
    code, out, _ = call("reproduce", "geneval", "--run", world, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    table = read_published("geneval")
    published = [row for row in rows if row["printed"]]
    assert code == 0 and len(published) == sum(len(row.values) for row in table.rows)
    assert {row["verdict"] for row in published} == {"protocol mismatch", "not measured"}
    (ddt,) = [row for row in rows if row["model"] == "DDT-LLaMA" and row["column"] == "overall"]
    assert (ddt["printed"], ddt["half_digit"], ddt["trust"]) == ("0.66", "0.005", "primary")
    assert float(ddt["difference"]) == float(ddt["measured"]) - 0.66
    assert all("data prepare geneval" in row["needs"] for row in rows if row["verdict"] == "not measured")
    alone = list(csv.DictReader(io.StringIO(call("reproduce", "geneval", "--format", "csv")[1])))
    assert len(alone) == len(published) and {row["verdict"] for row in alone} == {""}


def test_markdown_and_latex_hold_the_papers_rows_and_ours(world: Path, call) -> None:
    _, markdown, _ = call("reproduce", "geneval", "--run", world, "--format", "markdown")
    assert "| DDT-LLaMA | 0.66 | 0.99 | 0.64 | 0.56 | 0.87 | 0.39 | 0.48 | a | protocol mismatch |" in markdown
    assert "| *DDT-LLaMA (zoo, 2.95M, embedded world)* |" in markdown
    _, latex, _ = call("reproduce", "geneval", "--run", world, "--format", "latex")
    assert r"DDT-LLaMA & 0.66 & 0.99 & 0.64 & 0.56 & 0.87 & 0.39 & 0.48 & a \\" in latex
    assert r"\textit{DDT-LLaMA (zoo, 2.95M, embedded world)} & " in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2


def test_a_file_is_written_in_the_form_that_its_name_ends_in(tmp_path: Path, call) -> None:
    for name, begins in (("t.csv", "table,group,"), ("t.md", "### MME"), ("sub/t.tex", "% needs"), ("t.txt", "MME ")):
        code, out, _ = call("reproduce", "mme", "--to", tmp_path / name)
        assert code == 0 and out == f"written: {tmp_path / name}\n"
        assert (tmp_path / name).read_text().startswith(begins)
    assert len(FORMS) == 4


# -------------------------------------------------------------------------------------------------------------- lint


def test_the_lint_finds_the_one_row_of_geneval_that_does_not_add_up(call) -> None:
    found = lint(read_published("geneval"))
    assert [item.row.model for item in found] == ["TokenFlow-XL"]
    code, out, err = call("reproduce", "--lint")
    assert (code, err) == (0, "") and out.count("TokenFlow-XL") == 1 and "0.5283" in out
    assert "numbers recomputed" in out.splitlines()[-1]
    assert call("reproduce", "mme", "--lint")[1].startswith("0 numbers recomputed in mme: nothing")


def test_a_sum_that_does_not_add_up_is_found_and_one_that_rounding_explains_is_not(scenes) -> None:
    scenes()
    table = read_published("scenes")
    assert checked(table) == 1 and [item.printed for item in lint(table)] == ["50.0"], "the mean of .50 and .49 is .495"
    shares = replace(table.columns[1], mean_of=(), sum_of=("one", "two"))
    numbers = {"seen": number("0.99"), "one": number("0.50"), "two": number("0.50")}
    summed = replace(table, columns=(table.columns[0], shares, *table.columns[2:]))
    fits = replace(summed, rows=(replace(table.rows[0], values=numbers),))
    assert lint(fits) == [], ".495 + .495 are printed as .50 and .50"
    wrong = replace(summed, rows=(replace(table.rows[0], values={**numbers, "seen": number("0.98")}),))
    assert len(lint(wrong)) == 1


def number(text: str) -> PublishedNumber:
    from decimal import Decimal

    return PublishedNumber(text, Decimal(text))


# --------------------------------------------------------------------------------------------------------- bad input


def test_bad_input_is_one_line_with_the_cure(tmp_path: Path, call) -> None:
    (tmp_path / "empty").mkdir()
    for words, line in (
        (["genevall"], "there is no published table 'genevall'; did you mean 'geneval'?"),
        ([], "name a published table; known: class-fid"),
        (["geneval", "--format", "htm"], "there is no form 'htm'; known: csv, latex, markdown, text"),
        (["geneval", "--run", tmp_path / "empty"], "no runs in "),
        (["geneval", "--run", tmp_path / "nowhere"], "no runs in "),
        (["genevall", "--lint"], "did you mean 'geneval'?"),
    ):
        code, out, err = call("reproduce", *words)
        assert (code, out) == (2, "") and line in err and err.count("\n") == 1, words


def test_a_tampered_run_stands_in_no_table_and_is_named(scenes, runs: Path, call) -> None:
    scenes()
    (path,) = runs.glob("vqgan/*/*/measures/*/estimates.json")
    stated = json.loads(path.read_text())
    stated["estimates"][0]["value"] = 99.0
    path.write_text(json.dumps(stated))
    code, out, err = call("reproduce", "scenes", "--run", runs)
    assert code == 4 and "vqgan" in err and "99" not in out
    assert verdicts(runs)["VQGAN", "psnr"].verdict.word == "not measured"


def test_runs_of_a_newer_schema_alone_are_refused(scenes, maker, subject, call) -> None:
    make(maker, [subject("vqgan", 0.5, 3.0)])
    scenes()
    (path,) = Path(maker.root).glob("*/*/*/spec.json")
    path.write_text(path.read_text().replace('"schema":1', '"schema":9').replace('"schema": 1', '"schema": 9'))
    code, out, err = call("reproduce", "scenes", "--run", maker.root)
    assert (code, out) == (2, "") and "no run in" in err and "can be read" in err and err.count("\n") == 1


def test_a_task_that_was_not_run_is_said(scenes, maker, subject, call) -> None:
    make(maker, [subject("vqgan", 0.5, 3.0)], "progressive@world")
    scenes()
    code, out, _ = call("reproduce", "scenes", "--run", maker.root)
    assert code == 0 and "No run here is of reconstruction" in out


def test_a_reproduction_without_runs_has_nothing_beside_it() -> None:
    found = beside(read_published("dpg"), None)
    assert isinstance(found, Reproduction) and not found.asked and not found.beside and not found.own
