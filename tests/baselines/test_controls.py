"""The controls say exactly what they keep, and decode from codes alone."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from baselines.catalog import ENTRIES
from baselines.controls import jpeg
from baselines.controls.jpeg import CODE_COUNT, Jpeg, open_jpeg
from baselines.controls.mixing import open_cutmix, open_mixup, open_swap
from baselines.controls.tokenizers import Identity, MeanColour, Shuffled, open_identity, size_of
from baselines.vqgan import VQGAN
from harness.errors import UserError
from harness.images import from_bytes, to_bytes


def error(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared error of each image."""
    return (first - second).square().mean(dim=(1, 2, 3))


def smooth(count: int, size: int = 32) -> Tensor:
    """Images that a codec likes: coarse noise brought up."""
    generator = torch.Generator().manual_seed(4)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")


def test_identity_keeps_every_byte() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    model = Identity()
    codes = model.encode(from_bytes(pixels))
    assert codes.shape == (3, model.code_count) == (3, 3072)
    assert np.array_equal(to_bytes(model.decode(codes)), pixels)
    assert codes[1, :3].tolist() == pixels[1, 0, 0].tolist()


def test_absent_pixels_and_colours_are_middle_grey(images: Tensor) -> None:
    for model in (Identity(), MeanColour()):
        codes = model.encode(images)
        visible = torch.zeros(codes.shape, dtype=torch.bool)
        assert torch.equal(model.decode(codes, visible), torch.full_like(images, 128 / 255))
        visible[:, 0] = True
        assert torch.equal(model.decode(codes, visible)[:, 0, 0, 0], model.decode(codes)[:, 0, 0, 0])


def test_mean_colour_is_the_best_single_colour(images: Tensor) -> None:
    model = MeanColour()
    made = model.decode(model.encode(images))
    assert (made - made[:, :, :1, :1]).abs().max() == 0
    # the least error of one colour is the variance; 8 bits add at most (1/510)^2
    least = (images - images.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3))
    assert ((error(made, images) - least) <= 1 / 510**2).all()


def test_jpeg_is_what_pillow_decodes_at_the_highest_quality_that_fits() -> None:
    images = smooth(6)
    codes = Jpeg().encode(images)
    assert codes.shape == (6, 64)
    made = to_bytes(Jpeg().decode(codes))
    for pixels, row, output in zip(to_bytes(images), codes.tolist(), made, strict=True):
        image = Image.fromarray(pixels)
        fitting = [q for q in range(1, 96) if len(jpeg._scan(image, q)[1]) <= CODE_COUNT - 1]
        assert row[0] == max(fitting)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=row[0], subsampling="4:2:0")
        assert np.array_equal(np.asarray(Image.open(buffer)), output)


def test_jpeg_falls_back_to_smaller_pictures_and_then_to_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model = open_jpeg("64", "cpu")
    first = model.encode(noise)[:, 0]
    # a 64-px picture has 96 blocks, and at least 6 (luma) or 4 (chroma) bits each: it does not fit
    assert (first > 96).all()
    assert (error(model.decode(model.encode(noise)), noise) < 0.12).all()
    real = jpeg._scan

    def bulky(image: Image.Image, quality: int) -> tuple[bytes, bytes]:
        header, scan = real(image, quality)
        flat = all(low == high for low, high in image.getextrema())
        return header, scan if flat else scan + bytes(CODE_COUNT)

    monkeypatch.setattr(jpeg, "_scan", bulky)
    one = Jpeg().decode(Jpeg().encode(smooth(1)))
    assert (one - one[:, :, :1, :1]).abs().max() == 0
    assert error(one, smooth(1).mean(dim=(2, 3), keepdim=True).expand_as(one)) < 0.01


@settings(max_examples=40)
@given(row=st.binary(min_size=64, max_size=64))
def test_jpeg_decodes_any_bytes(row: bytes) -> None:
    made = Jpeg().decode(torch.tensor([list(row)]))
    assert made.shape == (1, 3, 32, 32) and made.min() >= 0 and made.max() <= 1


def test_jpeg_reads_up_to_the_first_absent_byte() -> None:
    images = smooth(4)
    model = Jpeg()
    codes = model.encode(images)
    errors = []
    for shown in (8, 24, 64):
        visible = (torch.arange(64) < shown).expand_as(codes)
        errors.append(float(error(model.decode(codes, visible), images).mean()))
    assert errors == sorted(errors, reverse=True) and errors[0] > 4 * errors[-1]
    nothing = model.decode(codes, torch.zeros_like(codes, dtype=torch.bool))
    assert torch.equal(nothing, torch.full_like(images, 128 / 255))
    gap = torch.ones_like(codes, dtype=torch.bool)
    gap[:, 8] = False
    cut = (torch.arange(64) < 8).expand_as(codes)
    assert torch.equal(model.decode(codes, gap), model.decode(codes, cut))


def test_shuffled_codes_are_the_same_codes_elsewhere(vqgan: VQGAN, images: Tensor) -> None:
    inside = vqgan
    model = Shuffled(inside)
    codes, shuffled = inside.encode(images), model.encode(images)
    assert torch.equal(codes.sort(1).values, shuffled.sort(1).values)
    assert torch.equal(shuffled, Shuffled(inside).encode(images))
    assert torch.equal(shuffled[:, torch.argsort(model.order)], codes)
    assert not torch.equal(model.decode(shuffled), inside.decode(codes))


def test_sizes_come_from_the_name_and_anything_else_is_an_error() -> None:
    assert open_identity("", "cpu").image_size == 32 and open_identity("64", "cpu").image_size == 64
    for source in ("zoo/ddt", "0", "-32", "99999", "3²"):
        with pytest.raises(UserError, match="identity@64"):
            size_of(source, "identity")


def test_catalogue_places_exist() -> None:
    from importlib import import_module

    for entry in ENTRIES:
        module, _, attribute = entry.place.partition(":")
        assert hasattr(import_module(module), attribute), entry.place


@pytest.mark.parametrize(("opener", "count"), [(open_cutmix, 3072), (open_mixup, 8 * 3072), (open_swap, 8 * 3072)])
def test_the_controls_of_mixing_keep_every_pixel_and_say_what_they_mix(opener: Any, count: int) -> None:
    subject = opener("", "cpu")
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32)) / 255).float()
    codes = subject.encode(images)
    assert codes.shape == (2, count) == (2, subject.code_count)
    assert torch.allclose(subject.decode(codes), images, atol=1e-6)
    assert opener("64", "cpu").image_size == 64
    with pytest.raises(UserError, match="reads no checkpoint"):
        opener("zoo/ddt", "cpu")


def test_a_cut_along_patches_needs_whole_patches() -> None:
    with pytest.raises(UserError, match="not a multiple"):
        open_cutmix("34", "cpu")
