"""A DDT tokenizer small enough to run in milliseconds; weights are random but not zero, so that every path matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from ddt_llama.tokenizer.model import DDTTokenizer

NETWORK = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "block_out_channels": [8, 8],
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "mid_block_add_attention": False,
}


SHARED_BOOK = {"codebook_size": 32, "code_width": 8}


def make_tokenizer(codebook: Mapping[str, Any] = SHARED_BOOK, canvas: bool = False) -> DDTTokenizer:
    torch.manual_seed(0)
    model = DDTTokenizer(
        autoencoder={"image_size": 16, "network": NETWORK},
        codes=8,
        codebook=codebook,
        encoder={"depth": 2, "width": 16, "heads": 2, "query_width": 32, "query_heads": 2},
        decoder={"depth": 2, "width": 32, "heads": 2, "canvas": canvas},
        schedule={"kind": "stages", "stage_ends": [0.5, 1.0], "stage_codes": [5, 3]},
        sampler_steps=4,
    )
    for parameter in model.parameters():
        # adaLN-zero starts as the identity: random weights let a wrong path show
        if parameter.abs().sum() == 0:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def tokenizer() -> DDTTokenizer:
    return make_tokenizer().eval()


@pytest.fixture
def trainable_tokenizer() -> DDTTokenizer:
    return make_tokenizer()


@pytest.fixture(scope="session")
def new_tokenizer() -> Callable[..., DDTTokenizer]:
    """Makes the same tokenizer each time, for trainings that are compared."""
    return make_tokenizer
