"""What trackers are sent, read back from what they wrote on this machine: no network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.errors import UserError
from harness.store.run_folder import find_run_folders
from harness.tracking import COLUMNS, Tracker, track


def ddtbench(*words: object) -> object:
    """The exit code."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tracked") / "runs"
    models = ("--model", "identity", "--model", "mean-colour", "--as", "Perfect", "--as", "One colour")
    assert ddtbench("run", "reconstruction@world", *models, "--limit", 16, "--batch", 4, "--out", place) == 0
    return place


def psnr_of(runs: Path, model: str) -> Any:
    (folder,) = (folder for folder in find_run_folders(str(runs)) if folder.spec.model == model)
    return next(item for item in folder.read_estimates() if item.metric == "psnr" and not item.stratum)


def test_mlflow_keeps_estimates_comparison_and_report_in_a_folder(runs: Path, tmp_path: Path, monkeypatch: Any) -> None:
    place = tmp_path / "mlruns"
    assert ddtbench("report", runs, "--to", tmp_path / "report", "--track", f"mlflow:{place}") == 0
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=place.as_uri())
    experiment = client.get_experiment_by_name("ddtbench")
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert found.keys() == {"Perfect seed 0", "One colour seed 0", "report"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    wanted, seen = psnr_of(runs, "mean-colour"), found["One colour seed 0"]
    ends = {"": wanted.value, ".low": wanted.low, ".high": wanted.high}
    for end, value in ends.items():
        assert seen.data.metrics[f"reconstruction-world/psnr{end}"] == pytest.approx(value)
    assert seen.data.params == {"model": "One colour", "seed": "0"}

    def artefact(name: str, file: str) -> Path:
        return Path(client.download_artifacts(found[name].info.run_id, file, str(tmp_path)))

    specs = json.loads(artefact("One colour seed 0", "specs.json").read_text())
    assert specs["reconstruction-world"]["model"] == "mean-colour"
    table = artefact("report", "comparison.csv").read_text().splitlines()
    assert table[0].split(",") == list(COLUMNS) and any(line.startswith("One colour,") for line in table)
    written = tmp_path / "report"
    kept = artefact("report", "report")
    assert (kept / "index.html").read_bytes() == (written / "index.html").read_bytes()


def records(file: Path) -> list[Any]:
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    store, found = DataStore(), []
    store.open_for_scan(str(file))
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        found.append(record)
    return found


def test_wandb_offline_keeps_estimates_comparison_and_report(
    runs: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    for name in ("DIR", "DATA_DIR", "CACHE_DIR", "CONFIG_DIR", "ARTIFACT_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / name))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    assert ddtbench("report", runs, "--to", tmp_path / "report", "--track", "wandb:team/mine") == 0
    assert "tracked: wandb:team/mine (offline: 'wandb sync' sends it)" in capsys.readouterr().out
    told: dict[str, dict[str, Any]] = {}
    artefacts = set()
    for file in (tmp_path / "DIR").rglob("*.wandb"):
        found = records(file)
        (name,) = {record.run.display_name for record in found if record.run.display_name}
        assert {record.run.project for record in found if record.run.project} == {"mine"}
        items = [item for record in found for item in record.history.item]
        told[name] = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
        artefacts |= {record.request.log_artifact.artifact.name for record in found} | {
            record.artifact.name for record in found
        }
    assert told.keys() == {"Perfect seed 0", "One colour seed 0", "report"}
    wanted = psnr_of(runs, "mean-colour")
    assert told["One colour seed 0"]["reconstruction-world/psnr"] == pytest.approx(wanted.value)
    assert told["One colour seed 0"]["reconstruction-world/psnr.low"] == pytest.approx(wanted.low)
    assert "comparison" in " ".join(told["report"]) and "report" in artefacts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("wandb", "takes wandb:PROJECT or mlflow:FOLDER"),
        ("wandb:", "takes wandb:PROJECT or mlflow:FOLDER"),
        ("wandbb:mine", "did you mean 'wandb'?"),
        ("mlflow:http://me:secret@host/x", "holds no name and no password"),
    ],
)
def test_what_is_no_tracker_is_one_line_before_anything_is_written(
    runs: Path, tmp_path: Path, capsys: Any, text: str, says: str
) -> None:
    assert ddtbench("report", runs, "--to", tmp_path / "report", "--track", text) == 2
    said = capsys.readouterr().err
    assert says in said and "secret" not in said and not (tmp_path / "report").exists()


def test_a_tracker_that_cannot_be_told_is_a_line_and_the_report_is_there(
    runs: Path, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert ddtbench("report", runs, "--to", tmp_path / "report", "--track", f"mlflow:{tmp_path}/file") == 4
    assert "was not told" in capsys.readouterr().err and (tmp_path / "report" / "index.html").is_file()


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UserError, match=r"pip install 'ddtbench\[track\]'"):
        Tracker.parse("mlflow:here")


@pytest.mark.parametrize("name", ["WANDB_API_KEY", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_no_key_stands_in_a_reason(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(name, f"secret of {name}")

    def refuse(*everything: object) -> str:
        raise UserError(f"refused: secret of {name}")

    monkeypatch.setattr("harness.tracking._to_mlflow", refuse)
    lines: list[str] = []
    assert track([Tracker("mlflow", "here")], str(tmp_path), None, tmp_path, lines.append) == []
    assert lines == [f"mlflow:here was not told: refused: ${name}"]
