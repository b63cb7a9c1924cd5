"""Files of weights are read as data: nested, beside bookkeeping, in either format; anything else is one line."""

from __future__ import annotations

import pickle
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from harness.errors import UserError
from harness.weights.digests import digest_of_files
from harness.weights.fitting import UNREADABLE
from harness.weights.places import published
from harness.weights.published_files import (
    read_chosen,
    read_weights,
    sizes_beside,
    split_choice,
    without,
)

STATE = {"a.weight": torch.arange(4.0), "loss.b": torch.ones(2), "half": torch.ones(1, dtype=torch.float16)}


class Armed:
    """What a pickle would make of itself if it were let."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this ran",))


@pytest.mark.parametrize(
    "whole",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE, "ema": {"a.weight": torch.zeros(4)}, "args": Namespace(lr=1.0), "optimizer": {"state": {}}},
        {"ema": STATE},
    ],
)
def test_weights_are_found_where_training_checkpoints_keep_them(whole: object, tmp_path: Path) -> None:
    torch.save(whole, tmp_path / "some.pt")
    found = read_weights(tmp_path / "some.pt")
    assert found.keys() == STATE.keys() and all(torch.equal(found[key], STATE[key].float()) for key in STATE)
    assert all(value.dtype == torch.float32 for value in found.values())
    assert without(found, "loss.").keys() == {"a.weight", "half"}


def test_the_order_of_nests_is_the_callers(tmp_path: Path) -> None:
    torch.save({"model": STATE, "ema": {"a.weight": torch.zeros(4)}}, tmp_path / "some.pt")
    assert list(read_weights(tmp_path / "some.pt", ("ema", "model"))) == ["a.weight"]


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "some.safetensors")
    assert read_weights(tmp_path / "some.safetensors").keys() == STATE.keys()
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="not a safetensors file"):
        read_weights(tmp_path / "bad.safetensors")


def test_a_lightning_callback_beside_the_weights_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """taming-transformers' files name that class; its package is not needed and nothing of it is made."""
    import sys
    import types

    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})  # type: ignore[attr-defined]
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__):
        monkeypatch.setitem(sys.modules, name, module)
    torch.save({"state_dict": STATE, "callbacks": {module.ModelCheckpoint: {"best": 1}}}, tmp_path / "last.ckpt")
    monkeypatch.undo()
    assert read_weights(tmp_path / "last.ckpt").keys() == STATE.keys()


def test_code_in_a_file_is_named_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": STATE, "surprise": Armed()}, tmp_path / "bad.pt")
    with pytest.raises(UserError, match="only running its code would restore print") as caught:
        read_weights(tmp_path / "bad.pt")
    assert "\n" not in str(caught.value) and "this ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a file of weights"),
        (b"\x00\x01garbage", "not"),
        (pickle.dumps([1, 2], protocol=2), "not|no weights"),
    ],
)
def test_what_is_no_file_of_weights_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_weights(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_tensor_is_named(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1), "step": 3}, tmp_path / "odd.pt")
    with pytest.raises(UserError, match="'step' in it is int"):
        read_weights(tmp_path / "odd.pt")
    torch.save({}, tmp_path / "empty.pt")
    with pytest.raises(UserError, match="holds no weights"):
        read_weights(tmp_path / "empty.pt")


def find_file(source: str, names: tuple[str, ...]) -> Path:
    return published(*names).find(source)


def test_the_file_itself_or_the_one_that_a_folder_should_hold(tmp_path: Path) -> None:
    file = tmp_path / "b.pt"
    with pytest.raises(UserError, match=r"holds no a\.pt or b\.pt"):
        find_file(str(tmp_path), ("a.pt", "b.pt"))
    file.write_bytes(b"")
    assert find_file(str(tmp_path), ("a.pt", "b.pt")) == find_file(str(file), ("a.pt",)) == file
    with pytest.raises(UserError, match="no file at"):
        find_file(str(tmp_path / "gone.pt"), ("a.pt",))


def test_sizes_stand_in_json_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "b.pt"
    assert sizes_beside(file) == {}
    (tmp_path / "b.json").write_text('{"ch": 8, "ch_mult": [1, 2]}')
    assert sizes_beside(file) == {"ch": 8, "ch_mult": (1, 2)}
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(UserError, match="must hold the sizes by name"):
        sizes_beside(file)
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        sizes_beside(file)


def test_the_digest_of_several_files_depends_on_each_and_on_their_order(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_bytes(b"1"), two.write_bytes(b"2")
    assert len({digest_of_files(one), digest_of_files(two), digest_of_files(one, two), digest_of_files(two, one)}) == 4


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_damaged_file_is_one_line_wherever_it_is_damaged(suffix: str, tmp_path: Path) -> None:
    """Cut at any place, or with any one byte changed: read as it is, or refused in one line."""
    path = tmp_path / f"damaged{suffix}"
    state = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}
    if suffix == ".pt":
        torch.save({"state_dict": state}, path)
    else:
        save_file(state, path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    cuts = [whole[: int(place)] for place in rng.integers(0, len(whole), 60)]
    flips = []
    for place in rng.integers(0, len(whole), 240):
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        flips.append(bytes(changed))
    refused = 0
    for content in [*cuts, *flips]:
        path.unlink()  # a file that is mapped must not change: another takes its name
        path.write_bytes(content)
        try:
            read_weights(path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused >= len(cuts)


@pytest.mark.parametrize("error", [*UNREADABLE, NotImplementedError, RecursionError, UnicodeError])
def test_whatever_torch_raises_on_a_file_is_one_line(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object, **__: object) -> None:
        raise error("of the library")

    monkeypatch.setattr(torch, "load", raising)
    (tmp_path / "a.pt").write_bytes(b"x")
    with pytest.raises(UserError, match=r"a\.pt is not a file of weights that torch reads: of the library"):
        read_weights(tmp_path / "a.pt")


def test_what_follows_a_hash_is_which_weights(tmp_path: Path) -> None:
    (tmp_path / "a#b.pt").write_bytes(b"")
    assert split_choice(str(tmp_path / "a#b.pt")) == (str(tmp_path / "a#b.pt"), ""), "a file of that name is itself"
    assert split_choice("some/a.pt#ema") == ("some/a.pt", "ema") and split_choice("some/a.pt") == ("some/a.pt", "")


def test_the_publishers_order_or_the_users_choice(tmp_path: Path) -> None:
    average = {key: value + 1 for key, value in STATE.items()}
    path = tmp_path / "both.pt"
    torch.save({"model": STATE, "ema": average, "steps": 3}, path)
    for nests, asked, chosen in (
        (("ema", "model"), "", "ema"),
        (("model", "ema"), "", "model"),
        (("model",), "ema", "ema"),
        (("ema",), "model", "model"),
    ):
        state, name = read_chosen(path, nests, asked)
        key = next(iter(STATE))
        assert name == chosen and torch.equal(state[key], (average if chosen == "ema" else STATE)[key].float())
    with pytest.raises(UserError, match="no weights called 'raw': it holds model, ema"):
        read_chosen(path, asked="raw")
    torch.save({"state_dict": {"model": STATE, "ema": average}}, path)
    assert read_chosen(path, asked="ema")[1] == "state_dict.ema"
