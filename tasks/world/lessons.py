"""What a language model learns of the world: captions, text, questions and edits over a fixed set of pictures.

Pictures, in this order: ``pictures`` training scenes, the true results of ``edits`` edits of the first of them, and
``validation`` scenes of the split ``val``. An edit that is not possible keeps its picture as it is and is never taught.
Training scenes show no held-out combination, and no text of a lesson names one.

Text-only data are half captions, half the Wikipedia paragraphs of ``tasks.data.wikipedia``, cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Lesson
from harness.errors import UserError
from harness.seeding import rng_for
from tasks.data.wikipedia import open_wikipedia
from tasks.world.captions import STYLES, caption
from tasks.world.draw import draw
from tasks.world.edits import Edit, training_edit
from tasks.world.mixtures import MIXTURES
from tasks.world.open_questions import position_question, side_question, training_question
from tasks.world.sampling import sample, scenes_of
from tasks.world.scene import Scene, SceneBatch, as_batch, join
from tasks.world.statements import statements

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

BLOCK = 1000
PIECE = 420
"""The most characters of one piece of Wikipedia text, which fits the contexts of the zoo's models."""
TURNS = 8
"""Questions on one picture."""
SIDES = 0.12
"""How often a turn asks on which side of one thing another lies, before it asks anything else."""

PROMPTED = (0.2, 0.2, 0.6)
"""Shares of lessons drawn as prompts ask: of one object, of two to four of one shape, of two of different shapes."""
PROMPT_STYLES = ("objects only", "shapes only", "shapes related", "plain", "shapes on background")


