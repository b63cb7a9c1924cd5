"""One step of a language model with a static key/value cache, and logits of the permitted tokens only.

``LibraryDecoder`` runs any transformers model through its own forward pass. ``LlamaDecoder`` runs a plain Llama through
fused matrices: at the sizes of our zoo the library spends most of a step outside of the arithmetic. ``open_decoder``
takes the second where it applies. Both are filled with the prompts, padded to the left, then advanced a token at a
time. A prompt that many rows share (the unconditional one, several images of one caption) is read once.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ddt_llama.mllm.llama_decoder import LlamaDecoder, can_fuse

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Decoder(Protocol):
    """A language model amid its sequences; made for one batch, one capacity and one set of permitted tokens."""

    def fill(
        self, ids: Int[Tensor, "prompts length"], real: Bool[Tensor, "prompts length"], rows: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows kept"]:
        """Read the prompts, of which row i continues ``rows[i]``; the logits of the token that follows."""
        ...

    def advance(self, tokens: Int[Tensor, " rows"]) -> Float[Tensor, "rows kept"]:
        """Read one more token a row; the logits of the token that follows."""
        ...


def open_decoder(model: PreTrainedModel, kept: Int[Tensor, " kept"], capacity: int) -> Decoder:
    """A decoder that gives logits of the token ids ``kept`` and holds ``capacity`` tokens a row."""
    return LlamaDecoder(model, kept, capacity) if can_fuse(model) else LibraryDecoder(model, kept, capacity)


class LibraryDecoder:
    """Any causal language model of transformers, through its own forward pass and static cache."""

    def __init__(self, model: PreTrainedModel, kept: Int[Tensor, " kept"], capacity: int) -> None:
        from transformers import StaticCache

        self.model = model
        self.kept = kept.to(model.device)
        self.capacity = capacity
        self.cache = StaticCache(config=model.config, max_cache_len=capacity)
        self.mask: Tensor | None = None
        self.next = torch.empty(0)
        self.length = 0

    def fill(
        self, ids: Int[Tensor, "prompts length"], real: Bool[Tensor, "prompts length"], rows: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows kept"]:
        positions = (real.long().cumsum(-1) - 1).clamp(min=0)
        if bool(real.all()):
            logits = self._read(ids, positions, None)
        else:
            self.mask = F.pad(real.long(), (0, self.capacity - real.shape[1]), value=1)
            logits = self._read(ids, positions, self._prompt_masks(real, positions))
        self.cache.reorder_cache(rows)  # type: ignore[arg-type]
        self.mask = None if self.mask is None else self.mask[rows]
        self.next = positions[rows, -1:] + 1
        return logits[rows]

    def advance(self, tokens: Int[Tensor, " rows"]) -> Float[Tensor, "rows kept"]:
        mask = None if self.mask is None else self.mask[:, : self.length + 1]
        logits = self._read(tokens[:, None], self.next, mask)
        self.next = self.next + 1
        return logits

    def _prompt_masks(self, real: Tensor, positions: Tensor) -> Any:
        """The library's own masks, one or one per kind of layer, but padding sees everything instead of nothing: where
        attention is written out, the softmax of an empty row is no number in float64, and spreads."""
        from transformers.masking_utils import create_masks_for_generate

        make = getattr(self.model, "create_masks_for_generate", create_masks_for_generate)
        masks = make(
            config=self.model.config,
            inputs_embeds=torch.empty((*real.shape, 0), dtype=self.model.dtype, device=real.device),
            attention_mask=real.long(),
            position_ids=positions,
            **{cache_word(make): self.cache},
        )
        return (
            {name: _fill_empty(mask) for name, mask in masks.items()} if isinstance(masks, dict) else _fill_empty(masks)
        )

    def _read(self, ids: Tensor, positions: Tensor, mask: Any) -> Tensor:
        self.length += ids.shape[1]
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **{cache_word(self.model.forward): self.cache},
        )
        logits: Tensor = out.logits[:, -1].index_select(-1, self.kept)
        return logits


def cache_word(function: Callable[..., Any]) -> str:
    """What this version of transformers calls the cache there: ``past_key_values`` is ``cache`` in later ones."""
    return "cache" if "cache" in signature(function).parameters else "past_key_values"


def _fill_empty(mask: Tensor | None) -> Tensor | None:
    """Open the rows of a mask, bool or additive, in which nothing can be seen."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        return mask | ~mask.any(dim=-1, keepdim=True)
    return mask.masked_fill((mask < 0).all(dim=-1, keepdim=True), 0.0)
