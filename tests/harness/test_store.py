from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import uuid
from pathlib import Path

import harness_fakes as fakes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contracts import Case, Estimate, Sample
from harness.errors import UserError
from harness.observe import observe
from harness.run import run
from harness.store.files import Folder
from harness.store.parts import Part, encode_samples, read_part, sample_row, samples_of, to_json
from harness.store.run_folder import RunFolder, case_set_digest, find_run_folders

TASK = fakes.FakeTask(count=11, bad_ask=(4,))
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def make(root: object, task: fakes.FakeTask = TASK, **changes: object) -> RunFolder:
    spec = fakes.spec_for(task, **changes)
    folder = RunFolder.create_or_open(str(root), spec)
    run(spec, task, fakes.FakeSubject, folder)
    return folder


# ------------------------------------------------------------------------------------------------ parts


@given(
    facts=st.dictionaries(
        TEXT, st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT | st.lists(TEXT, max_size=2)
    ),
    codes=st.lists(st.integers(0, 2**31 - 1), max_size=9),
    numbers=st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=3),
    words=st.tuples(TEXT, TEXT, TEXT, TEXT),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_a_sample_comes_back_as_it_was_stored(facts, codes, numbers, words, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    sample = Sample(
        Case(words[0], words[1], words[2], facts), "ok", "", {"output": image}, tuple(codes), words[3], numbers
    )
    data = encode_samples([sample_row(sample)], {"unit": "00000"})
    assert data == encode_samples([sample_row(sample)], {"unit": "00000"})
    (back,) = samples_of(read_part(data, "here"))
    np.testing.assert_array_equal(back.images["output"], image)
    assert (back.case, back.codes, back.text, back.numbers) == (sample.case, sample.codes, sample.text, sample.numbers)


def test_a_part_opens_as_a_hugging_face_dataset(tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    folder = make(tmp_path)
    schema = read_part(folder.folder.read(f"samples/{folder.parts()[0].file}"), "here").schema
    features = datasets.Features.from_arrow_schema(schema)
    assert isinstance(features["images"].feature["image"], datasets.Image)


@pytest.mark.parametrize("name", ["00001-0123456789abcdef.parquet", "123456-0123456789abcdef.parquet"])
def test_part_names_survive_parsing(name: str):
    part = Part.parse(name)
    assert part and part.file == name


@pytest.mark.parametrize("name", [".tmp-1-00001-0123456789abcdef.parquet", "00001.parquet", "00001-XY.parquet", "x"])
def test_other_names_are_no_parts(name: str):
    assert Part.parse(name) is None


def test_columns_share_what_is_equal_and_read_numbers_that_some_samples_lack(tmp_path: Path):
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    samples = [
        Sample(Case("a", "g", facts={}), codes=np.array([1, 2]), numbers={"x": 1.0}),
        Sample(Case("b", "g", facts={}), numbers={"x": 2.0, "y": 3.0}),
        Sample(Case("c", "h", facts={}), codes=np.array([4])),
    ]
    for unit, chosen in enumerate((samples[:2], samples[2:])):
        folder.write_part(f"{unit:05d}", encode_samples([sample_row(item) for item in chosen], {"key": folder.key}))
    columns = folder.columns().columns
    assert [codes.tolist() for codes in columns["codes"]] == [[1, 2], [], [4]]
    np.testing.assert_array_equal(columns["number.x"], [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(columns["number.y"], [np.nan, 3.0, np.nan])
    assert columns["group"][0] is columns["group"][1] and columns["group"].tolist() == ["g", "g", "h"]


@pytest.mark.parametrize("numbers", ['{"x": "no number"}', '{"x": [1]}', "[1]", "nothing", '{"x": 1' + 400 * "0" + "}"])
def test_numbers_that_cannot_be_read_are_one_line(tmp_path: Path, numbers: str):
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    rows = [sample_row(Sample(Case("a", "g", facts={}))) | {"numbers": numbers}]
    folder.write_part("00000", encode_samples(rows, {"key": folder.key}))
    with pytest.raises(UserError, match=r"the numbers of a stored sample cannot be read .*: run again"):
        folder.columns()


def test_nan_never_becomes_json():
    with pytest.raises(ValueError, match="NaN"):
        to_json({"a": [1.0, float("nan")]})


# ------------------------------------------------------------------------------------------------ the folder


def test_the_same_spec_lands_in_the_same_place_and_another_elsewhere(tmp_path: Path):
    spec = fakes.spec_for(TASK)
    folder = RunFolder.create_or_open(tmp_path, spec)
    assert folder.path == f"{tmp_path}/fake-model/fake/{spec.key()}"
    assert RunFolder.create_or_open(tmp_path, spec).spec == spec == RunFolder.open(folder.path).spec
    assert RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK, seed=1)).path != folder.path
    assert [found.key for found in find_run_folders(tmp_path)] == sorted(
        [spec.key(), fakes.spec_for(TASK, seed=1).key()]
    )
    assert [found.key for found in find_run_folders(folder.path)] == [spec.key()]


def test_folders_that_are_no_runs_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"no spec\.json"):
        RunFolder.open(tmp_path)
    with pytest.raises(UserError, match="no run folders"):
        find_run_folders(tmp_path / "nowhere")
    with pytest.raises(UserError, match="nosuchprotocol"):
        find_run_folders("nosuchprotocol://here")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        RunFolder.create_or_open(tmp_path / "file", fakes.spec_for(TASK))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"schema": 2}, "schema 2, newer than the 1"), ({"key": "0" * 16}, "was changed"), ({"spec": None}, "no spec")],
)
def test_a_newer_schema_or_a_changed_spec_is_refused_in_one_line(tmp_path: Path, change: dict, message: str):
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    path = Path(folder.path, "spec.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    for opening in (
        lambda: RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK)),
        lambda: find_run_folders(tmp_path),
    ):
        with pytest.raises(UserError, match=message) as caught:
            opening()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", '{"schema": 1, "sp', "[]", "\udcff"])
