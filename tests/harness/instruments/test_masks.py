"""Run lengths: by hand, there and back, and refused where they do not fill the mask."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.geneval.official.masks import decode_mask, encode_mask


def test_by_hand_column_by_column():
    mask = np.array([[0, 1], [0, 1], [1, 0]], bool)
    assert encode_mask(mask) == {"size": [3, 2], "counts": [2, 3, 1]}
    assert encode_mask(np.ones((2, 2), bool))["counts"] == [0, 4]
    assert encode_mask(np.zeros((2, 2), bool))["counts"] == [4]


def test_there_and_back():
    rng = np.random.default_rng(0)
    for _ in range(100):
        mask = rng.random(rng.integers(1, 9, 2)) < rng.choice([0, 0.3, 0.9, 1])
        record = encode_mask(mask)
        assert np.array_equal(decode_mask(record), mask) and sum(record["counts"]) == mask.size


@pytest.mark.parametrize("counts", [[3], [2, 3], [5, -1]])
def test_counts_that_do_not_fill_the_size_are_refused(counts):
    with pytest.raises(ValueError, match="for a mask of 2 x 2"):
        decode_mask({"size": [2, 2], "counts": counts})
