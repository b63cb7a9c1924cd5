"""``ddtbench prune``: disk comes back, results stay, and only what can stand without its samples is pruned."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import harness_fakes as fakes
import pyarrow as pa
import pytest

from harness import commands
from harness.errors import UserError
from harness.observe import observe
from harness.run import run
from harness.store.prune import prune
from harness.store.run_folder import RunFolder, case_set_digest, run_paths
from harness.store.seals import DIGEST, SEALS


def toy_runs(call) -> list[Path]:
    assert call("run", "toy")[0] == 0
    return [Path("runs", path) for path in run_paths("runs")]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_freed_is_said_before_and_done_after(toy, call) -> None:
    adder, carrier = toy_runs(call)
    (adder / "samples/.tmp-1-00000-x.parquet").write_bytes(b"half")
    before = files(Path("runs"))
    frame = commands.measure_runs("runs")
    (adder / "samples/.tmp-1-00000-x.parquet").write_bytes(b"half")
    code, planned, _ = call("prune", "runs", "--dry-run")
    assert code == 0 and "would free" in planned and "nothing was removed" in planned
    assert files(Path("runs")) == before
    code, said, _ = call("prune", "runs")
    assert code == 0 and "2 runs: freed" in said
    assert said.splitlines()[:2] == planned.splitlines()[:2]
    gone = {name: data for name, data in before.items() if "/samples/" in name or "/observations/" in name}
    freed = sum(prune(RunFolder.open(folder)).size for folder in (adder, carrier))
    assert freed == 0 and gone and not gone.keys() & files(Path("runs")).keys()
    kept = {name: data for name, data in files(Path("runs")).items() if not name.endswith("manifest.json")}
    assert kept == {name: before[name] for name in kept} and any("scores.parquet" in name for name in kept)
    # shown, marked, and not measured again
    code, out, _ = call("measure", "runs")
    assert code == 0 and "results only" in out and "toy-carrier" in out
    assert commands.measure_runs("runs").equals(frame) and commands.observe_runs("runs") == 0
    code, _, _ = call("report", "runs", "--to", "pages")
    page = " ".join(Path("pages/index.html").read_text().split())
    assert code == 0 and "results only" in page and "thirteen brings bad luck" in page
    # a bit of them that is flipped is still found
    (path,) = adder.glob("measures/*/estimates.json")
    path.write_text(path.read_text().replace("0.", "1.", 1))
    code, out, err = call("measure", "runs")
    assert code == 4 and "estimates.json was changed" in err and "results only, so get it again" in err


def test_running_again_makes_the_samples_again(toy, call) -> None:
    adder, _ = toy_runs(call)
    before = {name: data for name, data in files(adder).items() if name.startswith("samples/")}
    assert call("prune", "runs")[0] == 0 and not list(adder.glob("samples/*"))
    assert call("run", "toy")[0] == 0
    assert {name: data for name, data in files(adder).items() if name.startswith("samples/")} == before
    assert "results only" not in commands.summary("runs")


def test_what_could_not_stand_alone_is_left_and_named(toy, call) -> None:
    adder, carrier = toy_runs(call)
    (part,) = adder.glob("samples/00001-*")
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    before = files(adder)
    code, out, err = call("prune", "runs")
    assert code == 4 and "is damaged" in err and "1 run: freed" in out
    assert files(adder) == before and not list(carrier.glob("samples/*"))
    (adder / "measures").rename(toy / "measures")
    with pytest.raises(UserError, match=r"is missing|is damaged"):
        prune(RunFolder.open(adder))


def test_samples_that_were_not_measured_are_kept(toy, call) -> None:
    assert call("run", "toy", "--limit", "16")[0] == 0
    adder, _ = toy_runs(call)
    stored = RunFolder.open(adder)
    for path in adder.glob("measures/*/*"):
        if stored.measured() in str(path):
            path.unlink()
    with pytest.raises(UserError, match="is missing"):
        prune(RunFolder.open(adder))
    manifest = json.loads((adder / "manifest.json").read_text())
    stored.write_manifest(seals={k: v for k, v in manifest[SEALS].items() if stored.measured() not in k})
    with pytest.raises(UserError, match="changed since it was measured"):
        prune(RunFolder.open(adder))
    assert len(list(adder.glob("samples/*"))) == 3


def test_a_folder_of_before_without_samples_is_sealed_as_it_is(toy, call) -> None:
    adder, carrier = toy_runs(call)
    for folder in (adder, carrier):
        for path in (*folder.glob("samples/*"), *folder.glob("observations/*/*")):
            path.unlink()
        manifest = json.loads((folder / "manifest.json").read_text())
        kept = {k: v for k, v in manifest.items() if k not in (DIGEST, SEALS, "results_only")}
        (folder / "manifest.json").write_text(json.dumps(kept))
    assert "lacks 3 of the 3 parts" in " ".join(commands.summary("runs").split())
    assert call("prune", "runs")[0] == 0
    text = commands.summary("runs")
    assert "results only" in text and "unsealed" not in text and "not shown" not in text and "toy-adder" in text


def test_an_object_store_is_pruned_too() -> None:
    root = f"memory://{uuid.uuid4().hex}"
    task = fakes.FakeTask(count=20, bad_ask=(4,))
    folder = RunFolder.create_or_open(root, fakes.spec_for(task))
    run(folder.spec, task, fakes.FakeSubject, folder)
    observe(folder, [fakes.Brightness()], batch=4)
    folder.write_measures(case_set_digest(folder.cases()), pa.table({"metric": ["m"]}), [])
    planned = prune(folder, dry_run=True)
    assert planned.files == 6 and planned.size > 0 and len(folder.parts()) == 3
    assert prune(folder) == planned
    assert folder.results_only and not folder.folder.exists("observations") and folder.parts() == []
    assert [case for case, _ in folder.manifest()["failures"]] == ["case-0004"]
    assert prune(folder).size == 0


def test_a_linked_folder_is_pruned_where_it_lies(toy, call) -> None:
    adder, _ = toy_runs(call)
    (adder / "samples").rename(toy / "elsewhere")
    (adder / "samples").symlink_to(toy / "elsewhere", target_is_directory=True)
    code, _, err = call("prune", "runs")
    assert code == 4 and "samples is a link: prune what it leads to" in err
    assert len(list((toy / "elsewhere").iterdir())) == 3
