"""``ddtbench scale`` on runs of known laws: what it finds, what it refuses, and what it says of bad input."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from reports.reading.runs import read_stored
from reports.scaling.command import write_files
from reports.scaling.study import study
from reports.scaling.values import JOINT, SIZE

TASK = "generation-world"
SCATTER = (1.0, 1.004, 0.997, 1.002, 0.999)


def loss_at(size: float, tokens: float, place: int = 0) -> float:
    """0.4 is what the maker's FD-world begins at; its blur adds 3 times as much."""
    return (1.0 + 300 / size**0.4 + 60 / tokens**0.3) * SCATTER[place % len(SCATTER)]


@pytest.fixture
def trained(maker: Any, subject: Callable[..., Any]) -> Callable[..., Any]:
    """Stores runs of checkpoints: (size, tokens, seed) each, of one model; a root for each call of the fixture."""

    def store(*made: tuple[float, float, int], model: str = "ddt-llama", task: str = TASK, **more: Any) -> Any:
        subjects = []
        for place, (size, tokens, seed) in enumerate(made):
            recipe = {"name": f"{model}-{size:g}-s{seed}", "order": "native", "pictures": True, "seed": seed}
            said = {"non_embedding_parameters": size, "tokens_seen": tokens, "training_flops": 6 * size * tokens}
            cost = {"training": {**said, "stage": "pretrain", "recipe": recipe}}
            name = f"{model}@{size:g}-{tokens:g}-{seed}"
            subjects.append(subject(name, (loss_at(size, tokens, place) - 0.4) / 3, cost=cost, **more))
        maker.task(task, subjects, cases=6)
        return maker.root

    return store


def call(*words: Any, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


def fits(root: Any, **more: Any) -> dict[str, Any]:
    (one,) = study(read_stored(str(root)), **more)
    return {fit.law: fit for fit in one.fits}


def test_three_sizes_over_a_decade_give_an_exponent_and_one_d_refuses_the_joint_form_only(trained: Any) -> None:
    found = fits(trained((1e5, 4e6, 0), (4e5, 4e6, 0), (1.2e6, 4e6, 0)))
    assert found[SIZE].refused is None and 0 < found[SIZE].quantities[0].value < 0.4
    assert "all runs saw 4 M tokens" in found[JOINT].refused.why
    assert "three sizes on 400 k and 1.26 M tokens" in found[JOINT].refused.would
    assert "offset" in found["E + A / N^a"].refused.why, "three sizes cannot tell an offset"


def test_less_than_a_decade_is_refused_without_seeds_and_fitted_with_them(trained: Any, make_runs: Any) -> None:
    narrow = ((1e5, 4e6, 0), (2e5, 4e6, 0), (4e5, 4e6, 0))
    refused = fits(trained(*narrow))[SIZE].refused
    assert "a factor of 4, less than ten, with one seed each" in refused.why and "1 M parameters" in refused.would
    assert fits(trained(*narrow, (4e5, 4e6, 1)))[SIZE].refused is None


def test_two_sizes_have_no_exponent(trained: Any) -> None:
    refused = fits(trained((1e5, 4e6, 0), (1e6, 4e6, 0), (1e6, 4e6, 1)))[SIZE].refused
    assert refused.why.startswith("two sizes (100 k and 1 M parameters) have no exponent")
    assert refused.would == "a run of 10 M parameters would"


def test_tokens_that_rise_in_step_with_size_are_one_axis(trained: Any) -> None:
    refused = fits(trained(*((1e5 * 4**k, 2e6 * 4**k, 0) for k in range(4))))[JOINT].refused
    assert "in step" in refused.why


@pytest.fixture
def grid(trained: Any) -> Path:
    sizes, tokens = (1e5, 4e5, 1.6e6, 6.4e6), (1e6, 4e6, 1.6e7)
    return Path(trained(*((size, d, 0) for size in sizes for d in tokens), (4e5, 1.6e7, 1)))


def test_a_grid_of_sizes_and_tokens_gives_the_law_of_both_and_predicts_the_largest(grid: Path, capsys: Any) -> None:
    code, out, err = call("scale", grid, "--format", "csv", capsys=capsys)
    assert code == 0, err
    rows = list(csv.DictReader(io.StringIO(out)))
    said = {row["quantity"]: row for row in rows if row["law"] == JOINT and row["value"]}
    for name, truth in (("a", 0.4), ("b", 0.3), ("E", 1.0)):
        assert float(said[name]["low"]) <= truth <= float(said[name]["high"]), said[name]
    largest = said["largest held out"]
    assert largest["inside"] == "True" and float(largest["parameters"]) == 6.4e6
    assert float(largest["low"]) < float(largest["measured"]) < float(largest["high"])
    assert len([row for row in rows if row["quantity"] == "size held out"]) == 3
    grows = next(row for row in rows if row["quantity"] == "N ~ C^")
    assert 0.2 < float(grows["value"]) < 0.7


def test_files_and_figures_are_written_once_for_each_form(grid: Path, tmp_path: Path) -> None:
    found = study(read_stored(str(grid)))
    made = write_files(found, str(tmp_path / "out"))
    names = {path.name for path in made.iterdir()}
    drawn = {f"scaling-{TASK}-{what}.{form}" for what in ("laws", "tokens") for form in ("svg", "png", "pdf")}
    assert names == {"fits.csv", "points.csv", "scale.md", *drawn}
    assert len((made / "points.csv").read_text().splitlines()) == 14
    assert "| `A / N^a` | DDT-LLaMA | a " in (made / "scale.md").read_text()


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_every_format_says_the_same_exponent(trained: Any, form: str, capsys: Any) -> None:
    root = trained((1e5, 4e6, 0), (4e5, 4e6, 0), (1.2e6, 4e6, 0), (1.2e6, 4e6, 1))
    value = fits(root)[SIZE].quantities[0].value
    code, out, _ = call("scale", root, "--format", form, "--task", "generation@world", capsys=capsys)
    assert code == 0
    if form == "json":
        said = [row for row in json.loads(out)["fits"] if row["law"] == SIZE and row.get("quantity") == "a"]
        assert [row["value"] for row in said] == [value]
    else:
        assert f"{value:.2f} [" in out
        assert "all runs saw 4 M tokens" in " ".join(out.split())


def test_text_stays_within_the_terminal(grid: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = call("scale", grid, capsys=capsys)[1]
    assert max(map(len, out.splitlines())) <= 80 and "held out 6.4 M" in out


# ------------------------------------------------------------------------------------------------ bad input


def test_nothing_there_is_said_with_the_cure(tmp_path: Path, capsys: Any) -> None:
    code, _, err = call("scale", tmp_path / "nowhere", capsys=capsys)
    assert code == 2 and "no runs under" in err and "--out" in err and len(err.splitlines()) == 1


def test_runs_that_state_no_training_are_no_curve(maker: Any, subject: Callable[..., Any], capsys: Any) -> None:
    maker.task(TASK, [subject("ddt-llama")], cases=6)
    code, _, err = call("scale", maker.root, capsys=capsys)
    assert code == 2 and "states what its model's training took" in err and len(err.splitlines()) == 1


def test_one_checkpoint_is_no_curve(trained: Any, capsys: Any) -> None:
    code, _, err = call("scale", trained((1e5, 4e6, 0)), capsys=capsys)
    assert code == 2 and "no two checkpoints here took different compute" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "fd-wrld"), "did you mean 'fd-world'?"),
        (("--task", "generatoin-world"), "did you mean 'generation-world'?"),
        (("--format", "cvs"), "did you mean 'csv'?"),
        (("--suite", "nowhere"), "suite"),
    ],
    ids=["metric", "task", "format", "suite"],
)
def test_a_wrong_word_is_answered_with_the_nearest(trained: Any, capsys: Any, words: Any, said: str) -> None:
    code, _, err = call("scale", trained((1e5, 4e6, 0), (1e6, 4e6, 0)), *words, capsys=capsys)
    assert code == 2 and said in err and len(err.splitlines()) == 1


