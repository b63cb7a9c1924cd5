"""Editing over a guidance sweep: what is done and what is kept, at each scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.contracts import Case
from harness.errors import UserError
from harness.images import from_bytes
from tasks.editing.guidance import SCALES, GuidedEditing, alike, build


class Blender:
    """Fades from the source to the true edit, which it knows: all of it from a guidance of 3 on."""

    image_size = 32

    def __init__(self) -> None:
        self.truths: dict[bytes, np.ndarray] = {}

    def edit_guided(self, images: Any, instructions: Any, seeds: Any, guidance: float) -> torch.Tensor:
        share = min(1.0, (guidance - 1) / 2)
        pairs = [
            (from_bytes(self.truths[text][None])[0], image) for text, image in zip(instructions, images, strict=True)
        ]
        return torch.stack([share * true + (1 - share) * image for true, image in pairs])


@pytest.fixture(scope="module")
def swept() -> tuple[list[Case], list[Any]]:
    subject = Blender()
    task = GuidedEditing(subject)
    cases, seen = [], set()
    for case in task.cases():
        if case.facts["instructions"][0] not in seen and len(cases) < 12:
            seen.add(case.facts["instructions"][0])
            cases.append(case)
    inputs = [task.load(case) for case in cases]
    subject.truths = {case.facts["instructions"][0]: true for case, (_, true) in zip(cases, inputs, strict=True)}
    return cases, list(task.ask(subject, cases, inputs, list(range(12))))


def test_success_comes_with_guidance_and_fidelity_goes(swept: tuple[list[Case], list[Any]]) -> None:
    for sample in swept[1]:
        kept = [sample.numbers[f"fidelity-guided-{scale:g}"] for scale in SCALES]
        done = [sample.numbers[f"success-guided-{scale:g}"] for scale in SCALES]
        assert kept == sorted(kept, reverse=True) and kept[0] == 1 and kept[-1] == sample.numbers["fidelity-true"]
        assert done[0] == 0 and done[-1] == done[-2] == 1, "a copy does nothing, the true edit does it"
        assert sample.numbers["gained"] == 1 and sample.numbers["spent"] == pytest.approx(1 - kept[-1])
        assert sample.numbers["success"] == sum(done) / 5
        assert np.array_equal(sample.images["output"], sample.images["guided-2"])


def test_fidelity_is_one_less_the_mean_difference() -> None:
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert alike(black, black) == 1 and alike(black, white) == 0


def test_other_pictures_are_one_line() -> None:
    with pytest.raises(UserError, match="world's scenes"):
        build("magicbrush", Blender())
