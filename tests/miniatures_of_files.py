"""Tiny files in the format that others publish: their key names, their nesting, their bookkeeping beside the weights.

Load this file by its path: ``tests`` is never imported by name. Each function writes into a folder and returns what
follows the ``@``. Key names come from the parity packs, or from our classes where those have the published ones.
"""

from __future__ import annotations

import importlib.util
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from baselines.convnet import ConvNetConfig
from baselines.published.var_transformer import VARTransformer, VARTransformerConfig
from baselines.var import VARConfig, VARTokenizer
from baselines.vqgan import VQGAN, VQGANConfig
from ddt_llama.tokenizer.layers import code_positions, sinusoid

PARITY = Path(__file__).parent / "parity"
SELFTOK_SIZES = {
    "image_size": 64,
    "codes": 16,
    "codebook": {"codebook_size": 256},
    "encoder": {"depth": 2, "width": 32, "heads": 4, "query_width": 48, "query_heads": 4, "table": 16},
    "decoder": {"depth": 2, "width": 128, "heads": 2, "table": 12},
    "schedule": {"kind": "stages", "stage_ends": [0.2, 0.4, 0.6, 0.8, 1.0], "stage_codes": [6, 5, 2, 2, 1]},
    "sampler_steps": 2,
}


def _pack(name: str, **shapes: list[int]) -> dict[str, Tensor]:
    """A parity pack's state by its fill rule, kept tables as zeros; ``shapes`` replaces a key's shape (dots as
    ``__``)."""
    spec = importlib.util.spec_from_file_location("ddtbench_parity", PARITY / "conftest.py")
    assert spec and spec.loader
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    entries = json.loads((PARITY / name / "manifest.json").read_text())["keys"]
    state = {entry["key"]: rule.filled(entry) for entry in entries}
    for entry in entries:
        if state[entry["key"]] is None:
            state[entry["key"]] = torch.zeros(entry["shape"])
    for key, shape in shapes.items():
        name_of = key.replace("__", ".")
        state[name_of] = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return state


def _write(path: Path, value: Any, sizes: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path)
    path.with_suffix(".json").write_text(json.dumps(sizes))
    return str(path)


def taming_vqgan(folder: Path) -> str:
    """As its trainer writes it: nested, with a discriminator and callbacks beside the weights."""
    torch.manual_seed(0)
    config = VQGANConfig(8, 64, ConvNetConfig(8, (1, 2), 1, (16,), 32, 16, norm_groups=4))
    state = {**VQGAN(config).state_dict(), "loss.discriminator.main.0.weight": torch.zeros(2, 3, 4, 4)}
    beside = {"epoch": 3, "callbacks": {"best": Namespace(path="gone")}, "global_step": 7}
    return _write(folder / "last.ckpt", {"state_dict": state, **beside}, config.to_mapping())


def llamagen_vq(folder: Path, codes: int = 256) -> str:
    state = _pack("llamagen_vq", quantize__embedding__weight=[codes, 8])
    sizes = {"ch": 32, "z_channels": 32, "codebook_size": codes, "image_size": 64}
    return _write(folder / "vq_ds16_c2i.pt", {"model": state, "args": Namespace(steps=1)}, sizes)


def llamagen_gpt(folder: Path) -> str:
    llamagen_vq(folder, 64)
    sizes = {"n_head": 4, "block_size": 16, "num_classes": 10, "multiple_of": 16}
    _write(folder / "c2i_B_256.pt", {"model": _pack("llamagen_gpt")}, sizes)
    return str(folder)


def var_vae(folder: Path) -> str:
    torch.manual_seed(0)
    config = VARConfig(64, 8, 8, (1, 2, 4), ch_mult=(1, 2), num_res_blocks=1, norm_groups=4)
    return _write(folder / "vae_ch160v4096z32.pth", VARTokenizer(config).state_dict(), config.to_mapping())


def var_transformer(folder: Path, depth: int = 16) -> str:
    var_vae(folder)
    torch.manual_seed(1)
    sizes = {"depth": 2, "embed_dim": 32, "num_heads": 2, "num_classes": 10}
    model = VARTransformer(VARTransformerConfig(**sizes, patch_nums=(1, 2, 4), vocab_size=64, code_width=8))
    _write(folder / f"var_d{depth}.pth", model.state_dict(), sizes)
    return str(folder)


def selftok(folder: Path) -> str:
    _write(folder / "tokenizer_512_ckpt.pth", {"state_dict": _with_positions(_pack("selftok"))}, SELFTOK_SIZES)
    autoencoder(folder / "vae")
    return str(folder)


def selftok_renderer(folder: Path) -> str:
    _write(folder / "renderer_512_ckpt.pth", _with_positions(_pack("selftok_renderer")), SELFTOK_SIZES)
    autoencoder(folder / "vae")
    return str(folder)


def _with_positions(state: dict[str, Tensor]) -> dict[str, Tensor]:
    state["model.context_pos_embed"] = sinusoid(code_positions(16), 128, cosine_first=False)[None]
    return state


def autoencoder(folder: Path, scaling_factor: float = 1.5305) -> None:
    """In the place of Stable Diffusion 3's: 16 channels, eight times smaller."""
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=16,
        norm_num_groups=4,
        layers_per_block=1,
        shift_factor=0.0609,
        scaling_factor=scaling_factor,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).save_pretrained(folder)


def as_safetensors(file: Path) -> Path:
    """The same weights, flat, in the other format."""
    whole = torch.load(file, weights_only=True)
    path = file.with_suffix(".safetensors")
    save_file({key: value.contiguous() for key, value in whole.items()}, path)
    assert load_file(path).keys() == whole.keys()
    return path
