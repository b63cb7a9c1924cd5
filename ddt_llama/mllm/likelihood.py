"""How likely tokens are: sums of -log p over the answers of documents, and windows over long texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor

from ddt_llama.mllm.batching import IGNORED, Batch, pad
from ddt_llama.mllm.layout import Document
from harness.errors import UserError

if TYPE_CHECKING:
    from ddt_llama.mllm.model import MultimodalLM

CHUNK_TOKENS = 4096


def nats_of_answers(
    model: MultimodalLM, documents: Sequence[Document], kept: Int[Tensor, " kept"] | None = None
) -> list[float]:
    """-log p of each document's answer given its prompt, natural logarithm, summed in float64; in the order given.

    ``kept``: the only token ids that can follow (codes within an image, as when one is generated); None: all.
    Documents of like length share a batch. Raises UserError for one that is longer than the context.
    """
    context = getattr(model.language_model.config, "max_position_embeddings", None)
    longest = max((len(document.ids) for document in documents), default=0)
    if context is not None and longest > context:
        raise UserError(f"a sequence of {longest} tokens does not fit in this model's context of {context}: shorten it")
    found = [0.0] * len(documents)
    order = sorted(range(len(documents)), key=lambda row: len(documents[row].ids))
    with torch.inference_mode():
        for rows in _chunks(order, [len(document.ids) for document in documents]):
            batch = pad([documents[row] for row in rows], model.vocabulary.pad).to(model.language_model.device)
            losses = model.token_losses(batch) if kept is None else _losses_among(model, batch, kept)
            sums = losses.double().sum(dim=1).tolist()
            for row, value in zip(rows, sums, strict=True):
                found[row] = value
    return found


def _losses_among(model: MultimodalLM, batch: Batch, kept: Tensor) -> Tensor:
    logits, labels = _scores_among(model, batch, kept)
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")


def _scores_among(model: MultimodalLM, batch: Batch, kept: Tensor) -> tuple[Tensor, Tensor]:
    """(scores of the kept tokens at each place but the last, ``batch length kept``; which of them follows)."""
    kept = kept.to(batch.labels.device)
    places = torch.full((model.vocabulary.size,), IGNORED, device=kept.device)
    places[kept] = torch.arange(len(kept), device=kept.device)
    labels = torch.where(batch.labels == IGNORED, IGNORED, places[batch.labels.clamp(min=0)])
    return model(batch)[:, :-1].index_select(-1, kept).float(), labels[:, 1:]


def codes_one_by_one(
    model: MultimodalLM, documents: Sequence[Document], kept: Int[Tensor, " kept"]
) -> list[tuple[list[float], list[float]]]:
    """Of each document (-log p of each token of its answer, entropies of what was predicted in their places), natural
    logarithm; all answers are of one length and prompts too, so that they share batches."""
    found: list[tuple[list[float], list[float]]] = []
    with torch.inference_mode():
        for rows in _chunks(range(len(documents)), [len(document.ids) for document in documents]):
            batch = pad([documents[row] for row in rows], model.vocabulary.pad).to(model.language_model.device)
            logits, labels = _scores_among(model, batch, kept)
            count = len(documents[rows[0]].answer)
            logs = logits[:, -count:].log_softmax(dim=-1).double()
            nats = -logs.gather(-1, labels[:, -count:, None]).squeeze(-1)
            entropies = -(logs.exp() * logs).sum(dim=-1)
            found += list(zip(nats.tolist(), entropies.tolist(), strict=True))
    return found


def _chunks(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    chunk: list[int] = []
    for row in order:
        if chunk and (len(chunk) + 1) * lengths[row] > CHUNK_TOKENS:
            yield chunk
            chunk = []
        chunk.append(row)
    if chunk:
        yield chunk


def windows(tokens: Sequence[int], prefix: int, longest: int) -> list[Document]:
    """A text as documents whose answers are its tokens, each once: lm-eval's rolling windows with one token of context.

    A window reads at most ``longest`` tokens. The first begins with ``prefix``; each other one is given the token
    before it, and the last, which is shorter, as many more as fit.
    """
    made = []
    for start in range(0, len(tokens), longest):
        answer = tuple(tokens[start : start + longest])
        # as many tokens are read as are predicted: the last predicted one is never read
        context = tuple(tokens[max(0, start + len(answer) - longest - 1) : start]) if start else (prefix,)
        made.append(Document(context, answer))
    return made


def strided_windows(tokens: Sequence[int], prefix: int, longest: int, stride: int) -> list[Document]:
    """A text as documents whose answers are its tokens, each once, in windows that overlap: the fixed-length strided
    evaluation of transformers' documentation ("Perplexity of fixed-length models").

    A window holds at most ``longest + 1`` tokens, ``prefix`` among them, and begins ``stride`` tokens after the one
    before; its answers are the tokens that no earlier window held, given all that precedes them in the window. Two
    deviations from the documentation's code: the text's first token is predicted too, from ``prefix``, and losses are
    summed token by token (the code weighs each window by one token too few). Raises ValueError for a stride of no
    token, or of so many that a token had nothing before it.
    """
    if not 1 <= stride <= longest:
        raise ValueError(f"a stride must be 1 to {longest} tokens, not {stride}")
    ids = (prefix, *tokens)
    made, told = [], 1
    for begin in range(0, len(ids), stride):
        end = min(begin + longest + 1, len(ids))
        made.append(Document(ids[begin:told], ids[told:end]))
        told = end
        if end == len(ids):
            break
    return made
