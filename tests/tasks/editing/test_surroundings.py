"""The instrument: what counts as outside, by hand; the names of backgrounds; bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.contracts import Case, Sample
from harness.images import to_bytes
from tasks.editing.surroundings import background_names, open_surroundings, region_mask
from tasks.world.draw import draw_array
from tasks.world.sampling import scenes_of

GREY = np.full((32, 32, 3), 128, np.uint8)


def sample(output: np.ndarray, region: list[list[int]], reference: np.ndarray = GREY, name: str = "a") -> Sample:
    return Sample(Case(name, "g", facts={"region": region}), images={"output": output, "reference": reference})


def observed(*samples: Sample) -> dict[str, Any]:
    return dict(open_surroundings().observe(samples))


def test_only_what_lies_outside_counts() -> None:
    output = GREY.copy()
    output[2:4, 2:4] = 255  # inside
    output[20, 5] = (128, 128, 179)  # outside: one channel of one pixel, by 51 of 255
    box = [[0, 0, 8, 8]]
    (l1,) = observed(sample(output, box))["l1"]
    assert l1 == pytest.approx(0.2 / 3 / (32 * 32 - 64), rel=1e-12)
    (everywhere,) = observed(sample(output, []))["l1"]
    assert everywhere == pytest.approx((4 * 127 / 255 + 0.2 / 3) / 1024, rel=1e-12)
    nowhere = observed(sample(output, [[0, 0, 32, 32]]))
    assert (nowhere["l1"], nowhere["any"]) == ([0.0], [0])


def test_overlapping_boxes_are_one_region() -> None:
    mask = region_mask([[0, 0, 4, 2], [2, 1, 6, 3]])
    assert mask.sum() == 8 + 8 - 2
    assert mask[1, 3] and mask[2, 5] and not mask[2, 1]


def test_backgrounds_have_the_names_that_the_scenes_say_under_noise_too() -> None:
    batch = scenes_of("test", 0, 120)
    pictures = to_bytes(draw_array(batch))
    truth = [(scene.top, scene.bottom) for scene in batch.scenes()]
    assert background_names(pictures) == truth
    noise = np.random.default_rng(0).normal(0, 20, pictures.shape)
    noisy = np.clip(pictures + noise, 0, 255).astype(np.uint8)
    assert np.mean([a == b for a, b in zip(background_names(noisy), truth, strict=True)]) >= 0.98


def test_a_background_of_no_named_colour_has_no_name() -> None:
    red = np.broadcast_to(np.array([200, 20, 20], np.uint8), (32, 32, 3))
    assert background_names(red[None]) == [("", "")]
    assert background_names(np.empty((0, 32, 32, 3), np.uint8)) == []


def test_a_row_does_not_depend_on_the_others() -> None:
    pictures = to_bytes(draw_array(scenes_of("test", 0, 5)))
    samples = [sample(picture, [[3, 3, 9, 9]], np.roll(picture, 1, 0), str(i)) for i, picture in enumerate(pictures)]
    together = observed(*samples)
    for row, single in enumerate(samples):
        assert {name: [values[row]] for name, values in together.items()} == observed(single)


def test_bad_input_is_one_line_that_names_the_case() -> None:
    alone = Sample(Case("no-pair", "g", facts={"region": []}), images={"output": GREY})
    with pytest.raises(ValueError, match=r"^case 'no-pair' has no image 'reference'$"):
        observed(alone)
    with pytest.raises(ValueError, match=r"^case 'a': output is 24x16, not 32x32 pixels$"):
        observed(sample(GREY[:16, :24], []))
