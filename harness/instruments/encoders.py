"""What the pretrained encoders share: a digest of the folder that the user fills, and a memory.

Weights are never downloaded. An encoder is a folder as the hub has it and ``save_pretrained`` of transformers writes
it; ``harness.instruments.weights`` says where it lies. That its shape is the published one is checked, so that no other
network gives numbers under its name; that its values are the published ones cannot be (no published digest of these
files is at hand): the digest joins the fingerprint, so that numbers of two files are not ranked together.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.contracts import Sample
from harness.weights.located import Located

CHUNK = 16
REMEMBERED = 8192
"""Embeddings that are kept: the references of a task are the same for every model."""


def files_digest(weights: Located) -> str:
    """Over the names and contents of all files that decide an embedding. Raises UserError where there are none."""
    lines = [f"{name}\t{digest}" for name, digest in weights.digests.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Remembered:
    """Embeddings by content: ``embed`` is asked once for each item, always with a full chunk, so that an item's bits do
    not depend on how many others are new."""

    def __init__(self, embed: Callable[[Sequence[Any]], np.ndarray]) -> None:
        self._embed = embed
        self._known: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def __call__(self, items: Sequence[Any]) -> list[np.ndarray]:
        """One float32 vector per item: 8-bit pictures or texts."""
        keys = [_key(item) for item in items]
        found = {key: self._known[key] for key in keys if key in self._known}
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in found}
        for start in range(0, len(new), CHUNK):
            names = list(new)[start : start + CHUNK]
            batch = [new[name] for name in names]
            vectors = self._embed([*batch, *[batch[-1]] * (CHUNK - len(batch))])
            found.update(zip(names, vectors[: len(batch)].astype(np.float32, copy=True), strict=True))
        for key in keys:
            self._known[key] = found[key]
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return [found[key] for key in keys]


def _key(item: Any) -> bytes:
    content = f"text {item}".encode() if isinstance(item, str) else repr(item.shape).encode() + item.tobytes()
    return hashlib.sha256(content).digest()


def shared_images(samples: Sequence[Sample], names: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Those of the named images that every sample has, whole and at their own size."""
    return {
        name: [sample.images[name] for sample in samples]
        for name in names
        if samples and all(name in sample.images for sample in samples)
    }


def normalised(
    pictures: Sequence[np.ndarray], short: int, crop: int, mean: Sequence[float], deviation: Sequence[float]
) -> Any:
    """8-bit pictures of any size as a float tensor ``batch 3 crop crop``: short side to ``short`` by Pillow's bicubic
    filter on 8-bit pixels, centre crop, [0, 1], then (x - mean) / deviation, as torchvision's transforms do."""
    import torch

    from harness.images import centre_crop_resize, from_bytes

    margin = (short - crop) // 2
    inner = slice(margin, margin + crop)
    pixels = from_bytes(np.stack([centre_crop_resize(picture, short)[inner, inner] for picture in pictures]))
    shift, scale = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, deviation))
    return (pixels - shift) / scale
