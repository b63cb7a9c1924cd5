"""The instruments ``inception-PROTOCOL``: features of the FID network of 2015-12-05, by six published protocols
(``feature_protocols``).

Two published files hold the same network. The one of pytorch-fid, torch-fidelity and torchmetrics is opened in our own
network (``inception_net``) and gives every layer; NVIDIA's TorchScript, which clean-fid opens, gives pool3 alone. The
digest names which of them was used. Other weights of the same network are the instrument ``inception@[PROTOCOL@]FILE``,
called by their digest.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UserError
from harness.instruments import weights
from harness.instruments.devices import looking
from harness.instruments.feature_protocols import DEFAULT, OTHER, FeatureProtocol, other_weights, protocol_of
from harness.instruments.picture_features import Layers, PictureFeatures
from harness.spec import canonical_json
from harness.weights.located import Located

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


class InceptionExtractor:
    """The layers of pictures by one protocol. ``layers`` default to those that the protocol stores; ``other`` is the
    file of weights that are not the published ones ("": none is named)."""

    def __init__(
        self,
        protocol: FeatureProtocol,
        given: str = "",
        layers: Sequence[str] = (),
        other: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.protocol, self.device = protocol, device
        self.layers = tuple(layers) or ("pool3", *protocol.further, *protocol.of_outputs)
        served = protocol.torchscript and self.layers == ("pool3",)
        published = weights.INCEPTION_EITHER if served else weights.INCEPTION
        self._weights = Located(published, given) if other is None else Located(weights.OTHER_INCEPTION, other)

    def unavailable(self) -> str:
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        what = canonical_json([self._weights.digest, self.protocol.describe(), self.layers])
        return hashlib.sha256(what.encode()).hexdigest()

    def pixels(self, picture: np.ndarray) -> Float[Tensor, "3 299 299"]:
        """An 8-bit picture ``height width 3`` as the network is shown it."""
        import torch

        from harness.instruments import resizing

        values = torch.from_numpy(np.moveaxis(picture, 2, 0).astype(np.float32))
        resize: resizing.Resize = getattr(resizing, self.protocol.filter)
        values = resize(values, resizing.SIDE)
        return (values - 128) / 128 if self.protocol.scale == "(x-128)/128" else 2 * (values / 255) - 1

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[Layers]:
        import torch

        with looking(self.device):
            found = self._net(torch.stack([self.pixels(picture) for picture in pictures]).to(self.device))
        arrays = {layer: values.cpu().numpy() for layer, values in found.items()}
        return [{layer: values[row].copy() for layer, values in arrays.items()} for row in range(len(pictures))]

    @cached_property
    def _net(self) -> Any:
        """From pixels to layers. Raises UserError where the weights are missing or damaged."""
        import torch

        if reason := self.unavailable():
            raise UserError(f"{self.protocol.instrument}: {reason}")
        if self._weights.digest == weights.TORCHSCRIPT_SHA256:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # TorchScript goes; this published file stays
                whole = torch.jit.load(self._weights.path, map_location=self.device).eval()  # type: ignore[no-untyped-call]
            return lambda pixels: {"pool3": whole.layers(pixels).flatten(1)}
        from harness.instruments.inception_net import InceptionNet
        from harness.weights.published_files import read_weights

        net = InceptionNet(read_weights(self._weights.path), self._weights.path.name).to(self.device)
        if self.device == "cpu":  # pools and convolutions of a place's channels side by side take 2/3 of the time there
            net = net.to(memory_format=torch.channels_last)
        return partial(net, layers=self.layers)


def open_inception(protocol: str, given: str = "", device: str = "cpu") -> PictureFeatures:
    """The instrument of a protocol; ``given`` is the path of its weights, or of a folder that holds them."""
    chosen = protocol_of(protocol)
    extractor = InceptionExtractor(chosen, given, device=device)
    return PictureFeatures(chosen.instrument, extractor, "pool3", chosen.further, chosen.of_outputs)


def open_other(argument: str = "", device: str = "cpu") -> PictureFeatures:
    """``inception@[PROTOCOL@]FILE``: the same network with other weights, never called FID. Raises UserError for a file
    that is not there."""
    if not argument:
        nameless = InceptionExtractor(protocol_of(DEFAULT), other="", device=device)
        return PictureFeatures(OTHER, nameless, "pool3")
    protocol, file, rest = other_weights(argument)
    if rest:
        raise UserError(f"'@{rest}' means nothing after the weights {file.name}: leave it out")
    extractor = InceptionExtractor(protocol, other=str(file), device=device)
    return PictureFeatures(protocol.instrument, extractor, "pool3", protocol.further, protocol.of_outputs)


open_clean = partial(open_inception, "clean")
open_legacy_pytorch = partial(open_inception, "legacy-pytorch")
open_legacy_tensorflow = partial(open_inception, "legacy-tensorflow")
open_adm = partial(open_inception, "adm")
open_torch_fidelity = partial(open_inception, "torch-fidelity")
open_torchmetrics = partial(open_inception, "torchmetrics")
