"""Measures the detector: ``python -m tasks.world.detector_card`` writes ``detector_card.json`` beside this file.

Test scenes are drawn, made worse, and looked at. For every way of making them worse the card gives the mean PSNR, the
shares of all true objects that are found (centre within 2.5 pixels) and that also keep shape, colour, size and cell,
and precision, recall and F1 of objects whose shape, colour and place are all right.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from harness.seeding import rng_for
from tasks.world.detector import WorldDetector, compared
from tasks.world.draw import draw
from tasks.world.features import smoothed
from tasks.world.sampling import scenes_of

CARD = Path(__file__).with_suffix(".json")
SCENES = 256


def noisy(images: Tensor, decibels: float) -> Tensor:
    """White Gaussian noise of this PSNR (before clipping to [0, 1], which takes some of it away)."""
    noise = rng_for("world-detector", "noise", decibels).standard_normal(tuple(images.shape), dtype=np.float32)
    return images + 10 ** (-decibels / 20) * torch.from_numpy(noise)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, sigma in pixels."""
    return smoothed(images, torch.full((len(images),), sigma))


def jpeg(images: Tensor, quality: int, subsampling: int) -> Tensor:
    """Through Pillow's JPEG; subsampling 0 is 4:4:4, 2 is 4:2:0."""
    pictures = []
    for picture in images.mul(255).round().byte().permute(0, 2, 3, 1).numpy():
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
        pictures.append(np.asarray(Image.open(buffer)))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _both(images: Tensor) -> Tensor:
    return noisy(blurred(images, 1.0), 20)


CONDITIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "clean": lambda images: images,
    "noise, 30 dB": partial(noisy, decibels=30),
    "noise, 24 dB": partial(noisy, decibels=24),
    "noise, 18 dB": partial(noisy, decibels=18),
    "blur, sigma 0.7": partial(blurred, sigma=0.7),
    "blur, sigma 1.0": partial(blurred, sigma=1.0),
    "blur, sigma 1.3": partial(blurred, sigma=1.3),
    "blur, sigma 1.6": partial(blurred, sigma=1.6),
    "blur, sigma 1.0, and noise, 20 dB": _both,
    "JPEG 4:4:4, quality 60": partial(jpeg, quality=60, subsampling=0),
    "JPEG 4:4:4, quality 20": partial(jpeg, quality=20, subsampling=0),
    "JPEG 4:4:4, quality 10": partial(jpeg, quality=10, subsampling=0),
    "JPEG 4:4:4, quality 2": partial(jpeg, quality=2, subsampling=0),
    "JPEG 4:2:0, quality 90": partial(jpeg, quality=90, subsampling=2),
    "JPEG 4:2:0, quality 50": partial(jpeg, quality=50, subsampling=2),
}


def measure(condition: str, scenes: int = SCENES) -> dict[str, float]:
    """One row of the card, on the first test scenes."""
    truth = scenes_of("test", 0, scenes)
    clean = draw(truth)
    images = CONDITIONS[condition](clean).clamp(0, 1).mul(255).round().div(255)
    detections = WorldDetector().detect_tensor(images)
    columns = compared(detections, [scene.facts()["objects"] for scene in truth.scenes()])
    total = {name: sum(column) for name, column in columns.items()}
    shares = {name: total[name] / total["objects"] for name in ("found", "shape", "colour", "size", "cell")}
    errors = (images - clean).square().mean((1, 2, 3)).clamp(min=1e-6)
    return {
        "psnr": round(float((-10 * errors.log10()).mean()), 1),
        **{name: round(value, 4) for name, value in shares.items()},
        "precision": round(total["tp"] / max(total["tp"] + total["fp"], 1), 4),
        "recall": round(total["tp"] / total["objects"], 4),
        "f1": round(2 * total["tp"] / (2 * total["tp"] + total["fp"] + total["fn"]), 4),
    }


def card() -> dict[str, Any]:
    """The whole card."""
    return {
        "instrument": "world-detector",
        "digest": WorldDetector().digest,
        "made_by": "python -m tasks.world.detector_card",
        "scenes": SCENES,
        "split": "test",
        "rows": {condition: measure(condition) for condition in CONDITIONS},
        "limits": "JPEG and blur below 25 dB take away what tells a cross from a circle and a circle from a square; "
        "an object that lost about half of its contrast is not reported at all. The PSNR of clean pictures is that of "
        "8-bit rounding.",
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    made = card()
    CARD.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    for name, row in made["rows"].items():
        print(f"{name:36}", " ".join(f"{key} {value}" for key, value in row.items()))
