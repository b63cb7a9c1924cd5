"""The diffusion decoder: SD3's MMDiT, with the codes in the place of text.

Two streams with their own weights, joined in attention. The image stream is modulated by time; the code stream by the
position of each code (only the last code block, which hands over keys and values alone, by time). A hidden code is
zeroed *and* masked as a key in both streams, so its value cannot reach the output.

The same network is Selftok's one-step renderer (arXiv 2505.07538) with ``canvas``: a learnt canvas takes the place of
the noisy latents, time is fixed at pure noise, codes do not see the image, and what comes out is the clean latent
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from ddt_llama.tokenizer.encoder import centre_crop
from ddt_llama.tokenizer.layers import (
    FeedForward,
    TimestepEmbedder,
    attend,
    code_positions,
    grid_sinusoid,
    modulate,
    modulation,
    norm,
    sinusoid,
)

Parts = tuple[Tensor, ...]
"""Shifts, scales and gates."""


class Stream(nn.Module):
    """One stream's weights in a joint block; ``last`` hands over keys and values only."""

    def __init__(self, width: int, coded: bool, last: bool = False) -> None:
        super().__init__()
        self.last = last
        self.qkv = nn.Linear(width, 3 * width)
        self.adaLN_modulation = modulation(width, 2 if last else 6)
        if coded and not last:
            self.t_embedder = TimestepEmbedder(width)
        if not last:
            self.proj = nn.Linear(width, width)
            self.mlp = FeedForward(width)

    def parts(self, condition: Tensor) -> Parts:
        """The modulation of what comes before attention (two) and after it (four)."""
        found: Parts = self.adaLN_modulation(condition).chunk(2 if self.last else 6, dim=-1)
        return found

    def before(self, x_BND: Tensor, parts: Parts) -> Tensor:
        """Queries, keys, values as one tensor."""
        found: Tensor = self.qkv(modulate(norm(x_BND), parts[0], parts[1]))
        return found

    def keys_and_values(self, x_BND: Tensor, parts: Parts) -> Tensor:
        """The last two thirds of ``before``."""
        width = x_BND.shape[-1]
        shown = modulate(norm(x_BND), parts[0], parts[1])
        return functional.linear(shown, self.qkv.weight[width:], self.qkv.bias[width:])

    def after(self, x_BND: Tensor, attended: Tensor, parts: Parts) -> Tensor:
        _, _, gate, shift_mlp, scale_mlp, gate_mlp = parts
        x_BND = x_BND + gate * self.proj(attended)
        changed: Tensor = self.mlp(modulate(norm(x_BND), shift_mlp, scale_mlp))
        return x_BND + gate_mlp * changed


