"""Batches made ahead: a stream addressed by step, read in order by processes beside the training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader, Dataset

from harness.contracts import TrainingImages


@dataclass(frozen=True)
class Places(Dataset[Any]):
    """The batches of a stream at these steps, in this order."""

    stream: TrainingImages
    size: int
    steps: Sequence[int]

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Any:
        return self.stream.batch(self.steps[index], self.size)


def batches(places: Places, workers: int) -> Iterator[Any]:
    """One batch after another. ``workers`` processes make them ahead; the batches are the same for any number."""
    if not workers:
        return (places[index] for index in range(len(places)))
    # forked, so that a pool of latents is not copied; the stream computes on the CPU alone
    return iter(DataLoader(places, batch_size=None, num_workers=workers, multiprocessing_context="fork"))
