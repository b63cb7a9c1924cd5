"""Images and text from a language model: batched, cached, guided, and held to the grammar of our sequences.

An image is exactly K codes: its markers are not drawn but known, and while an image is written only codes can be
chosen. While text is written no code, marker or special token can be. Both hold by construction: logits of other
tokens are never computed, or never looked at.

A case draws from its own seeded stream. What else is in its batch reaches it through rounding alone: another batch or
another padding can change the last bits of its logits, and a draw only where it falls between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from ddt_llama.mllm.batching import pad_left
from ddt_llama.mllm.decoders import open_decoder
from ddt_llama.mllm.layout import Document
from ddt_llama.mllm.sampling import Sampling, choose, guide, uniforms
from ddt_llama.mllm.text import decode, text_ids
from harness.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ddt_llama.mllm.model import MultimodalLM


def generate_images(
    model: MultimodalLM,
    prompts: Sequence[Document],
    sampling: Sampling,
    seeds: Sequence[int] | None = None,
    unconditional: Sequence[Document] | None = None,
) -> Int[Tensor, "batch codes"]:
    """Codes in native order, one image per prompt. A prompt is a document of ``model.layout`` that ends in [BOV].

    ``unconditional`` is what guidance contrasts each prompt with; by default ``[BOS] [BOV]``, for an edit better
    ``layout.edit_unconditional``. Raises UserError for a prompt that leaves no room for an image in the context.
    """
    words = model.vocabulary
    if any(prompt.answer or prompt.prompt[-1:] != (words.bov,) for prompt in prompts):
        raise UserError("an image follows a prompt that ends in [BOV]: make it with the layout, without an answer")
    against = unconditional if unconditional is not None else [model.layout.image_only()] * len(prompts)
    tokens = generate_tokens(
        model.language_model,
        [prompt.prompt for prompt in prompts],
        words.code_ids(),
        words.code_count,
        sampling,
        seeds=seeds,
        unconditional=[prompt.prompt for prompt in against],
        pad=words.pad,
    )
    return model.layout.order.invert(words.to_codes(tokens))


def generate_text(
    model: MultimodalLM,
    prompts: Sequence[Document],
    sampling: Sampling,
    longest: int = 64,
    seeds: Sequence[int] | None = None,
    unconditional: Sequence[Document] | None = None,
) -> list[str]:
    """One text per prompt, up to [EOS] or ``longest`` tokens, without the space that follows ``ASSISTANT:``."""
    words = model.vocabulary
    if sampling.guidance != 1 and unconditional is None:
        raise UserError("guidance of a text needs unconditional prompts: say what to contrast with")
    kept = torch.tensor([*text_ids(model.text_tokenizer), words.eos])
    tokens = generate_tokens(
        model.language_model,
        [prompt.prompt for prompt in prompts],
        kept,
        longest,
        sampling,
        seeds=seeds,
        unconditional=None if unconditional is None else [prompt.prompt for prompt in unconditional],
        pad=words.pad,
        stop=words.eos,
    )
    ends = [(*row, words.eos).index(words.eos) for row in tokens.tolist()]
    return [decode(model.text_tokenizer, row[:end]).strip() for row, end in zip(tokens.tolist(), ends, strict=True)]


def generate_tokens(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    kept: Int[Tensor, " kept"],
    steps: int,
    sampling: Sampling,
    *,
    seeds: Sequence[int] | None = None,
    unconditional: Sequence[Sequence[int]] | None = None,
    pad: int = 0,
    stop: int | None = None,
) -> Int[Tensor, "batch steps"]:
    """``steps`` tokens after each prompt, chosen among the ids ``kept`` only; after ``stop`` a row holds ``stop``.

    With guidance the unconditional prompts ride in the same batch. Raises UserError for an empty prompt, and for one
    that does not fit in the model's context together with ``steps`` tokens.
    """
    if not prompts or steps == 0:
        return torch.empty((len(prompts), steps), dtype=torch.long)
    guided = sampling.guidance != 1
    if guided and (unconditional is None or len(unconditional) != len(prompts)):
        raise ValueError("guidance needs one unconditional prompt per prompt")
    rows = [*prompts, *(unconditional or [])] if guided else list(prompts)
    _check_room(model, rows, steps)
    draws = uniforms(seeds, len(prompts), steps)
    was_training = model.training
    model.train(False)
    try:
        with torch.inference_mode():
            out = _generate(model, rows, kept, draws, sampling, guided, pad, stop)
    finally:
        model.train(was_training)
    return out.clone().cpu()


def _generate(
    model: PreTrainedModel,
    rows: Sequence[Sequence[int]],
    kept: Tensor,
    draws: Tensor,
    sampling: Sampling,
    guided: bool,
    pad: int,
    stop: int | None,
) -> Tensor:
    device = model.device
    prompts = {tuple(row): number for number, row in enumerate(dict.fromkeys(map(tuple, rows)))}
    ids, real = (value.to(device) for value in pad_left(list(prompts), pad))
    shared = torch.tensor([prompts[tuple(row)] for row in rows], device=device)
    kept, draws = kept.to(device), draws.to(device)
    count, steps = draws.shape
    # the last token is chosen but never read
    decoder = open_decoder(model, kept, ids.shape[1] + steps - 1)
    chosen = torch.full((count, steps), pad if stop is None else stop, device=device)
    finished = torch.zeros(count, dtype=torch.bool, device=device)
    logits = decoder.fill(ids, real, shared)
    for step in range(steps):
        tokens = kept[choose(guide(logits, sampling.guidance), sampling, draws[:, step])]
        if stop is not None:
            tokens = torch.where(finished, stop, tokens)
            finished |= tokens == stop
        chosen[:, step] = tokens
        if step + 1 == steps or (stop is not None and bool(finished.all())):
            break
        logits = decoder.advance(torch.cat([tokens, tokens]) if guided else tokens)
    return chosen


def _check_room(model: PreTrainedModel, rows: Sequence[Sequence[int]], steps: int) -> None:
    context = getattr(model.config, "max_position_embeddings", None)
    longest = max(map(len, rows))
    if context is not None and longest + steps > context:
        raise UserError(
            f"a prompt of {longest} tokens and {steps} more to write do not fit in this model's context of {context}: "
            f"shorten the prompt to {max(0, context - steps)} tokens"
        )
