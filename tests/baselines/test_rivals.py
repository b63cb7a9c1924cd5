"""VQGAN and VAR's tokenizer: what absent codes mean, and how checkpoints are opened. Published values: tests/parity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from baselines.convnet import ConvNetConfig
from baselines.recipes import SMALL_VAR, SMALL_VQGAN
from baselines.var import VARConfig, VARTokenizer, open_var, phi_of_scale
from baselines.vqgan import VQGAN, VQGANConfig, nearest_codes, open_vqgan
from harness.errors import UserError
from harness.weights.checkpoints import save_checkpoint

# float32 sums of another order; images lie in [0, 1]
TOLERANCE = 1e-5


def random_codes(model: VQGAN | VARTokenizer, count: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(model.codebook_size, (count, model.code_count), generator=generator)


def test_bits_per_image_are_within_ten_percent_of_each_other() -> None:
    assert VQGAN(SMALL_VQGAN).code_count * 8 == 512 and SMALL_VQGAN.n_embed == 2**8
    assert VARTokenizer(SMALL_VAR).code_count * 6 == 510 and SMALL_VAR.vocab_size == 2**6


@pytest.mark.parametrize("name", ["vqgan", "var"])
def test_hidden_codes_cannot_be_seen(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    first, second = random_codes(model, seed=1), random_codes(model, seed=2)
    visible = torch.rand(first.shape, generator=torch.Generator().manual_seed(3)) < 0.5
    mixed = torch.where(visible, first, second)
    assert torch.equal(model.decode(first, visible), model.decode(mixed, visible))
    assert (model.decode(first) - model.decode(mixed)).abs().max() > 1e-3
    assert torch.equal(model.decode(first, torch.ones_like(visible)), model.decode(first))


def test_vqgan_absent_codes_are_the_mean_vector(vqgan: VQGAN) -> None:
    codes = random_codes(vqgan)
    mean = vqgan.quantize.embedding.weight.mean(0).view(1, -1, 1, 1).expand(4, -1, vqgan.side, vqgan.side)
    wanted = ((vqgan.render(mean) + 1) / 2).clamp(0, 1)
    found = vqgan.decode(codes, torch.zeros(codes.shape, dtype=torch.bool))
    assert (found - wanted).abs().max() <= TOLERANCE


def test_var_absent_scales_add_nothing(var: VARTokenizer) -> None:
    codes = random_codes(var)
    nothing = var.quantize.rebuild(codes, torch.zeros(codes.shape, dtype=torch.bool))
    assert not nothing.any()
    parts, shown, total = [], 0, torch.zeros_like(nothing)
    for scale, side in enumerate(var.config.v_patch_nums):
        only = torch.zeros(codes.shape, dtype=torch.bool)
        only[:, shown : shown + side * side] = True
        shown += side * side
        parts.append(var.quantize.rebuild(codes, only))
        wanted = var.quantize.raise_map(var.quantize.lookup(var.quantize.split(codes)[scale]), scale)
        assert (parts[-1] - wanted).abs().max() <= TOLERANCE
        total = total + parts[-1]
    assert (var.quantize.rebuild(codes, None) - total).abs().max() <= TOLERANCE * total.abs().max()


def test_var_masks_differ_between_the_images_of_a_batch(var: VARTokenizer) -> None:
    codes = random_codes(var, 2)
    visible = torch.ones(codes.shape, dtype=torch.bool)
    visible[1] = False
    both = var.decode(codes, visible)
    assert (both[0] - var.decode(codes[:1])[0]).abs().max() <= TOLERANCE
    assert (both[1] - var.decode(codes[1:], visible[1:])[0]).abs().max() <= TOLERANCE


def test_var_codes_rebuild_the_map_that_encoding_ended_with(var: VARTokenizer, images: Tensor) -> None:
    with torch.no_grad():
        _, maps = var.quantize.encode(var.latents(images * 2 - 1))
        rebuilt = var.quantize.rebuild(var.encode(images), None)
    assert (rebuilt - maps[-1]).abs().max() <= TOLERANCE * maps[-1].abs().max()


@given(filters=st.integers(2, 8), scales=st.integers(2, 16))
def test_phi_filters_are_taken_in_order_from_first_to_last(filters: int, scales: int) -> None:
    chosen = phi_of_scale(filters, scales)
    assert len(chosen) == scales and chosen == tuple(sorted(chosen))
    assert chosen[0] == 0 and chosen[-1] == filters - 1


@given(seed=st.integers(0, 1000))
def test_nearest_codes_are_the_nearest(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    codebook = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    assert torch.equal(nearest_codes(points, codebook), torch.cdist(points, codebook).argmin(1))


def test_configurations_survive_json_and_refuse_unknown_keys() -> None:
    assert VQGANConfig.from_mapping(SMALL_VQGAN.to_mapping()) == SMALL_VQGAN
    assert VARConfig.from_mapping(SMALL_VAR.to_mapping()) == SMALL_VAR
    with pytest.raises(TypeError, match="depth"):
        VARConfig.from_mapping(SMALL_VAR.to_mapping() | {"depth": 3})
    with pytest.raises(ValueError, match="double_z"):
        ConvNetConfig.from_mapping(SMALL_VQGAN.convnet.to_mapping() | {"double_z": True})
    with pytest.raises(ValueError, match="share_quant_resi"):
        VARTokenizer(replace(SMALL_VAR, share_quant_resi=1))


@pytest.mark.parametrize(("name", "opener"), [("vqgan", open_vqgan), ("var", open_var)])
def test_checkpoints_open_as_what_was_saved(
    name: str, opener: object, request: pytest.FixtureRequest, tmp_path: Path, images: Tensor
) -> None:
    model = request.getfixturevalue(name)
    folder = save_checkpoint(
        tmp_path / "good", name, model.state_dict(), {"config": model.config.to_mapping()}, half=False
    )
    opened = opener(str(folder), "cpu")  # type: ignore[operator]
    assert not opened.training and not any(parameter.requires_grad for parameter in opened.parameters())
    codes = model.encode(images)
    assert torch.equal(opened.encode(images), codes) and torch.equal(opened.decode(codes), model.decode(codes))
    other = save_checkpoint(tmp_path / "other", "ddt", model.state_dict(), {"config": model.config.to_mapping()})
    with pytest.raises(UserError, match=f"not a '{name}'"):
        opener(str(other), "cpu")  # type: ignore[operator]
    state = dict(model.state_dict())
    state["quant_conv.bias"] = torch.zeros(3)
    shape = save_checkpoint(tmp_path / "shape", name, state, {"config": model.config.to_mapping()})
    with pytest.raises(UserError, match=r"quant_conv\.bias"):
        opener(str(shape), "cpu")  # type: ignore[operator]