def test_a_damaged_small_file_names_its_cure_which_works(tmp_path: Path, content: str):
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    path = Path(folder.path, "spec.json")
    whole = path.read_bytes()
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"spec\.json is damaged .*: delete it") as raised:
        RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    assert "\n" not in str(raised.value)
    path.unlink()
    assert RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK)).key == folder.key and path.read_bytes() == whole


def test_a_part_of_a_newer_schema_is_refused(tmp_path: Path):
    folder = make(tmp_path)
    table = read_part(folder.folder.read(f"samples/{folder.parts()[0].file}"), "here")
    import io

    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"schema": "2"}), buffer)
    folder.write_part("00000", buffer.getvalue())
    with pytest.raises(UserError, match="schema 2"):
        list(folder.samples())


# ------------------------------------------------------------------------------------------------ one writer


def test_a_second_driver_is_refused_and_told_who_is_there(tmp_path: Path):
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from harness.store.run_folder import RunFolder\n"
        "with RunFolder.open(sys.argv[1]).writing():\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    checkout = str(Path(sys.modules["harness.store.run_folder"].__file__ or "").parents[1])
    other = subprocess.Popen([sys.executable, "-c", code, folder.path, checkout], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout and other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"in use by process {other.pid} on {platform.node()}") as caught:
            make(tmp_path)
        assert "\n" not in str(caught.value)
        assert len(list(find_run_folders(tmp_path))) == 1  # reading needs no lock
    finally:
        other.kill()
        other.communicate()
    make(tmp_path)  # a killed holder holds nothing


def test_writing_can_be_entered_twice_by_its_holder(tmp_path: Path):
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK))
    with folder.writing(), folder.writing():
        pass
    with folder.writing():
        pass


