"""Validation pictures of tokenizers: what their measures say of perfect, empty and foreign reconstructions."""

from __future__ import annotations

import pytest
import torch

from tasks.tokenizing.validation import MixtureValidation

pytestmark = pytest.mark.needs("fashion-mnist")


@pytest.fixture
def held() -> MixtureValidation:
    found = MixtureValidation(24)
    assert found.images.shape == (48, 3, 32, 32)
    return found


def test_the_pictures_themselves_are_perfect(held: MixtureValidation) -> None:
    scores = held.scores(held.images)
    assert scores["f1"] == scores["right"] == 1.0
    # only the rounding to 8 bit remains, and both sides are rounded alike
    assert scores["psnr"] == scores["fashion psnr"] == pytest.approx(100.0)


def test_grey_pictures_show_nothing(held: MixtureValidation) -> None:
    scores = held.scores(torch.full_like(held.images, 0.5))
    assert (scores["f1"], scores["right"]) == (0.0, 0.0)
    assert 5 < scores["fashion psnr"] < scores["psnr"] < 25


def test_each_half_is_measured_by_itself(held: MixtureValidation) -> None:
    mixed = held.images.clone()
    mixed[24:] = 0
    scores = held.scores(mixed)
    assert scores["psnr"] == pytest.approx(100.0) and scores["fashion psnr"] < 15


def test_codes_are_counted_by_position(held: MixtureValidation) -> None:
    codes = torch.stack([torch.arange(48) % 4, torch.zeros(48, dtype=torch.long)], dim=1)
    found = held.code_scores(codes, 256)
    # four codes evenly: 2 bits, and Miller's 3 / (2 * 48) nats
    assert found["bits by position"] == [pytest.approx(2 + 3 / 96 / 0.6931, abs=0.01), 0.0]
    assert found["dead"] == 1
