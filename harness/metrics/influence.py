"""What a Frechet distance owes to each picture: the infinitesimal jackknife (Jaeckel 1972; Efron 1982, chapter 6).

A picture's **share** is the derivative of the distance by the picture's weight, over the number of pictures. Shares of
a set add up to 0, and their sum of squares is the variance of the distance, were it linear in the weights. It is not:
at few pictures per dimension most of its spread is of second order, and a jackknife counts what is of second order
twice (Efron and Stein 1981). How much that is for Gaussian features is known: with both sets in the coordinates in
which their covariances are diag(s),

    twice = sum over k, l of (1 + [k = l]) (e s_k s_l / (s_k + s_l))^2,    e = 1 / n1 + 1 / n2

Reconstructions share most of their noise with their originals, so that little is left to be counted twice; of those
nothing is taken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.contracts import Columns
from harness.metrics.feature_sets import FeaturePair, FeatureSet
from harness.metrics.moments import Floats
from harness.metrics.transport import Mapped, Spread, Transport

Blocks = Callable[[], Iterator[Columns]]
"""The columns of all cases, some rows at a time, as often as it is called. In a run of two sets a block has rows of one
side, and the other column is empty."""


PAIRED = 0.1
"""Correlation of outputs with the references beside them from which on they count as reconstructions."""


@dataclass(frozen=True, eq=False)
class Influences:
    """``value``, each case's share of it (in the order of the blocks), and the variance that the shares count
    ``twice``."""

    value: float
    shares: Floats
    twice: float


@dataclass(frozen=True, eq=False)
class Varying:
    """A set whose pictures vary: which column holds them, and what the distance owes to some of them."""

    column: str
    count: int
    mapped: Callable[[Any], Mapped]


def of_pair(pair: FeaturePair, needs: Sequence[str], blocks: Blocks) -> Influences | None:
    """Both sets vary; of a case that has a picture on either side both shares are added. None where nothing
    converges."""
    try:
        transport = Transport.between(pair.output, pair.reference)
    except np.linalg.LinAlgError:
        return None
    output, reference = needs
    sides = (
        Varying(output, pair.output.count, transport.of_first),
        Varying(reference, pair.reference.count, transport.of_second),
    )
    return _influences(transport, sides, blocks)


def of_one(varying: FeatureSet, fixed: Spread, need: str, blocks: Blocks) -> Influences | None:
    """The one set varies, the other stays. None where nothing converges."""
    try:
        transport = Transport.between(varying, fixed)
    except np.linalg.LinAlgError:
        return None
    return _influences(transport, (Varying(need, varying.count, transport.of_first),), blocks)


def _influences(transport: Transport, sides: Sequence[Varying], blocks: Blocks) -> Influences | None:
    rises: list[list[Floats]] = [[] for _ in sides]
    alike = 0.0
    for columns in blocks():
        found = [side.mapped(columns[side.column]) for side in sides]
        rows = max(len(part.by_mean) for part in found)
        for side, part, kept in zip(sides, found, rises, strict=True):
            rise = part.by_mean + part.by_covariance * (side.count / (side.count - 1))
            kept.append(rise if len(rise) else np.full(rows, np.nan))
        if len(found) == 2 and len(found[0].by_mean) and len(found[1].by_mean):
            alike += float(np.einsum("nk,nk->", found[0].places, found[1].places, dtype=np.float64))
    shares = np.sum(
        [_shares(np.concatenate(part), side.count) for part, side in zip(rises, sides, strict=True)], axis=0
    )
    counts = [side.count for side in sides]
    paired = alike > PAIRED * counts[0] * float(transport.sizes.sum())
    twice = 0.0 if paired else _counted_twice(transport.sizes, sum(1 / count for count in counts))
    return Influences(transport.value, shares, twice) if np.isfinite(shares).all() else None


def _shares(rises: Floats, count: int) -> Floats:
    """0 for rows without a picture on this side."""
    there = ~np.isnan(rises)
    shares = np.zeros(len(rises))
    shares[there] = (rises[there] - rises[there].mean()) / count
    return shares


def _counted_twice(sizes: Floats, error: float) -> float:
    squares = (error * np.outer(sizes, sizes) / np.add.outer(sizes, sizes)) ** 2
    return float(squares.sum() + np.trace(squares))
