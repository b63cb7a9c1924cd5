"""Each published convention against the formula of its program, on seeded pictures: written anew here, or by the
package that the program calls."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from harness.conventions import Convention
from harness.instruments.pixels import ssim as gaussian_ssim
from harness.metrics.conventions import Scored, as_floats, narrowed, rounded, ssim_of, truncated_reference

COUNT, SIDE = 11, 24


def way(measure: str = "psnr", **rest: object) -> Convention:
    return Convention("way", "group", "label", measure, (), **rest)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(outputs as floats that no rounding has touched, references as 8-bit pixels), ``count 3 side side``."""
    rng = np.random.default_rng(18)
    references = rng.integers(0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8)
    spread = rng.uniform(0.01, 0.3, (COUNT, 1, 1, 1))
    outputs = np.clip(references / 255 + spread * rng.standard_normal(references.shape), 0, 1)
    return outputs, references


def scored(convention: Convention, outputs: np.ndarray, references: np.ndarray) -> float:
    found = Scored(convention)
    for output, reference in zip(outputs, references, strict=True):
        found.add(output, reference)
    return found.value()


# -------------------------------------------------------------------------------------------------------- rounding


def test_rounding_is_that_of_the_programs(pictures) -> None:
    outputs, _ = pictures
    symmetric = torch.from_numpy(2 * outputs - 1)
    adm = torch.clamp(127.5 * symmetric + 128.0, 0, 255).to(torch.uint8).numpy()  # LlamaGen, ADM
    assert np.array_equal(rounded(outputs, "nearest"), adm / 255)
    truncated = (torch.from_numpy(outputs) * 255.0).to(torch.uint8).numpy()  # 1d-tokenizer, torchmetrics
    assert np.array_equal(rounded(outputs, "truncate"), truncated / 255)
    assert np.array_equal(rounded(outputs, "none"), outputs)


def test_truncation_after_a_normalised_loader_darkens_a_quarter_of_the_levels() -> None:
    levels = np.arange(256, dtype=np.uint8)
    tensor = torch.from_numpy(levels).float().div(255).sub(0.5).div(0.5)  # ToTensor, Normalize(0.5, 0.5)
    program = (((tensor + 1) / 2) * 255.0).to(torch.uint8).numpy()  # SEED-Voken, evaluation_image.py
    assert np.array_equal(truncated_reference(levels), program / 255)
    assert int((program != levels).sum()) == 63 and set((levels - program).tolist()) == {0, 1}


def test_drawn_floats_round_to_the_stored_pixels_and_truncate_to_half_of_them_a_level_lower() -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (40, 40, 3), dtype=np.uint8)
    floats = as_floats(pixels, np.random.default_rng(1))
    assert np.array_equal(rounded(floats, "nearest") * 255, pixels)
    lower = pixels - np.round(rounded(floats, "truncate") * 255)
    assert set(np.unique(lower)) == {0, 1} and abs(lower.mean() - 0.5) < 0.02


# ------------------------------------------------------------------------------------------------------------ PSNR


def test_psnr_of_images_is_that_of_scikit_image(pictures) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    outputs, references = rounded(pictures[0], "nearest"), pictures[1] / 255
    expected = [
        metrics.peak_signal_noise_ratio(one.astype(np.float32), two.astype(np.float32))
        for one, two in zip(outputs, references, strict=True)
    ]
    assert math.isclose(scored(way(), outputs, references), float(np.mean(expected)), rel_tol=1e-6)


def test_psnr_on_floats_is_that_of_the_plain_formula(pictures) -> None:
    outputs, references = pictures[0], pictures[1] / 255
    per_sample = [-10 * math.log10(((one - two) ** 2).mean()) for one, two in zip(outputs, references, strict=True)]
    assert math.isclose(scored(way(rounding="none"), outputs, references), float(np.mean(per_sample)))


