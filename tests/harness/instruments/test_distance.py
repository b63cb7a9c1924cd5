"""L1 and L2 of pictures of any sizes: MagicBrush's own numbers, and what has no distance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.contracts import Case, Sample
from tasks.editing.distance import distances, open_picture_distance

PACK = Path(__file__).parents[2] / "parity" / "pixel_distance"
MANIFEST = json.loads((PACK / "manifest.json").read_text())
EXPECTED = load_file(PACK / "expected.safetensors")


@pytest.mark.parametrize("pair", MANIFEST["pairs"], ids=lambda pair: str(pair["pair"]))
def test_equal_to_magicbrushs_own(pair: dict) -> None:
    made, resized, true = (
        EXPECTED[f"pair{pair['pair']}.{name}"] for name in ("generated", "generated_resized", "target")
    )
    # 1e-6: the original sums some ten thousand float32 values
    assert distances(made, true) == pytest.approx((pair["l1"], pair["l2"]), rel=1e-6)
    assert distances(resized, true) == distances(made, true)


def test_the_set_is_the_mean_over_pairs() -> None:
    pictures = [(EXPECTED[f"pair{n}.generated"], EXPECTED[f"pair{n}.target"]) for n in range(6)]
    samples = [Sample(Case(str(n), "g"), images={"output": a, "reference": b}) for n, (a, b) in enumerate(pictures)]
    seen = open_picture_distance().observe(samples)
    wanted = MANIFEST["mean_over_pairs"]
    assert np.mean(seen["l1"]) == pytest.approx(wanted["l1"], rel=1e-6)
    assert np.mean(seen["l2"]) == pytest.approx(wanted["l2"], rel=1e-6)


def test_equal_pictures_have_none_and_black_to_white_all() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert distances(picture, picture) == (0.0, 0.0)
    assert distances(np.zeros((4, 4, 3), np.uint8), np.full((9, 7, 3), 255, np.uint8)) == (1.0, 1.0)


def test_it_is_no_comparison_at_the_outputs_size() -> None:
    """The output is resized, never the truth: the two ways differ."""
    rng = np.random.default_rng(1)
    small, large = (rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (8, 32))
    assert distances(small, large) != pytest.approx(distances(large, small), rel=0.05)


def test_a_missing_picture_names_the_case() -> None:
    with pytest.raises(ValueError, match="case 'lonely' has no image 'reference'"):
        open_picture_distance().observe([Sample(Case("lonely", "g"), images={"output": np.zeros((2, 2, 3), np.uint8)})])
