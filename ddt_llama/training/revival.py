"""Positions that say nothing begin again as copies of positions that do.

A position whose features lie in a few tight clusters passes no gradient worth having, and stays as it is: the encoder's
modulation at that position has shut the image out (seen in ``ddt-own``; docs/log.md). Its modulation, in encoder and
decoder, is fitted to that of another position, its query is the other's and a little noise, and its codes are to be
started anew by k-means. The other positions keep what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddt_llama.tokenizer.decoder import JointBlock
from ddt_llama.tokenizer.encoder import EncoderBlock
from ddt_llama.tokenizer.model import DDTTokenizer

ROUNDS, RATE = 600, 1e-3
NOISE = 0.3
"""Share of the queries' deviation that is added to a copy, so that it learns to say something else."""


def revive(model: DDTTokenizer, copies: Mapping[int, int]) -> None:
    """Let each position (key) begin again as a copy of another (value), in place."""
    silent, others = list(copies), list(copies.values())
    with torch.no_grad():
        queries = model.encoder.query_tokens
        drawn = torch.randn(len(silent), queries.shape[-1]).to(queries.device)
        queries[0, silent] = queries[0, others] + NOISE * queries[0].std() * drawn
    for encoding in model.encoder.blocks:
        assert isinstance(encoding, EncoderBlock)
        _refit(encoding.t_embedder, encoding.adaLN_modulation, model.encoder.positions, silent, others)
    for decoding in model.decoder.joint_blocks:
        assert isinstance(decoding, JointBlock)
        stream = decoding.context_block
        if not stream.last:
            _refit(stream.t_embedder, stream.adaLN_modulation, model.decoder.positions, silent, others)


def _refit(
    embedder: nn.Module, modulation: Callable[[Tensor], Tensor], positions: Tensor, silent: list[int], others: list[int]
) -> None:
    """Train what embeds positions until the silent ones are modulated as the others are, and these as before."""
    with torch.no_grad():
        wanted = modulation(embedder(positions))
        wanted[silent] = wanted[others]
    optimizer = torch.optim.Adam(embedder.parameters(), lr=RATE)
    for _ in range(ROUNDS):
        optimizer.zero_grad()
        loss = F.mse_loss(modulation(embedder(positions)), wanted)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for parameter in embedder.parameters():
        parameter.grad = None
