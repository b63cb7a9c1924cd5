"""Any causal language model of transformers as it is, scored for its perplexity on text: ``hf-lm@FOLDER`` or
``hf-lm@OWNER/NAME[#REVISION]``.

What lm-eval's ``hf`` model computes for rolling log-likelihoods: a text becomes tokens without added markers; the first
window is preceded by the begin marker (the end marker where the tokenizer has no begin); windows are disjoint, as long
as the context, each given one token of context and the last as many as fit. The context is what the configuration
states, else what the tokenizer states, else 2,048.

Known deviations: float32, where lm-eval takes the dtype of the file; Gemma's begin marker is read once and not counted,
where lm-eval adds a second one and counts it; a window of many tokens is read in slices with cached keys and values, so
that its logits need not be held at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from baselines.libraries.hub import digest_of_folder, place_of
from ddt_llama.mllm.decoders import cache_word
from ddt_llama.mllm.folder import open_language_model
from ddt_llama.mllm.layout import Document
from ddt_llama.mllm.likelihood import strided_windows, windows
from ddt_llama.mllm.text import checked_text, encode
from harness.contracts import Likelihood
from harness.errors import UserError

LIMITS = ("n_positions", "max_position_embeddings", "n_ctx")
"""Where configurations state the context, in lm-eval's order."""
DEFAULT_LIMIT, NO_LIMIT = 2_048, 1_000_000_000
"""Tokenizers without a limit of their own state an absurd one."""
LOGITS = 1 << 27
"""Logits that are held at once: half a gigabyte."""


class CausalLM:
    """Satisfies ``ScoresText`` (given nothing) and ``ScoresTextInStrides``."""

    version = 1

    def __init__(self, model: Any, tokenizer: Any, digest: str) -> None:
        self.model, self.tokenizer, self.checkpoint_digest = model, tokenizer, digest
        self.rows = int(model.get_input_embeddings().weight.shape[0])
        begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
        if begin is None and end is None:
            raise UserError(
                "this model's tokenizer has neither a begin nor an end marker, so no text has a first token"
            )
        self.first_token = int(end if begin is None else begin)

    @property
    def context(self) -> int:
        """The tokens that the model reads at once."""
        config = self.model.config.get_text_config()
        stated = [getattr(config, name) for name in LIMITS if getattr(config, name, None)]
        limit = int(stated[0]) if stated else int(self.tokenizer.model_max_length)
        return limit if limit < NO_LIMIT else DEFAULT_LIMIT

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.device)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides a number beside the weights; part of a run's key."""
        return {"first_token": self.first_token, "context": self.context}

    @property
    def first_context(self) -> str:
        """What the first token of a text is predicted from."""
        return "end marker" if self.tokenizer.bos_token_id is None else "begin marker"

    def score_text(
        self, texts: Sequence[str], images: Float[Tensor, "batch 3 size size"] | None = None
    ) -> Sequence[Likelihood]:
        """Raises UserError for an empty text, and where there are pictures."""
        if images is not None:
            raise UserError("a plain language model reads text alone: give it no pictures")
        return [self._scored(windows(self._tokens(text), self.first_token, self.context)) for text in texts]

    def score_text_in_strides(self, texts: Sequence[str], share: float) -> Sequence[Likelihood]:
        """Raises UserError for an empty text."""
        # a window of so many tokens is preceded by none that it reads: of the context one is the marker's
        longest = self.context - 1
        stride = max(1, int(share * self.context))
        return [self._scored(strided_windows(self._tokens(t), self.first_token, longest, stride)) for t in texts]

    def _tokens(self, text: str) -> list[int]:
        return encode(self.tokenizer, checked_text(text))

    def _scored(self, documents: Sequence[Document]) -> Likelihood:
        nats = sum(self._nats(document) for document in documents)
        return Likelihood(nats, sum(len(document.answer) for document in documents), self.rows)

    @torch.inference_mode()
    def _nats(self, document: Document) -> float:
        """-log p of the answer, window by window by itself: bits depend on no other text. The last token is predicted
        and never read."""
        ids = torch.tensor([document.ids], device=self.device)
        read, wanted = ids[:, :-1], ids[0, 1:]
        slice_length = max(1, LOGITS // self.rows)
        cache, total = None, 0.0
        for start in range(0, read.shape[1], slice_length):
            part = read[:, start : start + slice_length]
            whole = part.shape[1] == read.shape[1]
            given = {} if whole else {cache_word(self.model.forward): cache}
            out = self.model(input_ids=part, use_cache=not whole, **given)
            cache = None if whole else out.past_key_values
            losses = functional.cross_entropy(
                out.logits[0].float(), wanted[start : start + part.shape[1]], reduction="none"
            )
            counted = max(0, len(document.prompt) - 1 - start)
            total += float(losses[counted:].double().sum())
        return total


def open_causal_lm(source: str, device: str = "cpu") -> CausalLM:
    """Raises UserError for what is no causal language model with safetensors and a tokenizer of its own."""
    folder, chosen = place_of(source)
    if chosen:
        raise UserError(f"{source}: a language model is read with its default weights: leave out '#{chosen}'")
    model, tokenizer = open_language_model(str(folder), torch.float32, writes=False, shared=True)
    subject: Any = model
    return CausalLM(subject.to(device).eval().requires_grad_(False), tokenizer, digest_of_folder(folder))
