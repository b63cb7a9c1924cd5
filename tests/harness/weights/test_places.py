"""Where weights lie: each place in its order, what is named first, what is said where there is none. Nothing is fetched
or imported for an answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.weights.located import Located
from harness.weights.places import Weights, published

FOLDER = Weights(
    holds=("config.json", "model.safetensors|pytorch_model.bin"),
    shape=(("sizes.width", 8),),
    variable="DDTBENCH_OF_A_TEST",
    prepared=("backbones/net",),
    hub="someone/net",
)
FILE = Weights(
    files=(("net.pth", "2c26b46b"),), variable="DDTBENCH_OF_A_TEST", prepared=("backbones",), libraries=("torch",)
)
FOO = b"foo"
"""Its SHA-256 starts with 2c26b46b."""


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights anywhere."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "DDTBENCH_OF_A_TEST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def filled(folder: Path, width: int = 8, weights: str = "model.safetensors") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(f'{{"sizes": {{"width": {width}}}}}')
    (folder / weights).write_bytes(FOO)
    return folder


def in_hub_cache(hub: Path, name: str, commit: str = "abc123", ref: str = "main") -> Path:
    """As huggingface_hub lays it out: the files in ``blobs``, the snapshot's names are links to them."""
    folder = hub / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    blobs = filled(folder / "blobs")
    snapshot.mkdir(parents=True)
    for file in ("config.json", "model.safetensors"):
        (snapshot / file).symlink_to(blobs / file)
    (folder / "refs").mkdir()
    (folder / "refs" / ref).write_text(commit)
    return snapshot


def test_each_place_is_looked_at_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["$DDTBENCH_OF_A_TEST (not set)", "backbones/net in $DDTBENCH_DATA", "the hub's cache"]
    assert [place.words for place in FOLDER.looked()] == words
    assert [place.path for place in FOLDER.looked()] == [None] * 3
    cached = in_hub_cache(tmp_path / "hf" / "hub", "someone/net")
    assert FOLDER.find() == cached
    prepared = filled(tmp_path / "data" / "backbones" / "net", weights="pytorch_model.bin")
    assert FOLDER.find() == prepared
    named = filled(tmp_path / "named")
    monkeypatch.setenv("DDTBENCH_OF_A_TEST", str(named))
    assert FOLDER.find() == named and [place.words for place in FOLDER.looked()][:1] == ["$DDTBENCH_OF_A_TEST"]
    given = filled(tmp_path / "given")
    assert FOLDER.find(str(given)) == given


def test_a_file_is_found_by_its_name_in_a_folder_or_a_librarys_cache(tmp_path: Path) -> None:
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "net.pth").write_bytes(FOO)
    assert FILE.find() == FILE.find(str(cache)) == cache / "net.pth"
    (tmp_path / "mine.pth").write_bytes(FOO)
    assert FILE.find(str(tmp_path / "mine.pth")) == tmp_path / "mine.pth"


def test_a_model_of_the_hub_is_found_by_its_id_and_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", str(tmp_path / "moved"))
    snapshot = in_hub_cache(tmp_path / "moved", "other/net", "f00d", "v2")
    assert FOLDER.find("other/net#v2") == FOLDER.find("other/net#f00d") == snapshot
    with pytest.raises(UserError, match=r"the hub's cache does not hold it: fetch it once \(hf download other/net\)"):
        FOLDER.find("other/net")
    with pytest.raises(UserError, match=r"no file at 'other/net': give a\.pt, or a folder that holds it"):
        published("a.pt").find("other/net")
    assert FOLDER.looked("../../etc")[0].path is None


def test_the_hubs_own_library_finds_the_same(tmp_path: Path) -> None:
    """In a process of its own: it reads the environment when it is imported."""
    snapshot = in_hub_cache(tmp_path / "hf" / "hub", "someone/net")
    code = "from huggingface_hub import snapshot_download as s; print(s('someone/net', local_files_only=True))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == snapshot == FOLDER.find()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, r"@PATH points to nothing: it must be a folder that holds config\.json and model\.safe"),
        (lambda path: path.mkdir(), r"holds no config\.json: it must be a folder that holds"),
        (lambda path: path.write_bytes(FOO), "is a file: it must be a folder"),
    ],
)
def test_what_is_named_and_does_not_hold_it_is_an_error_and_nothing_else_is_taken(make, says, tmp_path: Path) -> None:
    filled(tmp_path / "data" / "backbones" / "net")
    make(tmp_path / "given")
    with pytest.raises(UserError, match=says) as caught:
        FOLDER.find(str(tmp_path / "given"))
    assert "\n" not in str(caught.value)


def test_where_there_is_none_it_says_what_goes_where(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        FOLDER.find()
    assert str(caught.value) == (
        "config.json is missing: put config.json, model.safetensors of someone/net into backbones/net in "
        "$DDTBENCH_DATA (by default ~/.cache/ddtbench), set DDTBENCH_OF_A_TEST to its path, or name it by @PATH"
    )
    assert str(tmp_path) not in str(caught.value)


def test_another_network_and_a_damaged_file_are_told(tmp_path: Path) -> None:
    assert Located(FOLDER, str(filled(tmp_path / "right"))).problem() == ""
    wrong = Located(FOLDER, str(filled(tmp_path / "wrong", width=9))).problem()
    assert wrong == "it is a different network from someone/net: its sizes.width is 9, not 8"
    (tmp_path / "net.pth").write_bytes(b"other")
    assert "net.pth is damaged or another file: its SHA-256 does not" in Located(FILE, str(tmp_path)).problem()
    (tmp_path / "net.pth").write_bytes(FOO)
    assert Located(FILE, str(tmp_path)).problem() == "" and Located(FILE, str(tmp_path)).digest.startswith("2c26b46b")
