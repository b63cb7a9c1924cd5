"""Instructions put to a subject turn by turn: each turn of a case begins with what the turn before it made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.seeding import seed_for

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Edit = Callable[[Sequence["np.ndarray"], Sequence[str], Sequence[int]], "np.ndarray"]
"""8-bit pictures, instructions and seeds -> 8-bit pictures."""


def in_turns(
    edit: Edit, first: Sequence[np.ndarray], told: Sequence[Sequence[str]], seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """Per case ``output``, what the last turn made, and ``turn-1``, ``turn-2`` ... on the way. ``told`` are the
    instructions of each case; all first ones are one batch, then all second ones of those that have one, and so on.
    The first turn has the seed of the case, each later one a seed of its own."""
    last = list(first)
    images: list[dict[str, Any]] = [{} for _ in first]
    for turn in range(max(map(len, told))):
        rows = [row for row, lines in enumerate(told) if turn < len(lines)]
        drawn = [seeds[row] if turn == 0 else seed_for(seeds[row], "turn", turn + 1) for row in rows]
        edited = edit([last[row] for row in rows], [told[row][turn] for row in rows], drawn)
        for row, picture in zip(rows, edited, strict=True):
            last[row] = picture
            images[row]["output" if turn + 1 == len(told[row]) else f"turn-{turn + 1}"] = picture
    return images


def edited(subject: Any, shown: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
    """What the subject makes. Raises ValueError for outputs of another number or size than the inputs'."""
    import torch

    with torch.no_grad():
        output: Tensor = subject.edit(shown, instructions, seeds)
    if output.shape != shown.shape:
        raise ValueError(f"edit made images of shape {tuple(output.shape)} from {tuple(shown.shape)}")
    return output
