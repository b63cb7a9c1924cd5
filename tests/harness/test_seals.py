"""Stored results that were changed, mixed or lost: named in the terminal and on the page, and never in a table."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import harness_fakes as fakes
import pandas as pd
import pytest

from harness import commands
from harness.contracts import Estimate
from harness.errors import UserError
from harness.observe import observe
from harness.progress import Progress
from harness.run import run
from harness.store.files import Folder
from harness.store.run_folder import RunFolder, case_set_digest, find_run_folders, run_paths
from harness.store.seals import DIGEST, SEALS

VALUE = "0.3421"


def measured(root: Path, **changes: object) -> RunFolder:
    """A run of five cases, with one estimate and its scores."""
    task = fakes.FakeTask(count=5)
    spec = fakes.spec_for(task, **changes)
    folder = RunFolder.create_or_open(root, spec)
    run(spec, task, fakes.FakeSubject, folder)
    cases = folder.cases()
    scores = pd.DataFrame({"metric": "m", "case": cases, "group": cases, "stratum": "", "numerator": 0.5})
    estimate = Estimate("m", 1, 0.5, 0.25, 0.75, "bootstrap", 5, 0, "higher")
    folder.write_measures(case_set_digest(cases), scores.assign(denominator=1.0), [estimate])
    return folder


def flips(data: bytes, count: int) -> list[bytes]:
    """The bytes with one bit flipped, at places spread over all of them."""
    bits = len(data) * 8
    changed = []
    for place in {index * bits // count for index in range(count)}:
        copy = bytearray(data)
        copy[place // 8] ^= 1 << place % 8
        changed.append(bytes(copy))
    return changed


@pytest.mark.parametrize("name", ["estimates.json", "scores.parquet"])
def test_every_flipped_bit_of_a_result_is_found(tmp_path: Path, name: str) -> None:
    folder = measured(tmp_path)
    path = Path(folder.path, "measures", folder.measured(), name)
    read = folder.read_estimates if name == "estimates.json" else folder.read_scores
    whole = path.read_bytes()
    for damaged in flips(whole, 400):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{name} was changed"):
            read()
        with pytest.raises(UserError, match=rf"{name} was changed"):
            folder.require_measure(folder.measured())
    path.write_bytes(whole)
    read()


def test_a_flipped_bit_of_the_manifest_never_makes_another_result_a_sealed_one(tmp_path: Path) -> None:
    folder = measured(tmp_path)
    digest, before = folder.measured(), folder.manifest()
    path = Path(folder.path, "manifest.json")
    for damaged in flips(path.read_bytes(), 400):
        path.write_bytes(damaged)
        try:
            found = folder.manifest()
        except UserError:
            continue
        assert found == before or not folder.is_sealed(digest)


def test_a_cost_that_was_changed_is_measured_again(tmp_path: Path) -> None:
    """It is shown in tables too, and can be made again: it stops no run."""
    folder = measured(tmp_path)
    path = Path(folder.path, "cost.json")
    whole = path.read_bytes()
    for damaged in (b"{", b"[]", b"\xff", whole.replace(b"1", b"7"), None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        if damaged not in (whole, None):
            with pytest.raises(UserError, match=r"cost\.json"):
                folder.cost()
        lines: list[str] = []
        progress = Progress("quiet")
        progress.note = lines.append  # type: ignore[method-assign]
        task = fakes.FakeTask(count=5)
        run(folder.spec, task, fakes.FakeSubject, folder, progress=progress)
        assert path.read_bytes() == whole and folder.cost()
        assert damaged == whole or any("cost.json is made again" in line for line in lines)


@pytest.mark.parametrize("name", ["environment.json", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"{"])
def test_small_files_that_can_be_made_again_stop_no_run(tmp_path: Path, name: str, content: bytes) -> None:
    folder = measured(tmp_path)
    Path(folder.path, name).write_bytes(content)
    run(folder.spec, fakes.FakeTask(count=5), fakes.FakeSubject, folder)
    assert folder.manifest()["complete"] and len(folder.folder.read_json("environment.json")["environments"]) == 1


def test_an_environment_that_was_changed_is_written_again(tmp_path: Path) -> None:
    """Also what an instrument computed on, though nothing is left to be computed."""
    task = fakes.FakeTask(count=5)
    folder = measured(tmp_path)
    run(folder.spec, task, fakes.FakeSubject, folder)
    observe(folder, [fakes.Brightness()], batch=4)
    path = Path(folder.path, "environment.json")
    whole = json.loads(path.read_text())
    (digest,) = whole["environments"]
    assert whole["observed"] == {"brightness": {digest: whole["environments"][digest]}}
    changed = {**whole["environments"][digest], "python": "3.11.0"}
    for damage in (
        {"environments": {digest: changed}},
        {"environments": [digest]},
        {"environments": {digest: {"python": float("nan")}}},
        {"observed": {"brightness": {digest: changed}}},
        {"observed": 3},
        {"runs": "once"},
    ):
        path.write_text(json.dumps({**whole, **damage}))
        lines: list[str] = []
        progress = Progress("quiet")
        progress.note = lines.append  # type: ignore[method-assign]
        run(folder.spec, task, fakes.FakeSubject, folder, progress=progress)
        observe(folder, [fakes.Brightness()], batch=4)
        again = json.loads(path.read_text())
        assert all(again[name] == whole[name] for name in ("environments", "observed")), damage
        assert [line for line in lines if "environment.json was changed" in line and "is made again" in line], damage


@pytest.mark.parametrize(
    "change", [{"model": 3}, {"batch": "4"}, {"threads": None}, {"unknown": 1}, {"settings": float("nan")}]
)
def test_a_damaged_spec_names_its_folder(tmp_path: Path, change: dict) -> None:
    folder = measured(tmp_path)
    path = Path(folder.path, "spec.json")
    stored = json.loads(path.read_text())
    stored["spec"] |= change
    path.write_text(json.dumps(stored))
    with pytest.raises(UserError) as raised:
        RunFolder.open(folder.path)
    assert f"{folder.path}/spec.json" in str(raised.value) and "\n" not in str(raised.value)


def test_a_renamed_part_is_told_as_renamed_and_made_again(tmp_path: Path) -> None:
    task = fakes.FakeTask(count=21)
    spec = fakes.spec_for(task)
    folder = RunFolder.create_or_open(tmp_path, spec)
    run(spec, task, fakes.FakeSubject, folder)
    before = fakes.part_bytes(folder.path)
    first, second, _ = (Path(folder.path, "samples", part.file) for part in folder.parts())
    second.rename(second.with_name(second.name.replace("00001", "00000")))
    first.rename(first.with_name(first.name.replace("00000", "00001")))
    with pytest.raises(UserError, match=r"was renamed: it holds unit 0000[01]"):
        folder.cases()
    lines: list[str] = []
    progress = Progress("quiet")
    progress.note = lines.append  # type: ignore[method-assign]
    run(spec, task, fakes.FakeSubject, folder, progress=progress)
    assert fakes.part_bytes(folder.path) == before
    assert any("was renamed" in line for line in lines) and not any("data changed" in line for line in lines)


def test_observations_of_another_instrument_are_not_read(tmp_path: Path) -> None:
    from harness.observe import observe

    folder = measured(tmp_path)
    observe(folder, [fakes.Brightness()], batch=4)
    (part,) = Path(folder.path, "observations").rglob("*.parquet")
    elsewhere = part.parent.with_name("brightness-d2")
    part.parent.rename(elsewhere)
    folder.write_manifest(instruments={"brightness": "d2"})
    with pytest.raises(UserError, match="belongs to another instrument, brightness-d1"):
        folder.columns()


# ------------------------------------------------------------------------------------------------ the command line


def toy_runs(call, *models: str) -> list[Path]:
    """Runs of the toy suite, by model."""
    words = [word for model in models for word in ("--model", model)]
    assert call("run", "toy", *words)[0] == 0
    return [Path("runs", path) for path in run_paths("runs")]


def shown(call, *words: str) -> tuple[int, str, str]:
    """(exit code, tables as CSV, everything that the page and the terminal say) of a report."""
    code, out, err = call("report", "runs", "--to", "pages", *words)
    tables = "".join(path.read_text() for path in sorted(Path("pages/tables").glob("*.csv")))
    return code, tables, out + err + " ".join(Path("pages/index.html").read_text().split())


def test_an_estimate_edited_by_hand_is_named_and_in_no_table(toy, call) -> None:
    adder, _ = toy_runs(call)
    (path,) = adder.glob("measures/*/estimates.json")
    stored = json.loads(path.read_text())
    stored["estimates"][0]["value"] = float(VALUE)
    path.write_text(json.dumps(stored, indent=2) + "\n")
    code, tables, said = shown(call)
    assert code == 4 and VALUE not in tables + said and "toy-adder" not in tables and "toy-carrier" in tables
    assert "estimates.json was changed after it was written" in said
    text = commands.summary("runs")
    assert VALUE not in text and "estimates.json was changed" in " ".join(text.split())
    code, out, _ = call("measure", "runs")
    assert code == 0 and "not shown" not in out and "toy-adder" in shown(call)[1]


def test_scores_of_which_a_bit_was_flipped_are_named(toy, call) -> None:
    adder, _ = toy_runs(call)
    (path,) = adder.glob("measures/*/scores.parquet")
    path.write_bytes(flips(path.read_bytes(), 3)[1])
    code, tables, said = shown(call)
    assert code == 4 and "toy-adder" not in tables and "scores.parquet was changed" in said


def test_a_part_of_another_run_is_never_measured_as_this_ones(toy, call) -> None:
    adder, carrier = toy_runs(call)
    (theirs,) = carrier.glob("samples/00001-*")
    (ours,) = adder.glob("samples/00001-*")
    before = {path: path.read_bytes() for path in adder.rglob("measures/*/*")}
    shutil.copy(theirs, adder / "samples")
    for alone in (False, True):
        if alone:
            ours.unlink()
        code, out, err = call("measure", "runs")
        assert code == 4 and "belongs to another run" in err and "toy-carrier" in out
        assert before == {path: path.read_bytes() for path in adder.rglob("measures/*/*")}
        code, tables, said = shown(call)
        assert code == 4 and "toy-adder" not in tables and "belongs to another run" in said
    assert call("run", "toy")[0] == 0 and call("measure", "runs")[0] == 0
    assert before == {path: path.read_bytes() for path in adder.rglob("measures/*/*")}


def test_a_listed_part_that_is_missing_is_not_passed_over(toy, call) -> None:
    adder, _ = toy_runs(call)
    (gone,) = adder.glob("samples/00001-*")
    gone.unlink()
    code, _, err = call("measure", "runs")
    assert code == 4 and f"lacks 1 of the 3 parts that its manifest lists, first samples/{gone.name}" in err
    code, _, err = call("observe", "runs")
    assert code == 4 and "lacks 1 of the 3 parts" in err
    code, tables, said = shown(call)
    assert code == 4 and "toy-adder" not in tables and "lacks 1 of the 3 parts" in said
    assert call("run", "toy")[0] == 0
    assert "toy-adder" in shown(call)[1]


def test_a_damaged_sample_is_named_where_nobody_shows_it(toy, call) -> None:
    adder, _ = toy_runs(call)
    (part,) = adder.glob("samples/00002-*")
    part.write_bytes(flips(part.read_bytes(), 3)[1])
    code, tables, said = shown(call)
    assert code == 4 and "toy-adder" not in tables and f"{part.name}: is damaged" in said


def test_a_damaged_cost_stops_no_suite(toy, call) -> None:
    adder, _ = toy_runs(call)
    whole = (adder / "cost.json").read_bytes()
    for damaged in (b"{", whole.replace(b"0.0", b"7.5")):
        (adder / "cost.json").write_bytes(damaged)
        code, _, said = shown(call)
        assert code == 4 and "cost.json" in said
        code, out, err = call("run", "toy")
        assert code == 0 and "toy-adder" in out and "cost.json is made again" in err
        assert (adder / "cost.json").read_bytes() == whole


def test_linked_parts_and_linked_run_folders_are_read(toy, call) -> None:
    adder, carrier = toy_runs(call)
    whole = commands.measure_runs("runs")
    (part,) = adder.glob("samples/00001-*")
    away = toy / "away"
    away.mkdir()
    shutil.move(part, away)
    part.symlink_to(away / part.name)
    shutil.move(carrier, away)
    carrier.symlink_to(away / carrier.name, target_is_directory=True)
    assert len(find_run_folders("runs")) == 2
    assert commands.measure_runs("runs").equals(whole)
    _, tables, _ = shown(call)
    assert "toy-adder" in tables and "toy-carrier" in tables
    (away / carrier.name).rename(away / "moved")
    code, tables, said = shown(call)
    assert code == 4 and "toy-carrier" not in tables and "is a link that leads nowhere" in said


def test_one_run_at_two_places_is_shown_once(toy, call) -> None:
    adder, _ = toy_runs(call)
    once = shown(call)[1]
    shutil.copytree(adder, adder.with_name("copy"))
    code, tables, said = shown(call)
    assert code == 4 and tables == once and "shown once" in said


def without_digests(folder: Path) -> None:
    """The manifest as it was before results carried digests."""
    path = folder / "manifest.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in stored.items() if k not in (DIGEST, SEALS, "results_only")}, indent=2))


def test_a_folder_of_before_is_read_marked_and_sealed_by_measuring(toy, call) -> None:
    adder, carrier = toy_runs(call)
    for folder in (adder, carrier):
        without_digests(folder)
    code, tables, said = shown(call)
    assert code == 0 and "toy-adder" in tables and "unsealed" in said and "all rows" in said
    assert "unsealed" in commands.summary("runs")
    assert call("measure", "runs")[0] == 0
    assert "unsealed" not in commands.summary("runs") and "unsealed" not in shown(call)[2]
    assert SEALS in json.loads((adder / "manifest.json").read_text())


def test_results_of_another_run_without_digests_are_told_by_their_key(toy, call) -> None:
    adder, carrier = toy_runs(call)
    for folder in (adder, carrier):
        without_digests(folder)
    (theirs,) = carrier.glob("measures/*")
    shutil.rmtree(adder / "measures" / theirs.name)
    shutil.copytree(theirs, adder / "measures" / theirs.name)
    code, tables, said = shown(call)
    assert code == 4 and "toy-adder" not in tables and "belongs to another run or other cases" in said


def test_a_suite_shows_the_run_that_it_ran_and_no_other(toy, call) -> None:
    adder, carrier = toy_runs(call)
    shutil.rmtree(adder)
    shutil.copytree(carrier, adder)
    code, tables, said = shown(call, "--suite", "toy")
    assert code == 4 and "toy-adder" not in tables and "run the suite again" in said


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    os.symlink(tmp_path / "runs", tmp_path / "runs" / "again")
    os.symlink("self", tmp_path / "runs" / "self")
    assert run_paths(tmp_path / "runs") == []
    assert Folder(tmp_path / "runs").broken_links() == ["self"]
