"""``ddtbench conventions``: the same stored pictures scored by every convention."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "harness"))

from plugin_packages import write_plugin

from harness import catalog, cli
from harness.conventions import read_conventions
from harness.errors import UserError
from harness.store.prune import prune
from harness.store.run_folder import RunFolder
from reports.conventions.rescored import rescore
from reports.reading.runs import read_stored
from reports.tables.layout import width

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


@pytest.fixture(scope="module")
def made(make_runs: Any, subject: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tokenizers and an autoencoder on twelve scenes."""
    maker = make_runs(tmp_path_factory.mktemp("conventions") / "runs")
    subjects = [subject("ddt", 0.55, 7.0), subject("vqgan", 0.5, 3.0), subject("autoencoder", 0.38, 0.5)]
    maker.task("reconstruction-world", subjects, 12)
    for path in Path(maker.root).glob("*/*/*"):
        request = {"model": path.parts[-3], "task": "reconstruction@world", "limit": None}
        RunFolder.open(path).write_manifest(protocol={"request": request}, cases=12, stored=12)
    return Path(maker.root)


def rows_of(text: str) -> dict[tuple[str, str], dict[str, str]]:
    """(model, convention) -> its line."""
    return {(row["model"], row["convention"]): row for row in csv.DictReader(io.StringIO(text))}


def test_every_convention_is_a_row_with_its_programs_and_the_spread_is_seen(made: Path, call) -> None:
    code, out, err = call("conventions", made)
    assert (code, err) == (0, "")
    known = read_conventions("reconstruction")
    said = " ".join(out.split())
    for way in known.ways:
        assert way.label[:20] in said
    for one in known.evaluators:
        assert one.about.split(",")[0] in said, one.key
    assert out.count("\nspread") == 3, "PSNR, SSIM and FD-world"
    assert "12 pictures" in out.splitlines()[0]


def test_values_are_those_of_the_run_where_the_convention_is_ours(made: Path, call) -> None:
    rows = rows_of(call("conventions", made, "--format", "csv")[1])
    (run,) = [run for run in read_stored(str(made)).runs if run.subject == "vqgan"]
    psnr = run.estimate("psnr")
    assert psnr is not None
    assert float(rows["VQGAN", "psnr"]["value"]) == pytest.approx(psnr.value, rel=1e-9)
    assert float(rows["VQGAN", "psnr-own"]["value"]) == pytest.approx(psnr.value, rel=1e-9)
    assert float(rows["VQGAN", "psnr-all"]["value"]) < psnr.value
    assert float(rows["VQGAN", "ssim-range-2"]["value"]) > float(rows["VQGAN", "ssim-uniform"]["value"])
    assert float(rows["VQGAN", "fd-world"]["value"]) < float(rows["VQGAN", "fd-world-training"]["value"])


def test_what_needs_a_file_is_not_measured_with_the_cure(made: Path, call) -> None:
    rows = rows_of(call("conventions", made, "--format", "csv", "--limit", 4)[1])
    for name, cure in (
        ("fid-clean", "inception-2015-12-05.pt"),
        ("lpips-alex", "alexnet-owt-7be5be79.pth"),
        ("lpips-vgg", "no package ships it"),
        ("psnr-round-trip", "add --round-trip MODEL"),
        ("fid-training", "VIRTUAL_imagenet256_labeled.npz"),
    ):
        assert rows["DDT", name]["value"] == "" and cure in rows["DDT", name]["absent"], name


def test_an_autoencoders_run_serves_as_the_round_trip(made: Path, call) -> None:
    code, out, _ = call("conventions", made, "--round-trip", "autoencoder", "--format", "csv")
    rows = rows_of(out)
    assert code == 0 and not any(model == "autoencoder" for model, _ in rows)
    there = float(rows["VQGAN", "psnr-round-trip"]["value"])
    assert there != float(rows["VQGAN", "psnr-batch"]["value"])
    folders = {model: RunFolder.open(next(made.glob(f"{model}/*/*"))) for model in ("vqgan", "autoencoder")}
    first = {model: next(iter(folder.samples())) for model, folder in folders.items()}
    gaps = [
        (one.images["output"].astype(float) - two.images["output"].astype(float)) / 255
        for one, two in zip(first["vqgan"], first["autoencoder"], strict=True)
    ]
    drawn = (1 / 255) ** 2 / 12  # what values drawn within half a level add
    assert there == pytest.approx(-10 * np.log10(np.mean(np.square(gaps)) + drawn), abs=0.01)


