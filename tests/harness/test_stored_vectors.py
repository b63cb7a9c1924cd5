"""Vectors that stay on disk are the same numbers; a metric of moments holds no more of them than a block."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.measure import measure
from harness.metrics import moments
from harness.metrics.frechet import Frechet
from harness.metrics.frechet_infinity import FrechetInfinity
from harness.metrics.kernel import KernelDistance
from harness.metrics.precision_recall import ManifoldMetric
from harness.spec import RunSpec
from harness.store import columns as module
from harness.store import stored_vectors as vectors
from harness.store.parts import encode_observations, encode_samples, sample_row
from harness.store.run_folder import RunFolder, observations_folder
from harness.store.stored_vectors import Piece, StoredVectors

WIDTH, UNIT = 24, 50


def stored_run(root: Path, units: int, width: int = WIDTH, blind: tuple[int, ...] = ()) -> RunFolder:
    """A run whose instrument saw vectors; it failed on the ``blind`` cases."""
    folder = RunFolder.create_or_open(root, RunSpec("fake", 1, "", "task", 1, "r1"))
    rng = np.random.default_rng(0)
    for unit in range(units):
        numbers = range(unit * UNIT, (unit + 1) * UNIT)
        samples = [Sample(Case(f"case-{number:06d}", f"group-{number:06d}")) for number in numbers]
        part = folder.write_part(f"{unit:05d}", encode_samples([sample_row(sample) for sample in samples], {}))
        failed = [number in blind for number in numbers]
        reference, output = (rng.normal(size=(UNIT, width)).astype(np.float32) * scale for scale in (1, 1.2))
        columns = {
            name: [None if lost else row for row, lost in zip(rows, failed, strict=True)]
            for name, rows in (("output", output), ("reference", reference))
        }
        reasons = ["too dark" if lost else "" for lost in failed]
        data = encode_observations([s.case.id for s in samples], columns, reasons, {"samples": part.digest})
        folder.write_part(part.unit, data, observations_folder("seen", "d"))
    folder.write_manifest(instruments={"seen": "d"})
    return folder


METRICS = (
    Frechet("fd", "seen"),
    FrechetInfinity("fd-infinity", "seen"),
    KernelDistance("kd", "seen"),
    ManifoldMetric("recall", "recall", "seen"),
)


def test_rows_are_read_where_they_are_looked_at() -> None:
    parts = [np.arange(12, dtype=np.float32).reshape(4, 3), np.arange(100, 106, dtype=np.float32).reshape(2, 3)]
    read: list[int] = []

    def piece(number: int) -> Piece:
        return Piece(len(parts[number]), lambda: (read.append(number), parts[number])[1])

    column, whole = StoredVectors([piece(0), piece(1)], 3), np.concatenate(parts)
    assert column.shape == (6, 3) and len(column) == 6 and not read
    for key in (slice(1, 5), np.array([5, 0, 2]), np.array([True, False, True, False, False, True]), slice(0, 0)):
        assert np.array_equal(column[key], whole[key]) and column[key].shape == whole[key].shape
        assert np.array_equal(column[key][::-1], whole[key][::-1])
    assert np.array_equal(column[5], whole[5]) and np.array_equal(column[-1], whole[-1])
    read.clear()
    assert column[4].tolist() == parts[1][0].tolist() and read == [1]
    assert np.asarray(column, np.float64).dtype == np.float64 and not column.not_finite().any()
    parts[1][1, 2] = np.nan
    assert np.flatnonzero(column.not_finite()).tolist() == [5]


def test_estimates_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored_run(tmp_path, 3, blind=(3, 77))
    held = measure(folder, METRICS, {}, limit=140)
    monkeypatch.setattr(module, "HELD", 0)
    column = folder.columns(140).columns["seen.output"]
    assert isinstance(column, StoredVectors) and np.flatnonzero(column.not_finite()).tolist() == [3, 77]
    monkeypatch.setattr(vectors, "ROWS", 60)
    lazy = measure(folder, METRICS, {}, limit=140)
    for one, other in zip(held, lazy, strict=True):
        assert one.value is not None and one.low is not None and one.scored == other.scored == 138
        # Moments are summed in another order; the others see the same arrays.
        close = 1e-9 if one.metric.startswith("fd") else 0
        assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high), rel=close, abs=0)
    assert measure(folder, METRICS, {}, limit=140) == lazy


def test_a_part_damaged_meanwhile_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored_run(tmp_path, 1)
    monkeypatch.setattr(module, "HELD", 0)
    column = folder.columns().columns["seen.output"]
    (part,) = (tmp_path / "fake").rglob("observations/*/*.parquet")
    part.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"parquet is damaged: observe again"):
        np.asarray(column)


def test_memory_of_a_frechet_distance_does_not_grow_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD", 0)
    monkeypatch.setattr(moments, "ROWS", UNIT)
    peaks = []
    for units in (2, 20):
        folder = stored_run(tmp_path / str(units), units, width=256)
        columns = folder.columns().columns
        metric = Frechet("fd", "seen")
        tracemalloc.start()
        metric.state(columns)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # All vectors of the longer run would take 2 MB more.
    assert peaks[1] <= peaks[0] + 200_000
