from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import harness_fakes as fakes
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.environment
from harness.contracts import Case, Sample
from harness.engines.children import Children, Workers
from harness.engines.local import Crew, Growing, InProcess
from harness.errors import UserError
from harness.jobs import Unit
from harness.progress import Progress
from harness.run import run
from harness.seeding import seed_for
from harness.store.files import Folder
from harness.store.parts import encode_samples, failed_row, read_part
from harness.store.run_folder import RunFolder
from harness.units import AskingJob, split


class Notes(Progress):
    """Keeps what would be printed."""

    def __init__(self) -> None:
        super().__init__("quiet")
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def make(root: Path | str, task: fakes.FakeTask, subject=fakes.FakeSubject, spec=None, **options) -> RunFolder:
    spec = spec or fakes.spec_for(task)
    folder = RunFolder.create_or_open(root, spec)
    run(spec, task, subject, folder, **options)
    return folder


def all_samples(folder: RunFolder, limit: int | None = None) -> list[Sample]:
    return [sample for unit in folder.samples(limit) for sample in unit]


def test_every_case_is_sampled_in_order_with_its_own_seed(tmp_path: Path):
    task = fakes.FakeTask(count=21)
    samples = all_samples(make(tmp_path, task))
    assert [sample.case for sample in samples] == task.cases()
    sample = samples[13]
    codes = np.asarray(sample.codes)[None]
    np.testing.assert_array_equal(sample.images["reference"], task.load(sample.case))
    expected = fakes.FakeSubject().decode(codes, [seed_for(0, sample.case.id, "sample")], task.size)[0]
    np.testing.assert_array_equal(sample.images["output"], expected)