class WorldLessons:
    """Satisfies ``TrainingLessons``."""

    class_count = 0

    def __init__(self, seed: int = 0, pictures: int = 96_000, edits: int = 32_000, validation: int = 2_000) -> None:
        if edits > pictures or pictures % BLOCK or edits % BLOCK:
            raise UserError(f"edits ({edits}) are at most as many as pictures ({pictures}), both multiples of {BLOCK}")
        # the seed is that of the lessons' order; pictures are the same for all, so that each tokenizer reads them once
        self.seed, self.scene_count, self.edit_count, self.validation_count = seed, pictures, edits, validation
        # a block is drawn once per process: lessons come back to it for as long as they last
        self._edit_block: Callable[[int], list[Edit | None]] = lru_cache(maxsize=None)(self._edits)

    @property
    def description(self) -> str:
        return (
            f"world: {self.scene_count:,} training scenes with captions and questions, {self.edit_count:,} edits of "
            f"them, Wikipedia paragraphs of gensim's test data"
        )

    @property
    def picture_count(self) -> int:
        return self.scene_count + self.edit_count + self.validation_count

    # -- pictures

    @cached_property
    def _scenes(self) -> SceneBatch:
        blocks = range(self.scene_count // BLOCK)
        drawn = [sample(rng_for("world", "lessons", block), BLOCK, "train") for block in blocks]
        return join([*drawn, scenes_of("val", 0, self.validation_count)])

    @cached_property
    def _prompted(self) -> Sequence[NDArray[np.int64]]:
        """The training scenes of ``PROMPTED``: of one object, of several of one shape, of two of different shapes."""
        shape = self._scenes.shape[: self.scene_count]
        number, alike = (shape >= 0).sum(1), ((shape == shape[:, :1]) | (shape < 0)).all(1)
        return [np.flatnonzero(held) for held in (number == 1, (number > 1) & alike, (number == 2) & ~alike)]

    def _scene(self, picture: int) -> Scene:
        """A training scene, or a validation one after all training ones."""
        return self._scenes.select([picture]).scenes()[0]

    def _edits(self, block: int) -> list[Edit | None]:
        rng = rng_for("world", "edits", block)
        scenes = self._scenes.select(slice(block * BLOCK, (block + 1) * BLOCK)).scenes()
        return [training_edit(scene, rng) for scene in scenes]

    def edit(self, picture: int) -> Edit | None:
        """The edit of one training scene."""
        return self._edit_block(picture // BLOCK)[picture % BLOCK]

    def pictures(self, first: int, count: int) -> Float[Tensor, "count 3 height width"]:
        import torch

        ends = (self.scene_count, self.scene_count + self.edit_count)
        rows = range(first, first + count)
        parts = [self._scenes.select([row for row in rows if row < ends[0]])]
        changed = [row - ends[0] for row in rows if ends[0] <= row < ends[1]]
        if changed:
            edits = [(self.edit(row), row) for row in changed]
            parts.append(as_batch([edit.after if edit else self._scene(row) for edit, row in edits]))
        parts.append(self._scenes.select([row - self.edit_count for row in rows if row >= ends[1]]))
        return torch.cat([draw(part) for part in parts])

    # -- texts

    @cached_property
    def _pieces(self) -> Mapping[str, Sequence[str]]:
        return {
            split: [piece for text in open_wikipedia(split) for piece in pieces(text)]
            for split in ("train", "validation")
        }

    def texts(self) -> Sequence[str]:
        """Captions and conversations of the first thousands of scenes, edits, and all of Wikipedia's training text."""
        rng = rng_for("world", "texts")
        said: list[str] = []
        for row, scene in enumerate(self._scenes.select(slice(0, 4 * BLOCK)).scenes()):
            question, answer = training_question(scene, rng)
            edit = self.edit(row)
            said += [caption(scene, STYLES[row % len(STYLES)]), f"USER: {question} ASSISTANT: {answer}"]
            said += [f"USER: {edit.instruction} ASSISTANT:"] if edit else []
        return [*said, *self._pieces["train"]]

    # -- lessons

    def lessons(self, stage: str, step: int, size: int) -> Sequence[Lesson]:
        if stage not in MIXTURES:
            raise UserError(f"the world has no lessons of stage '{stage}'; it has {', '.join(MIXTURES)}")
        rng = rng_for("world", "lesson", self.seed, stage, step)
        kinds, shares = zip(*MIXTURES[stage].items(), strict=True)
        chosen = rng.choice(len(kinds), size=size, p=shares)
        return [self._lesson(kinds[kind], stage == "validation", rng) for kind in chosen]

    def _lesson(self, kind: str, validation: bool, rng: np.random.Generator) -> Lesson:
        if kind == "wikipedia":
            texts = self._pieces["validation" if validation else "train"]
            return Lesson("text", texts[int(rng.integers(len(texts)))])
        if kind in ("edit", "edit unsaid"):
            return self._edit_lesson(kind, rng)
        if kind.startswith("prompt"):
            return self._prompt_lesson(kind, rng)
        if kind == "positions":
            return self._position_lesson(rng)
        first, count = (self.scene_count, self.validation_count) if validation else (0, self.scene_count)
        place = first + int(rng.integers(count))
        # validation pictures stand behind the edited ones
        picture = place + self.edit_count if validation else place
        if kind == "image":
            return Lesson("image", image=picture)
        scene = self._scene(place)
        if kind == "question":
            turns = [_turn(scene, rng) for _ in range(TURNS)]
            return Lesson("question", *turns[0], image=picture, turns=tuple(turns[1:]))
        if kind == "statements":
            return Lesson("image to caption", statements(scene, rng), image=picture)
        text = caption(scene, STYLES[int(rng.integers(len(STYLES)))])
        if kind == "caption":
            return Lesson("text", text)
        if kind == "image to caption":
            return Lesson("image to caption", text, image=picture)
        return Lesson("caption to image" if kind == "caption to image" else "instruction to image", text, image=picture)

    def _prompt_lesson(self, kind: str, rng: np.random.Generator) -> Lesson:
        rows = self._prompted[int(rng.choice(len(PROMPTED), p=PROMPTED))]
        picture = int(rows[int(rng.integers(len(rows)))])
        text = caption(self._scene(picture), PROMPT_STYLES[int(rng.integers(len(PROMPT_STYLES)))])
        return Lesson("caption to image" if kind == "prompt to image" else "instruction to image", text, image=picture)

    def _position_lesson(self, rng: np.random.Generator) -> Lesson:
        """As many questions of position as of anything on one picture, which has to have two things to name."""
        turns: list[tuple[str, str]] = []
        while not turns:
            picture = int(rng.integers(self.scene_count))
            scene = self._scene(picture)
            tried = (position_question(scene, rng) for _ in range(4 * TURNS))
            turns = list(islice(filter(None, tried), TURNS))
        return Lesson("question", *turns[0], image=picture, turns=tuple(turns[1:]))

    def _edit_lesson(self, kind: str, rng: np.random.Generator) -> Lesson:
        while True:
            row = int(rng.integers(self.edit_count))
            edit = self.edit(row)
            if edit is not None:
                said = edit.instruction if kind == "edit" else ""
                return Lesson("edit", said, image=row, edited=self.scene_count + row)


def _turn(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    """A question about a scene and its answer."""
    asked = side_question(scene, rng, "seen") if rng.random() < SIDES else None
    return asked or training_question(scene, rng)


def pieces(text: str, longest: int = PIECE) -> list[str]:
    """A text in pieces of at most ``longest`` characters, cut at spaces (inside a longer word, if need be)."""
    found = []
    while len(text) > longest:
        cut = text.rfind(" ", 1, longest + 1)
        cut = cut if cut > 0 else longest
        found.append(text[:cut])
        text = text[cut:].lstrip()
    return [*found, text] if text.strip() else found


def open_world_lessons(seed: int) -> WorldLessons:
    """The catalogue's factory of the data ``world-lessons``."""
    return WorldLessons(seed)
