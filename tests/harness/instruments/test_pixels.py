"""Pixels: SSIM against scikit-image and torchmetrics, crops and grey, batches, and errors that name the case."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.contracts import Case, Sample
from harness.instruments.pixels import Pixels, ssim


def sample(seed: int, height: int = 32, width: int = 32, noise: int = 40, **facts: object) -> Sample:
    rng = np.random.default_rng(seed)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(height, width, 3)), axis=0), axis=1)
    reference = np.clip(127 + 4 * smooth, 0, 255).astype(np.uint8)
    output = np.clip(reference + rng.integers(-noise, noise + 1, reference.shape), 0, 255).astype(np.uint8)
    return Sample(Case(f"case-{seed}", "g", facts=facts), images={"output": output, "reference": reference})


def pair(item: Sample) -> tuple[np.ndarray, np.ndarray]:
    return item.images["output"] / 255, item.images["reference"] / 255


@pytest.mark.parametrize("shape", [(11, 11), (32, 32), (47, 20)])
def test_ssim_agrees_with_scikit_image(shape: tuple[int, int]) -> None:
    from skimage.metrics import structural_similarity

    item = sample(1, *shape)
    theirs = structural_similarity(
        *pair(item), channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    # The same windows in float64; only the order of additions differs.
    assert Pixels().observe([item])["ssim"][0] == pytest.approx(theirs, abs=1e-12)


def test_ssim_agrees_with_torchmetrics_image_by_image() -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure

    items = [sample(seed) for seed in range(4)]
    both = [torch.from_numpy(np.stack([np.moveaxis(pair(item)[side], 2, 0) for item in items])) for side in (0, 1)]
    _, maps = structural_similarity_index_measure(
        both[0], both[1], data_range=1.0, reduction="none", return_full_image=True
    )
    # Its own mean also takes in windows over reflected borders; the windows inside are the same.
    inside = maps[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
    assert Pixels().observe(items)["ssim"] == pytest.approx(inside.tolist(), abs=1e-12)


def test_equal_images_are_equal_and_noise_hurts() -> None:
    item = sample(2, noise=0)
    row = Pixels().observe([item])
    assert (row["mse"], row["l1"], row["ssim"]) == ([0.0], [0.0], [pytest.approx(1.0, abs=1e-12)])
    little, much = Pixels().observe([sample(2, noise=10), sample(2, noise=80)])["ssim"]
    assert 1 > little > much > -1


def test_errors_of_known_size() -> None:
    black = np.zeros((16, 16, 3), np.uint8)
    output = black.copy()
    output[:8] = 51
    row = Pixels().observe([Sample(Case("c", "g"), images={"output": output, "reference": black})])
    assert row["mse"] == pytest.approx([0.5 * 0.2**2], rel=1e-12) and row["l1"] == pytest.approx([0.1], rel=1e-12)


def test_crop_and_grey_leave_what_is_outside_and_colour_alone() -> None:
    item = sample(3, crop=[2, 2, 28, 28], grey=True)
    output, reference = (item.images[name][2:30, 2:30].mean(axis=2) for name in ("output", "reference"))
    expected = np.mean(((output - reference) / 255) ** 2)
    row = Pixels().observe([item])
    assert row["mse"] == pytest.approx([expected], rel=1e-12)
    alone = ssim(output[None, None] / 255, reference[None, None] / 255)
    assert row["ssim"] == pytest.approx(alone, abs=1e-12)
    item.images["output"][:2] = 255
    item.images["output"][:, 30:] = 255
    assert Pixels().observe([item]) == row


def test_a_row_depends_on_its_sample_alone() -> None:
    items = [sample(0), sample(1, 40, 24), sample(2), sample(3, crop=[0, 0, 20, 20]), sample(4, grey=True)]
    together = Pixels().observe(items)
    for place, item in enumerate(items):
        alone = Pixels().observe([item])
        assert {name: values[place] for name, values in together.items()} == {k: v[0] for k, v in alone.items()}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (sample(5, 10, 32), r"case 'case-5' is 10 x 32 pixels; SSIM needs 11"),
        (sample(6, crop=[2, 2, 31, 28]), r"case 'case-6': crop \[2, 2, 31, 28\] lies outside of 32 x 32"),
        (sample(7, crop=[2, 2, 8, 28]), r"case 'case-7' is 8 x 28 pixels"),
        (
            Sample(Case("bare", "g"), images={"output": np.zeros((16, 16, 3), np.uint8)}),
            "'bare' has no image 'reference'",
        ),
        (
            Sample(Case("odd", "g"), images={"output": np.zeros((16, 16, 3)), "reference": np.zeros((16, 17, 3))}),
            "'odd': output is",
        ),
    ],
)
def test_what_cannot_be_compared_names_the_case(item: Sample, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pixels().observe([item])


def test_no_sample_gives_no_row() -> None:
    assert Pixels().observe([]) == {"mse": [], "l1": [], "ssim": []}
