"""Frechet distance: against SciPy, torchmetrics and the parity pack; invariants of moments and of the distance."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from harness.metrics import NotMeasured
from harness.metrics.feature_sets import Gaussian
from harness.metrics.frechet import between
from harness.metrics.frechet_infinity import FrechetInfinity
from harness.metrics.moments import Moments
from tasks.world.measures import fd_infinity, fd_world

PACK = Path(__file__).resolve().parents[2] / "parity" / "frechet"
MANIFEST = json.loads((PACK / "manifest.json").read_text(encoding="utf-8"))["cases"]


def features(seed: int, count: int, width: int, rank: int | None = None, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(rank or width, width))
    return scale * rng.normal(size=(count, rank or width)) @ mixing + rng.normal(size=width)


def pack_features(case: str, side: str) -> np.ndarray:
    """The rule of the pack's manifest."""
    entry = MANIFEST[case]
    count, rank, width = entry[f"n_{side}"], entry["rank_of_mixing"], entry["d"]

    def draw(name: str, shape: tuple[int, ...]) -> torch.Tensor:
        generator = torch.Generator("cpu").manual_seed(zlib.crc32(f"{case}.{side}.{name}".encode()))
        return torch.randn(shape, generator=generator).double()

    mixing = draw("M", (rank, width)) / rank**0.5
    ramp = 0.5 + torch.arange(width, dtype=torch.float64) / width
    return ((draw("z", (count, rank)) @ mixing) * ramp + 0.2 * draw("b", (width,))).numpy()


@pytest.mark.parity
@pytest.mark.parametrize("case", [name for name, entry in MANIFEST.items() if entry["d"] <= 256])
def test_agrees_with_the_parity_pack(case: str) -> None:
    entry = MANIFEST[case]
    x, y = pack_features(case, "x"), pack_features(case, "y")
    for name, found in (("sum_x", x.sum()), ("abs_sum_x", np.abs(x).sum()), ("sum_y", y.sum())):
        assert found == pytest.approx(entry["check"][name], rel=1e-6, abs=1e-6), "another random stream"
    # 1e-12: float64 with a few hundred terms; rank-deficient sets included, where the published function reaches 5e-8.
    assert between(Moments.of(x), Moments.of(y)) == pytest.approx(entry["distance"], rel=1e-12)


@pytest.mark.parity
@pytest.mark.slow
@pytest.mark.parametrize("case", [name for name, entry in MANIFEST.items() if entry["d"] > 256])
def test_agrees_with_the_parity_pack_at_full_width(case: str) -> None:
    x, y = pack_features(case, "x"), pack_features(case, "y")
    assert between(Moments.of(x), Moments.of(y)) == pytest.approx(MANIFEST[case]["distance"], rel=1e-11)


@pytest.mark.parity
def test_the_features_of_the_pack_are_those_it_holds() -> None:
    from safetensors.numpy import load_file

    stored = load_file(PACK / "expected.safetensors")
    assert len(stored) == 4
    for key, expected in stored.items():
        case, side = key.rsplit(".", 1)
        assert pack_features(case, side) == pytest.approx(expected, abs=1e-6)
        whole = between(Moments.of(stored[f"{case}.x"]), Moments.of(stored[f"{case}.y"]))
        assert whole == pytest.approx(MANIFEST[case]["by_40_digit_arithmetic"], rel=1e-12)


@pytest.mark.parametrize(("count", "width"), [(40, 3), (100, 8), (200, 20)])
def test_agrees_with_a_matrix_square_root_and_with_torchmetrics(count: int, width: int) -> None:
    from torchmetrics.image.fid import _compute_fid

    x, y = features(1, count, width), features(2, count + 7, width, scale=1.3)
    m1, m2 = x.mean(axis=0), y.mean(axis=0)
    c1, c2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    by_root = np.sum((m1 - m2) ** 2) + np.trace(c1) + np.trace(c2) - 2 * np.trace(sqrtm(c1 @ c2)).real
    theirs = float(_compute_fid(*(torch.from_numpy(part) for part in (m1, c1, m2, c2))))
    # 1e-10: the square roots of a product with a condition number of up to 1e5 lose some digits.
    assert Gaussian(m1, c1).distance(Gaussian(m2, c2)) == pytest.approx(by_root, rel=1e-10)
    assert Gaussian(m1, c1).distance(Gaussian(m2, c2)) == pytest.approx(theirs, rel=1e-10)


def test_gaussians_on_an_axis_have_a_distance_in_closed_form() -> None:
    sigma1, sigma2, gap = np.array([1.0, 2.0, 0.0]), np.array([3.0, 0.5, 0.0]), np.array([1.0, -2.0, 0.5])
    expected = np.sum(gap**2) + np.sum((sigma1 - sigma2) ** 2)
    assert Gaussian(gap, np.diag(sigma1**2)).distance(Gaussian(np.zeros(3), np.diag(sigma2**2))) == pytest.approx(
        expected, rel=1e-14
    )


