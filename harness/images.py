"""The one border between files, 8-bit pixels and float images.

``to_bytes`` is the only place in the tree that makes 8-bit pixels from floats. ``load_rgb`` is the rule by which an
image file becomes RGB (``load_converted`` is that of the published FID tools, for FID's folders alone):

* the first frame of an animation, the first page of a TIFF; the EXIF orientation is applied; colour profiles are
  ignored;
* greyscale is repeated to RGB; transparency is composited on white; palettes and CMYK are converted by Pillow;
* of 16-bit samples the high byte is kept (``value >> 8``), which is what Pillow does to 16-bit colour by itself;
* refused, with one line that names the file: a truncated, empty or unreadable file, 32-bit samples, a side above
  ``MAX_SIDE`` or more than ``MAX_PIXELS`` pixels. The size is read from the header, before any pixel is decoded;
* refused too, whatever the file's ending: a format outside ``FORMATS``. Pillow knows others by their first bytes, and
  starts a program for some (Ghostscript for EPS).
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor

Seen = TypeVar("Seen")
Rounding = Literal["nearest", "truncate"]

MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
PNG_LEVEL = 6
PADDING = 127
"""Grey of the bars that make a picture square."""
FORMATS = ("PNG", "JPEG", "JPEG2000", "WEBP", "AVIF", "BMP", "DIB", "GIF", "PPM", "TIFF")
"""What Pillow decodes by itself, without another program: the formats of ``harness.walk.PICTURES``."""
FILTERS = {
    "bicubic-antialias": Image.Resampling.BICUBIC,
    "bilinear-antialias": Image.Resampling.BILINEAR,
    "lanczos-antialias": Image.Resampling.LANCZOS,
    "box-antialias": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}
# What Pillow raises on broken files, format by format; all of them mean the same here.
UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, RuntimeError, AssertionError),
    *(ArithmeticError, MemoryError, struct.error, zlib.error),
)


def to_bytes(
    images: Float[Tensor, "batch 3 height width"] | np.ndarray, rounding: Rounding = "nearest"
) -> UInt8[np.ndarray, "batch height width 3"]:
    """8-bit pixels of images in [0, 1]; values outside are clipped. A single image (3 dimensions) gives a single array.

    ``nearest`` rounds half up, ``truncate`` drops the fraction (as some published evaluations do). Raises ValueError
    for NaN.

    Examples:
        >>> to_bytes(np.full((1, 3, 2, 2), 0.5)).shape
        (1, 2, 2, 3)
        >>> to_bytes(np.full((3, 1, 1), 0.5)).tolist(), to_bytes(np.full((3, 1, 1), 0.5), "truncate").tolist()
        ([[[128, 128, 128]]], [[[127, 127, 127]]])
    """
    array = images.detach().cpu().float().numpy() if hasattr(images, "detach") else np.asarray(images, np.float32)
    if array.ndim not in (3, 4) or array.shape[-3] != 3:
        raise ValueError(f"images must be 'batch 3 height width' or '3 height width', not {array.shape}")
    if np.isnan(array).any():
        raise ValueError("the image holds NaN")
    if rounding not in ("nearest", "truncate"):
        raise ValueError(f"unknown rounding '{rounding}': nearest or truncate")
    scaled = np.clip(array, 0.0, 1.0) * np.float32(255) + np.float32(0.5 if rounding == "nearest" else 0.0)
    return np.ascontiguousarray(np.moveaxis(scaled, -3, -1).astype(np.uint8))


def from_bytes(pixels: UInt8[np.ndarray, "batch height width 3"]) -> Float[Tensor, "batch 3 height width"]:
    """Float images in [0, 1] of 8-bit pixels, one array or a batch; ``to_bytes`` brings back the same bytes.

    Examples:
        >>> from_bytes(np.full((4, 6, 3), 51, np.uint8)).shape
        torch.Size([3, 4, 6])
    """
    import torch

    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[-1] != 3:
        raise ValueError(f"pixels must be uint8 'batch height width 3', not {pixels.dtype} {pixels.shape}")
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, -3))).float() / 255


def encode_png(rgb: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Lossless PNG bytes, the same for the same pixels (fixed filter and level, no metadata)."""
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        shape = getattr(rgb, "shape", type(rgb).__name__)
        raise ValueError(f"an image must be uint8 'height width 3', not {getattr(rgb, 'dtype', '')} {shape}".strip())
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def decode_png(data: bytes, name: str = "a stored image") -> UInt8[np.ndarray, "height width 3"]:
    """The pixels that ``encode_png`` was given. Raises ValueError, which begins with ``name``, for anything else, and
    for more pixels than a file may have."""
    return _decoded(io.BytesIO(data), name, len(data), lambda image: np.array(image.convert("RGB")), ("PNG",))


def size_of_png(path: Path) -> tuple[int, int]:
    """(width, height) of a PNG that is whole: its chunks are checked to the end, and no pixel is decoded. Raises
    ValueError, which begins with the file's name, for what ``load_rgb`` would refuse by its header."""

    def whole(image: Image.Image) -> tuple[int, int]:
        image.verify()
        return image.size

    return _opened(path, path.name, path.stat().st_size, whole, ("PNG",))


