"""Tiny untrained rivals: the invariants hold for any weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from baselines.recipes import SMALL_VAR, SMALL_VQGAN
from baselines.var import VARTokenizer
from baselines.vqgan import VQGAN


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def vqgan() -> VQGAN:
    torch.manual_seed(0)
    model = VQGAN(replace(SMALL_VQGAN, n_embed=32, convnet=replace(SMALL_VQGAN.convnet, ch=8, norm_groups=4)))
    # the published start, within 1/32 of 0, would give a decoder hardly anything to tell codes apart by
    torch.nn.init.normal_(model.quantize.embedding.weight)
    return model.eval()


@pytest.fixture
def var() -> VARTokenizer:
    torch.manual_seed(0)
    return VARTokenizer(replace(SMALL_VAR, vocab_size=32, ch=8, norm_groups=4)).eval()


@pytest.fixture
def images() -> torch.Tensor:
    """Eight images of random 8x8 blocks."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(8, 3, 4, 4, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)
