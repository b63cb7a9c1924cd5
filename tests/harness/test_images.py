from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from torchvision import transforms

from harness import images

PIXELS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.just(3)))


@given(PIXELS)
def test_bytes_survive_the_float_border_and_png(pixels: np.ndarray):
    floats = images.from_bytes(pixels)
    assert floats.shape == (len(pixels), 3, *pixels.shape[1:3]) and floats.dtype == torch.float32
    assert floats.min() >= 0 and floats.max() <= 1
    np.testing.assert_array_equal(images.to_bytes(floats), pixels)
    np.testing.assert_array_equal(images.decode_png(images.encode_png(pixels[0])), pixels[0])


def test_every_level_survives_in_both_rounding_modes_only_where_it_should():
    levels = np.arange(256, dtype=np.float64)
    for offset, nearest, truncated in ((0.4, levels, levels), (0.6, np.minimum(levels + 1, 255), levels)):
        values = ((levels + offset) / 255).astype(np.float32)
        image = torch.from_numpy(values).reshape(1, 1, 256).expand(3, 1, 256)
        np.testing.assert_array_equal(images.to_bytes(image)[0, :, 0], nearest)
        np.testing.assert_array_equal(images.to_bytes(image, "truncate")[0, :, 0], truncated)


def test_values_outside_are_clipped_and_nan_is_an_error():
    image = torch.tensor([-0.5, 0.5, 7.0]).reshape(3, 1, 1)
    np.testing.assert_array_equal(images.to_bytes(image), [[[0, 128, 255]]])
    with pytest.raises(ValueError, match="NaN"):
        images.to_bytes(torch.full((3, 2, 2), float("nan")))
    with pytest.raises(ValueError, match="batch 3 height width"):
        images.to_bytes(torch.zeros(2, 2, 3))
    with pytest.raises(ValueError, match="rounding"):
        images.to_bytes(torch.zeros(3, 2, 2), "floor")  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 3)), np.zeros((2, 2), np.uint8), np.zeros((0, 2, 3), np.uint8), None])
def test_only_8_bit_rgb_is_stored(bad: np.ndarray):
    with pytest.raises(ValueError, match="uint8"):
        images.encode_png(bad)


def save(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    Image.fromarray(array).convert(mode).save(path, **options) if mode else Image.fromarray(array).save(path, **options)
    return path


def png_16_bit(samples: np.ndarray, colour_type: int) -> bytes:
    """A PNG with 16-bit samples, which Pillow cannot write in colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_greyscale_becomes_rgb_and_transparency_white(tmp_path: Path):
    grey = np.array([[0, 100], [200, 255]], np.uint8)
    np.testing.assert_array_equal(images.load_rgb(save(tmp_path / "g.png", grey)), np.stack([grey] * 3, -1))
    rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    expected = [[[255, 0, 0], [255, 255, 255], [204, 204, 204]]]
    np.testing.assert_array_equal(images.load_rgb(save(tmp_path / "a.png", rgba)), expected)


def test_a_transparent_palette_colour_is_white_too(tmp_path: Path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "p.png", transparency=0)
    np.testing.assert_array_equal(images.load_rgb(tmp_path / "p.png"), [[[255, 255, 255], [40, 50, 60]]])


def test_16_bit_samples_keep_their_high_byte_in_grey_and_in_colour(tmp_path: Path):
    samples = np.array([[0, 255, 256, 0x80FF, 65535]], np.uint16)
    (tmp_path / "grey.png").write_bytes(png_16_bit(samples, 0))
    (tmp_path / "colour.png").write_bytes(png_16_bit(np.repeat(samples, 3, 1).reshape(1, 5, 3), 2))
    for name in ("grey.png", "colour.png"):
        np.testing.assert_array_equal(images.load_rgb(tmp_path / name)[0, :, 1], [0, 0, 1, 128, 255])


def test_32_bit_samples_are_refused(tmp_path: Path):
    path = save(tmp_path / "f.tiff", np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"^f\.tiff: samples of 32 bits"):
        images.load_rgb(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_an_animation_the_first_frame_counts(tmp_path: Path, suffix: str):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    options = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(images.load_rgb(tmp_path / f"a.{suffix}"), np.full((4, 4, 3), (255, 0, 0)))


def test_the_exif_orientation_is_applied(tmp_path: Path):
    image = Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    image.save(tmp_path / "o.png", exif=exif)
    expected = np.rot90(np.asarray(image), -1)
    np.testing.assert_array_equal(images.load_rgb(tmp_path / "o.png"), expected)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp", "tiff"])
def test_truncated_and_empty_files_are_named_in_one_line(tmp_path: Path, suffix: str):
    path = save(tmp_path / f"whole.{suffix}", np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    whole = path.read_bytes()
    for size in (0, 4, len(whole) // 10, len(whole) // 2):
        cut = tmp_path / f"cut.{suffix}"
        cut.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"^cut\.{suffix}: ") as caught:
            images.load_rgb(cut)
        assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    with pytest.raises(ValueError, match="empty"):
        (tmp_path / "empty.png").write_bytes(b"")
        images.load_rgb(tmp_path / "empty.png")
    with pytest.raises(ValueError, match="no such file"):
        images.load_rgb(tmp_path / "nowhere.png")


@pytest.mark.parametrize("size", [(20_000, 20), (20, 20_000), (12_000, 12_000), (50_000, 50_000)])
def test_huge_images_are_refused_by_their_header(tmp_path: Path, size: tuple[int, int]):
    # Only the header says so: were a pixel decoded, the file would be reported as truncated.
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "PNG")
    data = small.getvalue()
    head = b"IHDR" + struct.pack(">II", *size) + data[24:29]
    (tmp_path / "huge.png").write_bytes(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:])
    with pytest.raises(ValueError, match=r"^huge\.png: .*over the limit of 16384 per side and 100 megapixels"):
        images.load_rgb(tmp_path / "huge.png")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 24))
def test_crop_and_resize_equal_those_of_torchvision(height: int, width: int, size: int):
    rgb = np.random.default_rng(height * 41 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    peer = transforms.Compose(
        [transforms.Resize(size, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(size)]
    )
    np.testing.assert_array_equal(images.centre_crop_resize(rgb, size), np.asarray(peer(Image.fromarray(rgb))))


@pytest.mark.parametrize("name", sorted(images.FILTERS))
def test_every_filter_keeps_a_flat_image_flat(name: str):
    flat = np.full((9, 14, 3), 77, np.uint8)
    np.testing.assert_array_equal(images.centre_crop_resize(flat, 5, name), np.full((5, 5, 3), 77))


def test_an_image_too_elongated_is_refused_before_memory_is_taken():
    with pytest.raises(ValueError, match="too elongated"):
        images.centre_crop_resize(np.zeros((1, 16_384, 3), np.uint8), 256)


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="bicubic-antialias"):
        images.centre_crop_resize(np.zeros((4, 4, 3), np.uint8), 2, "sinc")