def test_storing_a_part_does_not_list_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A million samples would take hours of listing, and on a bucket a request each."""
    listed: list[str] = []
    names = Folder.names

    def counted(self: Folder, name: str = "", folders: bool = False) -> list[str]:
        listed.append(name)
        return names(self, name, folders)

    monkeypatch.setattr(Folder, "names", counted)
    counts = []
    for units in (2, 30):
        listed.clear()
        make(tmp_path, fakes.FakeTask(count=8 * units))
        counts.append(listed.count("samples"))
    assert counts[0] == counts[1] <= 4


def test_a_part_made_again_takes_the_place_of_the_one_before(tmp_path: Path):
    folder = make(tmp_path, fakes.FakeTask(count=16))
    before = folder.parts()
    with folder.writing():
        for turn in (1, 2):  # the second time nothing is listed
            data = encode_samples([failed_row(Case("case-0", "g"), f"turn {turn}")], {"key": folder.key})
            folder.keep("00000", data)
            assert [part.unit for part in folder.parts()] == [part.unit for part in before]
    assert len(read_part(folder.folder.read(f"samples/{folder.parts()[0].file}"), "x")) == 1


@pytest.mark.parametrize("name", ["opened", "raising"])
def test_workers_that_were_asked_for_may_open_ahead(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("harness.engines.local.cores_at_hand", lambda: 8)
    expected = make(tmp_path / "one", fakes.FakeTask(count=40))
    crew = Crew(3)
    crew.prepare(partial(fakes.open_ahead, str(tmp_path), name))
    due = time.monotonic() + 60
    while len(list(tmp_path.glob("opened-*"))) < 2 and time.monotonic() < due:
        time.sleep(0.05)
    assert len(list(tmp_path.glob("opened-*"))) == 2
    found = make(tmp_path / "two", fakes.FakeTask(count=40), crew=crew)
    crew.close()
    assert [part.file for part in found.parts()] == [part.file for part in expected.parts()]
    assert "ahead" not in capfd.readouterr().err


def test_workers_that_were_not_asked_for_do_not_begin_ahead(tmp_path: Path):
    for crew in (Crew(1), Crew(None), Crew(2, device="cuda")):
        crew.prepare(partial(fakes.open_ahead, str(tmp_path), "opened"))
        assert crew._workers is None


def test_batches_are_always_full(tmp_path: Path):
    subject = fakes.FakeSubject()
    make(tmp_path, fakes.FakeTask(count=21, bad_load=(2,), bad_ask=(9,)), lambda: subject)
    assert set(subject.batches) == {4}


@given(st.integers(1, 9), st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_batch_and_unit_size_change_no_draw(batch: int, unit_size: int):
    # Exact, since the fake computes image by image; real subjects have a tolerance for other shapes of a batch.
    task = fakes.FakeTask(count=10, bad_ask=(6,))
    found = []
    for spec in (fakes.spec_for(task), fakes.spec_for(task, batch=batch, unit_size=unit_size)):
        samples = all_samples(make(f"memory://{uuid.uuid4().hex}", task, spec=spec))
        found.append([(sample.case.id, sample.outcome, list(sample.codes), sample.images) for sample in samples])
    for one, other in zip(*found, strict=True):
        assert one[:3] == other[:3]
        assert all(np.array_equal(one[3][name], other[3][name]) for name in one[3])


def test_only_the_guilty_cases_fail_and_say_why(tmp_path: Path):
    notes = Notes()
    task = fakes.FakeTask(count=21, bad_load=(3,), bad_ask=(9, 20))
    folder = make(tmp_path, task, progress=notes)
    failed = {sample.case.facts["n"]: sample for sample in all_samples(folder) if sample.outcome == "failed"}
    assert sorted(failed) == [3, 9, 20]
    assert failed[3].reason == "ValueError: case-0003.png: the file is empty"
    assert failed[9].reason == "RuntimeError: cannot ask 4 cases at <object at 0x...>"  # equal runs, equal bytes
    assert all(not sample.images and not sample.codes and not sample.numbers for sample in failed.values())
    assert folder.manifest()["failed"] == 3 and folder.manifest()["complete"]
    assert any("3 of 21 cases failed" in line for line in notes.lines)
    healthy = {
        sample.case.id: sample
        for sample in all_samples(make(tmp_path / "healthy", replace(task, bad_load=(), bad_ask=())))
    }
    for sample in all_samples(folder):
        if sample.outcome == "ok":
            np.testing.assert_array_equal(sample.images["output"], healthy[sample.case.id].images["output"])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"images": {"output": np.zeros((4, 4))}}, "uint8"),
        ({"numbers": {"x": float("nan")}}, "NaN"),
        ({"codes": [-1]}, "codes"),
        ({"codes": [0.5]}, "codes"),
        ({"text": None}, "the text must be a string, not None (NoneType)"),
        ({"text": b"yes"}, "the text must be a string, not b'yes' (bytes)"),
        ({"text": 7}, "the text must be a string, not 7 (int)"),
        ({"text": "half \ud83d"}, "cannot be stored as UTF-8"),
        ({"numbers": {"x": "1.5"}}, "the number 'x' is '1.5'"),
        ({"numbers": {"x": None}}, "the number 'x' is None"),
    ],
)
def test_what_cannot_be_stored_is_a_failure_of_that_case(tmp_path: Path, answer: dict, reason: str):
    class Odd(fakes.FakeTask):
        def ask(self, subject, cases, inputs, seeds):
            samples = super().ask(subject, cases, inputs, seeds)
            return [replace(sample, **answer) if sample.case.facts["n"] == 2 else sample for sample in samples]

    samples = all_samples(make(tmp_path, Odd(count=5)))
    assert [sample.outcome for sample in samples] == ["ok", "ok", "failed", "ok", "ok"]
    assert reason in samples[2].reason


def test_names_and_facts_that_utf8_cannot_hold_stop_nothing(tmp_path: Path):
    """A file name in another encoding holds surrogates; a prompt file may hold half of a pair, or NaN."""

    class Odd(fakes.FakeTask):
        def cases(self):
            first, second, third, *rest = super().cases()
            renamed = replace(first, id="caf\udce9.png", group="caf\udce9.png")
            half = replace(second, facts={"n": 1, "prompt": "\ud83d"})
            return [renamed, half, replace(third, facts={"n": 2, "share": float("nan")}), *rest]

    task = Odd(count=6)
    samples = all_samples(make(tmp_path, task))
    assert [sample.outcome for sample in samples] == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert samples[0].case.id == "caf\\udce9.png" and samples[1].case.facts["prompt"] == "\ud83d"
    assert "NaN" in samples[2].reason and samples[2].case.facts == {}
    make(tmp_path, task)  # and what is stored is known again


def test_a_task_that_mixes_up_its_answers_is_caught(tmp_path: Path):
    class Mixed(fakes.FakeTask):
        def ask(self, subject, cases, inputs, seeds):
            return super().ask(subject, cases, inputs, seeds)[::-1]

    for sample in all_samples(make(tmp_path, Mixed(count=8))):  # asked again one by one, there is nothing to mix up
        assert sample.outcome == "ok"
        np.testing.assert_array_equal(sample.images["reference"], Mixed(count=8).load(sample.case))


class Mute(Exception):
    """Has no message that can be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Strange(BaseException):
    """Of no kind that a program should catch."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("the prompt is 11,200 characters long"), "the prompt is 11,200 characters long"),
        (SystemExit(0), "SystemExit: 0"),
        (SystemExit("a library gives up"), "SystemExit: a library gives up"),
        (GeneratorExit(), "GeneratorExit"),
        (Strange("odd"), "Strange: odd"),
        (Mute(), "Mute: its message cannot be shown"),
        (ValueError("half of a pair: \ud800"), "ValueError: half of a pair: \\ud800"),
        (OSError(errno.EACCES, "no entry"), "PermissionError: [Errno 13] no entry"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.parametrize("where", ["load", "ask"])
def test_whatever_is_raised_about_a_case_is_that_cases_failure(tmp_path: Path, error: BaseException, reason, where):
    class Raises(fakes.FakeTask):
        def load(self, case):
            if where == "load" and case.facts["n"] == 2:
                raise error
            return super().load(case)

        def ask(self, subject, cases, inputs, seeds):
            if where == "ask" and any(case.facts["n"] == 2 for case in cases):
                raise error
            return super().ask(subject, cases, inputs, seeds)

    samples = all_samples(make(tmp_path, Raises(count=6)))
    assert [sample.outcome for sample in samples] == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert samples[2].reason == reason


def test_an_interrupt_passes_through(tmp_path: Path):
    class Raises(fakes.FakeTask):
        def ask(self, subject, cases, inputs, seeds):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, Raises())


class OutOfMemoryError(RuntimeError):
    """torch's is told by its name."""


