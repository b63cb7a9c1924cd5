"""Counterfactual interpolation: true cuts and cross-fades are known as such, blends of attributes are found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.controls.mixing import CutMix, MixUp, Swap
from baselines.controls.tokenizers import MeanColour
from baselines.var import VARTokenizer
from harness.contracts import CodesInScales, Sample
from harness.errors import UserError
from harness.images import to_bytes
from tasks.tokenizing import counterfactual
from tasks.tokenizing.blending import blend, semantic
from tasks.tokenizing.counterfactual import Counterfactual, build, replaced
from tasks.tokenizing.sources import FolderSource, WorldSource
from tasks.world.draw import draw_array
from tasks.world.scene import Scene, SceneObject, as_batch

WORLD = WorldSource()
PICTURES = np.stack([WORLD.image(case) for case in WORLD.cases()[:8]])
CASES = 4


def value(metric: Any, samples: list[Sample]) -> float:
    columns = {"case": [sample.case.id for sample in samples]}
    columns |= {name: np.array([s.numbers[name.removeprefix("number.")] for s in samples]) for name in metric.needs}
    top, bottom = metric.parts(columns)
    return float(top.sum() / bottom.sum())


@pytest.fixture(scope="module")
def controls() -> dict[str, list[Sample]]:
    found = {}
    for name, subject in {"cut": CutMix(), "mix": MixUp(32), "second": Swap(32)}.items():
        task = Counterfactual(WORLD, subject)
        cases = task.cases()[:CASES]
        found[name] = list(task.ask(subject, cases, [task.load(case) for case in cases], list(range(CASES))))
    return found


def test_the_controls_score_what_they_are(controls: dict[str, list[Sample]]) -> None:
    cut, mix, over = counterfactual.cut_and_paste(), counterfactual.mix_up(), counterfactual.cut_over_mix()
    assert value(cut, controls["cut"]) == 1 and value(over, controls["cut"]) == 1
    assert value(mix, controls["cut"]) < 0.9
    assert value(mix, controls["mix"]) == pytest.approx(1, abs=1e-3)
    assert value(cut, controls["mix"]) < 0.95 and value(over, controls["mix"]) == pytest.approx(-1, abs=1e-2)
    assert value(cut, controls["second"]) == value(mix, controls["second"]) == 1
    for samples in controls.values():
        assert value(counterfactual.semantic_share(), samples) == 0
        assert value(counterfactual.neither_explains(), samples) == pytest.approx(0, abs=1e-3)


def test_the_steps_of_a_control_are_its_pictures(controls: dict[str, list[Sample]]) -> None:
    for sample in controls["cut"]:
        first, second, half = (sample.images[name] for name in ("mixed-0", "mixed-1", "mixed-0.5"))
        assert np.array_equal(first, sample.images["reference"]) and np.array_equal(second, sample.images["partner"])
        assert np.array_equal(half, np.concatenate([second[:16], first[16:]]))
    for sample in controls["mix"]:
        mean = (sample.images["reference"].astype(float) + sample.images["partner"]) / 2
        assert abs(sample.images["mixed-0.5"] - mean).max() <= 0.5 + 1e-4
    for sample in controls["second"]:
        assert np.array_equal(sample.images["mixed-0.125"], sample.images["partner"])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.integers(0, 7), st.lists(st.booleans(), min_size=64, max_size=64), st.floats(0, 1))
def test_any_cut_along_patches_and_any_cross_fade_are_explained(
    one: int, two: int, mask: list[bool], alpha: float
) -> None:
    a, b = PICTURES[one], PICTURES[two]
    chosen = np.array(mask).reshape(8, 8).repeat(4, axis=0).repeat(4, axis=1)[..., None]
    assert blend(a, b, np.where(chosen, a, b)).cut.sum() == 0
    faded = np.rint(alpha * a.astype(float) + (1 - alpha) * b).astype(np.uint8)
    left = blend(a, b, faded)
    assert left.mix.sum() <= 3072 * (0.5 / 255) ** 2 + 1e-9, "rounding is all that is left"
    assert left.left <= min(left.cut.sum(), left.mix.sum()) + 1e-12


def test_the_best_alpha_is_found() -> None:
    a, b = PICTURES[0].astype(float) / 255, PICTURES[1].astype(float) / 255
    mixed = np.rint((0.3 * a + 0.7 * b) * 255).astype(np.uint8)
    mixed[:8] = 255
    found = blend(PICTURES[0], PICTURES[1], mixed).mix.sum()
    tried = [np.square(mixed / 255 - share * a - (1 - share) * b).sum() for share in np.linspace(0, 1, 101)]
    assert found <= min(tried) + 1e-9 and found == pytest.approx(min(tried), rel=1e-3)


def drawn(*objects: SceneObject, ground: str = "grey") -> np.ndarray:
    return to_bytes(draw_array(as_batch([Scene(objects, ground, ground)])))[0]


RED, BLUE = SceneObject("circle", "red", "large", 10, 10), SceneObject("square", "blue", "large", 22, 22)


@pytest.mark.parametrize(
    ("mixed", "count"),
    [
        (RED, 0),  # A's own, explained by A
        (BLUE, 0),  # B's own
        (replace(RED, colour="blue"), 1),  # A's circle in B's colour
        (replace(BLUE, shape="circle"), 0),  # most of it B's square explains, which stands there
        (replace(RED, x=22, y=22), 1),  # A's circle where B's square is
        (replace(RED, colour="green"), 0),  # neither's colour
        (replace(RED, shape="cross", colour="blue"), 0),  # neither's shape
        (replace(RED, x=16, y=16, colour="blue"), 0),  # half way between the places
    ],
)
def test_a_semantic_blend_has_whole_attributes_of_both_and_pixels_of_neither(mixed: SceneObject, count: int) -> None:
    blended = blend(drawn(RED), drawn(BLUE), drawn(mixed))
    assert semantic([mixed.facts()], [RED.facts()], [BLUE.facts()], blended) == count


def test_both_of_a_pair_are_one_cluster_and_each_is_once_the_first(fakes: Any) -> None:
    task = Counterfactual(WORLD, fakes.BlockTokenizer())
    one, two, three = task.cases()[:3]
    assert one.group == two.group != three.group and [one.id, two.id] == [case.id for case in WORLD.cases()[:2]]
    (a, b), (c, d) = task.load(one), task.load(two)
    assert np.array_equal(a, d) and np.array_equal(b, c)


def test_scales_are_replaced_whole() -> None:
    assert isinstance(VARTokenizer, type) and hasattr(VARTokenizer, "scales")
    assert replaced([1, 4, 16, 64]) == ((0, 0), (0.25, 1), (0.5, 5), (0.75, 21), (1, 85))
    shares = [share for share, _ in replaced([side * side for side in (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)])]
    assert shares[0] == 0 and shares[-1] == 1 and len(shares) == 9
    assert replaced([1] * 3) == ((0, 0), (1 / 3, 1), (2 / 3, 2), (1, 3))


def test_a_tokenizer_says_its_scales(fakes: Any) -> None:
    class Scaled(fakes.BlockTokenizer):
        scales = (16, 48)

    assert isinstance(Scaled(), CodesInScales) and not isinstance(MeanColour(), CodesInScales)
    assert Counterfactual(WORLD, Scaled()).steps == ((0, 0), (0.5, 16), (1, 64))


def test_what_cannot_be_mixed_is_one_line(fakes: Any, tmp_path: Any) -> None:
    from PIL import Image

    Image.fromarray(PICTURES[0]).save(tmp_path / "alone.png")
    with pytest.raises(UserError, match="mixes two pictures"):
        Counterfactual(FolderSource(tmp_path), fakes.BlockTokenizer())
    single = fakes.BlockTokenizer(side=1)
    with pytest.raises(UserError, match="has one code"):
        Counterfactual(WORLD, single)
    with pytest.raises(UserError, match="no images at"):
        build("nowhere", fakes.BlockTokenizer())


def test_other_pictures_than_scenes_have_no_objects(fakes: Any, tmp_path: Any) -> None:
    from PIL import Image

    for number, picture in enumerate(PICTURES[:2]):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    task = build(str(tmp_path), fakes.BlockTokenizer())
    assert "semantic" not in task.metrics and "semantic" not in task.shown.headline
