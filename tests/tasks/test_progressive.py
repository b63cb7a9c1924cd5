"""Progressive decoding: which codes are shown, and the numbers of the strip."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.contracts import Case, Sample
from harness.instruments.pixels import Pixels
from harness.metrics.reconstruction import psnr as psnr_metric
from tasks.tokenizing.progressive import Progressive, area_first, area_last, psnr, steps, visible


class Noise:
    """Native 32x32 pictures of random blocks."""

    name, revision, about = "noise", "noise-1", "random blocks"
    native_size: int | None = 32

    def cases(self) -> list[Case]:
        return [Case(f"noise-{number}", f"noise-{number}") for number in range(3)]

    def image(self, case: Case) -> np.ndarray:
        rng = np.random.default_rng(int(case.id[-1]))
        return rng.integers(0, 256, (8, 8, 3)).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


@given(st.integers(1, 600))
def test_steps_go_from_one_to_all(count: int) -> None:
    found = steps(count)
    assert found[0] == 1 and found[-1] == count
    assert list(found) == sorted(set(found)) and len(found) <= 9


def test_the_masks_show_the_first_or_the_last() -> None:
    codes = torch.zeros(2, 5, dtype=torch.long)
    assert visible(codes, "first", 2).tolist() == [[True, True, False, False, False]] * 2
    assert visible(codes, "last", 2).tolist() == [[False, False, False, True, True]] * 2


def test_a_strip_ends_in_the_reconstruction_and_improves(fakes: ModuleType) -> None:
    subject = fakes.BlockTokenizer()
    task = Progressive(Noise(), subject)
    samples = task.ask(subject, task.cases(), [task.load(case) for case in task.cases()], [0, 1, 2])
    for sample in samples:
        assert np.array_equal(sample.images["first-064"], sample.images["output"])
        assert np.array_equal(sample.images["last-064"], sample.images["output"])
        assert not np.array_equal(sample.images["first-008"], sample.images["last-008"])
        curve = [sample.numbers[f"psnr-first-{shown:03d}"] for shown in steps(64)]
        assert curve == sorted(curve)  # each block that is shown replaces grey by something nearer
        assert min(curve) < sample.numbers["area-first"] < max(curve)
        assert sample.numbers["bits"] == 384
    for metric, number in ((area_first(), "area-first"), (area_last(), "area-last")):
        assert metric.needs == (f"number.{number}",)
        columns = {"case": ["a"], f"number.{number}": np.array([samples[0].numbers[number]])}
        assert metric.parts(columns)[0][0] == samples[0].numbers[number]


@pytest.mark.parametrize("facts", [{}, {"crop": [2, 2, 28, 28], "grey": True}])
def test_psnr_is_that_of_the_metric(facts: dict[str, object]) -> None:
    rng = np.random.default_rng(0)
    reference, output = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    sample = Sample(Case("a", "a", facts=facts), images={"reference": reference, "output": output})
    for pair in (sample, Sample(sample.case, images={"reference": reference, "output": reference})):
        mse = Pixels().observe([pair])["mse"]
        value = psnr_metric().parts({"case": ["a"], "pixels.mse": np.array(mse)})[0][0]
        ours = psnr(pair.images["reference"][None], pair.images["output"][None], [facts])[0]
        assert ours == pytest.approx(value, abs=1e-9)  # two orders of float64 sums
