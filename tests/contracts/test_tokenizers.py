"""One suite over every image tokenizer of the catalogue: what ``harness.contracts.ImageTokenizer`` promises.

Tolerances: a batch of 1 and a batch of 8 take other kernels, so a latent on the border of two codes can fall to either
side, and pixels differ by float32 rounding that a network amplifies. At least 99 % of the codes must agree, and images
decoded from the same codes must agree to 1e-3 (a quarter of an 8-bit level).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.catalog import entries, find, lookup, open_model
from harness.contracts import CatalogueEntry, ImageTokenizer
from harness.paths import checkout_root

TOKENIZERS = [entry for entry in entries("model") if "ImageTokenizer" in entry.provides]
BATCH = 8
SAME_CODES = 0.99
SAME_PIXELS = 1e-3


def _parameter(entry: CatalogueEntry) -> Any:
    """A model that needs a path is asked through its miniature (``conftest``); none is left out."""
    there = not entry.source or (checkout_root() / entry.source / "card.json").is_file()
    reason = f"{entry.source} has not been trained in this checkout"
    return pytest.param(
        entry.name, id=entry.name, marks=() if there else pytest.mark.xfail(reason=reason, strict=False)
    )


@pytest.fixture(scope="module", params=[_parameter(entry) for entry in TOKENIZERS])
def tokenizer(request: pytest.FixtureRequest, open_miniature: Callable[[str], Any]) -> Any:
    torch.set_num_threads(1)
    return open_miniature(request.param) if lookup("model", request.param).needs else open_model(request.param)


@pytest.fixture(scope="module")
def images(tokenizer: Any) -> Tensor:
    """Scenes of the world where they fit, else coarse noise."""
    size = tokenizer.image_size
    if size == 32:
        found: Tensor = find("stream", "world")(1).batch(0, BATCH)
        return found
    cells = torch.rand(BATCH, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(cells, size=(size, size), mode="bilinear")


@pytest.fixture(scope="module")
def codes(tokenizer: Any, images: Tensor) -> Tensor:
    found: Tensor = tokenizer.encode(images)
    return found


def test_it_is_an_image_tokenizer(tokenizer: Any) -> None:
    assert isinstance(tokenizer, ImageTokenizer)
    assert tokenizer.code_count > 0 and tokenizer.codebook_size > 1 and tokenizer.image_size > 0


def test_codes_are_in_range(tokenizer: Any, codes: Tensor) -> None:
    assert codes.shape == (BATCH, tokenizer.code_count) and codes.dtype == torch.int64
    assert codes.min() >= 0 and codes.max() < tokenizer.codebook_size


def test_decoding_keeps_shape_and_range(tokenizer: Any, images: Tensor, codes: Tensor) -> None:
    made = tokenizer.decode(codes)
    assert made.shape == images.shape and made.dtype == torch.float32 and not made.requires_grad
    assert torch.isfinite(made).all() and made.min() >= 0 and made.max() <= 1


def test_same_seeds_give_the_same_bits(tokenizer: Any, images: Tensor, codes: Tensor) -> None:
    seeds = list(range(BATCH))
    assert torch.equal(tokenizer.encode(images), codes)
    torch.manual_seed(1)
    first = tokenizer.decode(codes, seeds=seeds)
    torch.manual_seed(2)
    assert torch.equal(first, tokenizer.decode(codes, seeds=seeds))


def test_a_batch_of_one_is_a_batch_of_eight(tokenizer: Any, images: Tensor, codes: Tensor) -> None:
    single = torch.cat([tokenizer.encode(image[None]) for image in images])
    assert (single == codes).float().mean() >= SAME_CODES
    seeds = [100 + index for index in range(BATCH)]
    together = tokenizer.decode(codes, seeds=seeds)
    for index in range(0, BATCH, 3):
        alone = tokenizer.decode(codes[index : index + 1], seeds=seeds[index : index + 1])
        assert (alone[0] - together[index]).abs().max() <= SAME_PIXELS


def test_any_subset_of_the_codes_can_be_decoded(tokenizer: Any, codes: Tensor) -> None:
    nothing = torch.zeros(codes.shape, dtype=torch.bool)
    some = torch.from_numpy(np.random.default_rng(0).random(tuple(codes.shape)) < 0.5)
    for visible in (nothing, some):
        made = tokenizer.decode(codes, visible)
        assert torch.isfinite(made).all() and made.min() >= 0 and made.max() <= 1
    # what is hidden cannot be seen
    others = codes.flip(0)
    assert torch.equal(tokenizer.decode(codes, nothing), tokenizer.decode(others, nothing))


def test_a_mask_of_another_shape_is_an_error(tokenizer: Any, codes: Tensor) -> None:
    for shape in ((BATCH, tokenizer.code_count + 1), (BATCH - 1, tokenizer.code_count), (tokenizer.code_count,)):
        with pytest.raises(ValueError, match=r"\S"):
            tokenizer.decode(codes, torch.ones(shape, dtype=torch.bool))
