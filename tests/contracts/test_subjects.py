"""One suite over every model of the catalogue that needs a path: it keeps what its entry says that it provides.

Tolerance: a batch of 1 and a batch of 3 take other kernels and other padding; what is drawn must be the same codes, so
that pictures differ by float32 rounding alone, which a decoder amplifies (largest seen 3e-6). A code that fell the
other way would differ by 0.1 and more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from harness import contracts
from harness.catalog import entries, open_model
from harness.errors import UserError

FOLDER = "image-folder"
"""Stands for images made elsewhere: it needs a path and makes nothing, so that it keeps no Protocol."""
NEEDY = [entry.name for entry in entries("model") if entry.needs and entry.name != FOLDER]
PROMPTS = ["a red circle", "two blue square on the left of a ring", "ring"]
SEEDS = [1, 2, 3]
SAME_PIXELS = 1e-4


def providing(protocol: str) -> list[str]:
    return [entry.name for entry in entries("model") if entry.name in NEEDY and protocol in entry.provides]


def pictures(subject: Any) -> Tensor:
    side = subject.image_size
    return torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(0))


def is_picture(made: Tensor, subject: Any) -> None:
    side = subject.image_size
    assert made.shape == (3, 3, side, side) and made.dtype == torch.float32 and not made.requires_grad
    assert torch.isfinite(made).all() and made.min() >= 0 and made.max() <= 1 and made.std() > 0


def depends_on_its_own_case_alone(ask: Callable[[list[int], list[int]], Tensor], subject: Any) -> None:
    """``ask(rows, seeds)`` asks for these cases in one batch. Nothing may come from torch's global stream."""
    together = ask([0, 1, 2], SEEDS)
    is_picture(together, subject)
    torch.manual_seed(5)
    again = ask([2, 0, 0], [SEEDS[2], SEEDS[0], 9])
    assert (again[:2] - together[[2, 0]]).abs().max() <= SAME_PIXELS
    assert (again[2] - together[0]).abs().max() > SAME_PIXELS, "the seed makes no difference"
    assert (ask([1], SEEDS[1:2])[0] - together[1]).abs().max() <= SAME_PIXELS


def test_every_model_that_needs_a_path_has_a_miniature(miniatures: dict[str, Any]) -> None:
    assert sorted(NEEDY) == sorted(miniatures)


@pytest.mark.parametrize("name", NEEDY)
def test_without_a_path_it_says_what_it_needs(name: str) -> None:
    with pytest.raises(UserError, match=f"write {name}@PATH"):
        open_model(name)


@pytest.mark.parametrize("name", NEEDY)
def test_a_path_to_nothing_is_one_line(name: str) -> None:
    with pytest.raises(UserError, match="there is no") as caught:
        open_model(f"{name}@/no such folder")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NEEDY)
def test_it_is_what_its_entry_says(name: str, open_miniature: Callable[[str], Any]) -> None:
    subject = open_miniature(name)
    (entry,) = (entry for entry in entries("model") if entry.name == name)
    for protocol in entry.provides:
        assert isinstance(subject, getattr(contracts, protocol)), protocol
    assert len(subject.checkpoint_digest) == 64
    assert json.loads(json.dumps(getattr(subject, "settings", {}))) is not None


@pytest.mark.parametrize("name", providing("GeneratesClasses"))
def test_pictures_of_classes(name: str, open_miniature: Callable[[str], Any]) -> None:
    subject = open_miniature(name)
    labels = [0, 7, 3]
    depends_on_its_own_case_alone(
        lambda rows, seeds: subject.generate_classes([labels[row] for row in rows], seeds), subject
    )
    with pytest.raises(UserError, match=f"no class {subject.class_count}"):
        subject.generate_classes([subject.class_count], [0])


@pytest.mark.parametrize("name", providing("GeneratesImages"))
def test_pictures_of_texts(name: str, open_miniature: Callable[[str], Any]) -> None:
    subject = open_miniature(name)
    depends_on_its_own_case_alone(lambda rows, seeds: subject.generate([PROMPTS[row] for row in rows], seeds), subject)
    with pytest.raises(UserError, match="empty"):
        subject.generate([" "], [0])
    with pytest.raises(UserError, match="fit"):
        subject.generate(["a red circle " * 400], [0])


@pytest.mark.parametrize("name", providing("EditsImages"))
def test_edited_pictures(name: str, open_miniature: Callable[[str], Any]) -> None:
    subject = open_miniature(name)
    images = pictures(subject)
    depends_on_its_own_case_alone(
        lambda rows, seeds: subject.edit(images[rows], [PROMPTS[row] for row in rows], seeds), subject
    )
    one, other = subject.edit(images[:2], PROMPTS[:1] * 2, [1, 1])
    assert not torch.allclose(one, other, atol=SAME_PIXELS), "the picture makes no difference"
    with pytest.raises(UserError, match="empty"):
        subject.edit(images[:1], [""], [0])


@pytest.mark.parametrize("name", providing("AnswersQuestions"))
def test_answers(name: str, open_miniature: Callable[[str], Any]) -> None:
    subject = open_miniature(name)
    images, questions = pictures(subject), ["is there a ring ?", "is there a ring ?", "a"]
    together = list(subject.answer(images, questions))
    assert all(isinstance(text, str) for text in together)
    assert together[0] != together[1], "the picture makes no difference"
    assert list(subject.answer(images[[2]], questions[2:])) == together[2:]
    with pytest.raises(UserError, match="context"):
        subject.answer(images[:1], ["a red circle " * 400])