class JointBlock(nn.Module):
    """Codes and image patches attend together."""

    def __init__(self, width: int, heads: int, last: bool) -> None:
        super().__init__()
        self.heads, self.last = heads, last
        self.context_block = Stream(width, coded=True, last=last)
        self.x_block = Stream(width, coded=False)

    def code_parts(self, positions: Tensor) -> Parts | None:
        """The modulation of the codes by their position, which no step of a sampler changes; None of the last block,
        where it is by time."""
        return None if self.last else self.context_block.parts(self.context_block.t_embedder(positions))

    def forward(
        self,
        c_BKD: Tensor,
        x_BND: Tensor,
        time_BD: Tensor,
        code_parts: Parts | None,
        keys: Tensor | None,
        needed_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        count = c_BKD.shape[1]
        code_parts = self.context_block.parts(time_BD[:, None]) if code_parts is None else code_parts
        image_parts = self.x_block.parts(time_BD[:, None])
        image = self.x_block.before(x_BND, image_parts)
        if self.last and needed_only:  # nobody looks at what the codes would see
            query, *seen = image.chunk(3, dim=-1)
            of_codes = self.context_block.keys_and_values(c_BKD, code_parts).chunk(2, dim=-1)
            key, value = (torch.cat(pair, dim=1) for pair in zip(of_codes, seen, strict=True))
            return c_BKD, self.x_block.after(x_BND, attend(query, key, value, self.heads, keys), image_parts)
        codes = self.context_block.before(c_BKD, code_parts)
        query, key, value = torch.cat([codes, image], dim=1).chunk(3, dim=-1)
        joined = attend(query, key, value, self.heads, keys)
        x_BND = self.x_block.after(x_BND, joined[:, count:], image_parts)
        if not self.last:
            c_BKD = self.context_block.after(c_BKD, joined[:, :count], code_parts)
        return c_BKD, x_BND


class TokenDecoder(nn.Module):
    """(noisy latents, time, code vectors, visible mask) -> velocity, the direction noise - image of the straight
    path."""

    needed_only = False
    """Whether what cannot reach the output is left out: hidden codes, and what the last block's codes would see. The
    output is the same but for rounding, so that it is set for weights of which no stored run holds bits. A renderer
    shows all codes in one pass, and is left as it is."""
    pos_embed: Tensor
    context_pos_embed: Tensor
    positions: Tensor

    def __init__(
        self,
        codes: int,
        code_width: int,
        channels: int,
        grid: int,
        patch: int = 2,
        depth: int = 4,
        width: int = 128,
        heads: int = 4,
        table: int = 0,
        canvas: bool = False,
    ) -> None:
        super().__init__()
        self.patch, self.rows, self.channels, self.canvas = patch, grid // patch, channels, canvas
        if canvas:
            self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
            self.positional_embedding = nn.Parameter(torch.randn(self.rows * self.rows, width) * 0.02)
        else:
            self.x_embedder = nn.Conv2d(channels, width, patch, stride=patch)
        self.t_embedder = TimestepEmbedder(width)
        self.context_embedder = nn.Linear(code_width, width)
        self.register_buffer("pos_embed", grid_sinusoid(table or self.rows, width))
        positions = code_positions(codes)
        self.register_buffer("context_pos_embed", sinusoid(positions, width, cosine_first=False)[None])
        self.register_buffer("positions", positions, persistent=False)
        self.joint_blocks = nn.ModuleList(JointBlock(width, heads, last=i == depth - 1) for i in range(depth))
        self.final_modulation = modulation(width, 2)
        self.final_linear = nn.Linear(width, patch * patch * channels)
        nn.init.zeros_(self.final_linear.weight)
        nn.init.zeros_(self.final_linear.bias)

    def forward(
        self,
        noisy: Float[Tensor, "B C side side"],
        t: Float[Tensor, " B"],
        code_vectors: Float[Tensor, "B K W"],
        visible: Bool[Tensor, "B K"] | None,
        code_parts: Sequence[Parts | None] | None = None,
    ) -> Float[Tensor, "B C side side"]:
        """``code_parts``: those of this network, where several steps share them."""
        x_BND = self.x_embedder(noisy).flatten(2).transpose(1, 2) + centre_crop(self.pos_embed, self.rows)
        keys, places = None, None
        if visible is not None and self.needed_only and not visible.all():
            places = visible.any(0).nonzero().flatten()
            code_vectors, visible = code_vectors[:, places], visible[:, places]
        if visible is not None and not (self.needed_only and visible.all()):
            code_vectors = code_vectors * visible[..., None]
            keys = torch.cat([visible, visible.new_ones(x_BND.shape[:2])], dim=1)[:, None, None, :]
        return self._run(x_BND, self.t_embedder(1000 * t), code_vectors, keys, code_parts, places)

    def code_parts(self) -> list[Parts | None]:
        """What modulates the codes of each block: the same at every time and for every picture, so that a sampler works
        it out once. It is a quarter of a step's arithmetic at the released width."""
        return [block.code_parts(self.positions) for block in self._blocks()]

    def _blocks(self) -> Iterator[JointBlock]:
        for block in self.joint_blocks:
            assert isinstance(block, JointBlock)
            yield block

    def render(
        self, code_vectors: Float[Tensor, "B K W"], visible: Bool[Tensor, "B K"] | None = None
    ) -> Float[Tensor, "B C side side"]:
        """The clean latents in one pass. The published renderer always shows every code."""
        batch, count, _ = code_vectors.shape
        shown = code_vectors.new_ones(batch, count, dtype=torch.bool) if visible is None else visible
        code_vectors = code_vectors * shown[..., None]
        # a code sees the codes that are shown, and itself, so that no row of the attention is empty
        own = torch.eye(count, dtype=torch.bool, device=shown.device)
        of_codes = functional.pad(shown[:, None] | own, (0, self.rows * self.rows))
        of_image = functional.pad(shown, (0, self.rows * self.rows), value=True)[:, None].expand(-1, self.rows**2, -1)
        keys = torch.cat([of_codes, of_image], dim=1)[:, None]
        x_BND = (self.mask_token + self.positional_embedding).expand(batch, -1, -1)
        time_BD = self.t_embedder(code_vectors.new_full((batch,), 1000.0))
        return self._run(x_BND, time_BD, code_vectors, keys)

    def _run(
        self,
        x_BND: Tensor,
        time_BD: Tensor,
        code_vectors: Tensor,
        keys: Tensor | None,
        code_parts: Sequence[Parts | None] | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """``places``: which codes these are, where it is not all of them."""
        embedded = self.context_pos_embed if places is None else self.context_pos_embed[:, places]
        c_BKD = self.context_embedder(code_vectors) + embedded
        for number, block in enumerate(self._blocks()):
            parts = block.code_parts(self.positions) if code_parts is None else code_parts[number]
            if parts is not None and places is not None:
                parts = tuple(part[places] for part in parts)
            c_BKD, x_BND = block(c_BKD, x_BND, time_BD, parts, keys, self.needed_only and not self.canvas)
        shift, scale = self.final_modulation(time_BD)[:, None].chunk(2, dim=-1)
        return self._unpatchify(self.final_linear(modulate(norm(x_BND), shift, scale)))

    def _unpatchify(self, x_BND: Tensor) -> Tensor:
        x = x_BND.view(-1, self.rows, self.rows, self.patch, self.patch, self.channels)
        return x.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
