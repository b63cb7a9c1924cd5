"""How near a reconstruction is to its reference, image by image: PSNR, SSIM, L1, LPIPS. Each is a mean over images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.contracts import NOT_NEGATIVE, SHARE, MetricTraits
from harness.metrics.ratio import Ratio

ROUNDING_NOISE = (1 / 255) ** 2 / 12
"""The mean squared error that rounding to 8 bit alone makes on [0, 1] images: one twelfth of a squared step."""


def decibel(mse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of mean squared errors on [0, 1] images.

    Both sides are 8-bit, so differences under the rounding noise mean nothing: the error is floored there, and the
    ceiling is 10 log10(12 * 255^2) = 58.92 dB. An identical image thus has a finite value, and a mean over images
    stays finite.
    """
    return -10 * np.log10(np.maximum(mse, ROUNDING_NOISE))


def psnr() -> Ratio:
    """Mean over images of each image's PSNR (not the PSNR of the mean error, which is lower). Ceiling 58.92 dB, worst
    0 dB."""
    traits = MetricTraits(protocol={"psnr": "mean of per-image dB, 8-bit, error floored at (1/255)^2/12"})
    return Ratio("psnr", ("pixels.mse",), unit="dB", worst=0.0, transform=decibel, traits=traits)


def ssim() -> Ratio:
    """Mean structural similarity (Wang et al. 2004), in [-1, 1]; the instrument ``pixels`` states the constants."""
    return Ratio("ssim", ("pixels.ssim",), worst=-1.0, traits=MetricTraits(bounds=(-1.0, 1.0)))


def l1() -> Ratio:
    """Mean absolute difference of pixel values in [0, 1]."""
    return Ratio("l1", ("pixels.l1",), direction="lower", worst=1.0, traits=SHARE)


def lpips() -> Ratio:
    """Mean LPIPS v0.1 on AlexNet features (Zhang et al. 2018); 0 for identical images, no upper bound."""
    return Ratio("lpips", ("lpips.distance",), direction="lower", traits=NOT_NEGATIVE)
