"""Mask2Former (Cheng et al. 2022, arXiv 2112.01527) on COCO's 80 classes: instances, as mmdet 2.x finds them.

The network is transformers' ``Mask2FormerForUniversalSegmentation``, from a folder or hub id in its own format, or from
mmdet's ``.pth`` through the key map of ``mmdet_weights``; what happens to pictures and to what the network says is in
``mmdet_pipeline``.

Known deviations from mmdet 2.x: instances of equal score come in another order; where a feature map is no larger than a
window of Swin (pictures of more than 5.9 to 1) transformers makes the window smaller, and mmdet pads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.instruments.devices import looking
from harness.weights.fitting import open_fitting
from harness.weights.located import Located
from tasks.geneval.official.mmdet_pipeline import LONG_SIDE, SHORT_SIDE, Instance, fitted_size, instances_of, prepared
from tasks.geneval.official.mmdet_weights import OFFICIAL_DIGEST, UNUSED, fill_from_mmdet, read_mmdet
from tasks.geneval.official.weights import DETECTOR, DETECTOR_CURE, DETECTOR_WEIGHTS

CLASSES = 80
BATCH = 4
"""Pictures of one size go through the network this many at a time, the last one repeated where there are fewer, so
that not even the last bit of a score depends on how many there are."""


class Mask2Former:
    """``source``: a folder, a ``.pth`` of mmdet, or a hub id; "" is what ``DDTBENCH_DETECTOR`` says, else what lies in
    the data folder under ``detectors/``."""

    def __init__(
        self, source: str = "", fit: tuple[int, int] | None = None, config: Any = None, device: str = "cpu"
    ) -> None:
        """``config`` is that of mmdet's file where it is not the official one; ``fit`` (long side, short side), by
        default 1333 and 800."""
        self._weights = Located(DETECTOR, source)
        self.device = device
        self.fit = fit or (LONG_SIDE, SHORT_SIDE)
        self._config = config

    def unavailable(self) -> str:
        """Why it cannot be used, or ""."""
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file of the weights. Raises UserError where there is none."""
        return self._weights.digest

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
        with looking(self.device):
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
        path = self._weights.path.parent if self._weights.path.name == DETECTOR_WEIGHTS else self._weights.path
        if path.is_dir():
            model = open_fitting(
                Mask2FormerForUniversalSegmentation,
                path,
                what=f"Mask2Former ({DETECTOR_CURE})",
                unused=(*UNUSED, "relative_position_index$"),  # earlier versions of the library stored that
                idle=UNUSED,
                dtype=torch.float32,
                local_files_only=True,
            )
        else:
            config = self._config or Mask2FormerConfig.from_dict({"num_labels": CLASSES})
            model = Mask2FormerForUniversalSegmentation(config)
            fill_from_mmdet(model, read_mmdet(path), str(path))
        if model.config.num_labels != CLASSES:
            raise UserError(
                f"{path} knows {model.config.num_labels} classes, not COCO's {CLASSES}: "
                "take the weights for instance segmentation"
            )
        model.train(False)
        return model.requires_grad_(False).to(self.device)
