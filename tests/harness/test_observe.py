from __future__ import annotations

from pathlib import Path

import harness_fakes as fakes
import pytest

from harness.errors import UserError
from harness.isolation import OutOfMemory
from harness.observe import observe
from harness.run import run
from harness.store.columns import observations_folder
from harness.store.run_folder import RunFolder

TASK = fakes.FakeTask(count=11, bad_ask=(4,))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    spec = fakes.spec_for(TASK)
    made = RunFolder.create_or_open(tmp_path, spec)
    run(spec, TASK, fakes.FakeSubject, made)
    return made


def test_only_what_is_missing_is_observed(folder: RunFolder):
    first = fakes.Brightness()
    assert observe(folder, [first], batch=4) == {"brightness": ""}
    assert set(first.seen) == {4}  # the last batch is padded
    before = fakes.part_bytes(folder.path)
    again = fakes.Brightness()
    observe(folder, [again], batch=4)
    assert again.seen == [] and fakes.part_bytes(folder.path) == before
    part = folder.parts("observations/brightness-d1")[0]
    Path(folder.path, "observations/brightness-d1", part.file).unlink()
    observe(folder, [again], batch=4)
    assert again.seen == [4, 4] and fakes.part_bytes(folder.path) == before


def test_another_digest_is_another_place_and_the_latest_is_read(folder: RunFolder):
    observe(folder, [fakes.Brightness()], batch=4)
    observe(folder, [fakes.Brightness(digest="d2", bad=("case-0000",))], batch=4)
    assert folder.folder.names("observations", folders=True) == ["brightness-d1", "brightness-d2"]
    assert folder.instruments() == {"brightness": "d2"}
    assert folder.columns().columns["brightness._failed"][0]


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_only_the_guilty_sample_has_a_null_row_whatever_the_batch(folder: RunFolder, batch: int):
    observe(folder, [fakes.Brightness(bad=("case-0001",), nan=("case-0006",))], batch=batch)
    columns = folder.observation_columns("brightness")
    reasons = dict(zip(folder.columns().columns["case"], columns["_failed"], strict=True))
    failed = {case: reason for case, reason in reasons.items() if reason}
    assert failed == {"case-0001": "RuntimeError: too dark", "case-0006": "column 'mean' is NaN"}


def test_an_instrument_that_always_fails_leaves_reasons_and_no_columns(folder: RunFolder):
    observe(folder, [fakes.Brightness(bad=tuple(case.id for case in TASK.cases()))], batch=4)
    assert set(folder.observation_columns("brightness")) == {"_failed"}
    assert all(folder.columns().columns["brightness._failed"])


def test_an_unavailable_instrument_gives_its_reason_which_is_kept(folder: RunFolder):
    absent = fakes.Brightness(missing="no backbone: put alex.pth here", name="lpips")
    assert observe(folder, [absent, fakes.Brightness()], batch=4) == {"lpips": absent.missing, "brightness": ""}
    assert folder.unavailable() == {"lpips": absent.missing} and absent.seen == []
    observe(folder, [fakes.Brightness(name="lpips")], batch=4)
    assert folder.unavailable() == {} and set(folder.instruments()) == {"brightness", "lpips"}


def test_damaged_observations_are_made_again(folder: RunFolder):
    observe(folder, [fakes.Brightness()], batch=4)
    before = fakes.part_bytes(folder.path)
    part = folder.parts("observations/brightness-d1")[1]
    Path(folder.path, "observations/brightness-d1", part.file).write_bytes(b"x")
    with pytest.raises(UserError, match="damaged"):
        folder.columns()
    observe(folder, [fakes.Brightness()], batch=4)
    assert fakes.part_bytes(folder.path) == before


def test_wrong_columns_are_the_instruments_failure(folder: RunFolder):
    class Short(fakes.Brightness):
        def observe(self, samples):
            return {"mean": [0.0]}

    observe(folder, [Short(name="short")], batch=4)
    assert "1 rows for 4 samples" in folder.columns().columns["short._failed"][0]


def test_a_folder_without_samples_or_a_batch_of_zero_is_refused(tmp_path: Path, folder: RunFolder):
    with pytest.raises(UserError, match="no samples"):
        observe(RunFolder.create_or_open(tmp_path, fakes.spec_for(TASK, seed=9)), [fakes.Brightness()], batch=4)
    with pytest.raises(UserError, match="batch"):
        observe(folder, [fakes.Brightness()], batch=0)


class Judge(fakes.Brightness):
    """Refuses what a user could read about: the cases in ``bad``, or every one of them."""

    def observe(self, samples):
        if any(sample.case.id in self.bad for sample in samples):
            raise UserError("the question is longer than the judge's context")
        return super().observe(samples)


def test_a_refusal_of_one_sample_is_its_failure(folder: RunFolder):
    """Also of the last one, which is a batch of its own."""
    observe(folder, [Judge(bad=("case-0002", "case-0010"))], batch=2)
    columns = folder.observation_columns("brightness")
    reasons = dict(zip(folder.columns().columns["case"], columns["_failed"], strict=True))
    assert {case for case, reason in reasons.items() if reason} == {"case-0002", "case-0010"}
    assert reasons["case-0002"] == "the question is longer than the judge's context"


def test_an_instrument_that_refuses_everything_is_not_at_hand(folder: RunFolder):
    with pytest.raises(UserError, match="judge's context"):
        observe(folder, [Judge(bad=tuple(case.id for case in TASK.cases()))], batch=4)


def test_where_memory_runs_out_half_the_batch_is_tried_and_said(folder: RunFolder):
    class Large(fakes.Brightness):
        def observe(self, samples):
            if len(samples) > 2:
                raise MemoryError
            return super().observe(samples)

    observe(folder, [Large()], batch=4)
    assert folder.manifest()["observed_in_batches"] == {"brightness": 2}
    assert len(folder.observation_columns("brightness")["mean"]) == 10
    with pytest.raises(OutOfMemory):
        observe(folder, [Large(digest="d2")], batch=8)


def test_text_that_cannot_be_stored_is_the_instruments_failure(folder: RunFolder):
    class Garbled(fakes.Brightness):
        def observe(self, samples):
            columns = super().observe(samples)
            return {**columns, "word": ["\ud800" if s.case.id == "case-0003" else "fine" for s in samples]}

    observe(folder, [Garbled()], batch=4)
    reasons = folder.observation_columns("brightness")["_failed"]
    assert [reason for reason in reasons if reason] == ["column 'word' cannot be stored as UTF-8"]


class Elsewhere(fakes.Brightness):
    """One that computes on another device."""

    device = "meta"


def test_observations_are_stored_with_the_device_that_the_instrument_computed_on(folder: RunFolder):
    before = folder.folder.read_json("environment.json")
    observe(folder, [fakes.Brightness(), Elsewhere(name="elsewhere")], batch=4)
    record = folder.folder.read_json("environment.json")
    assert record["environments"] == before["environments"] and record["runs"] == before["runs"]
    own, other = (folder.environments(observations_folder(name, "d1")) for name in ("brightness", "elsewhere"))
    assert own == folder.environments() and other.isdisjoint(own)
    (kept,) = record["observed"]["elsewhere"].items()
    assert {kept[0]} == other and kept[1]["device"].startswith("meta ")
    assert record["observed"]["brightness"] == before["environments"]
    observe(folder, [fakes.Brightness(), Elsewhere(name="elsewhere")], batch=4)
    assert folder.folder.read_json("environment.json") == record