@pytest.mark.parametrize("batch", [4, 11, 64])
def test_psnr_of_batches_is_that_of_each_batchs_error(pictures, batch: int) -> None:
    outputs, references = torch.from_numpy(pictures[0]), torch.from_numpy(pictures[1] / 255)
    values, sizes = [], []
    for start in range(0, COUNT, batch):
        one, two = outputs[start : start + batch] * 255, references[start : start + batch] * 255
        mse = torch.nn.functional.mse_loss(one, two)
        values.append(float(20 * torch.log10(torch.tensor(255.0)) - 10 * torch.log10(mse)))
        sizes.append(len(one))
    plain = scored(way(over="batch", batch=batch), pictures[0], pictures[1] / 255)
    assert math.isclose(plain, float(np.mean(values)), rel_tol=1e-6)
    weighted = scored(way(over="batch-weighted", batch=batch), pictures[0], pictures[1] / 255)
    assert math.isclose(weighted, float(np.average(values, weights=sizes)), rel_tol=1e-6)
    assert math.isclose(plain, weighted, rel_tol=1e-12) == (batch >= COUNT)


def test_psnr_of_all_images_is_torchmetrics_over_everything(pictures) -> None:
    functional = pytest.importorskip("torchmetrics.functional.image")
    outputs, references = torch.from_numpy(pictures[0]), torch.from_numpy(pictures[1] / 255)
    expected = float(functional.peak_signal_noise_ratio(outputs, references, data_range=1.0))
    found = scored(way(over="all"), pictures[0], pictures[1] / 255)
    assert math.isclose(found, expected, rel_tol=1e-6)
    assert found < scored(way(), pictures[0], pictures[1] / 255), (
        "the mean of decibels is higher than those of the mean"
    )


def test_a_mean_of_means_weighs_the_last_smaller_batch_more(pictures) -> None:
    outputs, references = pictures[0], pictures[1] / 255
    per_image = np.array([-10 * math.log10(((a - b) ** 2).mean()) for a, b in zip(outputs, references, strict=True)])
    expected = np.mean([per_image[:4].mean(), per_image[4:8].mean(), per_image[8:].mean()])
    found = scored(way(over="batch-of-images", batch=4), outputs, references)
    assert math.isclose(found, float(expected)) and found != float(per_image.mean())


def test_an_identical_picture_has_no_finite_psnr(pictures) -> None:
    references = pictures[1] / 255
    assert scored(way(), references, references) == math.inf


# ------------------------------------------------------------------------------------------------------------ SSIM


@pytest.mark.parametrize("data_range", ["1", "2", "reference"])
def test_ssim_of_the_uniform_window_is_scikit_images_default(pictures, data_range: str) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    convention = way("ssim", window="uniform-7", data_range=data_range)
    for output, reference in zip(pictures[0], pictures[1] / 255, strict=True):
        known = {"1": 1.0, "2": 2.0, "reference": reference.max() - reference.min()}[data_range]
        expected = metrics.structural_similarity(output, reference, data_range=known, channel_axis=0)
        assert math.isclose(ssim_of(output, reference, convention), expected, rel_tol=1e-9)


@pytest.mark.parametrize("data_range", ["1", "2"])
def test_ssim_of_the_gaussian_window_is_that_of_wang_et_al(pictures, data_range: str) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    convention = way("ssim", data_range=data_range)
    for output, reference in zip(pictures[0], pictures[1] / 255, strict=True):
        expected = metrics.structural_similarity(
            output,
            reference,
            data_range=float(data_range),
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert math.isclose(ssim_of(output, reference, convention), expected, rel_tol=1e-9)
    own = gaussian_ssim(pictures[0], pictures[1] / 255).mean()
    assert math.isclose(scored(way("ssim"), pictures[0], pictures[1] / 255), own)


def test_a_larger_data_range_flatters(pictures) -> None:
    outputs, references = pictures[0], pictures[1] / 255
    values = [scored(way("ssim", window="uniform-7", data_range=range_), outputs, references) for range_ in ("1", "2")]
    assert values[1] > values[0]


def test_what_cannot_be_scored_is_said() -> None:
    flat, small = np.full((3, 16, 16), 0.5), np.zeros((3, 6, 9))
    with pytest.raises(ValueError, match="of one colour"):
        ssim_of(flat, flat, way("ssim", window="uniform-7", data_range="reference"))
    with pytest.raises(ValueError, match="7 pixels or more"):
        ssim_of(small, small, way("ssim", window="uniform-7"))


def test_only_the_part_that_a_case_names_is_compared() -> None:
    values = np.arange(3 * 8 * 8, dtype=np.float64).reshape(3, 8, 8)
    part = narrowed(values, {"crop": [2, 1, 4, 5], "grey": True})
    assert part.shape == (1, 4, 5) and part[0, 0, 0] == values[:, 2, 1].mean()
    assert np.array_equal(narrowed(values, {}), values)
