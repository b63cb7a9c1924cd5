"""Numbers are written to the digits that their interval supports."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.tables.numbers import MINUS, decimals_for, fixed, plain, show, with_unit_prefix


@given(st.floats(-1e4, 1e4), st.floats(1e-4, 1e3))
def test_rounding_costs_at_most_a_fifth_of_the_half_width(value: float, half: float) -> None:
    """Half the interval keeps one digit from 3 to 9, or two from 10 to 29: rounding moves by up to 0.5 / 2.95."""
    decimals = decimals_for(value - half, value + half)
    assert decimals is not None
    written = float(fixed(value, decimals).replace(",", "").replace(MINUS, "-"))
    assert abs(written - value) <= max(0.17 * half * 1.01, 0.5 if half > 1 else 0) + 1e-9


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 0.9))
def test_no_digit_below_a_hundredth_of_the_half_width(value: float, half: float) -> None:
    decimals = decimals_for(value - half, value + half)
    assert decimals is not None
    assert 10.0**-decimals >= half / 30 * 0.99


def test_known_cells() -> None:
    assert show(24.13, 24.01, 24.25) == ("24.13", "[24.01, 24.25]")
    assert show(0.9534, 0.9494, 0.9574) == ("0.953", "[0.949, 0.957]")
    assert show(512.0, 512.0, 512.0) == ("512", "")
    assert show(None) == ("\N{EM DASH}", "")
    assert show(-0.001, -0.5, 0.5) == ("0.0", f"[{MINUS}0.5, 0.5]")
    assert show(1e-9, 0.9e-9, 1.1e-9) == ("0", ""), "numerical noise around an exact zero"
    assert show(math.inf, 1.0, 2.0)[0] == "\N{INFINITY}"


@pytest.mark.parametrize(
    ("value", "text"), [(2_140_000, "2.14 M"), (999_999, "1 M"), (655_000, "655 k"), (12, "12"), (1.84e9, "1.84 G")]
)
def test_unit_prefixes(value: float, text: str) -> None:
    assert with_unit_prefix(value) == text


def test_plain_numbers_keep_four_digits_and_whole_numbers_are_whole() -> None:
    assert [plain(value) for value in (0.5, 0.02343750, 24576.0, 41.2, 1e-12)] == [
        "0.5",
        "0.02344",
        "24,576",
        "41.2",
        "0",
    ]
