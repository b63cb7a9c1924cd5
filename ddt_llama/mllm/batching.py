"""Documents to rectangles: padded to the right for training, packed, or padded to the left for generation.

In a packed row positions start again at 0 with every document. transformers takes that (without a cache and without a
mask) for the border of a document and lets no attention cross it, whatever attention it runs and whatever its layers'
windows; a test holds that a packed document's logits are those of it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ddt_llama.mllm.layout import Document
from harness.errors import UserError

IGNORED = -100
"""The label of a token that is not learned, as torch's cross-entropy has it."""


@dataclass(frozen=True)
class Batch:
    """What one training step takes. ``labels[i]`` is the token *at* i (not the next), or -100 where it is not
    learned; ``documents`` numbers the documents of a row, -1 at padding."""

    input_ids: Int[Tensor, "rows length"]
    labels: Int[Tensor, "rows length"]
    positions: Int[Tensor, "rows length"]
    documents: Int[Tensor, "rows length"]

    def unlearned(self) -> Batch:
        """The same tokens, none of them learned."""
        return replace(self, labels=torch.full_like(self.labels, IGNORED))

    def to(self, device: torch.device | str) -> Batch:
        return Batch(*(value.to(device) for value in (self.input_ids, self.labels, self.positions, self.documents)))


def pad(documents: Sequence[Document], pad_id: int, length: int | None = None) -> Batch:
    """One document a row, padded on the right to ``length`` (default: the longest).

    Positions run on through the padding: no token of a document can see what follows it, so no mask is needed.
    """
    longest = max((len(document.ids) for document in documents), default=0)
    batch = _rows([[document] for document in documents], pad_id, longest if length is None else length)
    running = torch.arange(batch.input_ids.shape[1]).expand_as(batch.positions).contiguous()
    return Batch(batch.input_ids, batch.labels, running, batch.documents)


def pack(documents: Sequence[Document], pad_id: int, length: int) -> Batch:
    """As few rows of ``length`` as first-fit finds, documents in the order given; none is cut.

    Raises UserError for a document longer than a row. A token of padding is a document of its own.
    """
    rows: list[list[Document]] = []
    free: list[int] = []
    for document in documents:
        need = len(document.ids)
        place = next((row for row, space in enumerate(free) if space >= need), None)
        if place is None:
            rows.append([])
            free.append(length)
            place = len(rows) - 1
        rows[place].append(document)
        free[place] -= need
    return _rows(rows, pad_id, length)


def _rows(rows: Sequence[Sequence[Document]], pad_id: int, length: int) -> Batch:
    shape = (len(rows), length)
    ids, labels = np.full(shape, pad_id), np.full(shape, IGNORED)
    positions, numbers = np.zeros(shape, int), np.full(shape, -1)
    for row, documents in enumerate(rows):
        start = 0
        for number, document in enumerate(documents):
            end = start + len(document.ids)
            if end > length:
                raise UserError(f"a sequence of {len(document.ids)} tokens does not fit in rows of {length}")
            tokens = np.array(document.ids)
            ids[row, start:end] = tokens
            labels[row, start:end] = np.where(document.learned, tokens, IGNORED)
            positions[row, start:end] = np.arange(end - start)
            numbers[row, start:end] = number
            start = end
    return Batch(*(torch.from_numpy(value) for value in (ids, labels, positions, numbers)))


def pad_left(
    prompts: Sequence[Sequence[int]], pad_id: int
) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """(ids, which of them are real), the last token of every prompt in the last column. Raises UserError for an empty
    prompt."""
    if any(len(prompt) == 0 for prompt in prompts):
        raise UserError("a prompt is empty: it needs at least one token")
    longest = max((len(prompt) for prompt in prompts), default=0)
    ids = torch.full((len(prompts), longest), pad_id)
    real = torch.zeros(ids.shape, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(list(prompt))
        real[row, longest - len(prompt) :] = True
    return ids, real
