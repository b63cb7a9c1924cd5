"""Published tables as data: digits are kept, every row has its source, and a broken file is told by row."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_packages import write_plugin

from harness import catalog
from harness.contracts.published import TRUSTS, UNKNOWN, PublishedTable
from harness.errors import UserError
from harness.paths import packaged_file
from harness.published import read_published

TABLES = ("geneval", "t2i-compbench", "dpg", "reconstruction", "class-fid", "mme", "editing", "comprehension")

PLUGIN = """
from harness.contracts import PublishedEntry

ENTRIES = (PublishedEntry("{name}", "{name}_tables/table.toml", "a table of another package"),)
"""
TABLE = """
title = "Letters"
tasks = ["letters"]
run = "ddtbench run letters --model {model}"

[protocol]
shots = 5

[[column]]
name = "score"
scale = 100

[[column]]
name = "rate"
protocol = { shots = 3 }

[source.paper]
about = "the paper, table 1"
trust = "primary"
protocol = { width = "UNKNOWN" }

[[row]]
model = "A"
from = ["paper"]
values = "56.0 .70"
"""


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], PublishedTable]:
    """``letters(old, new)``: the table of a package, with one change, read."""
    site = tmp_path / "site"
    package = site / "letters_tables"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    write_plugin(site, "letters", PLUGIN.format(name="letters"))
    monkeypatch.syspath_prepend(str(site))

    def read(old: str = "", new: str = "") -> PublishedTable:
        assert old in TABLE
        (package / "table.toml").write_text(TABLE.replace(old, new) if old else TABLE)
        catalog.refresh()
        return read_published("letters")

    yield read
    catalog.refresh()


def test_every_table_of_the_issue_is_there_and_each_number_has_a_source_and_a_trust() -> None:
    assert {entry.name for entry in catalog.entries("published")} >= set(TABLES)
    for entry in catalog.entries("published"):
        table = read_published(entry.name)
        assert table.rows
        for row in table.rows:
            assert row.sources and row.trust in TRUSTS, row.label
            assert row.values, row.label


def test_metrics_and_models_that_a_table_names_are_those_of_the_catalogue() -> None:
    """A misspelt name would match no run, and nobody would notice."""
    for entry in catalog.entries("published"):
        table = read_published(entry.name)
        for task in table.tasks:
            assert catalog.lookup("task", task)
        for name in (name for column in table.columns for name in column.metrics):
            assert catalog.lookup("metric", catalog.split_name(name)[0])
        for name in (name for row in table.rows for name in row.models):
            assert catalog.lookup("model", catalog.split_name(name)[0])
        for data in table.data:
            assert catalog.lookup("data", data)
        for instrument in table.instruments:
            assert catalog.lookup("instrument", instrument)


def test_the_files_of_our_tables_are_shipped_with_their_package() -> None:
    root = Path(catalog.__file__).parents[1]
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for kind in ("published", "conventions"):
        for entry in catalog.entries(kind):
            assert packaged_file(entry.place) == root / entry.place and (root / entry.place).is_file()
            assert entry.place.split("/")[0] in wheel["packages"], "hatch takes all that lies in a package"


def numbers(table: str, model: str, column: str) -> list[tuple[str, str, str]]:
    """(variant, as printed, trust) of every row of that model."""
    rows = read_published(table).rows
    return [
        (row.variant, row.values[column].printed, row.trust)
        for row in rows
        if row.model == model and column in row.values
    ]


def test_sources_that_disagree_both_stand_in_the_table() -> None:
    assert {("680 of 2^12", "0.99", "secondary"), ("680 of 2^12", "0.90", "secondary")} <= set(
        numbers("reconstruction", "VAR", "rfid")
    )
    assert numbers("editing", "DDT-LLaMA", "mb_l1") == [("", "5.4", "secondary"), ("", "7.1", "secondary")]
    table = read_published("reconstruction")
    row = next(row for row in table.rows if row.model == "VAR" and row.values["rfid"].printed == "0.99")
    assert [other.values["rfid"].printed for other in table.others(row, "rfid")] == ["0.90"]


def test_two_protocols_are_two_rows() -> None:
    assert ("renderer", "24.14", "primary") in numbers("reconstruction", "Selftok-512", "psnr")
    assert ("50 steps", "21.86", "primary") in numbers("reconstruction", "Selftok-512", "psnr")


def test_what_a_source_does_not_tell_is_unknown_and_no_value() -> None:
    table = read_published("geneval")
    row = next(row for row in table.rows if row.model == "DDT-LLaMA")
    assert (row.trust, row.values["overall"].printed) == ("primary", "0.66")
    known = table.protocol_of(table.column("overall"), row)
    assert known["images_per_prompt"] == UNKNOWN and known["threshold"] == 0.3


def test_a_number_keeps_its_digits_in_the_unit_of_the_table(letters) -> None:
    row = letters().rows[0]
    score, rate = row.values["score"], row.values["rate"]
    assert (score.text, score.value, score.half_digit) == ("56.0", 56.0, 0.05)
    assert (rate.text, rate.half_digit) == ("0.70", 0.005)
    shares = letters('values = "56.0 .70"', 'scale = 1\nvalues = "0.560 .70"').rows[0].values["score"]
    assert (shares.printed, shares.text, shares.half_digit) == ("0.560", "56.0", 0.05)


def test_a_rows_protocol_goes_before_its_columns_and_that_before_the_tables(letters) -> None:
    table = letters()
    score, rate = table.columns
    assert table.protocol_of(score) == {"shots": 5} and table.protocol_of(rate) == {"shots": 3}
    assert table.protocol_of(rate, table.rows[0]) == {"shots": 3, "width": UNKNOWN}
    table = letters('values = "56.0 .70"', 'values = "56.0 .70"\nprotocol = { shots = 1 }')
    assert table.protocol_of(rate, table.rows[0])["shots"] == 1


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('values = "56.0 .70"', 'values = "56.0 x7"', "row 1 (A): 'x7' of column 'rate' is not a number"),
        ('values = "56.0 .70"', 'values = "nan .70"', "row 1 (A): 'nan' of column 'score' is not a number"),
        ('values = "56.0 .70"', 'values = "1 2 3"', "row 1 (A) has 3 values, and its table 2 columns"),
        ('values = "56.0 .70"', 'values = "- -"', "row 1 (A) has no value"),
        ('values = "56.0 .70"', "values = 56.0", "row 1 (A): 'values' must be text in quotes, is 56.0"),
        ('from = ["paper"]\n', "", "row 1 (A) lacks 'from'"),
        ('from = ["paper"]', 'from = ["papper"]', "row 1 (A) is from 'papper', which no [source.papper] describes"),
        ('model = "A"', 'modle = "A"', "row 1 says 'modle', which means nothing; did you mean 'model'?"),
        ('trust = "primary"', 'trust = "prime"', "source 'paper': trust 'prime'; did you mean 'primary'?"),
        ("scale = 100", "scale = 50", "column 1: scale 50 is not a power of ten"),
        ('title = "Letters"', "title = Letters", "is not TOML"),
        ('run = "ddtbench run letters --model {model}"\n', "", "lacks 'run'"),
    ],
)
def test_a_broken_file_of_a_plugin_is_one_line_that_names_the_row(letters, call, old: str, new: str, line: str) -> None:
    with pytest.raises(UserError) as raised:
        letters(old, new)
    assert line in str(raised.value) and "letters" in str(raised.value) and "\n" not in str(raised.value)
    assert call("list", "published")[0] == 0
    code, out, _ = call("show", "published/letters")
    assert code == 0 and line in " ".join(out.split())


def test_an_unknown_table_names_the_nearest(call) -> None:
    with pytest.raises(UserError, match="no published table 'genevall'; did you mean 'geneval'"):
        read_published("genevall")


def test_a_table_is_listed_and_shown_with_its_sources(call) -> None:
    code, out, err = call("list", "published")
    assert (code, err) == (0, "") and all(name in out for name in TABLES)
    code, out, _ = call("show", "published/reconstruction")
    assert code == 0 and "1d-tokenizer at 942a96f" in " ".join(out.split())
    assert "ddtbench reproduce reconstruction --run RUNS" in out
