"""The one place that says how a sequence looks, which of its tokens are learned, and in which order an image is read.

Stage 1 (DDT-LLaMA section 4): ``[BOS] caption [BOV] codes [EOV] [EOS]``, every token learned. Stage 2:
``[BOS] USER: question ASSISTANT: answer [EOS]``, only the answer learned; an image stands before the question between
its markers. A prompt is the same sequence cut before its answer, so that training and generation cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from ddt_llama.mllm.text import checked_text, encode
from ddt_llama.mllm.vocabulary import Vocabulary
from harness.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

USER, ASSISTANT = "USER:", "ASSISTANT:"
Codes = Sequence[int] | Tensor


@dataclass(frozen=True)
class TokenOrder:
    """The order in which the language model reads an image's codes: ``native``, ``reversed`` or ``shuffled(SEED)``.

    For DDT ``native`` runs fine to coarse, as on the project page; ``reversed`` is Selftok's. ``shuffled`` is one fixed
    permutation for all images.

    Examples:
        >>> TokenOrder("reversed").apply(torch.tensor([10, 11, 12])).tolist()
        [12, 11, 10]
    """

    name: str = "native"

    def __post_init__(self) -> None:
        if self.name not in ("native", "reversed") and self._seed() is None:
            raise UserError(f"unknown token order '{self.name}'; known: native, reversed, shuffled(SEED)")

    def _seed(self) -> int | None:
        match = re.fullmatch(r"shuffled\((\d{1,18})\)", self.name)
        return int(match.group(1)) if match else None

    def permutation(self, count: int) -> Int[Tensor, " codes"]:
        """Position i of a sequence holds the code ``permutation[i]``."""
        if self.name == "native":
            return torch.arange(count)
        if self.name == "reversed":
            return torch.arange(count).flip(0)
        return torch.randperm(count, generator=torch.Generator().manual_seed(self._seed() or 0))

    def apply(self, codes: Int[Tensor, "*batch codes"]) -> Int[Tensor, "*batch codes"]:
        """Codes in native order -> codes as they are read."""
        return codes[..., self.permutation(codes.shape[-1]).to(codes.device)]

    def invert(self, codes: Int[Tensor, "*batch codes"]) -> Int[Tensor, "*batch codes"]:
        """Codes as they are read -> codes in native order, which is what decoding takes."""
        return codes[..., self.permutation(codes.shape[-1]).argsort().to(codes.device)]


@dataclass(frozen=True)
class Document:
    """One sequence: a prompt, and the answer that follows it. ``learn_prompt``: loss on the prompt too. ``turns`` are
    further prompts, never learned, each with its answer."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...] = ()
    learn_prompt: bool = False
    turns: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()

    @cached_property
    def ids(self) -> tuple[int, ...]:
        return sum((prompt + answer for prompt, answer in self.turns), self.prompt + self.answer)

    @cached_property
    def learned(self) -> tuple[bool, ...]:
        """One per token; the first token of a document is never learned, since nothing precedes it."""
        mask = (self.learn_prompt,) * len(self.prompt) + (True,) * len(self.answer)
        for prompt, answer in self.turns:
            mask += (False,) * len(prompt) + (True,) * len(answer)
        return (False, *mask[1:])


