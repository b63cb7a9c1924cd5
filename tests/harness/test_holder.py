"""What the lock of a run folder says to whoever looks: who holds it, and how far they are."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from harness_fakes import FakeSubject, FakeTask, spec_for

from harness.observe import observe
from harness.progress import Progress
from harness.run import run
from harness.store import holder
from harness.store.files import Folder
from harness.store.holder import Holder, held_locks, read_holder, telling, written_holder
from harness.store.run_folder import RunFolder

TASK = FakeTask(count=20, bad_load=(3,))


def lock_of(folder: RunFolder) -> Path:
    return Path(folder.path, "lock")


def said_at_each_part(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, task: FakeTask = TASK) -> list[Holder]:
    said: list[Holder] = []
    real = RunFolder.write_part

    def write_part(self, *words):
        found = read_holder(lock_of(folder).read_bytes())
        assert found is not None
        said.append(found)
        return real(self, *words)

    monkeypatch.setattr(RunFolder, "write_part", write_part)
    monkeypatch.setattr(holder, "EVERY", 0.0)
    run(folder.spec, task, FakeSubject, folder, limit=20)
    return said


def test_a_run_says_how_far_it_is_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.create_or_open(tmp_path, spec_for(TASK))
    said = said_at_each_part(folder, monkeypatch)
    assert [item.made for item in said] == sorted({item.made for item in said}), "more at every part"
    assert {(item.pid, item.host, item.doing, item.wanted, item.stored) for item in said} == {
        (os.getpid(), platform.node(), "asking", 20, 0)
    }
    assert said[-1].made == 20 and said[-1].failed == 1 and said[-1].seconds > 0
    assert lock_of(folder).stat().st_size == holder.WIDTH


def test_what_was_stored_before_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.create_or_open(tmp_path, spec_for(TASK))
    run(folder.spec, TASK, FakeSubject, folder, limit=folder.spec.unit_size)
    said = said_at_each_part(folder, monkeypatch)
    assert {(item.wanted, item.stored) for item in said} == {(20, folder.spec.unit_size)}
    assert said[-1].made == 20 - folder.spec.unit_size


def test_instruments_say_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness_fakes import Brightness

    folder = RunFolder.create_or_open(tmp_path, spec_for(TASK))
    run(folder.spec, TASK, FakeSubject, folder)
    monkeypatch.setattr(holder, "EVERY", 0.0)
    said: list[Holder | None] = []
    real = Folder.tell
    monkeypatch.setattr(
        Folder,
        "tell",
        lambda self, *words: (real(self, *words), said.append(read_holder(lock_of(folder).read_bytes()))),
    )
    observe(folder, [Brightness()], batch=4)
    seen = [item for item in said if item and item.doing]
    assert {item.doing for item in seen} == {"observing"} and seen[-1].made == seen[-1].wanted == len(folder.parts())


def test_the_kernel_says_whether_a_folder_is_held(tmp_path: Path) -> None:
    folder = RunFolder.create_or_open(tmp_path, spec_for(TASK))
    this = (os.getpid(), lock_of(folder).stat().st_ino)
    locks = held_locks()
    if locks is None:
        assert not Path(holder.LOCKS).exists()
        return
    assert this not in locks
    with folder.writing():
        locks = held_locks()
        assert locks is not None and this in locks
    locks = held_locks()
    assert locks is not None and this not in locks


def test_a_machine_whose_kernel_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "LOCKS", str(tmp_path / "none"))
    assert held_locks() is None
    (tmp_path / "some").write_text("1: FLOCK\n2: POSIX ADVISORY WRITE 1 fe:00:2 0 EOF\n3: -> FLOCK A W 1 fe:00:3 0 E\n")
    monkeypatch.setattr(holder, "LOCKS", str(tmp_path / "some"))
    assert held_locks() == frozenset()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"half {",
        b"[1]",
        b'{"pid": 3}',
        b'{"host": "a"}',
        b'{"pid": true, "host": "a"}',
        b'{"pid": -1, "host": "a"}',
        b'{"pid": 3, "host": "a", "doing": "?"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_lock_that_says_nothing_readable_is_no_error(content: bytes) -> None:
    assert read_holder(content) is None


def test_what_is_unknown_or_of_another_kind_is_left_out() -> None:
    said = {"pid": 3, "host": "a", "made": "x", "failed": -1, "seconds": 2, "more": [], "wanted": 1e400}
    assert read_holder(json.dumps(said).encode()) == Holder(3, "a", seconds=2)


def test_whether_a_holder_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert Holder(child.pid, platform.node()).ended
    assert not Holder(os.getpid(), platform.node()).ended
    assert not Holder(child.pid, "elsewhere").ended and not Holder(2**62, "elsewhere").ended


def test_a_tally_is_told_now_and_then() -> None:
    told: list[int] = []
    with Progress("quiet").stage("work", 50, telling(lambda said: told.append(said["made"]), "asking")) as stage:
        for _ in range(50):
            stage.advance()
    assert told[0] == 0 and len(told) < 5


def test_nothing_is_told_on_an_object_store_or_by_one_that_holds_nothing(tmp_path: Path) -> None:
    there = Folder(f"memory://{uuid.uuid4().hex}")
    with there.lock():
        before = there.read("lock")
        there.tell({"doing": "asking", "made": 3})
        assert there.read("lock") == before == written_holder()
    Folder(tmp_path).tell({"doing": "asking"})
    assert not (tmp_path / "lock").exists()
