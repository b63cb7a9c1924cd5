"""The instrument ``pixels``: squared error, absolute error and structural similarity of "output" to "reference".

Both are 8-bit RGB, divided by 255. Two facts of a case narrow what is compared:

* ``crop`` = [top, left, height, width]: only this region (Fashion-MNIST's 28x28 without its padding);
* ``grey`` = true: one channel, the mean of the three, as a float (an output that is not quite grey is not rounded to
  grey).

Structural similarity is that of Wang et al. (2004): Gaussian window of 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03, data
range 1, population covariances, mean over channels and over the windows that lie wholly inside the image (as
scikit-image does with ``gaussian_weights``; torchmetrics 1.9 also averages windows over reflected borders, which
moves a 32-pixel image by some hundredths). All in float64, and a row depends on its sample alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Sample

Floats = NDArray[np.float64]

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03


def ssim(first: Floats, second: Floats) -> Floats:
    """Structural similarity in [-1, 1] of images ``batch channels height width`` with values in [0, 1]: one number
    per image.

    Raises ValueError for a side of fewer than 11 pixels.
    """
    if min(first.shape[-2:]) < WINDOW:
        raise ValueError(f"SSIM needs {WINDOW} pixels or more on a side, not {first.shape[-2]} x {first.shape[-1]}")
    mean1, mean2 = _window(first), _window(second)
    variance1 = _window(first * first) - mean1**2
    variance2 = _window(second * second) - mean2**2
    covariance = _window(first * second) - mean1 * mean2
    c1, c2 = K1**2, K2**2
    luminance = (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1)
    structure = (2 * covariance + c2) / (variance1 + variance2 + c2)
    return np.asarray((luminance * structure).mean(axis=(1, 2, 3)))


def _window(images: Floats) -> Floats:
    """The Gaussian mean of every window that lies wholly inside."""
    from scipy.ndimage import correlate1d

    radius = WINDOW // 2
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    blurred = correlate1d(correlate1d(images, weights, axis=-1), weights, axis=-2)
    return np.asarray(blurred[..., radius:-radius, radius:-radius])


class Pixels:
    """Columns ``mse``, ``l1`` (both in [0, 1]) and ``ssim`` (in [-1, 1])."""

    name = "pixels"
    digest = "v1"

    def unavailable(self) -> str:
        return ""

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for sizes that differ, a crop outside, or fewer
        than 11 pixels."""
        pairs = [_compared(sample) for sample in samples]
        rows = np.empty((len(samples), 3))
        shapes = [pair[0].shape for pair in pairs]
        for shape in dict.fromkeys(shapes):
            alike = [place for place, other in enumerate(shapes) if other == shape]
            output = np.stack([pairs[place][0] for place in alike])
            reference = np.stack([pairs[place][1] for place in alike])
            gap = output - reference
            rows[alike, 0] = (gap**2).mean(axis=(1, 2, 3))
            rows[alike, 1] = np.abs(gap).mean(axis=(1, 2, 3))
            rows[alike, 2] = ssim(output, reference)
        return {name: rows[:, column].tolist() for column, name in enumerate(("mse", "l1", "ssim"))}


def _compared(sample: Sample) -> tuple[Floats, Floats]:
    """(output, reference) of one sample as floats ``channels height width``, cropped and greyed as its facts say."""
    case = sample.case
    missing = [name for name in ("output", "reference") if name not in sample.images]
    if missing:
        raise ValueError(f"case '{case.id}' has no image '{missing[0]}'")
    output, reference = sample.images["output"], sample.images["reference"]
    if output.shape != reference.shape:
        raise ValueError(
            f"case '{case.id}': output is {output.shape}, reference is {reference.shape}; sizes must agree"
        )
    height, width = output.shape[:2]
    top, left, tall, wide = case.facts.get("crop") or (0, 0, height, width)
    if min(top, left) < 0 or min(tall, wide) < 1 or top + tall > height or left + wide > width:
        raise ValueError(f"case '{case.id}': crop {[top, left, tall, wide]} lies outside of {height} x {width} pixels")
    if min(tall, wide) < WINDOW:
        raise ValueError(f"case '{case.id}' is {tall} x {wide} pixels; SSIM needs {WINDOW} or more on a side")
    grey = bool(case.facts.get("grey"))
    rows, columns = slice(top, top + tall), slice(left, left + wide)
    return _channels(output[rows, columns], grey), _channels(reference[rows, columns], grey)


def _channels(pixels: NDArray[np.uint8], grey: bool) -> Floats:
    values = pixels.astype(np.float64)
    # The sum of three bytes is exact: equal grey pixels stay equal.
    values = values.sum(axis=2, keepdims=True) / 3 if grey else values
    return np.moveaxis(values, 2, 0) / 255


def open_pixels() -> Pixels:
    """The catalogue's factory."""
    return Pixels()
