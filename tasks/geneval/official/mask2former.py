"""Mask2Former (Cheng et al. 2022, arXiv 2112.01527) on COCO's 80 classes: instances, as mmdet 2.x finds them.

The network is transformers' ``Mask2FormerForUniversalSegmentation``, from a folder or hub id in its own format, or from
mmdet's ``.pth`` through the key map of ``mmdet_weights``; what happens to pictures and to what the network says is in
``mmdet_pipeline``.

Known deviations from mmdet 2.x: instances of equal score come in another order; where a feature map is no larger than a
window of Swin (pictures of more than 5.9 to 1) transformers makes the window smaller, and mmdet pads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.paths import data_root, user_path
from harness.weights.checkpoints import sha256_of
from harness.weights.fitting import open_fitting
from tasks.geneval.official.mmdet_pipeline import LONG_SIDE, SHORT_SIDE, Instance, fitted_size, instances_of, prepared
from tasks.geneval.official.mmdet_weights import OFFICIAL_DIGEST, OFFICIAL_FILE, UNUSED, fill_from_mmdet, read_mmdet

VARIABLE = "DDTBENCH_DETECTOR"
DEVICE_VARIABLE = "DDTBENCH_INSTRUMENT_DEVICE"
CLASSES = 80
BATCH = 4
"""Pictures of one size go through the network this many at a time, the last one repeated where there are fewer, so
that not even the last bit of a score depends on how many there are."""

WEIGHTS = "model.safetensors"
CURE = f"set {VARIABLE} to a folder or hub id of transformers, or to mmdet's {OFFICIAL_FILE}"


class Mask2Former:
    """``source``: a folder, a ``.pth`` of mmdet, or a hub id; "" is what ``DDTBENCH_DETECTOR`` says, else what lies in
    the data folder under ``detectors/``."""

    def __init__(self, source: str = "", fit: tuple[int, int] | None = None, config: Any = None) -> None:
        """``config`` is that of mmdet's file where it is not the official one; ``fit`` (long side, short side), by
        default 1333 and 800."""
        self.source = source or os.environ.get(VARIABLE, "")
        self.device = os.environ.get(DEVICE_VARIABLE, "cpu")
        self.fit = fit or (LONG_SIDE, SHORT_SIDE)
        self._config = config

    def unavailable(self) -> str:
        """Why it cannot be used, or "". A hub id is fetched here."""
        try:
            return "" if self.weights.is_file() else f"no {self.weights.name} in {self.weights.parent.name}: {CURE}"
        except UserError as error:
            return str(error)

    @cached_property
    def weights(self) -> Path:
        """The file of the weights. Raises UserError where there is none."""
        if not self.source:
            places = data_root() / "detectors" / OFFICIAL_FILE, data_root() / "detectors" / "mask2former" / WEIGHTS
            found = next((place for place in places if place.is_file()), None)
            if found is None:
                raise UserError(f"Mask2Former's weights are missing: {CURE}")
            return found
        path = user_path(self.source)
        if path.is_file():
            return path
        return (path if path.is_dir() else _from_hub(self.source)) / WEIGHTS

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file of the weights. Raises UserError where there is none."""
        if reason := self.unavailable():
            raise UserError(reason)
        return sha256_of(self.weights)

    @property
    def official(self) -> bool:
        """Whether it is the file that GenEval's script downloads."""
        return self.digest.startswith(OFFICIAL_DIGEST)

    def detect(self, pictures: Sequence[np.ndarray]) -> list[list[Instance]]:
        """The instances of each 8-bit RGB picture, at most 100, best first. Raises UserError for missing or other
        weights."""
        found: list[list[Instance]] = [[] for _ in pictures]
        by_size: dict[tuple[int, ...], list[int]] = {}
        for place, picture in enumerate(pictures):
            by_size.setdefault(picture.shape[:2], []).append(place)
        for places in by_size.values():
            for start in range(0, len(places), BATCH):
                chosen = places[start : start + BATCH]
                for place, instances in zip(chosen, self._look([pictures[place] for place in chosen]), strict=True):
                    found[place] = instances
        return found

    def _look(self, pictures: Sequence[np.ndarray]) -> list[list[Instance]]:
        """Pictures of one size."""
        import torch

        size = pictures[0].shape[:2]
        shown = fitted_size(size, *self.fit)
        full = [prepared(picture, self.fit) for picture in pictures]
        inputs = torch.stack([*full, *[full[-1]] * (BATCH - len(full))]).to(self.device)
        with torch.inference_mode():
            seen = self.network(pixel_values=inputs)
            classes, masks = seen.class_queries_logits.float(), seen.masks_queries_logits.float()
            padded = tuple(inputs.shape[-2:])
            pairs = list(zip(classes, masks, strict=True))[: len(pictures)]
            return [instances_of(one, mask, padded, shown, size) for one, mask in pairs]

    @cached_property
    def network(self) -> Any:
        """Raises UserError for weights of another network or of another number of classes."""
        import torch
        from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation

        if reason := self.unavailable():
            raise UserError(reason)
        model: Any
        if self.weights.name == WEIGHTS:
            model = open_fitting(
                Mask2FormerForUniversalSegmentation,
                self.weights.parent,
                what=f"Mask2Former ({CURE})",
                unused=(*UNUSED, "relative_position_index$"),  # earlier versions of the library stored that
                idle=UNUSED,
                dtype=torch.float32,
                local_files_only=True,
            )
        else:
            config = self._config or Mask2FormerConfig.from_dict({"num_labels": CLASSES})
            model = Mask2FormerForUniversalSegmentation(config)
            fill_from_mmdet(model, read_mmdet(self.weights), str(self.weights))
        if model.config.num_labels != CLASSES:
            raise UserError(
                f"{self.weights.parent} knows {model.config.num_labels} classes, not COCO's {CLASSES}: "
                "take the weights for instance segmentation"
            )
        model.train(False)
        return model.requires_grad_(False).to(self.device)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", WEIGHTS]))
    except (OSError, ValueError) as error:  # the hub's own errors are of these kinds: no such name, no network
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"'{name}' is not a folder, and cannot be fetched ({line}): {CURE}") from error