def load_rgb(path: str | Path) -> UInt8[np.ndarray, "height width 3"]:
    """An image file as RGB by the rule at the top of this module. Raises ValueError, one line that names the file."""
    path = Path(path)
    try:
        return _decoded(path, path.name, path.stat().st_size)
    except FileNotFoundError:
        raise ValueError(f"{path.name}: there is no such file") from None
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror or error}") from error


def load_converted(path: str | Path) -> UInt8[np.ndarray, "height width 3"]:
    """An image file as Pillow's ``convert("RGB")`` alone makes it, as clean-fid, pytorch-fid and torch-fidelity read
    their folders: no EXIF orientation, transparency dropped. Refuses what ``load_rgb`` refuses, as it does."""
    path = Path(path)
    try:
        return _decoded(path, path.name, path.stat().st_size, lambda image: np.array(image.convert("RGB")))
    except FileNotFoundError:
        raise ValueError(f"{path.name}: there is no such file") from None
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror or error}") from error


def decode_rgb(content: bytes, name: str) -> UInt8[np.ndarray, "height width 3"]:
    """An encoded image as RGB by the same rule. Raises ValueError, one line that begins with ``name``."""
    return _decoded(io.BytesIO(content), name, len(content))


def _decoded(
    source: Path | io.BytesIO,
    name: str,
    size: int,
    as_rgb: Callable[[Image.Image], np.ndarray] | None = None,
    formats: tuple[str, ...] = FORMATS,
) -> np.ndarray:
    return _opened(source, name, size, as_rgb or (lambda image: _as_rgb(ImageOps.exif_transpose(image))), formats)


def _opened(
    source: Path | io.BytesIO, name: str, size: int, look: Callable[[Image.Image], Seen], formats: tuple[str, ...]
) -> Seen:
    """What ``look`` sees in an image, whose size is known by then to be within the limits."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata and large images; the limits here are our own
            with Image.open(source, formats=formats) as image:
                _check_size(image)
                return look(image)
    except Image.DecompressionBombError:
        raise ValueError(f"{name}: {_too_large('more than 178 megapixels')}") from None
    except UnidentifiedImageError:
        raise ValueError(f"{name}: {'not an image that Pillow reads' if size else 'the file is empty'}") from None
    except UNREADABLE as error:
        line = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise ValueError(f"{name}: {line}") from error


def _too_large(found: str) -> str:
    return f"{found} is over the limit of {MAX_SIDE} per side and {MAX_PIXELS // 1_000_000} megapixels; make it smaller"


def _check_size(image: Image.Image) -> None:
    if max(image.size) > MAX_SIDE or image.width * image.height > MAX_PIXELS:
        raise ValueError(_too_large(f"{image.width} x {image.height}"))


def _as_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("samples of 32 bits have no agreed range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def centre_crop_resize(
    rgb: UInt8[np.ndarray, "height width 3"], size: int, resampling: str = "bicubic-antialias"
) -> UInt8[np.ndarray, "size size 3"]:
    """Short side resized to ``size``, centre cropped, rounded as torchvision's Resize and CenterCrop do.

    ``resampling`` is the name that belongs in a protocol fingerprint; Pillow does it, on 8-bit pixels. Raises
    ValueError for an unknown filter, or if the resized image would have more than ``MAX_PIXELS`` pixels.

    Examples:
        >>> centre_crop_resize(np.zeros((60, 90, 3), np.uint8), 32).shape
        (32, 32, 3)
    """
    if resampling not in FILTERS:
        raise ValueError(f"unknown resize filter '{resampling}': one of {', '.join(FILTERS)}")
    height, width = rgb.shape[:2]
    short = min(height, width)
    tall, wide = int(size * height / short), int(size * width / short)
    if tall * wide > MAX_PIXELS:
        raise ValueError(f"an image of {width} x {height} is too elongated for a short side of {size}")
    top, left = round((tall - size) / 2.0), round((wide - size) / 2.0)
    resized = Image.fromarray(rgb).resize((wide, tall), FILTERS[resampling])
    return np.array(resized.crop((left, top, left + size, top + size)))


def padded(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "side side 3"]:
    """Grey bars on two sides make it square, so that nothing is cut off."""
    height, width = rgb.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), PADDING, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = rgb
    return square


def shown_whole(
    rgb: UInt8[np.ndarray, "height width 3"], size: int, resampling: str = "bicubic-antialias"
) -> UInt8[np.ndarray, "size size 3"]:
    """The whole picture, padded to a square and resized: what a model that answers questions is shown."""
    return rgb if rgb.shape[:2] == (size, size) else centre_crop_resize(padded(rgb), size, resampling)


def describe_preprocessing(size: int, resampling: str = "bicubic-antialias") -> dict[str, Any]:
    """What ``centre_crop_resize`` does, as part of a protocol fingerprint."""
    return {"crop": "centre", "resize": f"short-side-{size}", "filter": resampling}
