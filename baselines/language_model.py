"""A multimodal language model as a subject: it generates, edits, answers and scores through its image tokenizer.

One adapter for DDT-LLaMA and for its rivals: what differs is the checkpoint, whose card names the image tokenizer.
Satisfies ``GeneratesImages``, ``GeneratesClasses``, ``EditsImages``, ``EditsWithGuidance``, ``AnswersQuestions``,
``ScoresAnswers``, ``ScoresText``, ``ScoresTextInStrides``, ``ScoresImages``, ``ScoresCodes`` and ``DrawsCodes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch

from ddt_llama.mllm.generation import generate_images, generate_text
from ddt_llama.mllm.layout import Document
from ddt_llama.mllm.likelihood import codes_one_by_one, nats_of_answers, strided_windows, windows
from ddt_llama.mllm.model import MultimodalLM, TokenizerReference
from ddt_llama.mllm.sampling import GREEDY, Sampling
from harness.catalog import open_model
from harness.contracts import CodeScores, ImageTokenizer, Likelihood
from harness.errors import UserError
from harness.paths import checkout_root, user_path

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

ANSWER_TOKENS = 16
"""The longest answer: what lmms-eval allows for MME."""

DRAWING = Sampling(temperature=0.7, top_p=0.95, guidance=3.0)
"""Chosen on 320 validation scenes told as prompts are (docs/log.md)."""
EDITING = Sampling(temperature=0.2, guidance=1.5)
"""Chosen on 240 edits of validation scenes: what an instruction leaves open is little (docs/log.md)."""
CLASSES = Sampling(temperature=1.0, guidance=1.5)
"""Chosen by FD-fashion of 500 pictures against training images (docs/log.md)."""

TEXT, DRAWS = ("ScoresText", "ScoresTextInStrides"), ("GeneratesImages", "ScoresImages", "ScoresCodes")
TEACHES: Mapping[str, tuple[str, ...]] = {
    "text": TEXT,
    "image": ("ScoresImages", "ScoresCodes"),
    "caption to image": DRAWS,
    "image to caption": TEXT,
    "class to image": ("GeneratesClasses",),
    "instruction to image": DRAWS,
    "question": ("AnswersQuestions", "ScoresAnswers", *TEXT),
    "edit": ("EditsImages", "EditsWithGuidance"),
}
"""What a model can be asked after lessons of a kind."""


class LanguageSubject:
    """A language model and the image tokenizer whose codes it speaks.

    ``drawing``, ``editing`` and ``classes`` say how image codes are drawn. A model whose card says ``prompt:
    instruction`` is asked for pictures as a user asks (stage 2), another with the bare caption (stage 1).
    """

    version = 1
    checkpoint_digest: str | None = None

    def __init__(
        self,
        model: MultimodalLM,
        tokenizer: ImageTokenizer,
        drawing: Sampling = DRAWING,
        editing: Sampling = EDITING,
        classes: Sampling = CLASSES,
        provides: Sequence[str] = (),
        display_name: str = "",
    ) -> None:
        """``provides`` and ``display_name``: fewer protocols than the catalogue says of its entry, and another name."""
        model.check_tokenizer(tokenizer)
        self.model, self.tokenizer = model, tokenizer
        self.drawing, self.editing, self.classes = drawing, editing, classes
        self.provides, self.display_name = tuple(provides), display_name
        self.instructed = model.card.get("training", {}).get("prompt") == "instruction"

    @property
    def image_size(self) -> int:
        return self.tokenizer.image_size

    @property
    def class_count(self) -> int:
        return self.model.vocabulary.classes

    @property
    def first_context(self) -> str:
        """What the first token of a text given nothing is predicted from."""
        return "begin marker"

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.language_model.device)

    @property
    def settings(self) -> Mapping[str, Any]:
        """How it draws; part of a run's key."""
        return {
            "drawing": asdict(self.drawing),
            "editing": asdict(self.editing),
            "classes": asdict(self.classes),
            "answer_tokens": ANSWER_TOKENS,
            **({"decoder": decoder} if (decoder := self._decoder()) else {}),
        }

    def _decoder(self) -> dict[str, Any]:
        """How codes become pictures, where the codes alone do not say it: what the tokenizer sets, and its weights
        where they are others than those that made the codes."""
        found = dict(getattr(self.tokenizer, "settings", {}))
        weights = getattr(self.tokenizer, "card", {}).get("sha256", "")
        if weights and weights != self.model.reference.sha256:
            found["weights"] = weights[:16]
        return found

    # -- pictures

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        return self._decoded(self.draw_codes(prompts, seeds), seeds)

    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        return self._decoded(self.draw_class_codes(labels, seeds), seeds)

    def draw_codes(self, prompts: Sequence[str], seeds: Sequence[int]) -> Int[Tensor, "batch codes"]:
        return generate_images(self.model, [self._asked(prompt) for prompt in prompts], self.drawing, seeds)

    def draw_class_codes(self, labels: Sequence[int], seeds: Sequence[int]) -> Int[Tensor, "batch codes"]:
        prompts = [self.model.layout.class_to_image(label) for label in labels]
        return generate_images(self.model, prompts, self.classes, seeds)

    def edit(
        self, images: Float[Tensor, "batch 3 size size"], instructions: Sequence[str], seeds: Sequence[int]
    ) -> Float[Tensor, "batch 3 size size"]:
        return self._edited(images, instructions, seeds, self.editing)

    def edit_guided(
        self,
        images: Float[Tensor, "batch 3 size size"],
        instructions: Sequence[str],
        seeds: Sequence[int],
        guidance: float,
    ) -> Float[Tensor, "batch 3 size size"]:
        return self._edited(images, instructions, seeds, replace(self.editing, guidance=guidance))

    def _edited(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int], sampling: Sampling) -> Tensor:
        layout, codes = self.model.layout, self._read(images)
        prompts = [layout.edit(row, text) for row, text in zip(codes, instructions, strict=True)]
        unsaid = [layout.edit_unconditional(row) for row in codes]
        return self._decoded(generate_images(self.model, prompts, sampling, seeds, unsaid), seeds)

    def _asked(self, prompt: str) -> Document:
        layout = self.model.layout
        return layout.instruction_to_image(prompt) if self.instructed else layout.caption_to_image(prompt)

    def _decoded(self, codes: Int[Tensor, "batch codes"], seeds: Sequence[int]) -> Tensor:
        with torch.no_grad():
            return self.tokenizer.decode(codes.to(self.device), seeds=seeds)

    def _read(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]:
        side = self.image_size
        if tuple(images.shape[1:]) != (3, side, side):
            raise UserError(f"this model reads pictures of {side}x{side}, not {'x'.join(map(str, images.shape[2:]))}")
        with torch.no_grad():
            return self.tokenizer.encode(images.to(self.device)).cpu()

    # -- words

    def answer(
        self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str], longest: int = ANSWER_TOKENS
    ) -> Sequence[str]:
        layout = self.model.layout
        prompts = [
            layout.question_to_answer(question, None, codes)
            for question, codes in zip(questions, self._read(images), strict=True)
        ]
        return generate_text(self.model, prompts, GREEDY, longest=longest)

    # -- likelihoods

    def score_answers(
        self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str], answers: Sequence[str]
    ) -> Sequence[Likelihood]:
        layout, words = self.model.layout, self.model.vocabulary
        whole = [
            layout.question_to_answer(question, answer, codes)
            for question, answer, codes in zip(questions, answers, self._read(images), strict=True)
        ]
        documents = [Document(document.prompt, document.answer[:-1]) for document in whole]
        nats = nats_of_answers(self.model, documents)
        return [
            Likelihood(value, len(document.answer), words.text_size)
            for value, document in zip(nats, documents, strict=True)
        ]

    def score_text(
        self, texts: Sequence[str], images: Float[Tensor, "batch 3 size size"] | None = None
    ) -> Sequence[Likelihood]:
        if images is None:
            return self._score_windows(texts, windows)
        pairs = zip(self._read(images), texts, strict=True)
        whole = [self.model.layout.image_to_caption(codes, text) for codes, text in pairs]
        documents = [[Document(document.prompt, document.answer[:-1])] for document in whole]
        return self._score_documents(documents)

    def score_text_in_strides(self, texts: Sequence[str], share: float) -> Sequence[Likelihood]:
        def overlapping(tokens: Sequence[int], prefix: int, longest: int) -> list[Document]:
            return strided_windows(tokens, prefix, longest, max(1, int(share * (longest + 1))))

        return self._score_windows(texts, overlapping)

    def _score_windows(
        self, texts: Sequence[str], cut: Callable[[Sequence[int], int, int], list[Document]]
    ) -> list[Likelihood]:
        """Texts given nothing; ``cut`` makes documents of tokens, the token before them and the longest that fits."""
        longest = int(getattr(self.model.language_model.config, "max_position_embeddings", 1 << 20)) - 1
        layout, bos = self.model.layout, self.model.vocabulary.bos
        # the end that the layout adds is no part of the text
        return self._score_documents([cut(layout.text_only(text).answer[:-1], bos, longest) for text in texts])

    def _score_documents(self, documents: Sequence[Sequence[Document]]) -> list[Likelihood]:
        nats = iter(nats_of_answers(self.model, [part for parts in documents for part in parts]))
        choices = self.model.vocabulary.text_size
        return [
            Likelihood(sum(next(nats) for _ in parts), sum(len(part.answer) for part in parts), choices)
            for parts in documents
        ]

    def score_images(
        self, images: Float[Tensor, "batch 3 size size"], prompts: Sequence[str] | None = None
    ) -> Sequence[Likelihood]:
        words = self.model.vocabulary
        documents = self._code_documents(images, prompts)
        nats = nats_of_answers(self.model, documents, words.code_ids())
        return [Likelihood(value, words.code_count, words.codebook_size) for value in nats]

    def score_codes(self, images: Float[Tensor, "batch 3 size size"]) -> Sequence[CodeScores]:
        words = self.model.vocabulary
        rows = codes_one_by_one(self.model, self._code_documents(images, None), words.code_ids())
        return [CodeScores(nats, entropies, words.codebook_size) for nats, entropies in rows]

    def _code_documents(
        self, images: Float[Tensor, "batch 3 size size"], prompts: Sequence[str] | None
    ) -> list[Document]:
        """The codes of each image, in the order in which the model reads them, after its caption or nothing."""
        layout, words = self.model.layout, self.model.vocabulary
        begun = [layout.image_only()] * len(images) if prompts is None else [self._asked(text) for text in prompts]
        return [
            Document(document.prompt, tuple(words.to_tokens(layout.order.apply(codes)).tolist()))
            for document, codes in zip(begun, self._read(images), strict=True)
        ]


