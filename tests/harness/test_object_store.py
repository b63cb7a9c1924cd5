"""Runs on an object store (on loopback) and in memory: the bytes of those on the disk, and one line for what is not
there."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness_fakes as fakes
import pytest

from harness.errors import UserError
from harness.observe import observe
from harness.run import run
from harness.store.files import Folder
from harness.store.holder import written_holder
from harness.store.run_folder import RunFolder, find_run_folders

TASK = fakes.FakeTask(count=20, bad_ask=(9,))


def made(root: Path | str, **options: Any) -> RunFolder:
    folder = RunFolder.create_or_open(str(root), fakes.spec_for(TASK))
    run(folder.spec, TASK, fakes.FakeSubject, folder, **options)
    observe(folder, [fakes.Brightness()], batch=4)
    return folder


def digests(folder: RunFolder) -> dict[str, str]:
    names = [name for name in folder.folder.sizes("") if name.endswith(".parquet")]
    return {name: hashlib.sha256(folder.folder.read(name)).hexdigest() for name in names}


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = digests(made(tmp_path_factory.mktemp("disk")))
    assert len(found) == 6
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_an_object_store_holds_the_bytes_of_the_disk(bucket: str, on_disk: dict[str, str], workers: int):
    folder = made(f"{bucket}/by-{workers}", workers=workers)
    assert digests(folder) == on_disk
    assert not folder.folder.exists("lock") and folder.manifest()["stored"] == 20
    [found] = find_run_folders(f"{bucket}/by-{workers}")
    assert found.path == folder.path and len([sample for unit in found.samples() for sample in unit]) == 20


def test_memory_holds_the_bytes_of_the_disk(on_disk: dict[str, str]):
    assert digests(made("memory://bytes-of-the-disk")) == on_disk


def test_a_run_on_an_object_store_resumes_and_a_damaged_part_is_made_again(bucket: str, on_disk: dict[str, str]):
    folder = made(f"{bucket}/resumed", limit=9)
    assert folder.manifest()["stored"] == 9
    part = folder.parts()[0]
    folder.folder.write(f"samples/{part.file}", folder.folder.read(f"samples/{part.file}")[:-9])
    assert digests(made(f"{bucket}/resumed")) == on_disk


def test_a_second_driver_on_an_object_store_is_refused(bucket: str):
    folder = made(f"{bucket}/held")
    with folder.writing(), pytest.raises(UserError, match=f"is in use by process {os.getpid()}.*or delete .*/lock"):
        run(folder.spec, TASK, fakes.FakeSubject, RunFolder.open(folder.path))


def test_the_lock_of_a_driver_that_was_killed_here_does_not_stay(bucket: str):
    folder = made(f"{bucket}/killed")
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = written_holder().replace(str(os.getpid()).encode(), str(int(ended.stdout)).encode(), 1)
    folder.folder.write("lock", left)
    assert platform.node().encode() in left
    run(folder.spec, TASK, fakes.FakeSubject, folder)
    assert not folder.folder.exists("lock")


def test_a_bucket_that_is_not_there_is_one_line(bucket: str):
    with pytest.raises(UserError, match=r"cannot write in s3://nowhere/.*: The specified bucket does not exist"):
        made("s3://nowhere")


@pytest.mark.parametrize(
    ("gone", "value", "reason"),
    [
        ("AWS_ACCESS_KEY_ID", None, "cannot reach s3://bench/x.*: NoCredentialsError: Unable to locate credentials"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "cannot reach s3://bench/x.*Could not connect to the endpoint"),
    ],
)
def test_a_store_that_cannot_be_reached_is_one_line(bucket: str, monkeypatch, tmp_path, gone, value, reason):
    import s3fs

    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv(gone, value) if value else monkeypatch.delenv(gone)
    if value is None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(UserError, match=reason):
        Folder(f"{bucket}/x").exists("spec.json")
    s3fs.S3FileSystem.clear_instance_cache()


def test_without_the_library_the_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(UserError, match=r"cannot open s3://bench/x: .*pip install 'ddtbench\[s3\]'"):
        Folder("s3://bench/x")
