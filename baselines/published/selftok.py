"""The door for the released Selftok tokenizer (arXiv 2505.07538; selftok-team/SelftokTokenizer at 4695474), 256 px and
512 codes: ``selftok`` decodes by diffusion in 50 Euler steps, ``selftok-renderer`` in one pass.

``NAME@FOLDER`` or ``NAME@FILE``; beside the file lies ``vae/``, the autoencoder of Stable Diffusion 3 in diffusers'
format. Known deviations: the schedule in exact arithmetic (decision 5), and float32 where the release runs in
bfloat16. Codes, velocity and rendered latents equal the released code's on seeded weights
(``tests/parity/test_selftok.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ddt_llama.tokenizer.model import DDTTokenizer
from ddt_llama.tokenizer.selftok import convert
from harness.errors import UserError
from harness.weights.checkpoints import fill_module
from harness.weights.digests import digest_of_files
from harness.weights.fitting import open_fitting
from harness.weights.places import published
from harness.weights.published_files import read_chosen, sizes_beside, split_choice

RELEASED: Mapping[str, Any] = {
    "codes": 512,
    "codebook": {"codebook_size": 32768},
    "encoder": {"depth": 16, "width": 64, "heads": 4, "query_width": 512, "query_heads": 8, "table": 64},
    "decoder": {"depth": 24, "width": 1536, "heads": 24, "table": 192},
    "schedule": {"kind": "stages", "stage_ends": [0.2, 0.4, 0.6, 0.8, 1.0], "stage_codes": [192, 184, 72, 48, 16]},
    "sampler_steps": 50,
}
"""configs/res256/256-eval.yml of the release; the renderer's file has the same sizes
(configs/renderer/renderer-eval.yml)."""
IMAGE_SIZE = 256
SHIFT, SCALE = 0.0609, 1.5305
"""How latents enter: (z - 0.0609) * 1.5305, Stable Diffusion 3's own normalisation."""


def open_selftok(source: str, device: str = "cpu") -> DDTTokenizer:
    """``selftok@FOLDER``: 50 Euler steps, seeded per image. Raises UserError where a file is missing or does not fit,
    and for the file of 1,024 codes, whose configuration is not published."""
    return _open(source, "tokenizer_512_ckpt.pth", device, canvas=False)


def open_selftok_renderer(source: str, device: str = "cpu") -> DDTTokenizer:
    """``selftok-renderer@FOLDER``: one pass, nothing drawn."""
    return _open(source, "renderer_512_ckpt.pth", device, canvas=True)


def _open(source: str, name: str, device: str, canvas: bool) -> DDTTokenizer:
    place, asked = split_choice(source)
    path = published(name).find(place)
    state, chosen = read_chosen(path, asked=asked)
    _check_kind(state, path, canvas)
    sizes = {**RELEASED, **sizes_beside(path)}
    image_size = int(sizes.pop("image_size", IMAGE_SIZE))
    autoencoder, network, vae_file = _read_autoencoder(path.parent / "vae")
    model = DDTTokenizer(
        **{**sizes, "decoder": {**sizes["decoder"], "canvas": canvas}},
        autoencoder={"image_size": image_size, "network": network},
    )
    fill_module(model, {**convert(state), **autoencoder}, str(path))
    model.checkpoint_digest, model.chosen_weights = digest_of_files(path, vae_file), chosen
    model.decoder.needed_only = True
    return model.eval().requires_grad_(False).to(device)


def _check_kind(state: Mapping[str, Tensor], path: Path, canvas: bool) -> None:
    queries = state.get("encoder.query_tokens")
    if queries is None:
        raise UserError(f"{path} is not a released Selftok tokenizer: it has no 'encoder.query_tokens'")
    if queries.shape[1] == 1024 and not sizes_beside(path):
        raise UserError(
            f"{path} has 1,024 codes, and no configuration is published for it (how many codes each stage of "
            f"its schedule has is unknown): put it in {path.with_suffix('.json').name} beside it, or take 512"
        )
    if ("model.mask_token" in state) is not canvas:
        is_what, name = ("a diffusion decoder", "selftok") if canvas else ("a one-step renderer", "selftok-renderer")
        raise UserError(f"{path} holds {is_what}: open it as {name}@{path.name}")


def _read_autoencoder(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any], Path]:
    """(weights under the tokenizer's names, configuration, file of the weights) of a diffusers folder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    file = folder / "diffusion_pytorch_model.safetensors"
    if not (folder / "config.json").is_file() or not file.is_file():
        raise UserError(
            f"{folder} holds no config.json with {file.name}: put the folder vae/ of "
            "stabilityai/stable-diffusion-3-medium-diffusers there"
        )
    net = open_fitting(
        AutoencoderKL, folder, what="autoencoder of diffusers", use_safetensors=True, local_files_only=True
    )
    if (net.config["shift_factor"], net.config["scaling_factor"]) != (SHIFT, SCALE):
        raise UserError(
            f"{folder} is not the autoencoder of Stable Diffusion 3: its config.json has shift and scale "
            f"{net.config['shift_factor']} and {net.config['scaling_factor']}, Selftok needs {SHIFT} and {SCALE}"
        )
    channels = int(net.config["latent_channels"])
    state = {f"autoencoder.net.{key}": value for key, value in net.state_dict().items()}
    state["autoencoder.shift"], state["autoencoder.scale"] = (
        torch.full((channels,), SHIFT),
        torch.full((channels,), SCALE),
    )
    return state, {key: value for key, value in net.config.items() if not key.startswith("_")}, file
