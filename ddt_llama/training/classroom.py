"""Lessons into batches of tokens: the model that a recipe asks for, the codes of its pictures, and its documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ddt_llama.mllm.batching import IGNORED, Batch, pad
from ddt_llama.mllm.folder import open_language_model
from ddt_llama.mllm.layout import Document, SequenceLayout
from ddt_llama.mllm.model import MultimodalLM, TokenizerReference
from ddt_llama.mllm.text import train_text_tokenizer
from ddt_llama.training.attention import float32_attention
from ddt_llama.training.codes import PictureCodes
from ddt_llama.training.journal import silent
from ddt_llama.training.precision import usable
from ddt_llama.training.recipe import LanguageRecipe
from harness.contracts import Lesson, TrainingLessons
from harness.errors import UserError
from harness.seeding import seed_for

BATCH_COST, GPU_BATCH_COST = 64, 16_384
"""What a batch costs beside its tokens, in tokens: on one core some 8 ms of calls; a GPU waits for the calls of a
batch as long as it computes some 16,000 tokens of a small model."""

EXAMINED = 4
"""Batches of validation lessons that a checkpoint is examined on."""
PICTURES_A_LESSON = 2

Find = Callable[[str, str], Any]


class Classroom:
    """What one training teaches from."""

    def __init__(
        self,
        recipe: LanguageRecipe,
        lessons: TrainingLessons,
        codes: Int[Tensor, "pictures codes"],
        layout: SequenceLayout,
    ) -> None:
        self.recipe, self.lessons, self.codes, self.layout = recipe, lessons, codes, layout
        self.pad_id = layout.vocabulary.pad

    @classmethod
    def open(
        cls,
        recipe: LanguageRecipe,
        find: Find,
        cache: Path,
        say: Callable[[str], None] = print,
        rehearsed: LanguageRecipe | None = None,
    ) -> tuple[Classroom, MultimodalLM]:
        """The lessons of a recipe with the codes of the pictures that it will see, and its untrained model. Where
        another recipe is ``rehearsed`` by a sample of its steps the codes are drawn, and how long those of the whole
        would take is timed. Raises UserError."""
        name, _, source = recipe.tokenizer.partition("@")
        tokenizer = find("model", name)(source, "cpu")
        lessons: TrainingLessons = find("stream", recipe.data)(seed_for(recipe.seed, "lessons"))
        model = _new_model(
            recipe, lessons, tokenizer, TokenizerReference.of(name, source) if source else TokenizerReference(name)
        )
        longest = _context(model)
        kept = PictureCodes.of(tokenizer, model.reference.sha256, lessons, cache, say)
        codes = _rehearsed(kept, rehearsed, say) if rehearsed else _codes(kept, recipe)
        if usable(recipe.precision, silent) == "bf16" and not torch.cuda.is_available():
            float32_attention(model.language_model)
        room = cls(recipe, lessons, codes, model.layout)
        if longest and longest < room.image_length:
            raise UserError(
                f"recipe '{recipe.name}': a context of {longest} tokens holds no image of {codes.shape[1]} codes"
            )
        return room, model

    @property
    def image_length(self) -> int:
        return self.codes.shape[1] + 4

    def documents(self, stage: str, step: int, size: int) -> list[Document]:
        """One batch of a stage, as token sequences."""
        return self.documents_of(self.lessons.lessons(stage, step, size))

    def documents_of(self, lessons: Sequence[Lesson]) -> list[Document]:
        """Without pictures a lesson is its text, and one that has none is left out."""
        if self.recipe.pictures:
            return [self.document(lesson) for lesson in lessons]
        return [self.layout.text_only(lesson.text) for lesson in lessons if lesson.text]

    def document(self, lesson: Lesson) -> Document:
        """One lesson as a token sequence."""
        layout = self.layout
        if lesson.kind == "text":
            return layout.text_only(lesson.text)
        codes = self.codes[lesson.image]
        if lesson.kind == "image":
            return layout.image_only(codes)
        if lesson.kind == "caption to image":
            return layout.caption_to_image(lesson.text, codes)
        if lesson.kind == "image to caption":
            return layout.image_to_caption(codes, lesson.text)
        if lesson.kind == "class to image":
            return layout.class_to_image(lesson.label, codes)
        if lesson.kind == "instruction to image":
            return layout.instruction_to_image(lesson.text, codes)
        if lesson.kind == "question":
            return layout.conversation(codes, [(lesson.text, lesson.answer), *lesson.turns])
        edited = self.codes[lesson.edited]
        return layout.edit(codes, lesson.text, edited) if lesson.text else layout.edit_unconditional(codes, edited)

    def chunks(self, documents: Sequence[Document]) -> list[Batch]:
        """Padded batches of documents of like length, each of at most ``chunk_tokens`` tokens: the division that
        costs least, where a batch costs its tokens with their padding, and ``BATCH_COST`` more."""
        beside = GPU_BATCH_COST if torch.cuda.is_available() else BATCH_COST
        ordered = sorted(documents, key=lambda document: len(document.ids))
        lengths = [len(document.ids) for document in ordered]
        best: list[tuple[int, int]] = [(0, 0)]
        for end in range(1, len(ordered) + 1):
            fit = max(1, min(end, self.recipe.chunk_tokens // lengths[end - 1]))
            costs = ((best[end - n][0] + n * lengths[end - 1] + beside, end - n) for n in range(1, fit + 1))
            best.append(min(costs))
        found, end = [], len(ordered)
        while end:
            first = best[end][1]
            found.append(pad(ordered[first:end], self.pad_id))
            end = first
        return found[::-1]

    @torch.no_grad()
    def examine(self, model: MultimodalLM, batches: int, size: int) -> dict[str, float]:
        """Mean -log p of the learned tokens of validation lessons, in nats, by kind of lesson."""
        kinds: dict[str, list[Lesson]] = {}
        for step in range(batches):
            for lesson in self.lessons.lessons("validation", step, size):
                kinds.setdefault(lesson.kind, []).append(lesson)
        means = {}
        for kind, lessons in sorted(kinds.items()):
            total, count = 0.0, 0
            for batch in self.chunks(self.documents_of(lessons)):
                total += float(model.token_losses(batch.to(model.language_model.device)).double().sum())
                count += int((batch.labels[:, 1:] != IGNORED).sum())
            means[kind] = total / max(1, count)
        return means


def _codes(kept: PictureCodes, recipe: LanguageRecipe) -> Tensor:
    """Of all pictures, or of those alone that a training of few steps sees."""
    rows = pictures_seen(recipe, kept.lessons)
    return kept.all() if rows is None else kept.some(rows) if rows else kept.none()


def _rehearsed(kept: PictureCodes, recipe: LanguageRecipe, say: Callable[[str], None]) -> Tensor:
    codes, seconds = kept.sampled()
    rows = pictures_seen(recipe, kept.lessons)
    count = kept.lessons.picture_count if rows is None else len(rows)
    minutes = seconds * count / kept.lessons.picture_count / 60
    say(f"codes of {count:,} pictures, once for this tokenizer: about {minutes:.1f} minutes")
    return codes


def pictures_seen(recipe: LanguageRecipe, lessons: TrainingLessons) -> list[int] | None:
    """The pictures of a recipe's lessons, validation included; None where it has so many lessons that it sees (nearly)
    all pictures, and looking through the lessons would take longer than it saves."""
    if not recipe.pictures:
        return []
    batches = [("validation", step, recipe.batch) for step in range(EXAMINED)]
    for stage in recipe.stages:
        steps = range(stage.first, stage.first + stage.steps)
        if len(steps) * PICTURES_A_LESSON * (stage.batch or recipe.batch) > lessons.picture_count:
            return None
        batches += [(stage.name, step, stage.batch or recipe.batch) for step in steps]
    if PICTURES_A_LESSON * sum(size for _, _, size in batches) > lessons.picture_count:
        return None
    asked = (lesson for batch in batches for lesson in lessons.lessons(*batch))
    return sorted({row for lesson in asked for row in (lesson.image, lesson.edited) if row >= 0})


def _new_model(
    recipe: LanguageRecipe, lessons: TrainingLessons, tokenizer: Any, reference: TokenizerReference
) -> MultimodalLM:
    if recipe.start:
        return _further(recipe, tokenizer, reference)
    torch.manual_seed(seed_for(recipe.seed, "weights") % (1 << 63))
    if recipe.base:
        language_model, text_tokenizer = open_language_model(recipe.base, "float32")
    else:
        from transformers import LlamaConfig, LlamaForCausalLM

        text_tokenizer = train_text_tokenizer(lessons.texts(), recipe.text_vocabulary)
        config = LlamaConfig(vocab_size=len(text_tokenizer), **recipe.model)
        language_model = LlamaForCausalLM(config)
    return MultimodalLM.extend(
        language_model,
        text_tokenizer,
        reference,
        tokenizer.codebook_size,
        tokenizer.code_count,
        classes=lessons.class_count,
        order=recipe.order,
        seed=recipe.seed,
    )


def _further(recipe: LanguageRecipe, tokenizer: Any, reference: TokenizerReference) -> MultimodalLM:
    """The model that a recipe trains further; it has to speak this tokenizer's codes, in this order."""
    model = MultimodalLM.from_pretrained(recipe.start)
    model.check_tokenizer(tokenizer, reference)
    if model.layout.order.name != recipe.order:
        raise UserError(
            f"recipe '{recipe.name}': {recipe.start} reads its codes {model.layout.order.name}, not {recipe.order}"
        )
    return model


def _context(model: MultimodalLM) -> int:
    return int(getattr(model.language_model.config, "max_position_embeddings", 0))
