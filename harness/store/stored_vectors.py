"""A column of feature vectors that stays on disk: rows are read when they are looked at, part by part.

So measuring 50,000 pictures takes no more memory than 1,000 for a metric that looks at some rows at a time (moments of
a Frechet distance). One that needs all at once (a kernel, nearest neighbours) makes an array of it by ``np.asarray``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from harness.contracts import Columns

ROWS = 4096
"""Rows that are looked at together."""


@dataclass(frozen=True)
class Piece:
    """The rows of one part: how many, and how to read them (``count width``, float32)."""

    count: int
    read: Callable[[], NDArray[np.float32]]


class StoredVectors:
    """``rows width``, float32; a view of some rows of it costs nothing."""

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, pieces: Sequence[Piece], width: int, rows: NDArray[np.int64] | None = None) -> None:
        self._pieces, self._width = pieces, width
        self._ends = np.cumsum([piece.count for piece in pieces])
        self._rows = np.arange(self._ends[-1] if pieces else 0) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self._width

    def __getitem__(self, key: Any) -> Any:
        """A row as an array; a slice, mask or list of rows as a view."""
        if isinstance(key, int | np.integer):
            return self._load(self._rows[key : key + 1 or None])[0]
        return StoredVectors(self._pieces, self._width, self._rows[key])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows. They are always read anew, so that ``copy`` has no say."""
        return self._load(self._rows).astype(dtype or self.dtype, copy=False)

    def not_finite(self) -> NDArray[np.bool_]:
        """Which rows hold a number that is not finite."""
        parts = (np.asarray(self[start : start + ROWS]) for start in range(0, len(self), ROWS))
        return np.concatenate([np.zeros(0, bool), *(~np.isfinite(part).all(axis=1) for part in parts)])

    def _load(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        found = np.empty((len(rows), self._width), np.float32)
        piece_of = np.searchsorted(self._ends, rows, side="right")
        for number in np.unique(piece_of):
            piece, here = self._pieces[number], piece_of == number
            found[here] = piece.read()[rows[here] - (self._ends[number] - piece.count)]
        return found


def take(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """These rows of every column."""
    return {
        name: values[rows] if isinstance(values, np.ndarray | StoredVectors) else [values[row] for row in rows]
        for name, values in columns.items()
    }


def states_by_group(
    state: Callable[[Columns], Any], columns: Columns, groups: Sequence[NDArray[np.int64]], streams: bool
) -> list[Any]:
    """The ``state`` of each group of rows, which together are all rows.

    Where vectors stay on disk and states are small (``streams``), they are read once, in order, some rows at a time,
    and each group's state is the sum over these.
    """
    large = any(isinstance(values, StoredVectors) for values in columns.values())
    if not groups or not (large and streams):
        columns = in_memory(columns) if groups else columns
        return [state(take(columns, rows)) for rows in groups]
    group_of = np.empty(sum(map(len, groups)), np.int64)
    for number, rows in enumerate(groups):
        group_of[rows] = number
    states: list[Any] = [None] * len(groups)
    for start in range(0, len(group_of), ROWS):
        here = group_of[start : start + ROWS]
        block = in_memory(take(columns, np.arange(start, start + len(here))))
        for number in np.unique(here):
            found = state(take(block, np.flatnonzero(here == number)))
            states[number] = found if states[number] is None else states[number] + found
    return states


def in_memory(columns: Columns) -> Columns:
    """Vectors on disk are read."""
    return {name: np.asarray(v) if isinstance(v, StoredVectors) else v for name, v in columns.items()}