def wrapped(cause: BaseException) -> Exception:
    error = RuntimeError("the library could not go on")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        wrapped(OSError(errno.EDQUOT, "quota")),
        wrapped(MemoryError()),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried"),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
    ids=repr,
)
def test_a_full_disk_or_memory_is_no_failure_of_a_case(tmp_path: Path, error: Exception):
    class Raises(fakes.FakeTask):
        def ask(self, subject, cases, inputs, seeds):
            raise error

    with pytest.raises(UserError, match=r"disk is full|memory ran out"):
        make(tmp_path, Raises())


def test_the_limit_takes_the_first_cases_and_a_cut_unit_is_made_again(tmp_path: Path):
    task = fakes.FakeTask(count=30)
    whole = fakes.part_bytes(make(tmp_path / "whole", task).path)
    folder = make(tmp_path / "limited", task, limit=11)
    assert len(all_samples(folder)) == 11 and not folder.manifest()["complete"]
    first = {name: digest for name, digest in fakes.part_bytes(folder.path).items() if "00000" in name}
    again = make(tmp_path / "limited", task, limit=19)
    assert again.path == folder.path and first.items() <= fakes.part_bytes(folder.path).items()
    assert len(all_samples(folder)) == 19
    make(tmp_path / "limited", task, limit=3)
    assert len(all_samples(folder)) == 19 and len(all_samples(folder, 9)) == 9
    make(tmp_path / "limited", task)
    assert fakes.part_bytes(folder.path) == whole


def test_a_finished_run_opens_no_subject(tmp_path: Path):
    before = fakes.part_bytes(make(tmp_path, fakes.FakeTask()).path)

    def refuse() -> None:
        raise AssertionError("opened")

    assert fakes.part_bytes(make(tmp_path, fakes.FakeTask(), refuse).path) == before


def test_a_damaged_part_is_reported_and_made_again(tmp_path: Path):
    task = fakes.FakeTask()
    folder = make(tmp_path, task)
    before = fakes.part_bytes(folder.path)
    victim = Path(folder.path, "samples", folder.parts()[1].file)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        all_samples(folder)
    notes = Notes()
    make(tmp_path, task, progress=notes)
    assert "is damaged: it is made again" in notes.lines[0] and victim.name in notes.lines[0]
    assert fakes.part_bytes(folder.path) == before


