"""Fashion-MNIST over the network: apt-get as root, torchvision's files from a local mirror, and why neither worked."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torchvision

from harness.cli import main
from tasks.data import fashion_mnist as prepare

FETCH = ("data", "prepare", "fashion-mnist", "--fetch")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002, the name that it overrides
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def published(small_fashion: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Six images a split in torchvision's four files, with its digests made to fit; no apt-get on this machine."""
    files = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in small_fashion.items()}
    resources = [(name, hashlib.md5(data).hexdigest()) for name, data in files.items()]
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("DDTBENCH_OFFLINE", raising=False)
    return files


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def ddtbench(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    return int(ended.value.code or 0)


def put(files: dict[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_torchvisions_files_are_downloaded_checked_and_prepared(
    published: dict[str, bytes], mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(published, tmp_path / "mirror")
    monkeypatch.setenv("DDTBENCH_FASHION_MIRROR", mirror)
    assert ddtbench(*FETCH) == 0
    assert prepare.fashion_at_hand() and len(prepare.open_fashion("train")[0]) == 6
    assert sorted(path.name for path in (tmp_path / "data/fashion-mnist").iterdir()) == [
        "test.parquet",
        "train.parquet",
    ]


def test_a_download_that_was_cut_is_taken_up_again(
    published: dict[str, bytes], mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(published, tmp_path / "mirror")
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [f"{mirror}/"])
    names, there = list(published), tmp_path / "data/fashion-mnist/download"
    there.mkdir(parents=True)
    (there / names[0]).write_bytes(published[names[0]])  # whole: not asked for again
    (tmp_path / "mirror" / names[0]).unlink()
    (there / names[1]).write_bytes(published[names[1]][:20])  # cut
    assert ddtbench(*FETCH) == 0
    assert prepare.fashion_at_hand()


def test_a_mirror_with_other_files_is_refused_and_named(
    published: dict[str, bytes],
    mirror: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put({name: data + b"!" for name, data in published.items()}, tmp_path / "mirror")
    monkeypatch.setenv("DDTBENCH_FASHION_MIRROR", mirror)
    assert ddtbench(*FETCH) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "corrupted" in said and mirror in said and "no apt-get here" in said
    assert "ddtbench data prepare fashion-mnist --from FOLDER" in said
    assert not prepare.fashion_at_hand()


def test_root_installs_debians_package_and_never_asks_sudo(
    published: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    packed, system = tmp_path / "packed", tmp_path / "system" / "fashion-mnist"
    packed.mkdir()
    put(published, packed)
    program(tmp_path / "bin", "sudo", f"/bin/touch {tmp_path}/asked-sudo")
    program(
        tmp_path / "bin",
        "apt-get",
        f'echo "$@" >> {tmp_path}/asked\n'
        f'case "$*" in *" install "*) /bin/mkdir -p {system}; /bin/cp {packed}/* {system};; esac',
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert ddtbench(*FETCH) == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert " update " in asked[0] and asked[1].endswith(" install -q -y --no-install-recommends dataset-fashion-mnist")
    assert prepare.fashion_at_hand() and not (tmp_path / "asked-sudo").exists()
    assert ddtbench(*FETCH) == 0  # a second time nothing is asked
    assert len((tmp_path / "asked").read_text().splitlines()) == 2


def test_without_root_or_where_apt_fails_the_download_is_tried(
    published: dict[str, bytes], mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(published, tmp_path / "mirror")
    monkeypatch.setenv("DDTBENCH_FASHION_MIRROR", mirror)
    program(tmp_path / "bin", "apt-get", f"echo asked >> {tmp_path}/asked; exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert ddtbench(*FETCH) == 0
    assert not (tmp_path / "asked").exists()
    for file in (tmp_path / "data/fashion-mnist").iterdir():
        file.unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert ddtbench(*FETCH) == 0
    assert (tmp_path / "asked").exists()


def test_offline_nothing_is_asked_and_the_line_to_type_is_said(
    published: dict[str, bytes], mirror: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DDTBENCH_FASHION_MIRROR", mirror)
    monkeypatch.setenv("DDTBENCH_OFFLINE", "1")
    assert ddtbench(*FETCH) == 2
    said = capsys.readouterr().err
    assert (
        said.count("\n") == 1
        and "(DDTBENCH_OFFLINE is set): run 'ddtbench data prepare" in said
        and "--fetch" not in said
    )


def test_what_cannot_be_fetched_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert ddtbench("data", "prepare", "geneval", "--fetch") == 2
    assert "ddtbench data prepare geneval --from PATH" in capsys.readouterr().err
    assert ddtbench(*FETCH, "--from", "x") == 2
    assert "use one of them" in capsys.readouterr().err