def test_a_folder_that_is_a_file_is_refused(trained: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "taken").write_text("")
    root = trained((1e5, 4e6, 0), (1e6, 4e6, 0))
    code, _, err = call("scale", root, "--to", tmp_path / "taken", capsys=capsys)
    assert code == 2 and "cannot write to" in err and len(err.splitlines()) == 1


def test_a_run_that_was_tampered_with_or_of_another_schema_is_named_and_in_no_law(trained: Any, capsys: Any) -> None:
    root = Path(trained((1e5, 4e6, 0), (4e5, 4e6, 0), (1.2e6, 4e6, 0), (1.2e6, 4e6, 1)))
    changed = next(root.glob("*1.2e+06-4e+06-1*/*/*/measures/*/estimates.json"))
    changed.write_text(changed.read_text().replace("0.", "1.", 1))
    other = next(root.glob("*400000-*/*/*/manifest.json"))
    other.write_text(other.read_text().replace('"schema": 1', '"schema": 99'))
    code, out, err = call("scale", root, "--format", "csv", capsys=capsys)
    assert code == 4 and all(line.startswith("ddtbench: not shown: ") for line in err.splitlines())
    assert {line.split("@")[1].split("/")[0] for line in err.splitlines()} == {"1.2e+06-4e+06-1", "400000-4e+06-0"}
    assert "two sizes" in out


def test_a_run_with_failures_and_one_of_other_cases_are_left_out_by_name(
    maker: Any, trained: Any, capsys: Any, subject: Callable[..., Any]
) -> None:
    root = trained((1e5, 4e6, 0), (4e5, 4e6, 0), (1.2e6, 4e6, 0))
    trained((9e6, 4e6, 0), failing=("scene-00001",))
    said = {"non_embedding_parameters": 8e6, "tokens_seen": 4e6, "training_flops": 1.92e14}
    maker.task(TASK, [subject("ddt-llama@cases", cost={"training": said})], cases=4)
    code, out, _ = call("scale", root, capsys=capsys)
    text = " ".join(out.split())
    assert code == 0 and "more than 1 % of its cases failed" in text
    assert "1 run of another protocol or set of cases than the 3 that are shown" in text
    assert "has 4 cases, 4 of them among the 6 here" in text


def test_a_metric_that_one_model_lacks_is_said(trained: Any, capsys: Any) -> None:
    root = trained((1e5, 4e6, 0), (4e5, 4e6, 0), (1.2e6, 4e6, 0))
    trained((2e5, 4e6, 0), model="vqgan-llama", absent=("fd-world",))
    out = call("scale", root, "--metric", "fd-world", capsys=capsys)[1]
    assert "left out: VQGAN-LLaMA" in " ".join(out.split()) and "not measured by fd-world" in " ".join(out.split())


def test_the_report_says_the_exponents_of_scale(trained: Any) -> None:
    from reports.figures.scaling_figure import scaling_figure
    from reports.tables.numbers import show

    stored = read_stored(str(trained((1e5, 4e6, 0), (4e5, 4e6, 0), (1.2e6, 4e6, 0))))
    (one,) = study(stored)
    said = one.fits[0].quantities[0]
    figure = scaling_figure(TASK, stored.runs)
    assert one.fits[0].law == SIZE
    assert figure is not None and " ".join(show(said.value, said.low, said.high)) in figure.caption
