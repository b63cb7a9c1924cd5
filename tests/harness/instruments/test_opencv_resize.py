"""Pictures of OpenCV 5.0's own resize, by digest: noise of ``default_rng(height)``, enlarged, made smaller, halved."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from tasks.geneval.official.opencv_resize import resize_bilinear


def noise(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "to", "digest"),
    [
        ((7, 9), (12, 16), "16940ae152d4be87"),
        ((40, 30), (13, 17), "8797d4c94b324b7f"),
        ((12, 8), (6, 4), "c792ce5c49eeeb7d"),
    ],
)
def test_bits_are_those_of_opencv(size, to, digest):
    assert hashlib.sha256(resize_bilinear(noise(*size), *to).tobytes()).hexdigest()[:16] == digest


def test_the_same_size_and_one_colour_change_nothing():
    picture = noise(9, 5)
    assert np.array_equal(resize_bilinear(picture, 9, 5), picture)
    assert np.array_equal(resize_bilinear(np.full((3, 4, 3), 77, np.uint8), 50, 2), np.full((50, 2, 3), 77))
