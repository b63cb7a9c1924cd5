"""What a look at runs sees while somebody is at them, and that looking changes nothing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from slow_runs import SlowRun, eventually

sys.path.insert(0, str(Path(__file__).parents[2] / "harness"))

from harness_fakes import FakeSubject, FakeTask, spec_for

from harness.contracts import ShownTask
from harness.run import run
from harness.store import holder
from harness.store.run_folder import RunFolder
from reports.reading import going as looking
from reports.reading.going import Going, Look, Onlooker
from reports.reading.samples import Failure, StoredSample
from reports.viewing.pages import State
from reports.viewing.wording import headline, told

TASK = FakeTask(count=20, bad_load=(3, 13))


def begun(root: Path, limit: int = 8) -> RunFolder:
    """A run that was killed behind so many samples: no manifest tells of them."""
    folder = RunFolder.create_or_open(root, spec_for(TASK))
    run(folder.spec, TASK, FakeSubject, folder, limit=limit)
    Path(folder.path, "manifest.json").unlink()
    return folder


def look(root: Path) -> Going:
    [found] = Onlooker(str(root)).look().going
    return found


def words(item: Going) -> str:
    said, _ = told(Look((item,)), State())
    return str(said["runs"][0]["words"])


# ------------------------------------------------------------------------------------------------ states


def test_a_run_that_was_left_says_where(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    found = look(tmp_path)
    assert (found.subject, found.task, found.state) == (folder.spec.model, folder.spec.task, "left")
    assert (found.done, found.wanted, found.failed, found.seconds_left) == (8, 8, 1, None)
    assert found.failures == (Failure("case-0003", found.failures[0].reason),)
    assert len(found.samples) == looking.FIRST and not found.samples[3].ok and found.samples[0].images
    assert "not measured; the same command continues" in words(found)


def test_a_run_that_somebody_is_at_says_how_far_it_is(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    with folder.writing():
        said = {"doing": "asking", "wanted": 20, "stored": 8, "made": 6, "failed": 1, "seconds": 3.0}
        folder.folder.tell(said)
        found = look(tmp_path)
        assert (found.state, found.done, found.wanted, found.rate, found.seconds_left) == ("asking", 14, 20, 2.0, 3.0)
        assert words(found) == "14 of 20 samples · 2.0 a second · 3 s left"
        folder.folder.tell({**said, "doing": "observing", "stored": 0, "wanted": 2, "made": 1})
        found = look(tmp_path)
        assert (found.state, found.done, found.wanted) == ("observing", 1, 2)
        assert words(found).startswith("instruments look at the samples: 1 of 2 parts")
    assert look(tmp_path).state == "left"


def test_a_run_whose_samples_are_there_is_being_measured_while_its_process_lives(tmp_path: Path) -> None:
    folder = RunFolder.create_or_open(tmp_path, spec_for(TASK))
    run(folder.spec, TASK, FakeSubject, folder)
    assert look(tmp_path).state == "measuring" and words(look(tmp_path)) == "20 samples, being measured"
    Path(folder.path, "lock").write_bytes(json.dumps({"pid": 2**22 + 1, "host": platform.node()}).encode())
    assert look(tmp_path).state == "left"


def test_a_run_that_is_measured_and_nobodys_is_done(make_runs: Callable[[Path], Any], tmp_path: Path) -> None:
    runs = make_runs(tmp_path / "runs")
    runs.task(subjects=runs.ZOO[:2], cases=4)
    found = Onlooker(str(runs.root)).look()
    assert (found.going, found.measured) == ((), 2) and headline(found) == ""
    [first, *_] = runs.root.glob("*/*/*")
    with RunFolder.open(first).writing():
        found = Onlooker(str(runs.root)).look()
    assert [item.path for item in found.going] == [first.relative_to(runs.root).as_posix()] and found.measured == 1
    assert headline(found) == "1 run goes on, 1 is done"


def test_a_run_on_another_machine_is_going_as_long_as_it_is_heard_of(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    lock = Path(folder.path, "lock")
    said = {"pid": 3, "host": "far-away", "doing": "asking", "wanted": 20, "made": 10, "seconds": 5.0}
    lock.write_text(json.dumps(said))
    found = look(tmp_path)
    assert (found.state, found.host, found.done) == ("asking", "far-away", 10)
    assert "on far-away, heard of" in words(found)
    os.utime(lock, (time.time() - 5000,) * 2)
    assert look(tmp_path).state == "left"


def test_where_the_kernel_does_not_say_a_living_process_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "LOCKS", str(tmp_path / "none"))
    folder = begun(tmp_path / "runs")
    with folder.writing():
        folder.folder.tell({"doing": "asking", "wanted": 20})
        assert look(tmp_path / "runs").state == "asking"


def test_a_run_of_before_has_no_number_that_is_wanted(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    with folder.writing():
        Path(folder.path, "lock").write_bytes(json.dumps({"pid": os.getpid(), "host": platform.node()}).encode())
        found = look(tmp_path)
    assert (found.state, found.done, found.wanted, found.rate) == ("asking", 8, None, 0.0)
    assert words(found) == "8 samples"


def test_an_object_store_is_looked_at_too() -> None:
    root = "memory://looked-at"
    folder = RunFolder.create_or_open(root, spec_for(TASK))
    run(folder.spec, TASK, FakeSubject, folder)
    with folder.writing():
        assert [item.state for item in Onlooker(root).look().going] == ["measuring"]
    assert [item.state for item in Onlooker(root).look().going] == ["left"]


# ------------------------------------------------------------------------------------------------ what is broken


def test_a_folder_that_is_not_there_or_empty_has_none(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        found = Onlooker(str(root)).look()
        assert (found.going, found.measured, found.trouble) == ((), 0, "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("spec.json", b"{"),
        ("spec.json", b'{"schema": 99}'),
        ("manifest.json", b"[]"),
        ("manifest.json", b'{"schema": 1, "showing": {"task": 3}, "shown": 5}'),
        ("lock", b"\xff"),
        ("samples/00000-0123456789abcdef.parquet", b"no part"),
        ("samples/other", b"x"),
    ],
)
def test_what_is_broken_stops_no_look(tmp_path: Path, name: str, content: bytes) -> None:
    folder = begun(tmp_path)
    shutil.copytree(folder.path, tmp_path / "also" / "there" / "key")
    Path(tmp_path, "also", "there", "key", name).write_bytes(content)
    found = Onlooker(str(tmp_path)).look()
    assert found.trouble == "" and folder.key in {Path(item.path).name for item in found.going}
    told(found, State())


def test_a_part_that_changes_is_read_again_and_one_that_does_not_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, reads = begun(tmp_path), []
    real = RunFolder.read
    monkeypatch.setattr(RunFolder, "read", lambda self, *rest: reads.append(rest[0].file) or real(self, *rest))
    onlooker = Onlooker(str(tmp_path))
    for _ in range(3):
        onlooker.look()
    assert len(reads) == len(set(reads)) == len(folder.parts())
    Path(folder.path, "lock").unlink()
    run(folder.spec, TASK, FakeSubject, folder)
    Path(folder.path, "manifest.json").unlink()
    [found] = onlooker.look().going
    assert found.done == 20 and [item.case for item in found.failures] == ["case-0003", "case-0013"]


def test_only_so_much_is_kept_of_so_many_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in "abc":
        folder = RunFolder.create_or_open(tmp_path, replace(spec_for(TASK), model=model))
        run(folder.spec, TASK, FakeSubject, folder, limit=8)
    onlooker = Onlooker(str(tmp_path))
    monkeypatch.setattr(looking, "WITH_SAMPLES", 1)
    assert [len(item.samples) for item in onlooker.look().going] == [looking.FIRST, 0, 0]
    monkeypatch.setattr(looking, "WITH_SAMPLES", 3)
    assert [len(item.samples) for item in onlooker.look().going] == [looking.FIRST] * 3
    monkeypatch.setattr(looking, "MOST", 2)
    assert len(onlooker.look().going) == 2


def test_of_a_series_of_pictures_none_is_kept_where_there_are_others() -> None:
    good = looking.PNG + b"..."
    kept = looking._kept({"first-1": good, "output": good, "reference": good, "other": b"GIF89a", "far-2": good})
    assert list(kept) == ["output", "reference"]
    large = {"large": looking.PNG + bytes(looking.LARGEST), **{f"step-{n}": good for n in range(9)}}
    assert list(looking._kept(large)) == ["step-0", "step-1", "step-2"]


def test_one_look_reads_only_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "READING", 0.0)
    folder = begun(tmp_path, 20)
    onlooker = Onlooker(str(tmp_path))
    unread = [onlooker.look().going[0].unread for _ in folder.parts()]
    assert unread == list(range(len(folder.parts()) - 1, -1, -1)) and len(unread) > 1


# ------------------------------------------------------------------------------------------------ nothing is touched


def state_of(root: Path) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for path in (root, *sorted(root.rglob("*"))):
        seen = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_mode, content
    return found


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A root of one measured and one unfinished run, which nobody may write to."""
    root = tmp_path / "runs"
    begun(root)
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield root
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_looking_and_making_a_report_touch_nothing(
    read_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    from reports.page.build import build_report

    monkeypatch.setattr(fcntl, "flock", lambda *_: pytest.fail("a look locks nothing"))
    before = state_of(read_only)
    onlooker = Onlooker(str(read_only))
    assert [item.done for _ in range(3) for item in onlooker.look().going] == [8, 8, 8]
    build_report(str(read_only), tmp_path / "report")
    assert state_of(read_only) == before


# ------------------------------------------------------------------------------------------------ words


def test_what_steers_a_reader_is_taken_out(tmp_path: Path) -> None:
    sample = StoredSample("a\x1b[2J\u202eb", True, "", "said \u2066<b>\x00", {"q": "?\u200f"}, {"o\n": b"x"})
    failed = Failure("c\n\u202e", "why\r\n" + "x" * 1000)
    item = Going(
        "p", "m\u202e", "t", "asking", 1, 2, 1, 1.0, "h\n", 1, 4, 0, ShownTask(asked=("{q}",)), (failed,), (sample,)
    )
    said, pictures = told(Look((item,)), State(problem="because\n<i>"))
    text = json.dumps(said, ensure_ascii=False)
    assert all(character.isprintable() for character in text) and list(pictures.values()) == [b"x"]
    assert len(said["runs"][0]["failures"][0]["reason"]) == 300
    assert said["problem"] == "The report could not be made: because <i>"


def test_failures_are_told_by_their_reasons(tmp_path: Path) -> None:
    failures = tuple(Failure(f"case-{n}", "too dark" if n % 3 else f"reason {n}") for n in range(60))
    item = Going("p", "m", "t", "asking", 60, 90, 60, 1.0, "", 1, 4, 0, ShownTask(), failures)
    [run_] = told(Look((item,)), State())[0]["runs"]
    assert run_["failures"][0] == {"case": "case-1 and 39 more", "reason": "too dark"}
    assert len(run_["failures"]) == 12 and run_["more"] == "and 9 more reasons" and run_["failed"] == "60 failed so far"


# ------------------------------------------------------------------------------------------------ a run in a child


def test_a_run_is_seen_from_its_first_samples_to_its_measures(tmp_path: Path) -> None:
    slow = SlowRun(tmp_path)
    onlooker = Onlooker(str(slow.folder / "runs"))
    try:
        states: list[Going] = []

        def until(done: int) -> bool:
            states.extend(onlooker.look().going)
            return bool(states) and states[-1].done >= done and len(states[-1].samples) >= min(done, looking.FIRST - 2)

        slow.open_until(8)
        assert eventually(lambda: until(8)), [words(item) for item in states[-2:]]
        now = states[-1]
        assert (now.subject, now.task, now.state, now.wanted) == ("painter", "slow-painting", "asking", 24)
        assert now.failed == 1 and now.failures[0].reason == "ValueError: <i>number five</i> is not painted"
        said, pictures = told(Look((now,)), State())
        first = said["runs"][0]["samples"][0]
        assert first["texts"] == ["a wall in colour 00 <b>", "“wall 0”"] and len(pictures) >= 1
        slow.open_until(24)
        assert slow.child.wait(60) == 0
        assert eventually(lambda: onlooker.look().measured == 1) and onlooker.look().going == ()
    finally:
        slow.end()
