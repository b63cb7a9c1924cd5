"""The command that a report shows for a run makes that run, and goes on with it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from harness.commands import run_suite
from harness.spec import SuiteSpec
from harness.store.run_folder import RunFolder
from reports.reading.commands import PLACE, command_of
from reports.reading.run import Run
from reports.reading.runs import read_stored


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs of a suite whose seed, batch and files are not those that a command asks for by itself; one has a
    name."""
    out = str(tmp_path_factory.mktemp("commands") / "runs")
    suite = SuiteSpec.of(
        "odd", ["mean-colour", "identity"], ["reconstruction@world"], 6, seed=7, batch=2, unit_size=4
    ).changed(threads=1)
    run_suite(suite, out)
    run_suite(suite.changed(models=["mean-colour"]), out, models=["mean-colour"], names=["one colour; flat"])
    return out


def files(root: str) -> dict[str, bytes]:
    """What is stored of the runs, but for the time at which it was looked at."""
    kept = [path for path in Path(root).rglob("*") if path.is_file() and "suites" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in kept if path.name not in ("lock",)}


def words_of(run: Run, out: str) -> list[str]:
    program, *words = shlex.split(command_of(run)[0])
    assert program == "ddtbench" and words.count(PLACE) == 1
    return [out if word == PLACE else word for word in words]


def test_it_goes_on_with_the_run_and_changes_nothing(made: str, tmp_path: Path) -> None:
    out = str(tmp_path / "runs")
    shutil.copytree(made, out)
    before = files(out)
    for run in read_stored(out).runs:
        with pytest.raises(SystemExit) as ended:
            main([*words_of(run, out), "--workers", "1"])
        assert not ended.value.code
    assert files(out) == before


def test_it_makes_the_run_where_there_is_none(made: str, tmp_path: Path) -> None:
    out = str(tmp_path / "runs")
    run = next(run for run in read_stored(made).runs if run.named)
    assert "'one colour; flat'" in command_of(run)[0], "quoted for a shell"
    with pytest.raises(SystemExit) as ended:
        main([*words_of(run, out), "--workers", "1"])
    assert not ended.value.code
    (again,) = read_stored(out).runs
    assert (again.key, again.subject, again.estimates) == (run.key, run.subject, run.estimates)


def test_a_folder_of_the_machine_is_a_mark_that_is_explained(made: str, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "runs")
    folder = RunFolder.open(next((tmp_path / "runs").glob("identity/*/*")))
    protocol = folder.manifest()["protocol"]
    folder.write_manifest(protocol={**protocol, "request": {**protocol["request"], "task": "reconstruction@.../mine"}})
    run = next(run for run in read_stored(str(tmp_path / "runs")).runs if run.spec["model"] == "identity")
    command, remark = command_of(run)
    assert "reconstruction@.../mine" in command and "a folder of the machine" in remark


def test_what_no_command_can_ask_for_says_so(made: str, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "runs")
    folder = RunFolder.open(next((tmp_path / "runs").glob("identity/*/*")))
    folder.write_manifest(protocol={})
    run = next(run for run in read_stored(str(tmp_path / "runs")).runs if run.spec["model"] == "identity")
    command, remark = command_of(run)
    assert not command and "does not say how it was asked for" in remark
