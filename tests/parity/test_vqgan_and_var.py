"""VQGAN and VAR's tokenizer compute what the published code computes, and have its state dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from baselines.var import VARConfig, VARTokenizer, phi_of_scale
from baselines.vqgan import VQGAN, VQGANConfig

pytestmark = pytest.mark.parity


def shapes(module: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [(key, tuple(value.shape)) for key, value in module.state_dict().items()]


def listed(manifest: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    return [(entry["key"], tuple(entry["shape"])) for entry in manifest["keys"]]


def var_config(manifest: dict[str, Any]) -> VARConfig:
    return VARConfig.from_mapping({key: value for key, value in manifest["config"].items() if key != "test_mode"})


@pytest.fixture(scope="module")
def vqgan(open_pack: Callable[[str], Any]) -> tuple[Any, VQGAN]:
    pack = open_pack("vqgan")
    model = VQGAN(VQGANConfig.from_mapping(pack.manifest["config"])).eval()
    assert shapes(model) == listed(pack.manifest)
    model.load_state_dict(pack.state)
    return pack, model


@pytest.fixture(scope="module")
def var(open_pack: Callable[[str], Any]) -> tuple[Any, VARTokenizer]:
    pack = open_pack("var_vqvae")
    model = VARTokenizer(var_config(pack.manifest)).eval()
    assert shapes(model) == listed(pack.manifest)
    model.load_state_dict(pack.state)
    return pack, model


@torch.no_grad()
def test_vqgan_computes_the_published_values(vqgan: tuple[Any, VQGAN], taps: Any) -> None:
    pack, model = vqgan
    images = pack.expected["input.image"]
    with taps(pack, model):
        pack.same("encoder_out", model.encoder(images))
        latents = model.latents(images)
        pack.same("pre_quant", latents)
        straight, loss, indices = model.quantize(latents)
        pack.same("indices", indices)
        pack.same("codebook_loss", loss)
        pack.same("quantized_straight_through", straight)
        pack.same("quantized", model.quantize.lookup(indices))
        pack.same("post_quant_conv_out", model.post_quant_conv(straight))
        pack.same("decoded", model.render(model.quantize.lookup(indices)))
    pack.same("low_contrast.encoder_out", model.encoder(0.25 + 0.002 * images))


@torch.no_grad()
def test_vqgan_at_the_border_is_the_same_model(vqgan: tuple[Any, VQGAN]) -> None:
    pack, model = vqgan
    codes = model.encode((pack.expected["input.image"] + 1) / 2)
    assert torch.equal(codes, pack.expected["indices"].flatten(1))
    wanted = ((pack.expected["decoded"] + 1) / 2).clamp(0, 1)
    assert (model.decode(codes) - wanted).abs().max() <= pack.tolerance * pack.expected["decoded"].abs().max()


@torch.no_grad()
def test_var_computes_the_published_values(var: tuple[Any, VARTokenizer], taps: Any) -> None:
    pack, model = var
    images, last = pack.expected["input.image"], len(model.config.v_patch_nums) - 1
    with taps(pack, model):
        pack.same("encoder_out", model.encoder(images))
        latents = model.latents(images)
        pack.same("pre_quant", latents)
        codes, maps = model.quantize.encode(latents)
        for scale in range(last + 1):
            pack.same(f"indices.{scale}", codes[scale].flatten(1))
            pack.same(f"f_hat.{scale}", maps[scale])
        pack.same("post_quant_conv_out", model.post_quant_conv(maps[-1]))
        pack.same("decoded_unclamped", model.render(maps[-1]))
    pack.same("decoded", model.render(maps[-1]).clamp(-1, 1))
    for scale in range(last):
        pack.same(f"decoded_upto_scale.{scale}", model.render(maps[scale]).clamp(-1, 1)[:, :, ::4, ::4])
    flat = torch.cat([part.flatten(1) for part in codes], dim=1)
    pack.same("var_input", model.quantize.next_scale_input(flat))
    rebuilt, loss, _ = model.quantize(latents)
    pack.same("training.f_hat", rebuilt)
    pack.same("training.vq_loss", loss)
    pack.same("low_contrast.encoder_out", model.encoder(0.25 + 0.002 * images))


@torch.no_grad()
def test_var_progressive_decoding_is_the_published_one(var: tuple[Any, VARTokenizer]) -> None:
    """Showing the first scales only gives what the published code decodes up to that scale."""
    pack, model = var
    codes = model.encode((pack.expected["input.image"] + 1) / 2)
    shown = 0
    for scale, side in enumerate(model.config.v_patch_nums):
        shown += side * side
        visible = (torch.arange(model.code_count) < shown).expand_as(codes)
        signed = model.decode(codes, visible) * 2 - 1
        if side == model.config.v_patch_nums[-1]:
            pack.same("decoded", signed)
        else:
            pack.same(f"decoded_upto_scale.{scale}", signed[:, :, ::4, ::4])


def test_phi_filters_are_shared_as_published(open_pack: Callable[[str], Any]) -> None:
    pack = open_pack("var_vqvae")
    assert list(phi_of_scale(4, 5)) == pack.manifest["phi_index_per_scale"]
    assert list(phi_of_scale(4, 10)) == pack.real("manifest_real_v4096_z32_ch160")["phi_index_per_scale"]


@pytest.mark.parametrize("name", ["manifest_real_f16_1024", "manifest_real_f16_16384"])
def test_vqgan_of_the_published_size_has_the_published_keys(open_pack: Callable[[str], Any], name: str) -> None:
    manifest = open_pack("vqgan").real(name)
    with torch.device("meta"):
        model = VQGAN(VQGANConfig.from_mapping(manifest["config"]))
    assert shapes(model) == listed(manifest)
    # the count stated for the first size leaves nothing out
    assert sum(value.numel() for value in model.parameters()) == manifest.get("parameters", 72_141_699)


def test_var_of_the_published_size_has_the_published_keys(open_pack: Callable[[str], Any]) -> None:
    manifest = open_pack("var_vqvae").real("manifest_real_v4096_z32_ch160")
    with torch.device("meta"):
        model = VARTokenizer(var_config(manifest))
    assert shapes(model) == listed(manifest)
    assert (model.image_size, model.code_count, model.codebook_size) == (256, 680, 4096)
