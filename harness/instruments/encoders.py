"""What the pretrained encoders share: a folder that the user fills, checked by shape and digest, and a memory.

Weights are never downloaded. An encoder is a folder as the hub has it and ``save_pretrained`` of transformers writes
it: ``config.json`` and ``model.safetensors``, or ``pytorch_model.bin``, of which torch reads tensors alone
(``weights_only``). It lies in ``$DDTBENCH_DATA/backbones``, or where an environment variable says. That its shape is
the published one is checked, so that no other network gives numbers under its name; that its values are the published
ones cannot be (no published digest of these files is at hand): the digest joins the fingerprint, so that numbers of two
files are not ranked together.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError
from harness.paths import data_root, user_path
from harness.texts import read_json
from harness.weights.checkpoints import sha256_of

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
CONFIG = "config.json"
PLACE = "backbones/{} in $DDTBENCH_DATA (by default ~/.cache/ddtbench), or name its folder in {}"
"""In words: reasons are stored beside the numbers, which must not depend on anyone's home folder."""
CHUNK = 16
REMEMBERED = 8192
"""Embeddings that are kept: the references of a task are the same for every model."""


@dataclass(frozen=True)
class EncoderFolder:
    """``name`` is that of the folder, ``hub`` of the repository, ``variable`` the environment variable that names
    another folder, ``files`` what it holds beside weights and ``config.json``, ``shape`` what that must say (dots lead
    into nested objects)."""

    name: str
    hub: str
    variable: str
    files: tuple[str, ...]
    shape: Mapping[str, int]

    @property
    def path(self) -> Path:
        named = os.environ.get(self.variable)
        return user_path(named) if named else data_root() / "backbones" / self.name

    def unavailable(self) -> str:
        """Which file is missing or wrong and what to do, or an empty string."""
        place = PLACE.format(self.name, self.variable)
        missing = [file for file in (CONFIG, *self.files) if not (self.path / file).is_file()]
        if not any((self.path / file).is_file() for file in WEIGHTS):
            missing.append(WEIGHTS[0])
        if missing:
            wanted = ", ".join((CONFIG, *self.files, WEIGHTS[0]))
            return f"{missing[0]} is missing: put {wanted} of {self.hub} into {place}"
        try:
            config = read_json(self.path / CONFIG)
        except UserError:
            return f"{CONFIG} is not JSON: put that of {self.hub} into {place}"
        for key, due in self.shape.items():
            found: Any = config
            for part in key.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found != due:
                return f"it is a different network from {self.hub} ({key} is {found}, not {due}): put that into {place}"
        return ""

    @cached_property
    def digest(self) -> str:
        """Over all files that decide an embedding."""
        weights = next(file for file in WEIGHTS if (self.path / file).is_file())
        lines = [f"{file}\t{sha256_of(self.path / file)}" for file in (CONFIG, *self.files, weights)]
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
