"""Steps of lessons as batches of tokens, made ahead by worker processes where a recipe asks for them.

Making a step takes a core some 150 us a document: nothing beside a CPU's training step, more than a GPU's.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset

from ddt_llama.mllm.batching import Batch
from ddt_llama.training.classroom import Classroom
from harness.errors import UserError

AHEAD = 4
"""Steps that each worker holds ready."""


@dataclass(frozen=True)
class Step:
    """One step's share of one process, with what all processes together see."""

    chunks: list[Batch]
    learned: int
    tokens: int
    pictures: int
    kinds: frozenset[str] = frozenset()


class Feed(Dataset[Step]):
    """The steps of a training, by stage and number. The numbers of workers and processes change nothing in them."""

    def __init__(self, classroom: Classroom, workers: int = 0, process: int = 0, processes: int = 1) -> None:
        self.classroom, self.process, self.processes = classroom, process, processes
        self._places: list[tuple[str, int, int]] = []
        if workers and "fork" not in multiprocessing.get_all_start_methods():
            raise UserError(f"recipe '{classroom.recipe.name}': this system cannot fork workers: set workers = 0")
        if workers:
            # the text tokenizer has threads of its own, which a fork does not take along
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # workers live as long as the feed, and so does what the lessons have drawn in them
        self._loader: DataLoader[Step] = DataLoader(
            self,
            batch_size=None,
            sampler=self._places,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=AHEAD if workers else None,
            multiprocessing_context="fork" if workers else None,
        )

    def __getitem__(self, place: tuple[str, int, int]) -> Step:
        lessons = self.classroom.lessons.lessons(*place)
        documents = self.classroom.documents_of(lessons)
        bov = self.classroom.layout.vocabulary.bov
        return Step(
            self.classroom.chunks(documents[self.process :: self.processes]),
            learned=sum(sum(document.learned) for document in documents),
            tokens=sum(len(document.ids) for document in documents),
            pictures=sum(document.ids.count(bov) for document in documents),
            kinds=frozenset(lesson.kind if self.classroom.recipe.pictures else "text" for lesson in lessons),
        )

    def steps(self, stage: str, first: int, end: int, size: int) -> Iterator[Step]:
        """The steps ``first`` to ``end - 1`` of a stage, ``size`` lessons each; of several such runs only the newest
        may be read on."""
        self._places[:] = [(stage, step, size) for step in range(first, end)]
        return iter(self._loader)
