"""The FID network equals pytorch-fid's on drawn weights: every key, every layer, resized or not."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.errors import UserError
from harness.instruments.inception_net import WIDTHS, InceptionNet
from harness.instruments.resizing import bilinear_torch

pytestmark = pytest.mark.parity


def images(name: str, side: int, block: int) -> Tensor:
    """The rule of the manifest: noise on blocks."""

    def draw(key: str, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=torch.Generator("cpu").manual_seed(zlib.crc32(key.encode())))

    blocks = draw(f"{name}.blocks", (4, 3, side // block, side // block))
    blocks = blocks.repeat_interleave(block, 2).repeat_interleave(block, 3)
    return 0.3 * draw(name, (4, 3, side, side)) + 0.7 * blocks


@pytest.fixture(scope="module")
def drawn(open_pack: Callable[[str], Any]) -> tuple[Any, InceptionNet]:
    found = open_pack("fid_inception")
    return found, InceptionNet(found.state)


LAYERS = {"64": "block0.mean", "192": "block1.mean", "768": "block2.mean", "pool3": "pool3"}


@pytest.mark.parametrize(("side", "block"), [(299, 23), (64, 8)])
def test_every_layer_is_that_of_pytorch_fid(drawn: tuple[Any, InceptionNet], side: int, block: int) -> None:
    found, net = drawn
    name = f"images{side}"
    shown = images(f"input.{name}", side, block)
    if side == 64:
        assert torch.equal(shown, found.expected["input.images64"])
    pixels = torch.stack([bilinear_torch(255 * image) for image in shown[:2]])
    if side == 64:
        assert (pixels[:1, :, ::23, ::23] / 255 - found.expected["resized299.images64"]).abs().max() < 1e-6
    with torch.inference_mode():
        layers = net(2 * pixels / 255 - 1, (*LAYERS, "spatial", "logits", "logits_unbiased"))
    for layer, key in LAYERS.items():
        wanted = found.expected[f"{name}.{key}"][:2]
        assert (layers[layer] - wanted).abs().max() <= found.tolerance * wanted.abs().max(), layer
    assert {layer: value.shape for layer, value in layers.items()} == {layer: (2, WIDTHS[layer]) for layer in layers}
    assert torch.allclose(layers["logits"] - layers["logits_unbiased"], net.fc.bias, atol=1e-4)


def test_no_batch_norm_is_left_to_compute(drawn: tuple[Any, InceptionNet]) -> None:
    """A scale and a shift are in the convolutions, which is where a sixth of the time on a CPU was."""
    state, net = drawn[0].state, drawn[1]
    assert not [name for name, module in net.named_modules() if isinstance(module, nn.BatchNorm2d)]
    first, shown = net.Conv2d_1a_3x3, torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0)).double()
    key = "Conv2d_1a_3x3"
    convolved = functional.conv2d(shown, state[f"{key}.conv.weight"].double(), stride=2)
    norm = [state[f"{key}.bn.{part}"].double() for part in ("running_mean", "running_var", "weight", "bias")]
    wanted = functional.batch_norm(convolved, *norm, eps=1e-3).relu()
    assert (first(shown.float()) - wanted).abs().max() <= 1e-6 * wanted.max()


def test_other_weights_are_named(drawn: tuple[Any, InceptionNet]) -> None:
    state = dict(drawn[0].state)
    without = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert torch.equal(InceptionNet(without).fc.weight, state["fc.weight"])
    with pytest.raises(UserError, match=r"x\.pth does not fit: 1 keys missing \['fc\.bias'\]"):
        InceptionNet({key: value for key, value in state.items() if key != "fc.bias"}, "x.pth")
    with pytest.raises(UserError, match=r"'fc\.weight' is \(1000, 2048\)"):
        InceptionNet({**state, "fc.weight": torch.zeros(1000, 2048)})


def test_an_unknown_layer_is_refused(drawn: tuple[Any, InceptionNet]) -> None:
    with pytest.raises(ValueError, match=r"unknown layers \['2048'\]: 64, 192"):
        drawn[1](torch.zeros(1, 3, 299, 299), ("2048",))