def test_a_part_of_another_run_is_not_believed(tmp_path: Path):
    task = fakes.FakeTask()
    ours = make(tmp_path, task)
    other = make(tmp_path, task, spec=fakes.spec_for(task, seed=1))
    assert ours.path != other.path
    before = fakes.part_bytes(ours.path)
    for part in ours.parts():
        Path(ours.path, "samples", part.file).unlink()
    for part in other.parts():
        Path(ours.path, "samples", part.file).write_bytes(Path(other.path, "samples", part.file).read_bytes())
    make(tmp_path, task)
    assert fakes.part_bytes(ours.path) == before


def test_cases_that_changed_without_a_new_revision_are_refused(tmp_path: Path):
    task = fakes.FakeTask()
    make(tmp_path, task, limit=4)

    class Renamed(fakes.FakeTask):
        def cases(self):
            return [replace(case, id=case.id + "x") for case in super().cases()]

    with pytest.raises(UserError, match="holds other cases"):
        make(tmp_path, Renamed())


def test_doubled_ids_no_cases_and_a_limit_of_zero_are_refused(tmp_path: Path):
    class Doubled(fakes.FakeTask):
        def cases(self):
            return super().cases()[:1] * 2

    with pytest.raises(UserError, match="two cases with the id 'case-0000'"):
        make(tmp_path, Doubled())
    with pytest.raises(UserError, match="no cases"):
        make(tmp_path, fakes.FakeTask(count=0))
    with pytest.raises(UserError, match="limit"):
        make(tmp_path, fakes.FakeTask(), limit=0)


def test_another_environment_is_refused_or_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task = fakes.FakeTask()
    folder = make(tmp_path, task, limit=8)
    real = harness.environment.package_version
    monkeypatch.setattr(harness.environment, "package_version", lambda name: "9.9" if name == "torch" else real(name))
    make(tmp_path, task, limit=8)  # nothing to make, nothing to refuse
    with pytest.raises(UserError, match=r"torch 9\.9 here, .* there.*--mixed-environment"):
        make(tmp_path, task)
    assert not folder.mixed_environment and len(all_samples(folder)) == 8
    make(tmp_path, task, mixed_environment=True)
    assert folder.mixed_environment and folder.manifest()["mixed_environment"]
    assert len(folder.folder.read_json("environment.json")["environments"]) == 2


def test_the_environment_and_key_stand_in_each_part(tmp_path: Path):
    folder = make(tmp_path, fakes.FakeTask())
    for part in folder.parts():
        stored = pq.read_schema(Path(folder.path, "samples", part.file)).metadata
        assert stored[b"key"].decode() == folder.key
        assert stored[b"environment"].decode() in folder.folder.read_json("environment.json")["environments"]


def test_a_probe_that_fails_loses_no_sample(tmp_path: Path):
    class NoProbe(fakes.FakeTask):
        def probe(self, subject):
            raise RuntimeError("no clock")

    folder = make(tmp_path, NoProbe(), training={"hours": 2})
    assert folder.cost() == {"probe_failed": "RuntimeError: no clock", "training": {"hours": 2}}
    assert folder.manifest()["complete"]


# ------------------------------------------------------------------------------------------------ workers


def test_any_number_of_workers_makes_the_same_bytes(tmp_path: Path):
    task = fakes.FakeTask(count=45, bad_load=(3,), bad_ask=(9, 30))
    alone = make(tmp_path / "1", task)
    several = make(tmp_path / "3", task, workers=3)
    assert fakes.part_bytes(several.path) == fakes.part_bytes(alone.path)
    assert several.cost() == {"parameters": 0.0}


