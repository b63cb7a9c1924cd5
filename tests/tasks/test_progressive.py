"""Progressive decoding: which codes are shown, and the numbers of the strip."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.instruments.pixels import Pixels
from harness.metrics.reconstruction import psnr as psnr_metric
from tasks.tokenizing import drawn, progressive
from tasks.tokenizing.progressive import ORDERS, Progressive, area_first, area_last, build, psnr, steps, visible
from tasks.tokenizing.sources import WorldSource
from tasks.world.recovery import ATTRIBUTES


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


def test_attributes_of_scenes_come_with_the_codes(fakes: ModuleType) -> None:
    """The fake's blocks of four pixels and four levels keep enough for most; grey keeps next to nothing."""
    subject = fakes.BlockTokenizer(side=16)
    task = Progressive(WorldSource(), subject)
    cases = task.cases()[:6]
    samples = task.ask(subject, cases, [task.load(case) for case in cases], list(range(6)))
    totals = {name: sum(sample.numbers[name] for sample in samples) for name in samples[0].numbers}
    for attribute in ATTRIBUTES:
        for order in ORDERS:
            curve = [totals[f"right-{order}-{attribute}-{shown:03d}"] for shown in steps(256)]
            assert curve[0] < curve[-1] <= totals[f"asked-{order}-{attribute}"], (attribute, order)
            assert min(curve) <= totals[f"area-{order}-{attribute}"] <= max(curve)
        assert totals[f"right-first-{attribute}-256"] == totals[f"right-last-{attribute}-256"]
    assert totals["asked-first-background"] == 6
    objects = sum(len(case.facts["objects"]) for case in cases)
    assert totals["asked-last-colour"] == objects and totals["right-first-colour-256"] > 0.8 * objects
    metric = progressive.colour_reversed()
    columns = {"case": ["a"] * 6} | {n: np.array([s.numbers[n[7:]] for s in samples]) for n in metric.needs}
    assert metric.name == "recovered-colour-reversed" and metric.name in task.metrics
    assert metric.parts(columns)[0].sum() == pytest.approx(totals["area-last-colour"])


def test_a_tokenizer_that_decodes_all_or_nothing_is_one_line() -> None:
    class Whole:
        image_size, code_count, codebook_size = 32, 4, 4

        def decode(self, codes: object, seeds: object = None) -> None: ...

    with pytest.raises(UserError, match="take visible="):
        Progressive(Noise(), Whole())


class Drawing:
    """Draws codes of a tokenizer whose card it shares: those of a picture as light as the text is long."""

    class_count = 3

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self.image_size, self.card = tokenizer, tokenizer.image_size, tokenizer.card

    def draw_codes(self, prompts: Any, seeds: Any) -> torch.Tensor:
        return torch.tensor([[(len(prompt) + seed) % 64] * 64 for prompt, seed in zip(prompts, seeds, strict=True)])

    def draw_class_codes(self, labels: Any, seeds: Any) -> torch.Tensor:
        return self.draw_codes(["x" * label for label in labels], seeds)

    def generate(self, prompts: Any, seeds: Any) -> torch.Tensor:
        return self.tokenizer.decode(self.draw_codes(prompts, seeds))

    generate_classes = generate


@pytest.mark.parametrize("protocol", ["GeneratesImages", "GeneratesClasses"])
def test_codes_that_a_model_drew_are_shown_as_they_were_drawn(
    protocol: str, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokenizer of the same weights gets the drawn codes; any other one encodes the picture."""
    own, other = fakes.BlockTokenizer(), fakes.BlockTokenizer()
    own.card = {"sha256": "d" * 64}
    model = Drawing(own)
    model.provides = (protocol,)
    monkeypatch.setattr(drawn.catalog, "open_model", lambda text, device: model)
    drawn._opened.cache_clear()
    drawn._chunk.cache_clear()
    task = build("drawn-by:ddt-llama", own)
    cases = task.cases()[:10]
    assert task.name == "progressive-drawn-by-ddt-llama" and [*cases[0].facts] == [
        "caption" if protocol == "GeneratesImages" else "label"
    ]
    samples = task.ask(own, cases, [task.load(case) for case in cases], list(range(10)))
    assert not own.batches, "nothing was encoded"
    for sample in samples:
        assert len(set(sample.codes)) == 1 and np.array_equal(sample.images["output"], sample.images["reference"])
    build("drawn-by:ddt-llama", other).ask(other, cases[:2], [task.load(case) for case in cases[:2]], [0, 1])
    assert other.batches == [2]
    assert bool(task.scenes) == (protocol == "GeneratesImages")
    drawn._opened.cache_clear()
    drawn._chunk.cache_clear()


def test_a_model_that_draws_nothing_is_one_line(fakes: ModuleType) -> None:
    with pytest.raises(UserError, match="drawn-by:identity: this model draws no pictures"):
        build("drawn-by:identity", fakes.BlockTokenizer())
    with pytest.raises(UserError, match="no-such-model"):
        build("drawn-by:no-such-model", fakes.BlockTokenizer())
