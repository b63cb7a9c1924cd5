"""Images, codes and texts of the wrong kind are refused where a subject's answer enters, with the range seen."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.answers import codes_of, pixels_of, texts_of
from harness.images import to_bytes

GOOD = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_images_in_range_become_pixels_whatever_their_float(kind):
    np.testing.assert_array_equal(pixels_of(GOOD.to(kind), 2, 8), to_bytes(GOOD.to(kind)))
    np.testing.assert_array_equal(pixels_of(GOOD.numpy(), 2, 8, "truncate"), to_bytes(GOOD, "truncate"))


def test_a_decoder_that_overshoots_a_little_is_clipped():
    images = GOOD.clone()
    images[0, 0, 0, 0], images[1, 0, 0, 0] = -0.049, 1.049
    assert pixels_of(images, 2, 8)[0, 0, 0, 0] == 0 and pixels_of(images, 2, 8)[1, 0, 0, 0] == 255


def with_value(value: float) -> torch.Tensor:
    images = GOOD.clone()
    images[1, 2, 3, 4] = value
    return images


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ((GOOD * 255).to(torch.uint8), "floats in [0, 1], not torch.uint8"),
        ((GOOD * 255).long().numpy(), "not int64"),
        (GOOD > 0.5, "not torch.bool"),
        (GOOD * 255, "and they go from 0."),
        (GOOD * 255, "is it in 0..255?"),
        (GOOD * 2 - 1, "is it in [-1, 1]?"),
        (with_value(-0.06), "from -0.06 to "),
        (with_value(1.06), "to 1.06"),
        (with_value(float("inf")), "holds 1 values that are not finite"),
        (with_value(float("nan")), "not finite (the others from 0.0"),
        (torch.full((2, 3, 8, 8), float("nan")), "none that is finite"),
        (GOOD[:1], "made 1 images for 2 cases"),
        (GOOD[0], "must be 'batch 3 height width', not (3, 8, 8)"),
        (GOOD[:, :1], "must be 'batch 3 height width'"),
        (GOOD.permute(0, 2, 3, 1), "must be 'batch 3 height width'"),
        (GOOD[..., :4, :4], "must be 8x8, as its image_size says, not 4x4"),
        (None, "not NoneType"),
        ([GOOD[0], GOOD[1]], "not list"),
    ],
)
def test_images_of_the_wrong_kind_are_refused(images, said):
    with pytest.raises(ValueError) as caught:
        pixels_of(images, 2, 8)
    assert said in str(caught.value) and "\n" not in str(caught.value)


TOKENIZER = SimpleNamespace(code_count=3, codebook_size=16)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (torch.tensor([[0, 1, 16], [0, 0, 0]]), "code 16 is outside of its codebook, 0 to 15"),
        (torch.tensor([[0, -1, 1], [0, 0, 0]]), "code -1 is outside"),
        (torch.zeros(2, 4, dtype=torch.long), "must be 2 x 3, not (2, 4)"),
        (torch.zeros(1, 3, dtype=torch.long), "must be 2 x 3"),
        (torch.zeros(2, 3), "whole numbers, not torch.float32"),
        (None, "not NoneType"),
    ],
)
def test_codes_outside_of_the_codebook_are_refused(codes, said):
    with pytest.raises(ValueError) as caught:
        codes_of(codes, 2, TOKENIZER)
    assert said in str(caught.value)


def test_codes_of_the_codebook_pass():
    codes = torch.tensor([[0, 15, 3], [1, 2, 3]])
    assert codes_of(codes, 2, TOKENIZER) is codes


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["yes", None], "the answer must be a string, not None (NoneType)"),
        (["yes", b"no"], "not b'no' (bytes)"),
        (["yes", 3], "not 3 (int)"),
        (["yes", "\ud800"], "the answer cannot be stored as UTF-8"),
        (["yes"], "gave 1 answers to 2 questions"),
        ("no", "must give a list of 2 answers, not str"),
        (None, "not NoneType"),
    ],
)
def test_texts_that_cannot_be_stored_are_refused(texts, said):
    with pytest.raises(ValueError) as caught:
        texts_of(texts, 2)
    assert said in str(caught.value)


def test_texts_pass():
    assert texts_of(("ja", ""), 2) == ["ja", ""]
