"""Doors for weights that others publish, opened by path: ``taming-vqgan@FILE``, ``var-d16@FOLDER`` and so on.

``#NAME`` after the file asks for one set of its weights (``@FILE#ema``); by default it is the one that the publisher's
own code takes. The classes are those of the small models; the published sizes are the default. A file of another size
says its own in a ``NAME.json`` beside it, under the names of the configuration class. Every key of a file is used or
named as unused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from baselines.class_subject import ClassSubject, Pick
from baselines.convnet import ConvNetConfig
from baselines.published import llamagen_vq
from baselines.published.llamagen_gpt import GPTConfig, LlamaGenGPT
from baselines.published.var_transformer import VARTransformer, VARTransformerConfig
from baselines.var import MultiScaleQuantizer, VARConfig, VARTokenizer
from baselines.vqgan import VQGAN, VQGANConfig
from ddt_llama.mllm.sampling import Sampling
from harness.errors import UserError
from harness.weights.checkpoints import fill_module
from harness.weights.digests import digest_of_files
from harness.weights.places import published
from harness.weights.published_files import read_chosen, sizes_beside, split_choice, without

LLAMAGEN_VQ_NESTS = ("ema", "model", "state_dict")
"""LlamaGen's own evaluation of its tokenizer takes the average where there is one
(tokenizer/tokenizer_image/reconstruction_vq_ddp.py at ce98ec4)."""
LLAMAGEN_GPT_NESTS = ("model", "module", "state_dict")
"""Its sampling takes the model itself, of tokenizer and transformer (autoregressive/sample/sample_c2i_ddp.py)."""
TAMING_FILES = ("last.ckpt", "model.ckpt")
LLAMAGEN_VQ_FILES = ("vq_ds16_c2i.pt", "vq_ds16_t2i.pt")
VAR_VAE_FILES = ("vae_ch160v4096z32.pth",)
LLAMAGEN_GPT_FILES = tuple(
    f"c2i_{size}.pt" for size in ("B_256", "L_256", "B_384", "L_384", "XL_384", "XXL_384", "3B_384")
)

VAR_VAE = VARConfig(vocab_size=4096, z_channels=32, ch=160, v_patch_nums=(1, 2, 3, 4, 5, 6, 8, 10, 13, 16))
"""``vae_ch160v4096z32.pth`` at 256 px (models/__init__.py of FoundationVision/VAR at 78b9539)."""
VAR_SAMPLING = Sampling(top_k=900, top_p=0.96, guidance=1.5)
"""What VAR's README gives for its FID; without its option ``more_smooth``."""
GPT_HEADS = {(768, 12): 12, (1024, 24): 16, (1280, 36): 20, (1536, 48): 24, (3200, 24): 32}
"""Heads of GPT-B, L, XL, XXL and 3B by (width, layers) (autoregressive/models/gpt.py of FoundationVision/LlamaGen)."""
GPT_GUIDANCE = {768: 2.0, 1024: 2.0, 1280: 1.75, 1536: 1.75, 3200: 1.65}
"""By width, without top-k and top-p, at 384 px (GETTING_STARTED.md there)."""


def taming_config(n_embed: int) -> VQGANConfig:
    """The f16 models of taming-transformers (configs/imagenet_vqgan.yaml at 3ba01b2), with 1,024 or 16,384 codes. The
    repository has no file for 16,384: the sizes are those of 1,024, which is to be checked against the ``model.yaml``
    that comes with the weights."""
    return VQGANConfig(256, n_embed, ConvNetConfig(128, (1, 1, 2, 2, 4), 2, (16,), 256, 256))


def _filled(model: nn.Module, state: Mapping[str, Tensor], path: Path, device: str) -> Any:
    try:
        fill_module(model, state, str(path))
    except UserError as error:
        cure = f"if its sizes are not the published ones, put them in {path.with_suffix('.json').name} beside it"
        raise UserError(f"{error}; {cure}") from error
    return placed(model, device)


def placed(model: nn.Module, device: str) -> Any:
    """On its device and no longer trained. On a CPU the channels of a place lie side by side, as its convolutions,
    norms and pools take them fastest; values differ by rounding alone."""
    model = model.to(device).eval().requires_grad_(False)
    return model.to(memory_format=torch.channels_last) if device == "cpu" else model


def _shape(state: Mapping[str, Tensor], key: str, path: Path, what: str) -> Sequence[int]:
    if key not in state:
        raise UserError(f"{path} is not {what}: it has no '{key}' (its first keys: {', '.join(list(state)[:2])})")
    return state[key].shape


def open_taming_vqgan(source: str, device: str) -> VQGAN:
    """``taming-vqgan@FILE``: a checkpoint of taming-transformers, whose ``loss.*`` keys (discriminator, LPIPS) are left
    out by name."""
    source, asked = split_choice(source)
    path = published(*TAMING_FILES).find(source)
    whole, chosen = read_chosen(path, ("state_dict",), asked)
    state = without(whole, "loss.")
    codes, _ = _shape(
        state, "quantize.embedding.weight", path, "a VQGAN of taming-transformers with a nearest-code codebook"
    )
    sizes = sizes_beside(path)
    config = VQGANConfig.from_mapping(sizes) if sizes else taming_config(codes)
    model: VQGAN = _filled(VQGAN(config), state, path, device)
    model.checkpoint_digest, model.chosen_weights = digest_of_files(path), chosen
    return model