def test_a_case_that_kills_its_worker_fails_alone_and_the_run_goes_on(tmp_path: Path):
    task = fakes.FakeTask(count=40, deadly=(37,), bad_ask=(33,))
    folder = make(tmp_path / "dead", task, workers=2)
    samples = all_samples(folder)
    assert {s.case.facts["n"]: s.reason for s in samples if s.outcome == "failed" and s.case.facts["n"] != 33} == {
        37: "the worker died: SIGKILL"
    }
    well = make(tmp_path / "well", replace(task, deadly=()))
    for one, other in zip(samples, all_samples(well), strict=True):
        if one.case.facts["n"] != 37:  # whose slot is padded, so that the others keep their bytes
            assert (one.outcome, one.numbers, list(one.codes)) == (other.outcome, other.numbers, list(other.codes))
            assert all(np.array_equal(one.images[name], other.images[name]) for name in other.images)
    units = {part.unit: part.digest for part in well.parts()}
    assert {part.unit for part in folder.parts() if units[part.unit] != part.digest} == {"00004"}
    # asked again once it is well, it is what an undisturbed run makes
    make(tmp_path / "dead", replace(task, deadly=()), workers=2)
    assert len({part.digest for part in folder.parts()} - set(units.values())) == 1
    make(tmp_path / "dead", replace(task, deadly=()), workers=2, retry_failed=True)
    assert fakes.part_bytes(folder.path) == fakes.part_bytes(well.path)


def test_a_case_that_hangs_fails_for_want_of_an_answer(tmp_path: Path):
    task = fakes.FakeTask(count=6, hanging=(5,))
    workers = Workers(1, 1, 1.5)
    engine = Children(AskingJob(fakes.spec_for(task), task, fakes.FakeSubject, "e"), workers)
    try:
        [(_, data)] = engine.compute([Unit("00000", tuple(task.cases()))], lambda done, failed: None)
    finally:
        workers.close()
    table = read_part(data, "")
    assert table["reason"].to_pylist() == [""] * 5 + ["no answer in 1.5 s"]


def test_a_subject_that_ends_its_worker_when_it_is_opened_is_said_so(tmp_path: Path):
    with pytest.raises(
        UserError, match=r"no worker could ask fake-model anything: the worker died: exit code 0, twice"
    ):
        make(tmp_path, fakes.FakeTask(), partial(os._exit, 0), workers=2)


def test_several_workers_are_never_this_process(tmp_path: Path):
    """Not even for one unit: what is asked for is held to."""
    folder = make(tmp_path, fakes.FakeTask(count=3, deadly=(1,)), workers=2)
    assert [sample.outcome for sample in all_samples(folder)] == ["ok", "failed", "ok"]


@dataclass(frozen=True)
class OnlyHere:
    """Opens a subject in one process alone."""

    process: int

    def __call__(self) -> fakes.FakeSubject:
        assert os.getpid() == self.process
        return fakes.FakeSubject()


