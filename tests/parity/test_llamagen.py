"""LlamaGen's tokenizer and transformer compute what the published code computes, and have its state dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.published.llamagen_gpt import GPTConfig, LlamaGenGPT
from baselines.published.llamagen_vq import convert, our_key, vq16_config
from baselines.vqgan import VQGAN
from ddt_llama.mllm.sampling import Sampling, probabilities
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


@pytest.fixture(scope="module")
def gpt(open_pack: Callable[[str], Any]) -> tuple[Any, LlamaGenGPT]:
    pack = open_pack("llamagen_gpt")
    fixed = ("model_type", "cls_token_num", "class_dropout_prob", "n_kv_head")  # what the class does not vary
    config = {key: value for key, value in pack.manifest["config"].items() if key not in fixed}
    model = LlamaGenGPT(GPTConfig(**config)).eval()
    assert list(model.state_dict()) == [entry["key"] for entry in pack.manifest["keys"]]
    model.load_state_dict(pack.state)
    return pack, model


@torch.no_grad()
def test_the_transformer_computes_the_published_logits(gpt: tuple[Any, LlamaGenGPT], taps: Any) -> None:
    pack, model = gpt
    labels, codes = pack.expected["input.labels"], pack.expected["input.tokens"]
    pack.same("rotary_table", model.table)
    with taps(pack, model):
        pack.same("logits", model(labels, codes))
    inputs = torch.cat([model.embed_classes(labels), model.tok_embeddings(codes)], dim=1)
    caches = model.new_caches(len(labels))
    steps = range(len(model.table))
    one_by_one = [model.logits(inputs[:, step : step + 1], step, caches) for step in steps]
    pack.same("logits_cached", torch.cat(one_by_one, dim=1))


@pytest.mark.parametrize(
    ("name", "guidance", "interval"),
    [("greedy_nocfg", 1.0, -1), ("greedy_cfg4", 4.0, -1), ("greedy_cfg4_interval5", 4.0, 5)],
)
def test_greedy_generation_is_the_published_one(
    gpt: tuple[Any, LlamaGenGPT], name: str, guidance: float, interval: int
) -> None:
    pack, model = gpt
    seen: list[Tensor] = []

    def best(scores: Tensor, first: int) -> Tensor:
        assert first == len(seen)
        seen.append(scores)
        return scores.argmax(-1)

    codes = model.generate(pack.expected["input.labels"], guidance, best, interval)
    pack.same(f"{name}.indices", codes)
    pack.same(f"{name}.logits", torch.cat(seen, dim=1))


@pytest.mark.parametrize(("name", "top_k", "top_p"), [("k0_p90", 0, 0.9), ("k10_p100", 10, 1.0), ("k30_p70", 30, 0.7)])
def test_what_survives_top_k_and_top_p_is_the_published_set(
    gpt: tuple[Any, LlamaGenGPT], name: str, top_k: int, top_p: float
) -> None:
    pack, _ = gpt
    kept = probabilities(pack.expected["filter.logits"], Sampling(top_k=top_k, top_p=top_p)) > 0
    pack.same(f"filter.keep.{name}", kept.long())


@pytest.mark.parametrize("name", ["manifest_real_gptb_256px", "manifest_real_gptl_256px"])
def test_the_transformer_of_the_published_size_has_the_published_keys(
    open_pack: Callable[[str], Any], name: str
) -> None:
    manifest = open_pack("llamagen_gpt").real(name)
    with torch.device("meta"):
        model = LlamaGenGPT(GPTConfig(**manifest["config"]))
    shapes = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
    assert shapes == [(entry["key"], tuple(entry["shape"])) for entry in manifest["keys"]]
    assert sum(value.numel() for value in model.parameters()) == manifest["parameters"]
