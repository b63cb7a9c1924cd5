"""VAR's transformer computes what the published code computes, and has its state dict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.published.var_transformer import VARTransformer, VARTransformerConfig
from baselines.var import VARConfig, VARTokenizer
from ddt_llama.mllm.sampling import Sampling, probabilities

pytestmark = pytest.mark.parity


def config_of(values: dict[str, Any], vocab_size: int, code_width: int) -> VARTransformerConfig:
    own = ("num_classes", "depth", "embed_dim", "num_heads")
    sizes = {key: values[key] for key in own}
    return VARTransformerConfig(
        **sizes, patch_nums=tuple(values["patch_nums"]), vocab_size=vocab_size, code_width=code_width
    )


@pytest.fixture(scope="module")
def var(open_pack: Callable[[str], Any]) -> tuple[Any, VARTransformer, VARTokenizer]:
    pack = open_pack("var_transformer")
    model = VARTransformer(config_of(pack.manifest["config"], 64, 8)).eval()
    assert set(model.state_dict()) == {entry["key"] for entry in pack.manifest["keys"]}
    model.load_state_dict(model.state_dict() | pack.state)
    named = {key: value for key, value in pack.manifest["vqvae_config"].items() if key != "test_mode"}
    tokenizer = VARTokenizer(VARConfig.from_mapping(named)).eval()
    tokenizer.load_state_dict(open_pack("var_vqvae").state)
    return pack, model, tokenizer


@torch.no_grad()
def test_it_computes_the_published_logits(var: tuple[Any, VARTransformer, VARTokenizer], taps: Any) -> None:
    pack, model, tokenizer = var
    codes = torch.cat([pack.expected[f"input.tokens.{scale}"] for scale in range(5)], dim=1)
    maps = tokenizer.quantize.next_scale_input(codes)
    pack.same("teacher_input", maps)
    with taps(pack, model):
        pack.same("logits", model(pack.expected["input.labels"], maps))


@pytest.mark.parametrize(("name", "guidance"), [("greedy", 1.5), ("greedy_cfg4", 4.0)])
def test_greedy_generation_is_the_published_one(
    var: tuple[Any, VARTransformer, VARTokenizer], name: str, guidance: float
) -> None:
    pack, model, tokenizer = var
    seen: list[Tensor] = []

    def best(scores: Tensor, first: int) -> Tensor:
        assert first == sum(part.shape[1] for part in seen)
        seen.append(scores)
        return scores.argmax(-1)

    codes = model.generate(pack.expected["input.labels"], guidance, best, tokenizer.quantize)
    pack.same(f"{name}.indices", codes)
    pack.same(f"{name}.guided_logits", torch.cat(seen, dim=1))
    pack.same(f"{name}.image", tokenizer.decode(codes))


@pytest.mark.parametrize(("name", "top_k", "top_p"), [("k0_p90", 0, 0.9), ("k10_p0", 10, 1.0), ("k30_p70", 30, 0.7)])
def test_what_survives_top_k_and_top_p_is_the_published_set(
    var: tuple[Any, VARTransformer, VARTokenizer], name: str, top_k: int, top_p: float
) -> None:
    """``p0`` is the published way to switch top-p off."""
    pack, _, _ = var
    scores = pack.expected["filter.logits"]
    kept = probabilities(scores.flatten(0, 1), Sampling(top_k=top_k, top_p=top_p)) > 0
    pack.same(f"filter.keep.{name}", kept.view_as(scores).long())


def test_the_published_size_has_the_published_keys(open_pack: Callable[[str], Any]) -> None:
    manifest = open_pack("var_transformer").real("manifest_real_d16")
    with torch.device("meta"):
        model = VARTransformer(config_of(manifest["config"], 4096, 32))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert shapes == {entry["key"]: tuple(entry["shape"]) for entry in manifest["keys"]}
    assert sum(value.numel() for value in model.parameters()) == manifest["parameters"]
