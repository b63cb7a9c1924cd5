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
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from harness.contracts import Sample
from harness.errors import UserError
from harness.instruments.devices import looking
from harness.instruments.weights import ALEXNET, LPIPS_HEADS
from harness.paths import user_path
from harness.weights.checkpoints import fill_module
from harness.weights.fitting import require_whole
from harness.weights.located import Located
from harness.weights.published_files import read_weights

HEADS = "alex.pth"
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

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        """``given``: the backbone's file, or a folder that holds it (and the heads, where the package is not here)."""
        self.device = device
        self._backbone = Located(ALEXNET, given)
        beside = user_path(given) / HEADS
        self._heads = Located(LPIPS_HEADS, str(beside) if given and beside.is_file() else "")

    def unavailable(self) -> str:
        return self._heads.problem() or self._backbone.problem()

    @cached_property
    def digest(self) -> str:
        """Of both files. Raises UserError where one is missing."""
        if reason := self.unavailable():
            raise UserError(f"lpips: {reason}")
        return hashlib.sha256(f"{self._backbone.digest}\n{self._heads.digest}".encode()).hexdigest()

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
                with looking(self.device):
                    found = self._net(output.to(self.device), reference.to(self.device))
                distances[places] = found.double().cpu().numpy()
        return {"distance": distances.tolist()}

    @cached_property
    def _net(self) -> LpipsNet:
        if reason := self.unavailable():
            raise UserError(f"lpips: {reason}")
        return LpipsNet(read_weights(self._backbone.path), read_weights(self._heads.path)).to(self.device)


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


def open_lpips(given: str = "", device: str = "cpu") -> Lpips:
    """The catalogue's factory; ``given`` is the backbone's file or a folder that holds it."""
    return Lpips(given, device)