def test_the_same_pictures_give_the_same_numbers_again(made: Path) -> None:
    known = read_conventions("reconstruction")
    run = next(run for run in read_stored(str(made)).runs if run.subject == "ddt")
    first, second = ([item.value for item in rescore(run, known, limit=5)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal(made: Path, call, columns: int, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = call("conventions", made, "--limit", 4)[1]
    assert max(map(width, out.splitlines())) <= columns


def test_markdown_is_written_to_a_file(made: Path, tmp_path: Path, call) -> None:
    assert call("conventions", made, "--limit", 4, "--to", tmp_path / "c.md")[1] == f"written: {tmp_path / 'c.md'}\n"
    text = (tmp_path / "c.md").read_text()
    assert "| uniform window of 7, data range 2 on \\[0, 1\\] | b,c |" in text and "| *spread* |" in text


# --------------------------------------------------------------------------------------------------------- bad input


def test_runs_whose_samples_are_not_kept_are_one_line_each(made: Path, tmp_path: Path, call) -> None:
    shutil.copytree(made, tmp_path / "runs")
    for model in ("vqgan", "autoencoder"):
        prune(RunFolder.open(next((tmp_path / "runs").glob(f"{model}/*/*"))))
    code, out, err = call("conventions", tmp_path / "runs", "--limit", 4)
    assert code == 4 and "DDT" in out
    assert "VQGAN on reconstruction-world: its samples are not kept (results only)" in err and err.count("\n") == 2
    prune(RunFolder.open(next((tmp_path / "runs").glob("ddt/*/*"))))
    code, out, err = call("conventions", tmp_path / "runs")
    assert (code, out) == (2, "") and "results only" in err and err.count("\n") == 1


def test_other_bad_input_is_one_line_with_the_cure(made: Path, maker, subject, tmp_path: Path, call) -> None:
    maker.task("progressive-world", [subject("ddt")], 2)
    for words, line in (
        ([tmp_path / "nowhere"], "no runs in "),
        ([maker.root], "no run here is of reconstruction: run one: ddtbench run reconstruction@FOLDER --model MODEL"),
        ([made, "--round-trip", "vae"], "no run of 'vae' on reconstruction-world here"),
        ([made, "--format", "htm"], "there is no form 'htm'"),
    ):
        code, out, err = call("conventions", *words)
        assert (code, out) == (2, "") and line in err and err.count("\n") == 1, words


def test_a_damaged_part_leaves_out_its_run_alone(made: Path, tmp_path: Path, call) -> None:
    shutil.copytree(made, tmp_path / "runs")
    next((tmp_path / "runs").glob("vqgan/*/*/samples/*.parquet")).write_bytes(b"damaged")
    code, out, err = call("conventions", tmp_path / "runs", "--limit", 4)
    assert code == 4 and "vqgan" in err and "DDT" in out and "VQGAN" not in out


CONVENTIONS = """
title = "Scores of letters"
tasks = ["letters"]

[evaluator.mine]
about = "my program"

[[convention]]
name = "one"
group = "PSNR"
label = "mine"
measure = "psnr"
evaluators = ["mine"]
"""


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Any]]:
    """``letters(old, new)``: the conventions of a package, with one change, read."""
    site = tmp_path / "site"
    (site / "ways_of_letters").mkdir(parents=True)
    (site / "ways_of_letters" / "__init__.py").touch()
    entry = 'ConventionsEntry("letters", "ways_of_letters/ways.toml", "ways"),'
    write_plugin(site, "ways", f"from harness.contracts import ConventionsEntry\nENTRIES = ({entry})")
    monkeypatch.syspath_prepend(str(site))

    def read(old: str = "", new: str = "") -> Any:
        (site / "ways_of_letters" / "ways.toml").write_text(CONVENTIONS.replace(old, new) if old else CONVENTIONS)
        catalog.refresh()
        return read_conventions("letters")

    yield read
    catalog.refresh()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('measure = "psnr"', 'measure = "pnsr"', "convention 1 (one): measure 'pnsr'; did you mean 'psnr'?"),
        ('measure = "psnr"', 'measure = "metric"', "convention 1 (one) lacks 'metric'"),
        ('evaluators = ["mine"]', 'evaluators = ["yours"]', "is of 'yours', which no [evaluator.yours] describes"),
        ('label = "mine"', "label = 1", "'label' must be text in quotes, is 1"),
        ('name = "one"', "", "convention 1 lacks 'name'"),
        ('label = "mine"', 'label = "mine"\nbatch = 0', "a batch of 0 holds no picture"),
    ],
)
def test_a_broken_file_of_a_plugin_is_one_line_that_names_the_convention(
    letters, old: str, new: str, line: str
) -> None:
    assert letters().ways[0].evaluators == ("mine",)
    with pytest.raises(UserError) as raised:
        letters(old, new)
    assert line in str(raised.value) and "\n" not in str(raised.value)


def test_metrics_and_streams_that_the_conventions_name_are_those_of_the_catalogue() -> None:
    known = read_conventions("reconstruction")
    for name in {way.metric for way in known.ways} - {""}:
        assert catalog.lookup("metric", catalog.split_name(name)[0])
    for task in known.tasks:
        assert catalog.lookup("task", task)
    for stream in known.training.values():
        assert catalog.lookup("stream", stream)