class SequenceLayout:
    """Documents of every kind, for one vocabulary, text tokenizer and token order.

    Texts are strings, or bytes in UTF-8; codes are in native order. An answer left out (None) gives the prompt alone.
    Raises UserError for an empty text, invalid UTF-8, and codes that are not of this vocabulary.
    """

    def __init__(
        self, vocabulary: Vocabulary, tokenizer: PreTrainedTokenizerBase, order: TokenOrder | str = "native"
    ) -> None:
        self.vocabulary = vocabulary
        self.order = TokenOrder(order) if isinstance(order, str) else order
        self._permutation = self.order.permutation(vocabulary.code_count)
        self._encode = lru_cache(maxsize=1 << 16)(lambda text: tuple(encode(tokenizer, text)))

    # -- stage 1: every token is learned

    def text_only(self, text: str | bytes) -> Document:
        """``[BOS] text [EOS]``."""
        answer = (*self._text(text, "the text"), self.vocabulary.eos)
        return Document((self.vocabulary.bos,), answer, learn_prompt=True)

    def caption_to_image(self, caption: str | bytes, codes: Codes | None = None) -> Document:
        """``[BOS] caption [BOV] codes [EOV] [EOS]``."""
        return self._ends_in_image((self.vocabulary.bos, *self._text(caption, "the prompt")), codes, learn_prompt=True)

    def class_to_image(self, label: int, codes: Codes | None = None) -> Document:
        """``[BOS] [CLASS] [BOV] codes [EOV] [EOS]``; the class itself is not learned."""
        return self._ends_in_image((self.vocabulary.bos, self.vocabulary.class_id(label)), codes, learn_prompt=False)

    def image_only(self, codes: Codes | None = None) -> Document:
        """``[BOS] [BOV] codes [EOV] [EOS]``: what a dropped caption leaves; its prompt is guidance's unconditional
        one."""
        return self._ends_in_image((self.vocabulary.bos,), codes, learn_prompt=True)

    def image_to_caption(self, codes: Codes, caption: str | bytes | None = None) -> Document:
        """``[BOS] [BOV] codes [EOV] caption [EOS]``."""
        prompt = (self.vocabulary.bos, *self._image(codes))
        return Document(prompt, self._answer_text(caption, "the caption", space=False), learn_prompt=True)

    # -- stage 2: only the answer is learned

    def question_to_answer(
        self, question: str | bytes, answer: str | bytes | None = None, codes: Codes | None = None
    ) -> Document:
        """``[BOS] USER: [BOV] codes [EOV] question ASSISTANT: answer [EOS]``; without codes, text alone."""
        shown = () if codes is None else self._image(codes)
        prompt = self._user(shown, question, "the question")
        return Document(prompt, self._answer_text(answer, "the answer", space=True))

    def conversation(self, codes: Codes, turns: Sequence[tuple[str | bytes, str | bytes]]) -> Document:
        """Several questions on one image: as ``question_to_answer``, then ``USER: question ASSISTANT: answer [EOS]``
        for each further turn. So an image that is shown once teaches more than one answer."""
        (question, answer), *more = turns
        first = self.question_to_answer(question, answer, codes)
        rest = tuple(
            (self._user((), text, "the question")[1:], self._answer_text(reply, "the answer", space=True))
            for text, reply in more
        )
        return Document(first.prompt, first.answer, turns=rest)

    def instruction_to_image(self, instruction: str | bytes, codes: Codes | None = None) -> Document:
        """``[BOS] USER: instruction ASSISTANT: [BOV] codes [EOV] [EOS]``: caption->image in the form of stage 2."""
        return self._ends_in_image(self._user((), instruction, "the prompt"), codes, learn_prompt=False)

    def edit(self, codes: Codes, instruction: str | bytes, edited: Codes | None = None) -> Document:
        """``[BOS] USER: [BOV] codes [EOV] instruction ASSISTANT: [BOV] edited [EOV] [EOS]``."""
        prompt = self._user(self._image(codes), instruction, "the instruction")
        return self._ends_in_image(prompt, edited, learn_prompt=False)

    def edit_unconditional(self, codes: Codes, edited: Codes | None = None) -> Document:
        """An edit whose instruction is dropped, the image kept: guidance then strengthens the instruction alone."""
        prompt = self._user(self._image(codes), None, "the instruction")
        return self._ends_in_image(prompt, edited, learn_prompt=False)

    # -- inside

    def _user(self, shown: tuple[int, ...], text: str | bytes | None, what: str) -> tuple[int, ...]:
        said = () if text is None else self._text(text, what, space=True)
        return (self.vocabulary.bos, *self._encode(USER), *shown, *said, *self._encode(f" {ASSISTANT}"))

    def _text(self, text: str | bytes, what: str, space: bool = False) -> tuple[int, ...]:
        checked = checked_text(text, what)
        return self._encode(f" {checked}" if space else checked)

    def _answer_text(self, text: str | bytes | None, what: str, space: bool) -> tuple[int, ...]:
        return () if text is None else (*self._text(text, what, space), self.vocabulary.eos)

    def _image(self, codes: Codes) -> tuple[int, ...]:
        tensor = torch.as_tensor(codes, device="cpu")
        if tensor.shape != (self.vocabulary.code_count,):
            raise UserError(
                f"an image of this model is {self.vocabulary.code_count} codes, not {tuple(tensor.shape)}: encode the "
                "image with the tokenizer that its card names"
            )
        tokens = self.vocabulary.to_tokens(tensor[self._permutation]).tolist()
        return (self.vocabulary.bov, *tokens, self.vocabulary.eov)

    def _ends_in_image(self, prompt: tuple[int, ...], codes: Codes | None, learn_prompt: bool) -> Document:
        start = (*prompt, self.vocabulary.bov)
        if codes is None:
            return Document(start, (), learn_prompt)
        return Document(start, (*self._image(codes)[1:], self.vocabulary.eos), learn_prompt)
