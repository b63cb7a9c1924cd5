"""Files of statistics: written, read by the tools that they are for, and everything that can be wrong with one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UserError
from harness.metrics.by_features import fid, sfid
from harness.metrics.frechet import gaussian_of
from harness.metrics.frechet_to_file import FrechetToFile
from harness.metrics.moments import Moments
from harness.metrics.statistics_files import StatisticsFile, write_statistics

WIDTH, SPATIAL = 12, 7


def features(seed: int, count: int = 30, width: int = WIDTH) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, width)) * np.linspace(0.5, 2, width) + rng.normal(size=width)).astype(np.float32)


@pytest.fixture
def adm(tmp_path: Path) -> Path:
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    moments = (Moments.of(features(0)), Moments.of(features(1, width=SPATIAL)))
    return write_statistics(tmp_path / "VIRTUAL_small.npz", *moments, pictures)


def columns(count: int = 25, width: int = WIDTH) -> dict[str, object]:
    return {
        "case": np.array([f"case-{number}" for number in range(count)], object),
        "inception-adm.output": features(2, count, width),
        "inception-adm.output_spatial": features(3, count, SPATIAL),
    }


def test_what_is_written_is_what_numpy_computes(adm: Path) -> None:
    with np.load(adm) as archive:
        assert archive.files == ["mu", "sigma", "mu_s", "sigma_s", "arr_0"]
        assert archive["mu"] == pytest.approx(features(0).astype(np.float64).mean(axis=0), rel=1e-12)
        assert archive["sigma"] == pytest.approx(np.cov(features(0).astype(np.float64), rowvar=False), rel=1e-10)
        assert archive["sigma_s"].shape == (SPATIAL, SPATIAL) and archive["arr_0"].dtype == np.uint8
    found = StatisticsFile(adm)
    assert found.pool3.distance(gaussian_of(Moments.of(features(0)))) <= 1e-12
    assert found.spatial.mean == pytest.approx(Moments.of(features(1, width=SPATIAL)).mean)
    assert found.about()["reference"] == "statistics VIRTUAL_small.npz" and str(adm.parent) not in str(found.about())


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SciPy's, about pytorch-fid's matrix square root
def test_pytorch_fid_reads_what_we_write_and_we_what_it_would(tmp_path: Path) -> None:
    from pytorch_fid.fid_score import calculate_frechet_distance, compute_statistics_of_path

    path = write_statistics(tmp_path / "a.npz", Moments.of(features(0)))
    mean, covariance = compute_statistics_of_path(str(path), None, 1, WIDTH, "cpu")
    other = features(5).astype(np.float64)
    theirs = calculate_frechet_distance(mean, covariance, other.mean(axis=0), np.cov(other, rowvar=False))
    np.savez(tmp_path / "b.npz", mu=other.mean(axis=0), sigma=np.cov(other, rowvar=False))
    found = StatisticsFile(path).pool3.distance(StatisticsFile(tmp_path / "b.npz").pool3)
    assert found == pytest.approx(theirs, rel=1e-6)


def test_a_distance_to_a_file_is_that_to_its_pictures(adm: Path) -> None:
    for metric, seed, width in ((fid(f"adm@{adm}"), 0, WIDTH), (sfid(f"adm@{adm}"), 1, SPATIAL)):
        assert isinstance(metric, FrechetToFile) and metric.name.endswith("@VIRTUAL_small")
        table = columns()
        found = metric.value(metric.state(table))
        output = Moments.of(table[metric.needs[0]])
        wanted = gaussian_of(output).distance(gaussian_of(Moments.of(features(seed, width=width))))
        assert found == pytest.approx(wanted, rel=1e-10)
        assert metric.traits.protocol["reference_sha256"] == StatisticsFile(adm).digest[:16]


def test_statistics_of_another_dimension_are_named(adm: Path) -> None:
    metric = fid(f"adm@{adm}")
    with pytest.raises(UserError, match=r"VIRTUAL_small\.npz holds statistics of 12 dimensions and inception-adm\.out"):
        metric.state(columns(width=9))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3)}, "has no 'sigma', but mu"),
        ({"arr_0": np.zeros((1, 2, 2, 3), np.uint8)}, "it holds pictures alone"),
        ({"mu": np.zeros(3), "sigma": np.eye(4)}, r"'mu' is \(3,\) and 'sigma' \(4, 4\)"),
        ({"mu": np.zeros(3), "sigma": np.diag([1.0, np.nan, 1.0])}, r"'sigma' is not finite at \[1, 1\]"),
        ({"mu": np.array([0, np.inf, 0]), "sigma": np.eye(3)}, r"'mu' is not finite at \[1\]"),
        ({"mu": np.zeros(2), "sigma": np.array([[1.0, 0.5], [0.0, 1.0]])}, "not symmetric"),
        ({"mu": np.array([{}], object), "sigma": np.eye(1)}, "'mu' cannot be read"),
        ({"mu": np.zeros(2), "sigma": np.eye(2) + 0j}, "'sigma' is of complex128, not of real numbers"),
        ({"mu": np.zeros(2, "U3"), "sigma": np.eye(2)}, "'mu' is of <U3, not of real numbers"),
        ({"mu": np.zeros(3), "sigma": np.diag([1.0, -0.01, 1.0])}, "'sigma' has a negative eigenvalue"),
    ],
)
def test_a_bad_file_is_named_with_its_cure(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=rf"bad\.npz.*{message}") as caught:
        _ = StatisticsFile(tmp_path / "bad.npz").pool3
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_archive_and_one_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("mu")
    with pytest.raises(UserError, match=r"text\.npz is not a NumPy archive"):
        _ = StatisticsFile(tmp_path / "text.npz").pool3
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(UserError, match=r"array\.npy is not a NumPy archive"):
        _ = StatisticsFile(tmp_path / "array.npy").pool3
    with pytest.raises(UserError, match="there is no file"):
        _ = StatisticsFile(tmp_path / "none.npz").pool3


def test_damage_of_any_kind_is_told_as_such(tmp_path: Path) -> None:
    """Truncated, bits flipped: zlib.error, EOFError, NotImplementedError (a method of compression), RuntimeError (taken
    for encrypted), tokenize.TokenError (a header cut short)."""
    rng, bad = np.random.default_rng(0), tmp_path / "bad.npz"
    np.savez_compressed(tmp_path / "good.npz", mu=np.arange(64.0), sigma=np.eye(64))
    whole = (tmp_path / "good.npz").read_bytes()
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 2):
            data[place] ^= 1 << int(rng.integers(0, 8))
        bad.write_bytes(data[: int(rng.integers(0, len(data)))] if rng.random() < 0.2 else data)
        try:
            _ = StatisticsFile(bad).pool3
        except UserError as error:
            refused += 1
            assert "bad.npz" in str(error) and "\n" not in str(error)
    assert refused > 200


def test_arrays_that_no_memory_holds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vast.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, shape in (("mu", (2**40,)), ("sigma", (2**20, 2**20))):
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
            archive.writestr(f"{name}.npy", header.getvalue())
    with pytest.raises(UserError, match=r"vast\.npz: 'mu' cannot be read"):
        _ = StatisticsFile(path).pool3


def test_rounding_in_float32_makes_no_covariance_negative(tmp_path: Path) -> None:
    few = np.random.default_rng(0).normal(size=(9, 40)) * np.logspace(-3, 3, 40)
    np.savez(tmp_path / "f.npz", mu=few.mean(axis=0), sigma=np.cov(few, rowvar=False).astype(np.float32))
    assert StatisticsFile(tmp_path / "f.npz").pool3.distance(gaussian_of(Moments.of(few))) < 1e-3 * few.var()


def test_pictures_must_be_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="uint8 'count height width 3'"):
        write_statistics(tmp_path / "x.npz", Moments.of(features(0)), None, np.zeros((2, 4, 4, 3)))
    assert not list(tmp_path.iterdir())
