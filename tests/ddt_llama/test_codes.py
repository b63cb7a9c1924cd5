"""Codes of pictures: made once for every recipe on them, only those that a training sees, and again where damaged."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from ddt_llama.training.classroom import EXAMINED, Classroom, pictures_seen
from ddt_llama.training.codes import ABSENT, CHUNK, PictureCodes
from ddt_llama.training.recipe import LanguageRecipe
from ddt_llama.training.stages import train_language

SCRIPT = Path(__file__).parent / "lessons_fakes.py"
spec = importlib.util.spec_from_file_location("lessons_fakes", SCRIPT)
assert spec is not None and spec.loader is not None
fakes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fakes)


def quiet(line: str) -> None: ...


class ManyLessons(fakes.FakeLessons):  # type: ignore[name-defined, misc]
    picture_count = 2_000


class Counting:
    """An image tokenizer that counts what it is shown."""

    def __init__(self) -> None:
        self.inner = fakes.find("model", "blocks")("", "cpu")
        self.seen = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += len(images)
        return self.inner.encode(images)  # type: ignore[no-any-return]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting()


def find_with(tokenizer: Counting, lessons: Any = ManyLessons) -> Any:
    return lambda kind, name: (lambda seed: lessons()) if kind == "stream" else (lambda source, device: tokenizer)


def kept(tokenizer: Counting, cache: Path, lessons: Any = fakes.FakeLessons, digest: str = "a") -> PictureCodes:
    return PictureCodes.of(tokenizer, digest, lessons(), cache, quiet)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: flip(whole)]
)
def test_a_damaged_file_is_made_again(counting: Counting, tmp_path: Path, damage: Any) -> None:
    """A truncated file used to make training impossible; a flipped bit was learned."""
    whole = kept(counting, tmp_path).all()
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.write_bytes(damage(content))
    said: list[str] = []
    again = PictureCodes.of(counting, "a", fakes.FakeLessons(), tmp_path, said.append).all()  # type: ignore[arg-type]
    assert torch.equal(whole, again) and "is damaged: its codes are made again" in said[0]
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == content
    before = counting.seen
    assert torch.equal(kept(counting, tmp_path).all(), whole) and counting.seen == before


def flip(content: bytes) -> bytes:
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


def test_some_codes_are_those_of_all_and_grow(counting: Counting, tmp_path: Path) -> None:
    whole = kept(Counting(), tmp_path / "whole", ManyLessons).all()
    some = kept(counting, tmp_path / "some", ManyLessons)
    rows = [3, 4, 5, 700, 1999]
    first = some.some(rows)
    assert counting.seen == CHUNK and torch.equal(first[rows], whole[rows])
    assert (first == ABSENT).all(1).sum() == 2_000 - len(rows)
    second = some.some([5, 6])
    assert torch.equal(second[[*rows, 6]], whole[[*rows, 6]]) and counting.seen == 2 * CHUNK
    assert torch.equal(some.some(rows), second) and counting.seen == 2 * CHUNK
    assert len(list((tmp_path / "some").iterdir())) == 1
    assert kept(counting, tmp_path / "some", ManyLessons, "b").some([1]).shape == (2_000, 16)
    assert len(list((tmp_path / "some").iterdir())) == 2, "another tokenizer never reads them"


def test_a_training_of_few_steps_encodes_only_what_it_sees(counting: Counting, tmp_path: Path) -> None:
    """Six steps took five minutes, of which nearly all went into 130,000 pictures."""
    values = fakes.recipe(batch=4)
    values["stages"] = [{"name": "pretrain", "steps": 6, "learning_rate": 1e-3}]
    recipe = LanguageRecipe.from_mapping(values, "fake.toml")
    rows = pictures_seen(recipe, ManyLessons())
    lessons = 6 * 4 + EXAMINED * 4
    assert rows is not None and 0 < len(rows) <= 2 * lessons
    train_language(values, "x", tmp_path / "out", find_with(counting), cache=tmp_path / "codes", say=quiet)
    assert counting.seen == CHUNK
    other = {**values, "name": "other", "order": "reversed"}
    train_language(other, "x", tmp_path / "other", find_with(counting), cache=tmp_path / "codes", say=quiet)
    assert counting.seen == CHUNK, "another recipe on the same tokenizer and pictures finds them"


def test_a_long_training_encodes_all_at_once(tmp_path: Path) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(), "fake.toml")
    assert pictures_seen(recipe, fakes.FakeLessons()) is None
    without = LanguageRecipe.from_mapping(fakes.recipe(pictures=False), "fake.toml")
    assert pictures_seen(without, fakes.FakeLessons()) == []
    counting = Counting()
    Classroom.open(without, find_with(counting), tmp_path, quiet)
    assert counting.seen == 0, "a model that sees no picture needs no code"


def test_a_dry_run_encodes_a_sample_and_writes_nothing(counting: Counting, tmp_path: Path) -> None:
    said: list[str] = []
    options: dict[str, Any] = {"cache": tmp_path / "codes", "say": said.append, "dry_run": True}
    values = fakes.recipe()
    values["stages"][1]["steps"] = 1
    train_language(values, "x", tmp_path / "out", find_with(counting), **options)
    assert 0 < counting.seen <= CHUNK and not list(tmp_path.iterdir())
    assert any("codes of" in line and "minutes" in line for line in said)
    assert any(line.startswith("pretrain: ") for line in said) and any(line.startswith("instruct: ") for line in said)