def test_a_file_that_cannot_be_removed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder became read-only, and root is asked no questions."""
    folder = make(tmp_path)
    Path(folder.path, "samples", ".tmp-1-x").touch()

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(os, "remove", refuse)
    with pytest.raises(UserError, match=r"^cannot write in .*samples: Permission denied$"):
        folder.folder.clean()
    with pytest.raises(UserError, match=r"^cannot remove .*spec\.json: Permission denied$"):
        folder.folder.remove("spec.json")


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path):
    folder = make(tmp_path)
    for name in ("samples/.tmp-1-00000-x.parquet", ".tmp-1-spec.json"):
        Path(folder.path, name).write_bytes(b"half")
    assert len(folder.parts()) == 2
    make(tmp_path)
    assert not list(Path(folder.path).rglob(".tmp-*"))


# ------------------------------------------------------------------------------------------------ object stores


def test_a_memory_store_holds_the_same_bytes_as_a_disk(tmp_path: Path):
    root = f"memory://{uuid.uuid4().hex}"
    there, here = make(root), make(tmp_path)
    for folder in (there, here):
        observe(folder, [fakes.Brightness()], batch=4)
    for place in ("samples", "observations/brightness-d1"):
        assert there.parts(place) == here.parts(place) != []
    assert [sample.case.id for unit in there.samples() for sample in unit] == [case.id for case in TASK.cases()]
    assert [found.key for found in find_run_folders(root)] == [there.key]
    assert not there.folder.exists("lock")
    make(root, fakes.FakeTask(count=11))


def test_a_file_url_is_a_local_path(tmp_path: Path):
    folder = make(f"file://{tmp_path}/by-url")
    assert folder.folder.local and len(list((tmp_path / "by-url").rglob("*.parquet"))) == 2


def test_the_lock_of_an_object_store_is_an_exclusive_create():
    folder = Folder(f"memory://{uuid.uuid4().hex}")
    other = Folder(folder.url)
    with (
        folder.lock(),
        pytest.raises(UserError, match=f"process {os.getpid()} on .*delete {folder.url}/lock"),
        other.lock(),
    ):
        pass
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder.write_json("lock", {"pid": ended.pid, "host": platform.node()})
    with folder.lock():  # its holder has ended
        pass
    folder.write_json("lock", {"pid": ended.pid, "host": "elsewhere"})
    with pytest.raises(UserError, match="elsewhere"), folder.lock():
        pass


# ------------------------------------------------------------------------------------------------ reading


def test_the_frame_holds_every_case_and_no_images(tmp_path: Path):
    frame = make(tmp_path).sample_frame()
    assert list(frame["case"]) == [case.id for case in TASK.cases()] and "images" not in frame
    assert (frame["outcome"] == "failed").sum() == 1
    assert len(make(tmp_path).sample_frame(limit=9)) == 9


def test_columns_hold_ok_cases_in_order_and_name_the_failed(tmp_path: Path):
    folder = make(tmp_path)
    observe(folder, [fakes.Brightness(bad=("case-0002",))], batch=3)
    stored = folder.columns()
    samples = [sample for unit in folder.samples() for sample in unit if sample.outcome == "ok"]
    columns = stored.columns
    assert list(columns["case"]) == [sample.case.id for sample in samples]
    assert list(stored.failed) == ["case-0004"] and len(stored.groups) == len(stored.strata) == 11
    assert [json.loads(text) for text in columns["facts"]] == [sample.case.facts for sample in samples]
    assert all(np.array_equal(codes, sample.codes) for codes, sample in zip(columns["codes"], samples, strict=True))
    assert [bool(reason) for reason in columns["brightness._failed"]] == [
        sample.case.id == "case-0002" for sample in samples
    ]
    for index, sample in enumerate(samples):
        if sample.case.id != "case-0002":
            assert columns["brightness.mean"][index] == sample.images["output"].mean()
            assert columns["brightness.level"][index] == int(sample.images["output"].mean())
    assert columns["brightness.vector"].shape == (10, 3) and np.isnan(columns["brightness.vector"][2]).all()
    limited = folder.columns(limit=9).columns
    assert all(len(values) == 8 for values in limited.values())
    assert folder.observation_columns("brightness", 9).keys() == {"_failed", "level", "mean", "vector", "word"}
    assert folder.observation_columns("detector") == {}


def test_an_instrument_that_has_not_seen_all_has_no_columns(tmp_path: Path):
    spec = fakes.spec_for(TASK)
    folder = RunFolder.create_or_open(tmp_path, spec)
    run(spec, TASK, fakes.FakeSubject, folder, limit=4)
    observe(folder, [fakes.Brightness()], batch=4)
    assert "brightness.mean" in folder.columns().columns
    run(spec, TASK, fakes.FakeSubject, folder)
    assert "brightness.mean" not in folder.columns().columns
    observe(folder, [fakes.Brightness()], batch=4)
    assert len(folder.columns().columns["brightness.mean"]) == 10


def test_a_run_in_which_all_failed_has_empty_columns(tmp_path: Path):
    task = fakes.FakeTask(count=10, bad_ask=tuple(range(10)))
    folder = make(tmp_path, task)
    observe(folder, [fakes.Brightness()], batch=4)
    stored = folder.columns()
    assert len(stored.failed) == 10 and len(stored.columns["case"]) == 0
    first_half = fakes.FakeTask(count=10, bad_ask=tuple(range(8)))
    folder = make(tmp_path / "half", first_half)
    observe(folder, [fakes.Brightness()], batch=4)
    assert len(folder.columns().columns["brightness.mean"]) == 2


# ------------------------------------------------------------------------------------------------ measures


def test_measures_come_back_and_are_the_same_bytes_each_time(tmp_path: Path):
    folder = make(tmp_path)
    scores = pd.DataFrame(
        {"metric": ["m"], "case": ["a"], "group": ["g"], "stratum": [""], "numerator": [1.5], "denominator": [1.0]}
    )
    estimates = [
        Estimate("m", 1, 0.5, 0.25, 0.75, "bootstrap", 10, 1, "higher", fingerprint={"crop": "centre"}),
        Estimate("n", 1, None, None, None, "", 0, 1, "none", absent="no backbone"),
    ]
    with pytest.raises(UserError, match="not measured"):
        folder.read_scores()
    assert folder.read_estimates() == [] and folder.measured() == ""
    digest = case_set_digest(folder.cases())
    assert digest == case_set_digest(folder.cases()[::-1]) != case_set_digest(folder.cases(4))
    folder.write_measures(digest, scores, estimates)
    first = {path.name: path.read_bytes() for path in Path(folder.path, "measures", digest).iterdir()}
    folder.write_measures(digest, scores, estimates)
    assert first == {path.name: path.read_bytes() for path in Path(folder.path, "measures", digest).iterdir()}
    assert folder.read_estimates() == estimates and folder.measured() == digest
    assert folder.read_estimates_header(digest)["cases"] == digest
    pd.testing.assert_frame_equal(folder.read_scores(), scores)
