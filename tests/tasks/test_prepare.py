"""Preparing Fashion-MNIST: both layouts, every kind of bad input, and nothing half-written."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UserError
from tasks.data import fashion_mnist as prepare

COUNT = 6
"""Images a split of the fixture ``small_fashion``."""


@pytest.fixture
def contents(small_fashion: dict[str, bytes]) -> dict[str, bytes]:
    return small_fashion


def lay_out(folder: Path, contents: dict[str, bytes], compressed: bool = True) -> Path:
    folder.mkdir(parents=True)
    for name, data in contents.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(("below", "compressed"), [("", True), ("FashionMNIST/raw", False), ("FashionMNIST/raw", True)])
def test_both_layouts_give_the_same_arrays(
    tmp_path: Path, contents: dict[str, bytes], below: str, compressed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path / "from" / below, contents, compressed)
    folder = prepare.fashion_mnist(str(tmp_path / "from"))
    assert f"{COUNT} train, {COUNT} test" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["test.parquet", "train.parquet"]
    images, labels = prepare.open_fashion("test")
    assert images.dtype == np.uint8 and images.shape == (COUNT, 28, 28)
    assert images.tobytes() == contents["t10k-images-idx3-ubyte"][16:]
    assert labels.dtype == np.int64 and labels.astype(np.uint8).tobytes() == contents["t10k-labels-idx1-ubyte"][8:]


def damage(kind: str, folder: Path) -> str:
    """Spoil one file, return what the message must name."""
    path = folder / "t10k-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "not gzip":
        path.write_bytes(b"<html>404</html>")
    else:
        data = bytearray(gzip.decompress(whole))
        data[100] ^= 1
        path.write_bytes(gzip.compress(bytes(data)))
    return "t10k-images-idx3-ubyte"


@pytest.mark.parametrize("kind", ["missing", "truncated", "empty", "not gzip", "one bit"])
def test_a_bad_file_is_one_line_that_names_it_and_writes_nothing(
    tmp_path: Path, contents: dict[str, bytes], kind: str
) -> None:
    folder = lay_out(tmp_path / "from", contents)
    named = damage(kind, folder)
    with pytest.raises(UserError, match=named) as caught:
        prepare.fashion_mnist(str(folder))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_without_data_the_message_is_the_command(contents: dict[str, bytes]) -> None:
    with pytest.raises(UserError, match="ddtbench data prepare fashion-mnist --from"):
        prepare.open_fashion("train")
    with pytest.raises(UserError, match="ddtbench data prepare fashion-mnist --from"):
        prepare.fashion_mnist(None)


def test_debians_files_are_prepared_on_first_use_and_said(
    tmp_path: Path, contents: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path / "system" / "fashion-mnist", contents)
    prepare.open_fashion("train")
    assert len(capsys.readouterr().err.splitlines()) == 1
    prepare.open_fashion("train")
    assert capsys.readouterr().err == ""


def test_a_prepared_file_that_changed_is_refused(tmp_path: Path, contents: dict[str, bytes]) -> None:
    folder = prepare.fashion_mnist(str(lay_out(tmp_path / "from", contents)))
    (folder / "train.parquet").write_bytes((folder / "test.parquet").read_bytes())
    with pytest.raises(UserError, match="delete it and prepare again"):
        prepare.open_fashion("train")
    (folder / "train.parquet").write_bytes(b"")
    with pytest.raises(UserError, match="delete it and prepare again"):
        prepare.open_fashion("train")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, contents: dict[str, bytes]) -> None:
    source = lay_out(tmp_path / "from", contents)
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="DDTBENCH_DATA"):
        prepare.fashion_mnist(str(source))


@pytest.mark.needs("fashion-mnist")
def test_the_real_data_set() -> None:
    for split, each in (("train", 6000), ("test", 1000)):
        images, labels = prepare.open_fashion(split)  # type: ignore[arg-type]
        assert images.shape == (10 * each, 28, 28)
        assert np.bincount(labels).tolist() == [each] * 10


def test_a_file_that_unpacks_to_more_than_the_published_one_is_not_unpacked(
    tmp_path: Path, contents: dict[str, bytes]
) -> None:
    folder = lay_out(tmp_path / "from", contents)
    bomb = folder / "t10k-images-idx3-ubyte.gz"
    bomb.write_bytes(gzip.compress(contents["t10k-images-idx3-ubyte"] + bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte\.gz is not Fashion-MNIST's file"):
            prepare.fashion_mnist(str(folder))
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
