"""What a subject can be: small Protocols, of which it satisfies one or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Bool, Float, Int
    from torch import Tensor


@runtime_checkable
class ImageTokenizer(Protocol):
    """Images to codes and back. Bits per image = code_count * log2(codebook_size)."""

    @property
    def image_size(self) -> int: ...

    @property
    def code_count(self) -> int: ...

    @property
    def codebook_size(self) -> int: ...

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]: ...

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """Images in [0, 1] from any subset of the codes; each tokenizer states what an absent code is."""
        ...


@runtime_checkable
class CountsBits(Protocol):
    """A tokenizer whose pictures cost different numbers of bits, as a codec's files do."""

    def bits(self, codes: Int[Tensor, "batch codes"]) -> Sequence[float]:
        """Of each picture; else it is code_count * log2(codebook_size)."""
        ...


@runtime_checkable
class CodesInScales(Protocol):
    """A tokenizer whose codes come in scales, one after the other: what is done to a part of them is done to whole
    scales."""

    @property
    def scales(self) -> Sequence[int]:
        """How many codes each scale has, in native order; together ``code_count``."""
        ...


@runtime_checkable
class MadeElsewhere(Protocol):
    """No model: a set of pictures that exists already, or statistics of one. Tasks look at it and ask it nothing."""

    @property
    def made_elsewhere(self) -> Path:
        """A folder of pictures, or a file of statistics."""
        ...


@runtime_checkable
class Denoises(Protocol):
    """A diffusion tokenizer: codes let it estimate the clean image from any timestep."""

    def add_noise(
        self, images: Float[Tensor, "batch 3 size size"], t: float, seeds: Sequence[int] | None = None
    ) -> Tensor:
        """The noisy state x_t = t * noise + (1 - t) * x_0 in the tokenizer's own space (latents or pixels)."""
        ...

    def denoise(
        self,
        codes: Int[Tensor, "batch codes"],
        noisy: Tensor,
        t: float,
        visible: Bool[Tensor, "batch codes"] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """The estimate of the clean image from ``noisy`` at time ``t`` and the codes which the schedule shows there."""
        ...


@runtime_checkable
class GeneratesImages(Protocol):
    """Text to image."""

    @property
    def image_size(self) -> int: ...

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        """One image per prompt. Raises UserError for an empty prompt and for one longer than the context."""
        ...


@runtime_checkable
class GeneratesClasses(Protocol):
    """Class to image."""

    @property
    def image_size(self) -> int: ...

    @property
    def class_count(self) -> int: ...

    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]: ...


@runtime_checkable
class DrawsCodes(Protocol):
    """A model that draws pictures as codes of an image tokenizer, and gives the codes themselves."""

    @property
    def tokenizer(self) -> ImageTokenizer:
        """Whose codes they are; it turns them into pictures."""
        ...

    def draw_codes(self, prompts: Sequence[str], seeds: Sequence[int]) -> Int[Tensor, "batch codes"]:
        """Of pictures of these texts, in native order."""
        ...

    def draw_class_codes(self, labels: Sequence[int], seeds: Sequence[int]) -> Int[Tensor, "batch codes"]:
        """Of pictures of these classes."""
        ...


@runtime_checkable
class EditsImages(Protocol):
    """Image and instruction to image."""

    @property
    def image_size(self) -> int: ...

    def edit(
        self, images: Float[Tensor, "batch 3 size size"], instructions: Sequence[str], seeds: Sequence[int]
    ) -> Float[Tensor, "batch 3 size size"]: ...


@runtime_checkable
class EditsWithGuidance(Protocol):
    """Image, instruction and how strongly the instruction is to be followed, to image."""

    @property
    def image_size(self) -> int: ...

    def edit_guided(
        self,
        images: Float[Tensor, "batch 3 size size"],
        instructions: Sequence[str],
        seeds: Sequence[int],
        guidance: float,
    ) -> Float[Tensor, "batch 3 size size"]:
        """``guidance`` is classifier-free guidance's scale: 1 is none, more follows the instruction more."""
        ...


@runtime_checkable
class AnswersQuestions(Protocol):
    """Image and question to text, greedily. Where ``answer`` also takes ``longest``, that many tokens are the most."""

    @property
    def image_size(self) -> int: ...

    def answer(self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str]) -> Sequence[str]: ...


@dataclass(frozen=True)
class Likelihood:
    """-log p of some tokens, natural logarithm, summed; and how many tokens that was. ``choices``: how many tokens the
    vocabulary of that kind holds (the codebook's size for image codes; None: the model does not say)."""

    nats: float
    tokens: int
    choices: int | None


@dataclass(frozen=True)
class CodeScores:
    """Of one image, code by code in the order in which the model reads them: -log p of each (``nats``) and the entropy
    of what was predicted in its place, natural logarithm; codes among codes, of a codebook of ``choices``."""

    nats: Sequence[float]
    entropies: Sequence[float]
    choices: int


@runtime_checkable
class ScoresAnswers(Protocol):
    """How likely an answer is, given a picture and a question: what multiple choice compares."""

    @property
    def image_size(self) -> int: ...

    def score_answers(
        self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str], answers: Sequence[str]
    ) -> Sequence[Likelihood]:
        """The answer's tokens alone are counted, no end."""
        ...


@runtime_checkable
class ScoresText(Protocol):
    """How likely a text is, alone or after an image. ``first_context``, where a subject has it, says in words what the
    first token of a text is predicted from (``begin marker``, ``end marker``); it joins the fingerprint."""

    def score_text(
        self, texts: Sequence[str], images: Float[Tensor, "batch 3 size size"] | None = None
    ) -> Sequence[Likelihood]:
        """The text's tokens alone are counted, no marker and no end. A text longer than the context is read in disjoint
        windows, each preceded by the last token of the one before (lm-eval's rolling windows)."""
        ...


@runtime_checkable
class ScoresTextInStrides(Protocol):
    """How likely a text is when a long one is read in windows that overlap."""

    def score_text_in_strides(self, texts: Sequence[str], share: float) -> Sequence[Likelihood]:
        """As ``score_text`` given nothing, but each window is as long as the context and begins ``share`` of it (above
        0, below 1) after the one before, so that a token is given more of what precedes it."""
        ...


@runtime_checkable
class ScoresImages(Protocol):
    """How likely an image's codes are, alone or after a caption."""

    @property
    def image_size(self) -> int: ...

    def score_images(
        self, images: Float[Tensor, "batch 3 size size"], prompts: Sequence[str] | None = None
    ) -> Sequence[Likelihood]:
        """The codes alone are counted, not the markers, which the grammar gives for nothing; nor can anything but a
        code stand within an image, so that probabilities are those of codes among codes."""
        ...


@runtime_checkable
class ScoresCodes(Protocol):
    """How likely each of an image's codes is, given those before it and nothing else."""

    @property
    def image_size(self) -> int: ...

    def score_codes(self, images: Float[Tensor, "batch 3 size size"]) -> Sequence[CodeScores]: ...


@runtime_checkable
class KeepsRecord(Protocol):
    """A subject that says of each answer how it came about, beside the answer itself: a server says which model
    answered, why it stopped and how many tokens that took. It is stored with the sample."""

    def take_records(self) -> Sequence[Sequence[Mapping[str, Any]]]:
        """One sequence per call since this was asked last, one record per row of the call; plain JSON, the same for the
        same run (no time, no id)."""
        ...
