"""A small, plain Llama decoded in few, large operations: the fast one of ``ddt_llama.mllm.decoders``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FUSED_LIMIT = 100_000_000
"""Parameters up to which weights are copied into fused matrices; above it arithmetic outweighs what they save."""

FIXED_ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Rotary embeddings whose frequencies do not change with the length of the sequence."""


def can_fuse(model: PreTrainedModel) -> bool:
    """Whether this is a plain, small Llama: its own class, plain linear layers without hooks, float32 or float64."""
    from transformers import LlamaForCausalLM

    if type(model) is not LlamaForCausalLM or model.config.hidden_act != "silu" or model.training:
        return False
    if model.dtype not in (torch.float32, torch.float64) or getattr(model.config, "pretraining_tp", 1) != 1:
        return False
    if sum(parameter.numel() for parameter in model.parameters()) > FUSED_LIMIT:
        return False
    layers = [module for module in model.modules() if not list(module.children())]
    plain = all(type(layer) is nn.Linear for layer in layers if isinstance(layer, nn.Linear))
    hooked = any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    return plain and not hooked and model.model.rotary_emb.rope_type in FIXED_ROTATIONS


class LlamaDecoder:
    """A plain Llama in few, large operations.

    Query, key and value are one product, both halves of the gate are one; a norm's weight and the scale of the scores
    are multiplied into the matrix that follows them; the residual is added inside the product that ends a block;
    rotation is a complex product, written straight into the cache; and the cache is read only as far as it is filled.
    It computes what transformers' Llama computes, up to rounding. Weights are copied when it is made.
    """

    def __init__(self, model: PreTrainedModel, kept: Int[Tensor, " kept"], capacity: int) -> None:
        config = model.config
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.width = model.model.layers[0].self_attn.head_dim
        self.capacity = capacity
        self.rotary = model.model.rotary_emb
        self.embedding = model.model.embed_tokens.weight
        self.layers = [_FusedLayer(layer, self.heads, self.groups, self.width) for layer in model.model.layers]
        kept = kept.to(model.device)
        self.head = (model.lm_head.weight[kept] * model.model.norm.weight).T.contiguous()
        self.head_bias = None if model.lm_head.bias is None else model.lm_head.bias[kept]
        self.epsilon = torch.full((1, 1), config.rms_norm_eps, device=model.device)
        self.length = 0

    def fill(
        self, ids: Int[Tensor, "prompts length"], real: Bool[Tensor, "prompts length"], rows: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows kept"]:
        count, length = ids.shape
        columns = torch.arange(self.capacity, device=ids.device)
        start = (~real).sum(dim=-1, keepdim=True)
        cosine, sine = (table[0, :, : self.width // 2] for table in self.rotary(self.embedding, columns[None]))
        self.turns = torch.complex(cosine, sine)[(columns - start).clamp(min=0)][:, :, None]
        shape = (count, self.groups, self.capacity, self.width)
        self.keys = [self.embedding.new_empty(shape) for _ in self.layers]
        self.values = [self.embedding.new_empty(shape) for _ in self.layers]
        visible = columns >= start
        causal = (columns[None, :length] <= columns[:length, None])[None] & visible[:, None, :length]
        # a padding token sees itself alone, so that no row of the softmax is empty
        causal = causal | torch.eye(length, dtype=torch.bool, device=ids.device)
        logits = self._read(ids, causal[:, None])
        self.keys, self.values = [key[rows] for key in self.keys], [value[rows] for value in self.values]
        self.turns = self.turns[rows]
        hidden = ~visible[rows, None]
        floor = torch.finfo(self.embedding.dtype).min
        self.bias = hidden.new_zeros(hidden.shape, dtype=self.embedding.dtype).masked_fill(hidden, floor)
        self.padded = not bool(real.all())
        return logits[rows]

    def advance(self, tokens: Int[Tensor, " rows"]) -> Float[Tensor, "rows kept"]:
        return self._read(tokens[:, None], None)

    def _read(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """One pass; ``mask`` for prompts alone."""
        rows, length = ids.shape
        first, self.length = self.length, self.length + length
        turns = self.turns[:, first : self.length]
        x = F.embedding(ids, self.embedding).view(rows * length, -1)
        for layer, keys, values in zip(self.layers, self.keys, self.values, strict=True):
            mixed = layer.project(self._normalise(x)).view(rows, length, -1, self.width)
            query, key, value = torch.split(mixed, [self.heads, self.groups, self.groups], dim=2)
            queries = torch.view_as_real(_pairs(query) * turns).flatten(-2)
            torch.mul(_pairs(key), turns, out=_pairs(keys[:, :, first : self.length]).transpose(1, 2))
            values[:, :, first : self.length] = value.transpose(1, 2)
            if mask is None:
                seen = self._attend(queries, keys, values)
            else:
                seen = self._attend_prompt(queries, keys, values, mask)
            x = layer.close(seen.reshape(rows * length, -1), x)
            x = layer.feed_forward(self._normalise(x), x)
        return _product(self._normalise(x.view(rows, length, -1)[:, -1]), self.head, self.head_bias)

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """One query a head ``rows 1 heads width`` -> the same numbers, attended. Written out: with one query the
        library's kernel takes longer than the two products."""
        rows, share = queries.shape[0], self.heads // self.groups
        keys = keys.flatten(0, 1)[:, : self.length]
        values = values.flatten(0, 1)[:, : self.length]
        # the queries of a group stand where the positions of a longer query would
        scores = torch.bmm(queries.view(rows * self.groups, share, self.width), keys.transpose(1, 2))
        if self.padded:
            scores.view(rows, self.heads, -1).add_(self.bias[..., : self.length])
        return torch.bmm(scores.softmax(dim=-1), values)

    def _attend_prompt(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Queries ``rows length heads width`` -> the same shape; heads of one group share keys and values."""
        share = self.heads // self.groups
        keys, values = keys[:, :, : self.length], values[:, :, : self.length]
        if share > 1:
            keys, values = keys.repeat_interleave(share, dim=1), values.repeat_interleave(share, dim=1)
        out = F.scaled_dot_product_attention(queries.transpose(1, 2), keys, values, attn_mask=mask, scale=1.0)
        return out.transpose(1, 2)

    def _normalise(self, x: Tensor) -> Tensor:
        """x over its root mean square; the norm's weight is in the matrix that follows."""
        if x.dtype == torch.float32:
            length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
            return x * torch.addcmul(self.epsilon, length, length, value=1 / x.shape[-1]).rsqrt_()
        # transformers normalises in float32 whatever the dtype: the same operations, so that float64 runs agree
        single = x.float()
        return (single * torch.rsqrt(single.pow(2).mean(-1, keepdim=True) + self.epsilon)).to(x.dtype)


class _FusedLayer:
    """The matrices of one block, joined, and transposed once: a product with rows in order is faster."""

    def __init__(self, layer: nn.Module, heads: int, groups: int, width: int) -> None:
        parts = dict(layer.named_modules())
        query, key, value, out, gate, up, down = (
            cast(nn.Linear, parts[name])
            for name in (
                *(f"self_attn.{letter}_proj" for letter in "qkvo"),
                *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
            )
        )
        weight = torch.cat([query.weight, key.weight, value.weight])
        bias = None if query.bias is None else torch.cat([query.bias, key.bias, value.bias])
        # Llama turns dimension i together with i + width/2; side by side the two are one complex number. Queries and
        # keys move alike, so that their products stay.
        turning = (heads + groups) * width
        order = torch.arange(len(weight))
        order[:turning] = order[:turning].view(-1, 2, width // 2).transpose(1, 2).reshape(-1)
        scale = torch.ones((len(weight), 1), dtype=weight.dtype, device=weight.device)
        scale[: heads * width] = width**-0.5
        order = order.to(weight.device)
        self.mix = (weight[order] * scale * parts["input_layernorm"].weight).T.contiguous()
        self.mix_bias = None if bias is None else bias[order] * scale[:, 0]
        self.gates = (torch.cat([gate.weight, up.weight]) * parts["post_attention_layernorm"].weight).T.contiguous()
        self.gates_bias = None if gate.bias is None else torch.cat([gate.bias, up.bias])
        self.out, self.out_bias = out.weight.T.contiguous(), out.bias
        self.down, self.down_bias = down.weight.T.contiguous(), down.bias

    def project(self, x: Tensor) -> Tensor:
        return _product(x, self.mix, self.mix_bias)

    def close(self, seen: Tensor, x: Tensor) -> Tensor:
        out = torch.addmm(x, seen, self.out)
        return out if self.out_bias is None else out + self.out_bias

    def feed_forward(self, normal: Tensor, x: Tensor) -> Tensor:
        gate, up = _product(normal, self.gates, self.gates_bias).chunk(2, dim=-1)
        out = torch.addmm(x, F.silu(gate) * up, self.down)
        return out if self.down_bias is None else out + self.down_bias


def _product(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    return torch.mm(x, matrix) if bias is None else torch.addmm(bias, x, matrix)


def _pairs(x: Tensor) -> Tensor:
    """Neighbouring dimensions as complex numbers, in the same memory."""
    return torch.view_as_complex(x.view(*x.shape[:-1], -1, 2))