def open_llamagen_vq(
    source: str, device: str, image_size: int = 256, nests: Sequence[str] = LLAMAGEN_VQ_NESTS
) -> VQGAN:
    """``llamagen-vq@FILE[#NAME]``: VQ-16 at 256 px. Published code makes 8-bit pixels by clamp(127.5 x + 128); here
    they are rounded to nearest, as for every subject."""
    source, asked = split_choice(source)
    path = published(*LLAMAGEN_VQ_FILES).find(source)
    state, chosen = read_chosen(path, nests, asked)
    _shape(state, "quantize.codebook_used", path, "LlamaGen's tokenizer")
    config = llamagen_vq.vq16_config(**{"image_size": image_size, **sizes_beside(path)})
    levels = len(config.convnet.ch_mult)
    model: VQGAN = _filled(VQGAN(config), llamagen_vq.convert(state, levels), path, device)
    model.checkpoint_digest, model.chosen_weights = digest_of_files(path), chosen
    return model


def open_var_vae(source: str, device: str) -> VARTokenizer:
    """``var-vae@FILE``: VAR's published tokenizer at 256 px."""
    source, asked = split_choice(source)
    path = published(*VAR_VAE_FILES).find(source)
    state, chosen = read_chosen(path, asked=asked)
    _shape(state, "quantize.ema_vocab_hit_SV", path, "VAR's tokenizer")
    sizes = sizes_beside(path)
    model: VARTokenizer = _filled(
        VARTokenizer(VARConfig.from_mapping(sizes) if sizes else VAR_VAE), state, path, device
    )
    model.checkpoint_digest, model.chosen_weights = digest_of_files(path), chosen
    return model


@dataclass(frozen=True)
class ScaleByScale:
    """VAR's transformer with the quantiser between its scales."""

    transformer: VARTransformer
    quantizer: MultiScaleQuantizer

    @property
    def class_count(self) -> int:
        return self.transformer.class_count

    def generate(self, labels: Int[Tensor, " B"], guidance: float, pick: Pick) -> Int[Tensor, "B codes"]:
        return self.transformer.generate(labels, guidance, pick, self.quantizer)


def open_var(source: str, device: str, depth: int) -> ClassSubject:
    """``var-dDEPTH@FOLDER``: a transformer of VAR with its tokenizer's file beside it."""
    source, asked = split_choice(source)
    path = published(f"var_d{depth}.pth").find(source)
    vae = published(*VAR_VAE_FILES).find(str(path.parent))
    tokenizer, (state, chosen) = open_var_vae(str(vae), device), read_chosen(path, asked=asked)
    _shape(state, "pos_1LC", path, "a transformer of VAR")
    sizes = {"depth": depth, "embed_dim": 64 * depth, "num_heads": depth, **sizes_beside(path)}
    config = VARTransformerConfig(
        **sizes,
        patch_nums=tokenizer.config.v_patch_nums,
        vocab_size=tokenizer.codebook_size,
        code_width=tokenizer.config.z_channels,
    )
    model: VARTransformer = _filled(VARTransformer(config), state, path, device)
    together = ScaleByScale(model, tokenizer.quantize)
    return ClassSubject(together, tokenizer, VAR_SAMPLING, digest_of_files(path, vae), chosen)


open_var_d16, open_var_d20, open_var_d24, open_var_d30 = (partial(open_var, depth=depth) for depth in (16, 20, 24, 30))


def open_llamagen_gpt(source: str, device: str) -> ClassSubject:
    """``llamagen-gpt@FOLDER`` or ``@FILE``: a class-conditional transformer with its tokenizer's file beside it. A
    file does not hold how many heads it has nor its picture's size: the heads are looked up by its sizes, the
    picture's size is what its published name ends in. Pictures of 384 px stay so; the published FIDs resize them to
    256."""
    source, asked = split_choice(source)
    path = published(*LLAMAGEN_GPT_FILES).find(source)
    vq = published(*LLAMAGEN_VQ_FILES).find(str(path.parent))
    state, chosen = read_chosen(path, LLAMAGEN_GPT_NESTS, asked)
    vocabulary, width = _shape(state, "output.weight", path, "a transformer of LlamaGen")
    _shape(state, "cls_embedding.embedding_table.weight", path, "a class-conditional transformer of LlamaGen")
    layers = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("layers."))
    sizes = sizes_beside(path) or _gpt_sizes(path, width, layers)
    config = GPTConfig(**{"dim": width, "n_layer": layers, "vocab_size": vocabulary, **sizes})
    model: LlamaGenGPT = _filled(LlamaGenGPT(config), without(state, "freqs_cis"), path, device)
    coarser = len(llamagen_vq.vq16_config(**sizes_beside(vq)).convnet.ch_mult) - 1
    tokenizer = open_llamagen_vq(str(vq), device, round(config.block_size**0.5) << coarser, LLAMAGEN_GPT_NESTS)
    if tokenizer.code_count != config.block_size or tokenizer.codebook_size != vocabulary:
        raise UserError(
            f"{path} speaks {config.block_size} codes of {vocabulary}, "
            f"{vq} has {tokenizer.code_count} of {tokenizer.codebook_size}"
        )
    sampling = Sampling(guidance=GPT_GUIDANCE.get(width, 2.0))
    return ClassSubject(model, tokenizer, sampling, digest_of_files(path, vq), chosen)


def _gpt_sizes(path: Path, width: int, layers: int) -> dict[str, int]:
    if (width, layers) not in GPT_HEADS:
        raise UserError(
            f"{path} has {layers} layers of width {width}, which is not a published size: "
            f"say n_head and block_size in {path.with_suffix('.json').name} beside it"
        )
    size = re.search(r"_(256|384)$", path.stem)
    if not size:
        raise UserError(
            f"{path}: nothing in the file says whether its pictures have 256 or 384 px: keep its published name, "
            "which ends in that"
        )
    return {"n_head": GPT_HEADS[width, layers], "block_size": (int(size[1]) // 16) ** 2}
