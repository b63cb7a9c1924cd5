"""Nearest neighbours and balls between sets of feature vectors: exact, in blocks, with memory that does not grow with
the square of the number of vectors.

All distances are Euclidean and squared, in float64. A matrix product finds the candidates of a block, and the distance
of each candidate is then computed from the difference of its two vectors. So a distance depends on its two vectors
alone, and a point that lies exactly on the border of a ball (a duplicate does) is not moved across it by rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROWS = 512
"""Points of one block. A block of distances takes this many rows of eight bytes per other point."""
SLACK = 1e-9
"""Candidates are taken from this share beyond a border, since the matrix product rounds."""
_PAIRS = 1 << 16


def squared_distances(first: Floats, second: Floats, rows: Ints, columns: Ints) -> Floats:
    """Of the pairs (first[rows[i]], second[columns[i]])."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), _PAIRS):
        part = slice(start, start + _PAIRS)
        gap = first[rows[part]] - second[columns[part]]
        found[part] = np.einsum("nw,nw->n", gap, gap)
    return found


def blocks(points: Floats, others: Floats) -> Iterator[tuple[int, Floats]]:
    """(place of the first row, squared distances to all ``others`` up to rounding) of each block of ``points``."""
    centre = others.mean(axis=0)  # a large common offset would cost digits
    x, y = points - centre, others - centre
    norms_x, norms_y = np.einsum("nw,nw->n", x, x), np.einsum("nw,nw->n", y, y)
    for start in range(0, len(x), ROWS):
        part = slice(start, start + ROWS)
        yield start, norms_x[part, None] + norms_y - 2 * x[part] @ y.T


def slack_of(points: Floats, others: Floats) -> float:
    """What the rounding of :func:`blocks` can be at most, generously."""
    centre = others.mean(axis=0)
    largest = max(float(np.square(values - centre).sum(axis=1).max(initial=0.0)) for values in (points, others))
    return 1e-12 * largest


@dataclass(frozen=True)
class Neighbours:
    """The nearest other points of each point of a set: squared distances ``points count``, ascending, and indices."""

    distances: Floats
    indices: Ints


def nearest_others(points: Floats, count: int) -> Neighbours:
    """The ``count`` nearest others within the set (all of them, if it has no more). A duplicate is another point, at
    distance 0."""
    count = min(count, len(points) - 1)
    indices = np.empty((len(points), count), dtype=np.int64)
    distances = np.empty((len(points), count))
    for start, block in blocks(points, points):
        rows = np.arange(len(block))
        block[rows, start + rows] = np.inf
        found = np.argpartition(block, count - 1, axis=1)[:, :count] if count else np.empty((len(block), 0), np.int64)
        owners = np.repeat(start + rows, count)
        exact = squared_distances(points, points, owners, found.ravel()).reshape(found.shape)
        order = np.argsort(exact, axis=1, kind="stable")
        indices[start : start + len(block)] = np.take_along_axis(found, order, 1)
        distances[start : start + len(block)] = np.take_along_axis(exact, order, 1)
    return Neighbours(distances, indices)


def points_in_balls(points: Floats, centres: Floats, radii: Floats) -> csr_array:
    """``points centres``, True where the point lies in the closed ball of this squared radius around the centre."""
    slack = slack_of(points, centres)
    reach = radii * (1 + SLACK) + slack
    rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start, block in blocks(points, centres):
        near, centre = np.nonzero(block <= reach)
        near += start
        inside = squared_distances(points, centres, near, centre) <= radii[centre]
        rows.append(near[inside])
        columns.append(centre[inside])
    row, column = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.ones(len(row), dtype=np.int32), (row, column)), shape=(len(points), len(centres)))
