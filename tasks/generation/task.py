"""The tasks ``generation@world`` and ``generation@fashion``; the package says what they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.provenance import provenance_of
from tasks.generation import coco, entries
from tasks.generation.coco import CocoReference
from tasks.generation.reference import CLASSES, Reference, open_reference
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.cost import language_cost, median_seconds
from tasks.tokenizing.sources import ImageSource

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PROBE_BATCH = 32
REPETITIONS = 2

WORLD_METRICS = (
    *("fd-world", "fd-infinity", "kd-world"),
    *("precision-world", "recall-world", "density-world", "coverage-world"),
    "kid-efficientnet-lite0",
)
FASHION_METRICS = (
    "class-agreement",
    *("fd-fashion", "fd-fashion-infinity", "kd-fashion"),
    *("precision-fashion", "recall-fashion", "density-fashion", "coverage-fashion"),
)


class AskedSource(ImageSource, Protocol):
    """References, and in words what a subject is asked for."""

    @property
    def asked(self) -> str: ...


class Generation(TokenizerTask, ABC):
    """What both tasks share. Sample images are ``reference`` (a real picture, see the package) and ``output``."""

    title = "generation"
    source: AskedSource | CocoReference

    def __init__(self, source: AskedSource | CocoReference, subject: Any) -> None:
        super().__init__(source, subject)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {**super().fingerprint, "asked": self.source.asked}

    @abstractmethod
    def generate(self, subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
        """One image in [0, 1] per case: ``batch 3 size size``."""

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One batch. The references are carried along and never shown to the subject."""
        import torch

        with torch.no_grad():
            outputs = self.stored(self.generate(subject, cases, seeds), len(cases))
        return [
            Sample(case, images={"reference": reference, "output": output})
            for case, reference, output in zip(cases, inputs, outputs, strict=True)
        ]

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Milliseconds per picture in a batch of 32, on the threads of this process; of a language model its size and
        what its training took (``tasks.tokenizing.cost``)."""
        import torch

        cases = (list(self.cases()) * PROBE_BATCH)[:PROBE_BATCH]
        with torch.no_grad():
            seconds = median_seconds(
                lambda: self.generate(subject, cases, range(PROBE_BATCH)).cpu(), REPETITIONS, torch.device("cpu")
            )
        return {
            "generate_ms_per_image": 1000 * seconds / PROBE_BATCH,
            "probe_batch": float(PROBE_BATCH),
            "probe_threads": float(torch.get_num_threads()),
            **language_cost(subject),
        }


class FromCaptions(Generation):
    """``generation@world``."""

    examines = "GeneratesImages"
    instruments: Sequence[str] = ("world-features", "efficientnet-lite0")
    metrics: Sequence[str] = WORLD_METRICS
    shown = entries.SHOWN

    def generate(self, subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
        images: Tensor = subject.generate([case.facts["caption"] for case in cases], seeds)
        return images


class FromCocoCaptions(FromCaptions):
    """``generation@coco-captions-30k``."""

    instruments = ("efficientnet-lite0", "clip-vit-b32")
    metrics = coco.METRICS
    shown = entries.COCO


class FromClasses(Generation):
    """``generation@fashion`` and ``generation@fashion-2000``."""

    examines = "GeneratesClasses"
    shown = entries.CLASSES

    def __init__(self, source: Reference, subject: Any) -> None:
        super().__init__(source, subject)
        # a subject without classes is told what it lacks elsewhere
        classes = provenance_of(subject).class_count or CLASSES
        if classes != CLASSES:
            raise UserError(
                f"generation@{source.name} asks for {CLASSES} classes and this model has {classes}: name one that was "
                "trained on Fashion-MNIST's"
            )
        closer = source.name != "fashion"
        self.instruments = ("fashion-features", *(("efficientnet-lite0",) if closer else ()))
        self.metrics = FASHION_METRICS + (("kid-efficientnet-lite0",) if closer else ())

    def generate(self, subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
        images: Tensor = subject.generate_classes([int(case.facts["label"]) for case in cases], seeds)
        return images


def build(argument: str, subject: Any) -> Generation:
    """The catalogue's factory: ``generation@world``, ``@fashion``, ``@fashion-2000`` or
    ``@coco-captions-30k[:PATH]``."""
    name, _, path = argument.partition(":")
    if name == CocoReference.name:
        return FromCocoCaptions(CocoReference(path), subject)
    source = open_reference(argument)
    return FromCaptions(source, subject) if source.name == "world" else FromClasses(source, subject)