def test_by_default_children_take_over_where_that_is_worth_their_start(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("harness.engines.local.cores_at_hand", lambda: 2)
    task = fakes.FakeTask(count=40, bad_ask=(33,))
    alone = fakes.part_bytes(make(tmp_path / "alone", task).path)
    assert fakes.part_bytes(make(tmp_path / "small", task, OnlyHere(os.getpid()), workers=None).path) == alone
    # a run of itself too short for workers, of many that share them
    crew, few, begin = Crew(None), [], Workers._start
    crew.runs = 10**9
    monkeypatch.setattr(Workers, "_start", lambda self: few.append(self) or begin(self))
    assert fakes.part_bytes(make(tmp_path / "many", task, crew=crew).path) == alone
    crew.close()
    assert len(few) == 2
    monkeypatch.setattr("harness.engines.local.WORTH", 0.0)
    started = []
    monkeypatch.setattr(Workers, "_start", lambda self: started.append(self) or begin(self))
    assert fakes.part_bytes(make(tmp_path / "large", task, workers=None).path) == alone
    assert len(started) == 2
    monkeypatch.setattr("harness.engines.local.room_for", lambda: 1)
    assert fakes.part_bytes(make(tmp_path / "full", task, OnlyHere(os.getpid()), workers=None).path) == alone


def test_workers_default_to_the_cores_for_more_than_one_unit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.engines.local.cores_at_hand", lambda: 4)
    task = fakes.FakeTask()
    job, units = AskingJob(fakes.spec_for(task), task, fakes.FakeSubject, "e"), split(task.cases(), 8)
    assert isinstance(Crew(None).engine(job, units), Growing) and Crew(None).count == 4
    assert isinstance(Crew(None).engine(job, units[:1]), InProcess)
    assert isinstance(Crew(1).engine(job, units), InProcess) and isinstance(Crew(2).engine(job, units[:1]), Children)
    assert Crew(None, threads=2).count == 2 and Crew(None, device="cuda:0").count == 1
    unpicklable = replace(job, open_subject=lambda: fakes.FakeSubject())
    assert isinstance(Crew(None).engine(unpicklable, units), InProcess)
    with pytest.raises(UserError, match="pickle"):
        Crew(2).engine(unpicklable, units)


def test_what_does_not_pickle_is_refused_in_one_line(tmp_path: Path):
    with pytest.raises(UserError, match="pickle"):
        make(tmp_path, fakes.FakeTask(), lambda: fakes.FakeSubject(), workers=2)


@pytest.mark.slow
def test_workers_with_torch_make_the_same_bytes(tmp_path: Path):
    task = fakes.FakeTask(count=32)
    alone = make(tmp_path / "1", task, fakes.TorchSubject)
    several = make(tmp_path / "2", task, fakes.TorchSubject, workers=2)
    assert fakes.part_bytes(several.path) == fakes.part_bytes(alone.path)


# ------------------------------------------------------------------------------------------------ kill and resume

DRIVER = """
import sys
sys.path[:0] = sys.argv[2:4]
import harness_fakes as fakes
from harness.run import run
from harness.store.run_folder import RunFolder
task = fakes.FakeTask(count=160, seconds=0.004, bad_ask=(77,))
spec = fakes.spec_for(task)
print("ready", flush=True)
run(spec, task, fakes.FakeSubject, RunFolder.create_or_open(sys.argv[1], spec))
print("done", flush=True)
"""


def start(root: Path) -> subprocess.Popen[str]:
    paths = [str(Path(harness.environment.__file__).parents[1]), str(Path(fakes.__file__).parent)]
    process = subprocess.Popen([sys.executable, "-c", DRIVER, str(root), *paths], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def test_killed_at_five_random_moments_and_resumed_the_bytes_are_the_same(tmp_path: Path):
    start(tmp_path / "undisturbed").communicate()
    moments = random.Random(20261122)
    stored = 0
    for _ in range(5):
        process = start(tmp_path / "killed")
        enough = stored + moments.randint(
            0, 3
        )  # machines differ in speed: the moment is counted in parts, then in time
        while len(list((tmp_path / "killed").rglob("samples/*.parquet"))) < enough:
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        stored = len(list((tmp_path / "killed").rglob("samples/*.parquet")))
    assert 0 < stored < 20  # else the kills came too early or too late to mean anything
    last = start(tmp_path / "killed")
    assert last.communicate()[0] == "done\n" and last.returncode == 0
    assert fakes.part_bytes(str(tmp_path / "killed")) == fakes.part_bytes(str(tmp_path / "undisturbed"))
    assert not list((tmp_path / "killed").rglob(".tmp-*"))


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the tree may catch it."""


@pytest.mark.parametrize("call", ["fsync", "replace", "unlink"])
def test_stopped_at_any_system_call_the_bytes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    task = fakes.FakeTask(count=20)
    expected = fakes.part_bytes(make(tmp_path / "undisturbed", task).path)
    real = getattr(os, call)
    for stop in range(100):
        left = [stop]

        def counted(*args, left=left, **options):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*args, **options)

        root = tmp_path / f"{stop}"
        with monkeypatch.context() as patch:
            patch.setattr(os, call, counted)
            try:
                make(root, task, limit=11)
                make(root, task)
                finished = True
            except Killed:
                finished = False
        folder = make(root, task)
        assert fakes.part_bytes(folder.path) == expected
        assert not list(root.rglob(".tmp-*"))
        if finished:
            assert stop > 0 or call == "unlink"
            return
    pytest.fail("the run never finished")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
):
    task = fakes.FakeTask(count=20)
    expected = fakes.part_bytes(make(tmp_path / "undisturbed", task).path)
    real, calls = getattr(os, call), [0]

    def full(*args, **options):
        calls[0] += 1
        if calls[0] > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(UserError, match=r"^the disk of .* is full: free some and run again") as caught:
            make(tmp_path / "full", task)
    assert "\n" not in str(caught.value) and not list((tmp_path / "full").rglob(".tmp-*"))
    folder = RunFolder.create_or_open(tmp_path / "full", fakes.spec_for(task))
    assert all(folder.read(part) is not None for part in folder.parts())
    assert fakes.part_bytes(make(tmp_path / "full", task).path) == expected
