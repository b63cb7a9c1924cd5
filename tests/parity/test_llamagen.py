"""LlamaGen's tokenizer and transformer compute what the published code computes, and have its state dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from baselines.llamagen_vq import convert, our_key, vq16_config
from baselines.vqgan import VQGAN
from harness.errors import UserError

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def vq(open_pack: Callable[[str], Any]) -> tuple[Any, VQGAN]:
    pack = open_pack("llamagen_vq")
    config = {key: value for key, value in pack.manifest["config"].items() if key != "codebook_l2_norm"}
    model = VQGAN(vq16_config(64, **config)).eval()
    model.load_state_dict(convert(pack.state))
    return pack, model


@torch.no_grad()
def test_the_tokenizer_computes_the_published_values(vq: tuple[Any, VQGAN], taps: Any) -> None:
    pack, model = vq
    images = pack.expected["input.image"]
    with taps(pack, model, lambda name: our_key(f"{name}.", 5)[:-1]):
        latents = model.latents(images)
        pack.same("pre_quant", latents)
        straight, loss, indices = model.quantize(latents)
        pack.same("indices", indices)
        pack.same("quantized", model.quantize.lookup(indices))
        pack.same("quantized_straight_through", straight)
        pack.same("decoded", model.render(model.quantize.lookup(indices)))
    pack.same("low_contrast.encoder_out", model.encoder(0.25 + 0.002 * images))
    wanted = pack.expected["training.vq_loss"] + pack.expected["training.commit_loss"]
    assert abs(loss - wanted) <= pack.tolerance * wanted


@torch.no_grad()
def test_the_tokenizer_at_the_border_is_the_same_model(vq: tuple[Any, VQGAN]) -> None:
    pack, model = vq
    codes = model.encode((pack.expected["input.image"] + 1) / 2)
    assert torch.equal(codes, pack.expected["indices"].flatten(1))
    wanted = ((pack.expected["decoded"] + 1) / 2).clamp(0, 1)
    assert (model.decode(codes) - wanted).abs().max() <= pack.tolerance * pack.expected["decoded"].abs().max()


def test_the_tokenizer_of_the_published_size_has_the_published_keys(open_pack: Callable[[str], Any]) -> None:
    manifest = open_pack("llamagen_vq").real("manifest_real_vq16")
    with torch.device("meta"):
        model = VQGAN(vq16_config())
    named = {our_key(entry["key"], 5): tuple(entry["shape"]) for entry in manifest["keys"]}
    assert named.pop(None) == (65536,)  # type: ignore[call-overload]
    assert named == {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert sum(value.numel() for value in model.parameters()) == manifest["parameters"]


def test_a_foreign_key_is_an_error() -> None:
    with pytest.raises(UserError, match="not a key of LlamaGen's tokenizer"):
        our_key("encoder.down.0.block.0.conv1.weight", 5)
