"""PSNR and SSIM as published programs work them out (``harness.conventions``). Pictures are float64 in [0, 1],
``channels height width``; arithmetic alone, no file.

Stored pictures are 8-bit, and some programs score the floats that a decoder made. Such floats are drawn: a value that
rounds to the stored one, uniform within half a level of it (``as_floats``); truncation then makes about half of the
values a level darker, as it did of the floats that were not kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.conventions import Convention
from harness.instruments.pixels import K1, K2
from harness.instruments.pixels import ssim as gaussian_ssim

Floats = NDArray[np.float64]
LEVELS = 255
SIDE = 7
"""Of the uniform window, scikit-image's default."""


def as_floats(pixels: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """Values in [0, 1] that round to these pixels."""
    drawn = pixels + rng.uniform(-0.5, 0.5, pixels.shape)
    return np.asarray(np.clip(drawn, 0, LEVELS) / LEVELS)


def rounded(floats: Floats, rounding: str) -> Floats:
    """Values in [0, 1] as they are after 8 bits (``none``: as they are). Half a level rounds up."""
    if rounding == "none":
        return floats
    scaled = np.clip(floats, 0, 1) * LEVELS
    return np.asarray(np.floor(scaled + 0.5 if rounding == "nearest" else scaled) / LEVELS)


def truncated_reference(pixels: NDArray[np.uint8]) -> Floats:
    """8-bit pixels that a loader took to [-1, 1], and a program back to [0, 1] and to 8 bits by truncation, all in
    float32: 63 of the 256 levels come out one darker."""
    there = (pixels.astype(np.float32) / np.float32(LEVELS) - np.float32(0.5)) / np.float32(0.5)
    back = (there + np.float32(1)) / np.float32(2) * np.float32(LEVELS)
    return back.astype(np.uint8).astype(np.float64) / LEVELS


def narrowed(values: Floats, facts: Mapping[str, Any]) -> Floats:
    """The part of a picture that the facts of its case say is compared (``harness.instruments.pixels``)."""
    height, width = values.shape[-2:]
    top, left, tall, wide = facts.get("crop") or (0, 0, height, width)
    part = values[:, top : top + tall, left : left + wide]
    return np.asarray(part.mean(axis=0, keepdims=True) if facts.get("grey") else part)


def decibel(mse: float) -> float:
    """Of a mean squared error on [0, 1]; infinite for none."""
    return math.inf if mse == 0 else -10 * math.log10(mse)


def uniform_ssim(first: Floats, second: Floats, data_range: float) -> float:
    """Structural similarity of one picture with scikit-image's defaults: a uniform window of 7, sample covariances,
    mean over channels and over the windows that lie wholly inside. Raises ValueError for fewer than 7 pixels."""
    from scipy.ndimage import uniform_filter

    if min(first.shape[-2:]) < SIDE:
        raise ValueError(f"SSIM needs {SIDE} pixels or more on a side, not {first.shape[-2]} x {first.shape[-1]}")
    inside = (slice(None), *(slice(SIDE // 2, -(SIDE // 2)),) * 2)

    def mean(values: Floats) -> Floats:
        return np.asarray(uniform_filter(values, size=(1, SIDE, SIDE))[inside])

    sample = SIDE**2 / (SIDE**2 - 1)
    mean1, mean2 = mean(first), mean(second)
    variance1, variance2 = sample * (mean(first**2) - mean1**2), sample * (mean(second**2) - mean2**2)
    covariance = sample * (mean(first * second) - mean1 * mean2)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    top = (2 * mean1 * mean2 + c1) * (2 * covariance + c2)
    return float((top / ((mean1**2 + mean2**2 + c1) * (variance1 + variance2 + c2))).mean())


def ssim_of(output: Floats, reference: Floats, way: Convention) -> float:
    """Of one picture, by the window and the data range of a convention."""
    spread = float(reference.max() - reference.min())
    data_range = spread if way.data_range == "reference" else float(way.data_range)
    if data_range == 0:
        raise ValueError("the reference is of one colour, so that its data range is 0")
    if way.window == "uniform-7":
        return uniform_ssim(output, reference, data_range)
    # a data range scales the two constants alone, and so does a scale of both pictures
    return float(gaussian_ssim(output[None] / data_range, reference[None] / data_range)[0])


@dataclass
class Scored:
    """What one convention has seen of a run, picture by picture in the order of its cases."""

    way: Convention
    seen: list[tuple[float, int]] = field(default_factory=list)
    """Of each picture: mean squared error and values for PSNR, (similarity, 1) for SSIM."""

    def add(self, output: Floats, reference: Floats) -> None:
        """Pictures rounded as the convention says. Raises ValueError for what it cannot score."""
        if self.way.measure == "ssim":
            self.seen.append((ssim_of(output, reference, self.way), 1))
        else:
            self.seen.append((float(((output - reference) ** 2).mean()), output.size))

    def value(self) -> float:
        """Over all pictures. Raises ZeroDivisionError for none."""
        if self.way.measure == "ssim":
            return _mean([value for value, _ in self.seen])
        if self.way.over == "image":
            return _mean([decibel(mse) for mse, _ in self.seen])
        size = len(self.seen) if self.way.over == "all" else self.way.batch
        batches = [self.seen[start : start + size] for start in range(0, len(self.seen), size)]
        if self.way.over == "batch-of-images":
            return _mean([_mean([decibel(mse) for mse, _ in batch]) for batch in batches])
        values = [decibel(sum(mse * n for mse, n in batch) / sum(n for _, n in batch)) for batch in batches]
        if self.way.over == "batch-weighted":
            return sum(value * len(batch) for value, batch in zip(values, batches, strict=True)) / len(self.seen)
        return _mean(values)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
