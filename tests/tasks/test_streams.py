"""The training streams: addressed by (seed, step), in range, half and half."""

from __future__ import annotations

import numpy as np
import torch

from tasks.data.fashion_mnist import padded_rgb
from tasks.tokenizing.streams import FashionStream, HalvesStream


def stream(seed: int = 0) -> FashionStream:
    return FashionStream(np.random.default_rng(1).integers(0, 256, (50, 28, 28), dtype=np.uint8), seed)


def test_a_batch_depends_on_seed_and_step_only() -> None:
    one = stream()
    later = one.batch(7, 16)
    assert torch.equal(stream().batch(7, 16), later)
    assert not torch.equal(stream().batch(8, 16), later)
    assert not torch.equal(stream(seed=1).batch(7, 16), later)


def test_images_are_padded_grey_pixels_of_the_source_or_their_mirror() -> None:
    source = np.random.default_rng(1).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    batch = FashionStream(source, 0).batch(0, 64)
    assert batch.shape == (64, 3, 32, 32) and batch.dtype == torch.float32
    assert torch.equal(batch[:, 0], batch[:, 1]) and torch.equal(batch[:, 0], batch[:, 2])
    assert batch[:, :, :2].max() == 0 and batch[..., -2:].max() == 0
    inner = (batch[:, 0, 2:30, 2:30] * 255).round().to(torch.uint8).numpy()
    plain = {image.tobytes() for image in source}
    mirrored = {np.ascontiguousarray(image[:, ::-1]).tobytes() for image in source}
    kinds = [(image.tobytes() in plain, image.tobytes() in mirrored) for image in inner]
    assert all(a or b for a, b in kinds)
    assert {a for a, _ in kinds} == {True, False}  # both occur in 64 draws but for 2 in 2**64


def test_padding_keeps_every_pixel() -> None:
    source = np.random.default_rng(2).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    padded = padded_rgb(source)
    assert padded.shape == (3, 32, 32, 3)
    assert padded.sum(dtype=np.int64) == 3 * source.sum(dtype=np.int64)
    assert np.array_equal(padded[:, 2:30, 2:30, 1], source)


def test_halves_come_from_both_and_an_odd_one_from_the_first() -> None:
    first, second = stream(0), stream(5)
    batch = HalvesStream(first, second).batch(3, 5)
    assert torch.equal(batch, torch.cat([first.batch(3, 3), second.batch(3, 2)]))
    assert HalvesStream(first, second).batch(3, 1).shape == (1, 3, 32, 32)
