"""A class-conditional generator over an image tokenizer as a subject. Satisfies ``GeneratesClasses``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ddt_llama.mllm.sampling import Sampling, choose, uniforms
from harness.contracts import ImageTokenizer
from harness.errors import UserError

Pick = Callable[[Float[Tensor, "B n V"], int], Int[Tensor, "B n"]]
"""(scores of n codes, index of the first of them) -> the codes."""


class ClassModel(Protocol):
    """Class labels, on any device, to codes on the model's."""

    @property
    def class_count(self) -> int: ...

    def generate(self, labels: Int[Tensor, " B"], guidance: float, pick: Pick) -> Int[Tensor, "B codes"]: ...


def check_labels(labels: Int[Tensor, " B"], count: int) -> Int[Tensor, " B"]:
    """The labels. Raises UserError for a class that the model does not have."""
    for label in labels.tolist():
        if not 0 <= label < count:
            raise UserError(f"there is no class {label}: this model has the classes 0 to {count - 1}")
    return labels


class ClassSubject:
    """Draws codes by class and decodes them. Each picture has its own seeded stream, one number per code, so that its
    batch cannot change what is drawn. ``checkpoint_digest`` names the files of both."""

    version = 1

    def __init__(
        self, model: ClassModel, tokenizer: ImageTokenizer, sampling: Sampling, checkpoint_digest: str, chosen: str = ""
    ) -> None:
        self.model, self.tokenizer, self.sampling = model, tokenizer, sampling
        self.checkpoint_digest, self.chosen_weights = checkpoint_digest, chosen

    @property
    def image_size(self) -> int:
        return self.tokenizer.image_size

    @property
    def class_count(self) -> int:
        return self.model.class_count

    @property
    def settings(self) -> Mapping[str, Any]:
        """How it draws; part of a run's key."""
        return {"drawing": asdict(self.sampling)}

    @torch.no_grad()
    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        """Raises UserError for a class that there is not, ValueError where the numbers of labels and seeds differ."""
        drawn = uniforms(seeds, len(labels), self.tokenizer.code_count)

        def pick(scores: Tensor, first: int) -> Tensor:
            rows, count, _ = scores.shape
            numbers = drawn[:, first : first + count].to(scores.device).flatten()
            return choose(scores.flatten(0, 1), self.sampling, numbers).view(rows, count)

        codes = self.model.generate(torch.tensor(list(labels)), self.sampling.guidance, pick)
        return self.tokenizer.decode(codes)
