"""LlamaGen's image tokenizer VQ-16 (Sun et al. 2024, arXiv 2406.06525, section 3.1): VQGAN with unit-length codes.

The network is taming's; the published state dict names it differently, so a key map opens it in ``baselines.vqgan``.
Known deviations from the published code: none in what is computed (``tests/parity/test_llamagen.py``); the entropy
term of its training loss is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from baselines.convnet import ConvNetConfig
from baselines.vqgan import VQGANConfig
from harness.errors import UserError

UNUSED = ("quantize.codebook_used",)
"""Bookkeeping of which codes were in use lately; no output depends on it."""
MIDDLE = ("block_1", "attn_1", "block_2")


def vq16_config(
    image_size: int = 256,
    ch: int = 128,
    z_channels: int = 256,
    codebook_size: int = 16384,
    codebook_embed_dim: int = 8,
    ch_mult: tuple[int, ...] = (1, 1, 2, 2, 4),
    num_res_blocks: int = 2,
) -> VQGANConfig:
    """VQ-16 with the published sizes (``tokenizer/tokenizer_image/vq_model.py`` of FoundationVision/LlamaGen at
    ce98ec4). Attention stands at the lowest resolution whatever the size of the image, so the weights serve 256, 384
    and 512."""
    lowest = image_size >> (len(ch_mult) - 1)
    convnet = ConvNetConfig(ch, tuple(ch_mult), num_res_blocks, (lowest,), image_size, z_channels)
    return VQGANConfig(codebook_embed_dim, codebook_size, convnet, unit_length=True)


def our_key(key: str, levels: int) -> str | None:
    """Our name of a published key; None for a known but unused one. Raises UserError for a key it does not know.

    ``conv_blocks.0`` is the highest resolution in the encoder and the lowest in the decoder.
    """
    if key in UNUSED:
        return None
    if re.fullmatch(
        r"(encoder|decoder)\.(conv_in|conv_out|norm_out)\..*|(post_)?quant_conv\..*|quantize\.embedding\..*", key
    ):
        return key
    if middle := re.fullmatch(r"(encoder|decoder)\.mid\.([012])\.(.*)", key):
        return f"{middle[1]}.mid.{MIDDLE[int(middle[2])]}.{middle[3]}"
    if block := re.fullmatch(r"(encoder|decoder)\.conv_blocks\.(\d+)\.(res|attn|downsample|upsample)\.(.*)", key):
        side, level = ("down", int(block[2])) if block[1] == "encoder" else ("up", levels - 1 - int(block[2]))
        part = "block" if block[3] == "res" else block[3]
        return f"{block[1]}.{side}.{level}.{part}.{block[4]}"
    raise UserError(f"'{key}' is not a key of LlamaGen's tokenizer")


def convert(state: Mapping[str, Tensor], levels: int = 5) -> dict[str, Tensor]:
    """A published state dict under our names."""
    named = ((our_key(key, levels), value) for key, value in state.items())
    return {key: value for key, value in named if key is not None}