def open_language_subject(source: str, device: str = "cpu") -> LanguageSubject:
    """The subject of a folder of ``MultimodalLM.save_pretrained``, with the image tokenizer that its card names.

    Raises UserError for a folder that is none, and for a tokenizer whose weights are not those of the card.
    """
    return LanguageSubject(*_opened(source, device))


def open_mllm(source: str, device: str = "cpu") -> LanguageSubject:
    """``mllm@FOLDER``: any model that ``ddtbench train mllm`` made, whatever language model and tokenizer it is of. Its
    card says what it is called (its recipe's name) and what can be asked of it (the lessons that it was taught).

    Raises UserError as ``open_language_subject``.
    """
    if not user_path(source).is_dir() and not (checkout_root() / source).is_dir():
        raise UserError(f"there is no folder '{source}': give one that ddtbench train mllm made")
    model, tokenizer = _opened(source, device)
    training: Mapping[str, Any] = model.card.get("training", {})
    name = str(training.get("recipe", {}).get("name", ""))
    subject = LanguageSubject(model, tokenizer, provides=taught(model), display_name=name)
    subject.checkpoint_digest = str(model.card["sha256"])
    return subject


def taught(model: MultimodalLM) -> tuple[str, ...]:
    """The protocols of what a model was taught, by its card; of older cards, by its last stage."""
    training: Mapping[str, Any] = model.card.get("training", {})
    kinds = training.get("taught")
    if kinds is None:
        if model.vocabulary.classes:
            kinds = ["class to image"]
        elif not training.get("recipe", {}).get("pictures", True):
            kinds = ["text"]
        elif training.get("prompt", "instruction") == "instruction":
            kinds = [kind for kind in TEACHES if kind != "class to image"]
        else:
            kinds = ["text", "caption to image", "image to caption"]
    return tuple(dict.fromkeys(protocol for kind in kinds for protocol in TEACHES.get(str(kind), ())))


def _opened(source: str, device: str) -> tuple[MultimodalLM, ImageTokenizer]:
    model = MultimodalLM.from_pretrained(source, device=device)
    named = model.reference
    tokenizer = open_model(f"{named.name}@{named.source}" if named.source else named.name, device)
    if named.source:
        model.check_tokenizer(tokenizer, TokenizerReference.of(named.name, named.source))
    return model, tokenizer
