"""The instrument ``lpips``: LPIPS v0.1 on AlexNet features (Zhang et al. 2018, arXiv 1801.03924), where its files are
at hand.

Two files are needed and neither is downloaded here: torchvision's ImageNet weights of AlexNet
(``alexnet-owt-7be5be79.pth``; the name holds the start of its SHA-256, which is checked), and the linear heads that
the package ``lpips`` ships. A distance without them is not LPIPS, so the instrument is then unavailable and says what
is missing.

Compared is the whole image as stored: the facts ``crop`` and ``grey`` do not apply, since AlexNet needs 31 pixels or
more on a side.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from harness.contracts import Sample
from harness.errors import UserError
from harness.paths import data_root
from harness.weights.checkpoints import fill_module, sha256_of
from harness.weights.fitting import require_whole
from harness.weights.published_files import read_weights

BACKBONE = "alexnet-owt-7be5be79.pth"
BACKBONE_DIGEST = "7be5be79"
PLACE = "backbones/ in $DDTBENCH_DATA, by default ~/.cache/ddtbench"
"""In words: reasons are stored beside the numbers, which must not depend on anyone's home folder."""
HEADS = Path("weights") / "v0.1" / "alex.pth"
SMALLEST = 31

# The last layer of each of the five stages of torchvision's ``alexnet().features``.
_STAGE_ENDS = (1, 4, 7, 9, 11)
_BATCH = 64


class LpipsNet(nn.Module):
    """LPIPS as a module: five AlexNet stages, unit-length features, one non-negative weight per channel."""

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        """From torchvision's state dict of AlexNet and the package's heads. Raises UserError for others."""
        super().__init__()
        from torchvision.models import alexnet

        with torch.device("meta"):  # without drawing 61 million weights that are replaced at once
            network = alexnet(weights=None)
        fill_module(network, backbone, "LPIPS' backbone", assign=True)
        self.features = network.features[: _STAGE_ENDS[-1] + 1]
        names = {f"lin{stage}.model.1.weight": f"head{stage}" for stage in range(len(_STAGE_ENDS))}
        missing, unknown = names.keys() - heads.keys(), heads.keys() - names.keys()
        require_whole({"missing_keys": missing, "unexpected_keys": unknown}, "LPIPS' heads")
        for there, here in names.items():
            self.register_buffer(here, heads[there])
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def stages(self, images: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """Features of images in [0, 1] after each stage, scaled to unit length over channels."""
        found = []
        x = (2 * images - 1 - self.shift) / self.scale
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in _STAGE_ENDS:
                found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], others: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, " batch"]:
        """The distance of each pair, 0 for equal images."""
        pairs = zip(self.stages(images), self.stages(others), strict=True)
        weighted = [(a - b).square() * self.get_buffer(f"head{stage}") for stage, (a, b) in enumerate(pairs)]
        return torch.stack([item.sum(1).mean((1, 2)) for item in weighted]).sum(0)


class Lpips:
    """One column, ``distance`` >= 0."""

    name = "lpips"

    def unavailable(self) -> str:
        if self._heads is None:
            return "the linear heads are missing: install the Python package 'lpips'"
        if self._backbone is None:
            return f"its AlexNet weights are missing: put {BACKBONE} into {PLACE}"
        if not self._backbone_digest.startswith(BACKBONE_DIGEST):
            return f"{BACKBONE} is damaged: its SHA-256 does not start with {BACKBONE_DIGEST}; get the file again"
        return ""

    @cached_property
    def digest(self) -> str:
        """Of both files. Raises UserError where one is missing."""
        if reason := self.unavailable():
            raise UserError(f"lpips: {reason}")
        assert self._heads is not None
        return hashlib.sha256(f"{self._backbone_digest}\n{sha256_of(self._heads)}".encode()).hexdigest()

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError for sizes that differ or a side of fewer than 31 pixels."""
        distances = np.empty(len(samples))
        shapes = [_shape(sample) for sample in samples]
        for shape in dict.fromkeys(shapes):
            alike = [place for place, other in enumerate(shapes) if other == shape]
            for start in range(0, len(alike), _BATCH):
                places = alike[start : start + _BATCH]
                output, reference = (
                    _floats([samples[place].images[name] for place in places]) for name in ("output", "reference")
                )
                with torch.inference_mode():
                    distances[places] = self._net(output, reference).double().numpy()
        return {"distance": distances.tolist()}

    @cached_property
    def _backbone(self) -> Path | None:
        return next((folder / BACKBONE for folder in _folders() if (folder / BACKBONE).is_file()), None)

    @cached_property
    def _backbone_digest(self) -> str:
        assert self._backbone is not None
        return sha256_of(self._backbone)

    @cached_property
    def _heads(self) -> Path | None:
        # The package is not imported: it would set up networks of its own.
        package = importlib.util.find_spec("lpips")
        if package is None or not package.origin:
            return None
        path = Path(package.origin).parent / HEADS
        return path if path.is_file() else None

    @cached_property
    def _net(self) -> LpipsNet:
        if reason := self.unavailable():
            raise UserError(f"lpips: {reason}")
        assert self._backbone is not None and self._heads is not None
        return LpipsNet(read_weights(self._backbone), read_weights(self._heads))


def _folders() -> tuple[Path, ...]:
    """Where the backbone is looked for: prepared data, then torch hub's cache."""
    return data_root() / "backbones", Path(torch.hub.get_dir()) / "checkpoints"


def _shape(sample: Sample) -> tuple[int, ...]:
    output, reference = sample.images["output"], sample.images["reference"]
    if output.shape != reference.shape:
        raise ValueError(f"case '{sample.case.id}': output is {output.shape}, reference is {reference.shape}")
    if min(output.shape[:2]) < SMALLEST:
        height, width = output.shape[:2]
        raise ValueError(
            f"case '{sample.case.id}' is {height} x {width} pixels; LPIPS needs {SMALLEST} or more on a side"
        )
    return tuple(output.shape)


def _floats(pictures: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255)


def open_lpips() -> Lpips:
    """The catalogue's factory."""
    return Lpips()