def test_covariances_of_zero_leave_the_distance_of_the_means() -> None:
    zero = np.zeros((2, 2))
    assert Gaussian(np.array([3.0, 0.0]), zero).distance(Gaussian(np.array([0.0, 4.0]), zero)) == 25.0


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(2, 30),
    st.integers(2, 30),
    st.integers(1, 24),
    st.floats(1e-3, 1e3),
    st.floats(-1e3, 1e3),
)
def test_distance_is_symmetric_not_negative_and_zero_with_itself(
    seed: int, first: int, second: int, width: int, scale: float, offset: float
) -> None:
    x, y = features(seed, first, width, scale=scale) + offset, features(seed + 1, second, width) + offset
    one, two = Moments.of(x), Moments.of(y)
    there, back = between(one, two), between(two, one)
    size = np.trace(one.covariance()) + np.trace(two.covariance()) + np.sum((one.mean - two.mean) ** 2)
    assert there >= 0 and np.isfinite(there)
    assert abs(there - back) <= 1e-10 * size
    assert between(one, one) <= 1e-10 * np.trace(one.covariance())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31), st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(1, 6), st.floats(-1e6, 1e6)
)
def test_moments_of_parts_add_up_to_those_of_the_whole(seed: int, parts: list[int], width: int, offset: float) -> None:
    rows = np.random.default_rng(seed).normal(size=(sum(parts), width)) + offset
    edges = np.cumsum(parts)[:-1]
    total = Moments.of(rows[:0])
    for piece in np.split(rows, edges):
        total = total + Moments.of(piece)
    whole = Moments.of(rows)
    assert total.count == whole.count
    # The rounding of an offset of 1e6 in the features themselves is 1e-10; a naive sum of squares would be off by 1e-4.
    assert total.mean == pytest.approx(whole.mean, rel=1e-12, abs=1e-12)
    assert total.scatter == pytest.approx(whole.scatter, rel=1e-6, abs=1e-6)


def test_a_large_offset_costs_no_digits() -> None:
    rows = features(0, 500, 4)
    plain = np.cov(rows, rowvar=False)
    moved = Moments.of(rows[:200] + 1e7) + Moments.of(rows[200:] + 1e7)
    # Features near 1e7 are themselves rounded to 1e-9; of sums of squares there (1e14) two digits would be left.
    assert moved.covariance() == pytest.approx(plain, rel=1e-7, abs=1e-7)


def columns(output: np.ndarray, reference: np.ndarray) -> dict[str, object]:
    names = np.array([f"case-{index}" for index in range(len(output))], dtype=object)
    return {"case": names, "group": names, "world-features.output": output, "world-features.reference": reference}


def test_metric_of_identical_sets_is_zero_at_any_number() -> None:
    for count in (2, 5, 200):
        x = features(3, count, 16)
        for metric in (fd_world(), fd_infinity()):
            if count < 200 and isinstance(metric, FrechetInfinity):
                continue
            assert abs(metric.value(metric.state(columns(x, x)))) <= 1e-9 * np.trace(np.cov(x, rowvar=False))


def test_metric_states_add() -> None:
    x, y = features(4, 120, 6), features(5, 120, 6)
    whole = columns(x, y)
    for metric in (fd_world(), fd_infinity()):
        parts = [{name: values[a:b] for name, values in whole.items()} for a, b in ((0, 50), (50, 120))]  # type: ignore[index]
        joined = metric.state(parts[0]) + metric.state(parts[1])
        assert metric.value(joined) == pytest.approx(metric.value(metric.state(whole)), rel=1e-12)


def test_extrapolation_takes_away_the_bias_with_n() -> None:
    """Two Gaussians of 16 dimensions, distance known in closed form; 400 samples bias the plain distance upwards."""
    sigma, width = 1.5, 16
    truth = width * (sigma - 1) ** 2
    plain, extrapolated = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        data = columns(sigma * rng.normal(size=(400, width)), rng.normal(size=(400, width)))
        plain.append(fd_world().value(fd_world().state(data)))
        extrapolated.append(fd_infinity().value(fd_infinity().state(data)))
    assert np.mean(plain) > truth + 0.25
    assert abs(np.mean(extrapolated) - truth) < 0.1


def test_nothing_is_extrapolated_from_fewer_images_than_the_features_need() -> None:
    data = columns(features(6, 100, 40), features(7, 100, 40))
    with pytest.raises(NotMeasured, match="80 are needed"):
        fd_infinity().value(fd_infinity().state(data))
    assert fd_world().value(fd_world().state(data)) > 0


def test_one_image_is_not_measured() -> None:
    one = columns(np.ones((1, 3)), np.zeros((1, 3)))
    for metric in (fd_world(), fd_infinity()):
        with pytest.raises(NotMeasured, match=r"too few|two images"):
            metric.value(metric.state(one))
