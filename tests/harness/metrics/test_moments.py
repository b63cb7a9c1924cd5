"""Moments of a stream: its memory does not grow with the number of pictures, and bad rows are named."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from harness.metrics import moments as module
from harness.metrics.moments import Moments

WIDTH, BATCH = 32, 250


def stream(count: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for _ in range(0, count, BATCH):
        yield rng.normal(size=(BATCH, WIDTH)).astype(np.float32)


def peak(count: int) -> int:
    tracemalloc.start()
    try:
        Moments.over(stream(count))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_peak_memory_does_not_grow_from_a_thousand_to_fifty_thousand() -> None:
    Moments.over(stream(BATCH))  # what NumPy sets up once
    few, many = peak(1_000), peak(50_000)
    # All features would take 6.4 MB more; the state is 8 kB.
    assert many <= few + 20_000


def test_blocks_do_not_change_the_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.concatenate(list(stream(1_000)))
    whole = Moments.of(rows)
    monkeypatch.setattr(module, "ROWS", 64)
    for other in (Moments.of(rows), Moments.over(stream(1_000))):
        assert other.count == whole.count
        assert other.mean == pytest.approx(whole.mean, abs=1e-13)
        assert other.scatter == pytest.approx(whole.scatter, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_named(bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 4)
    rows = np.zeros((9, 3), np.float32)
    rows[7, 1] = bad
    with pytest.raises(ValueError, match="row 7 of the features is not finite"):
        Moments.of(rows)


def test_what_cannot_be_added_is_refused() -> None:
    with pytest.raises(ValueError, match="3 and of 4 dimensions do not add"):
        Moments.of(np.zeros((2, 3))) + Moments.of(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="the stream is empty"):
        Moments.over([])
