"""The published ways to make Inception features, each by one name that ties resize, rounding, scale, network and
layers.

They disagree on the same pictures, so a distance carries its protocol: ``fid@clean`` and ``fid@adm`` are two metrics.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import UserError, nearest
from harness.images import Rounding
from harness.paths import user_path
from harness.weights.digests import sha256_of

Filter = Literal["bicubic_pillow", "bilinear_torch", "bilinear_antialias", "bilinear_tensorflow1"]
Scale = Literal["(x-128)/128", "2x/255-1"]
PREFIX = "inception-"
OTHER = "inception"
"""What weights that are not the published ones are called: ``inception@[PROTOCOL@]FILE``."""
DEFAULT = "adm"
"""The protocol of the published tables that tokenizers and class-conditional generators are compared in."""
SHOWN_DIGITS = 8


@dataclass(frozen=True)
class FeatureProtocol:
    """``filter`` is a function of ``harness.instruments.resizing``. ``rounding`` is what the library does to float
    images; pictures of a run are 8-bit already, by the rounding of their task, and taken as they are. ``torchscript``:
    NVIDIA's file serves, too, and is what the library itself opens. ``further`` layers are stored of outputs and
    references, ``of_outputs`` of outputs alone. ``weights`` is the digest of weights that are not the published
    ones."""

    name: str
    filter: Filter
    scale: Scale
    rounding: Rounding = "nearest"
    torchscript: bool = False
    further: tuple[str, ...] = ()
    of_outputs: tuple[str, ...] = ()
    weights: str = ""

    @property
    def instrument(self) -> str:
        return f"{PREFIX}other-{self.weights[:SHOWN_DIGITS]}-{self.name}" if self.weights else PREFIX + self.name

    def describe(self) -> Mapping[str, Any]:
        """JSON-able, for fingerprints."""
        return {
            "network": f"Inception, other weights {self.weights[:16]}" if self.weights else "Inception 2015-12-05",
            "resize": f"{self.filter}-299",
            "scale": self.scale,
            "rounding_of_floats": self.rounding,
            "layer": "pool3",
        }


_PROTOCOLS = (
    # clean-fid 0.1.35, mode="clean": float32 through the resize, no second rounding (arXiv 2104.11222)
    FeatureProtocol("clean", "bicubic_pillow", "(x-128)/128", torchscript=True),
    # clean-fid's mode="legacy_pytorch", and pytorch-fid 0.3 itself
    FeatureProtocol("legacy-pytorch", "bilinear_torch", "2x/255-1"),
    # clean-fid's mode="legacy_tensorflow": the resize inside NVIDIA's network
    FeatureProtocol("legacy-tensorflow", "bilinear_tensorflow1", "(x-128)/128", torchscript=True),
    # openai/guided-diffusion, evaluations/evaluator.py; its sample batches are clamp(127.5 x + 128) as bytes
    FeatureProtocol(
        "adm", "bilinear_tensorflow1", "(x-128)/128", further=("spatial",), of_outputs=("logits_unbiased",)
    ),
    # torch-fidelity 0.4, inception-v3-compat, on uint8
    FeatureProtocol("torch-fidelity", "bilinear_tensorflow1", "(x-128)/128", of_outputs=("logits_unbiased",)),
    # torchmetrics 1.9 with antialias=True, its default; normalize=True cuts the fraction off
    FeatureProtocol("torchmetrics", "bilinear_antialias", "(x-128)/128", "truncate", of_outputs=("logits_unbiased",)),
)

PROTOCOLS: Mapping[str, FeatureProtocol] = {protocol.name: protocol for protocol in _PROTOCOLS}


def protocol_of(name: str) -> FeatureProtocol:
    """Raises UserError with the nearest known name, and for weights that are not the published ones."""
    if name.partition("@")[0] == OTHER:
        raise UserError(f"a metric of the published weights is asked of others: with those it is fd@{OTHER}@FILE")
    if name not in PROTOCOLS:
        raise UserError(f"no feature protocol '{name}'{nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def other_weights(argument: str) -> tuple[FeatureProtocol, Path, str]:
    """(protocol, file, what follows) of ``[PROTOCOL@]FILE[@REST]``; a file's name may hold an ``@``.

    Raises UserError for a file that is not there.
    """
    first, _, rest = argument.partition("@")
    protocol, text = (PROTOCOLS[first], rest) if first in PROTOCOLS else (PROTOCOLS[DEFAULT], argument)
    words = text.split("@")
    for count in range(1, len(words) + 1):
        file = user_path("@".join(words[:count]))
        if file.is_file():
            return replace(protocol, weights=sha256_of(file)), file, "@".join(words[count:])
    raise UserError(f"there is no file '{text}': write {OTHER}@[PROTOCOL@]FILE with the network's weights")
