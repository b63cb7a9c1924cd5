"""Codes: bounds and closed forms of use and perplexity, states that add, bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics import NotMeasured
from harness.metrics.codebook import (
    bits_per_image,
    bits_per_pixel,
    bits_used,
    code_perplexity,
    code_perplexity_by_position,
    codebook_use,
)


def columns(codes: np.ndarray, size: int) -> dict[str, object]:
    rows = np.empty(len(codes), dtype=object)
    for index, row in enumerate(codes):
        rows[index] = row.astype(np.int32)
    sizes = np.full(len(codes), float(size))
    return {"case": np.arange(len(codes)).astype(str), "codes": rows, "number.codebook_size": sizes}


def value(metric: object, data: dict[str, object]) -> float:
    return metric.value(metric.state(data))  # type: ignore[attr-defined, no-any-return]


def test_even_use_has_the_perplexity_of_the_codebook() -> None:
    data = columns(np.arange(64).reshape(8, 8), 64)
    assert value(codebook_use(), data) == 1.0
    assert value(code_perplexity(), data) == pytest.approx(64, rel=1e-12)
    assert value(code_perplexity_by_position(), data) == pytest.approx(8, rel=1e-12)


def test_one_code_alone_has_perplexity_one() -> None:
    data = columns(np.full((5, 4), 3), 256)
    assert value(codebook_use(), data) == 1 / 256
    assert value(code_perplexity(), data) == 1.0 == value(code_perplexity_by_position(), data)


def test_a_code_bound_to_its_position_counts_overall_and_not_by_position() -> None:
    data = columns(np.tile(np.arange(4), (6, 1)), 16)
    assert value(code_perplexity(), data) == pytest.approx(4)
    assert value(code_perplexity_by_position(), data) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12), st.integers(1, 6), st.integers(2, 40))
def test_bounds_and_addition(seed: int, images: int, positions: int, size: int) -> None:
    codes = np.random.default_rng(seed).integers(0, size, size=(images, positions))
    data = columns(codes, size)
    used = len(np.unique(codes))
    assert value(codebook_use(), data) == used / size
    assert 1 - 1e-12 <= value(code_perplexity(), data) <= used * (1 + 1e-12)
    assert value(code_perplexity_by_position(), data) <= value(code_perplexity(), data) * (1 + 1e-12)
    for metric in (codebook_use(), code_perplexity(), code_perplexity_by_position()):
        joined = metric.state(columns(codes[:1], size)) + metric.state(columns(codes[1:], size))
        assert metric.value(joined) == value(metric, data)


def test_codebooks_of_two_sizes_have_no_common_share() -> None:
    data = {**columns(np.array([[0, 1], [1, 0]]), 4), "number.codebook_size": np.array([4.0, 8.0])}
    with pytest.raises(NotMeasured, match="different sizes"):
        value(codebook_use(), data)


def test_codes_that_do_not_fit_are_an_error_and_none_are_not_measured() -> None:
    with pytest.raises(ValueError, match="codebook of 4"):
        codebook_use().state(columns(np.array([[4]]), 4))
    with pytest.raises(NotMeasured, match="makes no codes"):
        codebook_use().state(columns(np.empty((3, 0), dtype=int), 2))


def test_bits() -> None:
    data = {"case": ["a", "b"], "number.bits": np.array([512.0, 256.0]), "number.pixels": np.array([1024.0, 256.0])}
    tops, bottoms = bits_per_image().parts(data)
    assert tops.sum() / bottoms.sum() == 384.0
    tops, bottoms = bits_per_pixel().parts(data)
    assert tops.sum() / bottoms.sum() == 768 / 1280


def test_bits_used_are_the_sum_of_the_positions_entropies() -> None:
    """Four codes evenly at one position, one alone at the other; the correction is (seen - 1) / 2N nats."""
    codes = np.stack([np.arange(48) % 4, np.zeros(48, dtype=int)], axis=1)
    assert value(bits_used(), columns(codes, 256)) == pytest.approx(2 + 3 / (2 * 48 * np.log(2)), rel=1e-12)


def test_bits_used_stay_below_the_bits_spent() -> None:
    """16 images that use each of 16 codes once: the correction alone would go beyond the 4 bits that are spent."""
    assert value(bits_used(), columns(np.arange(16)[:, None], 16)) == 4.0


def test_the_correction_brings_few_images_near_many() -> None:
    drawn = np.random.default_rng(0).integers(0, 64, size=(100_000, 1))
    many, few = (value(bits_used(), columns(drawn[:count], 64)) for count in (100_000, 400))
    plain = np.log2(value(code_perplexity(), columns(drawn[:400], 64)))
    assert abs(few - many) < 0.02 < many - plain
