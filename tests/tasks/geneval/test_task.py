"""GenEval as a task: its cases, a run from prompt to score, and what its metrics count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.contracts import Estimate, GeneratesImages
from harness.errors import UserError
from harness.measure import measure
from harness.metrics import NotMeasured
from harness.observe import observe
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder
from tasks.geneval import metrics
from tasks.geneval.image_folder import IMAGES_PER_PROMPT
from tasks.geneval.metrics import GenEvalScore
from tasks.geneval.names import TAGS
from tasks.geneval.official.coco import CocoObjects
from tasks.geneval.prompt_sets import WORLD_METRICS
from tasks.geneval.prompts import OFFICIAL, Prompt
from tasks.geneval.scoring import OFFICIAL_RULES
from tasks.geneval.sights import WORLD
from tasks.geneval.task import GenEval, build
from tasks.geneval.world import detections
from tasks.world.detector import WorldDetector
from tasks.world.detector_card import CONDITIONS

(COLUMN,) = WORLD.columns
ROUND = len(TAGS) * IMAGES_PER_PROMPT
SCORES = {
    score.name: score
    for score in (metrics.overall(), metrics.any_of_four(), metrics.seen(), metrics.held_out(), metrics.shuffled())
}


def result(root: Path, task: GenEval, subject: Any, limit: int) -> tuple[RunFolder, dict[tuple[str, str], Estimate]]:
    """A run, observed and measured: estimates by (metric, stratum)."""
    spec = RunSpec("fake", 1, "", task.name, task.version, task.data_revision, batch=24)
    folder = RunFolder.create_or_open(root, spec)
    run(spec, task, lambda: subject, folder, limit=limit)
    observe(folder, [_instrument(name) for name in task.instruments], batch=24)
    known = [*SCORES.values(), metrics.on_coco(), metrics.any_of_four_on_coco()]
    chosen = [score for score in known if score.name in task.metrics]
    estimates = measure(folder, chosen, task.fingerprint, limit=limit)
    return folder, {(item.metric, item.stratum): item for item in estimates}


def _instrument(name: str) -> Any:
    return {"world-detector": WorldDetector, "geneval-coco": CocoObjects}[name]()


# ------------------------------------------------------------------------------------------------ cases


def test_a_case_is_an_image_of_a_prompt_and_a_limit_takes_all_tags_alike(oracle: ModuleType) -> None:
    subject = oracle.Oracle()
    assert isinstance(subject, GeneratesImages)
    task = build("", subject)
    cases = task.cases()
    assert (task.name, len(cases), task.metrics) == ("geneval-world", 2400, WORLD_METRICS)
    assert len({case.id for case in cases}) == len(cases)
    assert set(Counter(case.group for case in cases).values()) == {IMAGES_PER_PROMPT}
    for case in cases:
        assert case.id == f"{case.group}/{case.id[-1]}" and task.load(case) == case.group
        assert case.stratum == case.facts["geneval"]["tag"]
    assert [case.stratum for case in cases[:6]] == list(TAGS)
    for rounds in (1, 5, 40):
        shown = cases[: rounds * ROUND]
        assert Counter(case.stratum for case in shown) == dict.fromkeys(TAGS, rounds * IMAGES_PER_PROMPT)
        assert set(Counter(case.group for case in shown).values()) == {IMAGES_PER_PROMPT}


def test_every_prompt_can_be_shown_in_words_that_a_caption_has(oracle: ModuleType) -> None:
    from tasks.world.captions import STYLES, caption

    for number, prompt in enumerate(build("world", oracle.Oracle()).source.prompts):
        scene = oracle.scene_for(prompt.text, number)
        assert prompt.text in {caption(scene, style) for style in STYLES}


class Sized:
    """Satisfies GeneratesImages: pictures of another size, or another number of them."""

    def __init__(self, image_size: int = 64, extra: int = 0) -> None:
        self.image_size = image_size
        self.extra = extra

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        return torch.full((len(prompts) + self.extra, 3, self.image_size, self.image_size), 0.5)


def test_pictures_of_another_size_are_judged_at_the_worlds_and_the_fingerprint_says_so(oracle: ModuleType) -> None:
    large, native = build("world", Sized()), build("world", oracle.Oracle())
    (sample,) = large.ask(Sized(), large.cases()[:1], ["a circle"], [0])
    assert sample.images["output"].shape == (32, 32, 3)
    assert large.fingerprint != native.fingerprint and large.fingerprint["filter"] == "bicubic-antialias"
    assert large.data_revision == native.data_revision


def test_another_number_of_images_is_refused() -> None:
    task = build("world", Sized())
    with pytest.raises(ValueError, match="1 prompts, but 2 images came back"):
        task.ask(Sized(extra=1), task.cases()[:1], ["a circle"], [0])


# ------------------------------------------------------------------------------------------------ from prompt to score


def test_the_true_scenes_score_one(tmp_path: Path, oracle: ModuleType) -> None:
    limit = 8 * ROUND
    _, found = result(tmp_path, build("world", oracle.Oracle()), oracle.Oracle(), limit)
    for name in ("geneval", "geneval-prompts", "geneval-seen", "geneval-held-out"):
        best = found[name, ""]
        assert (best.value, best.low, best.high, best.failed) == (1.0, 1.0, 1.0, 0)
    assert found["geneval", ""].scored == found["geneval-prompts", ""].scored == limit
    coloured = 2 * 8 * IMAGES_PER_PROMPT
    never = [case for case in build("world", oracle.Oracle()).cases()[:limit] if case.facts["held_out"]]
    assert found["geneval-held-out", ""].scored == len(never) > 0
    assert found["geneval-seen", ""].scored == coloured - len(never)
    assert all(found["geneval", tag].value == 1.0 for tag in TAGS)
    chance = found["geneval-shuffled", ""]
    assert chance.value is not None and 0 < chance.value < 0.15 and chance.direction == "none"
    assert "within 6 strata" in chance.method
    protocol = found["geneval", ""].fingerprint
    assert protocol["world-detector"] == WorldDetector().digest
    assert (protocol["judge"], protocol["counting_threshold"], protocol["images_per_prompt"]) == ("geneval", 0.45, 4)


class Half:
    """The true scene for even seeds, the same wrong one for odd seeds; fails on a prompt that holds ``bad``."""

    image_size = 32

    def __init__(self, oracle: ModuleType, bad: str = "-") -> None:
        self.right, self.wrong, self.bad = oracle.Oracle(), oracle.OneScene(), bad

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        if any(self.bad in prompt for prompt in prompts):
            raise RuntimeError("too long")
        both = [subject.generate(prompts, seeds) for subject in (self.right, self.wrong)]
        return torch.stack([both[seed % 2][row] for row, seed in enumerate(seeds)])


def test_scores_are_those_of_the_core_and_failures_are_counted(tmp_path: Path, oracle: ModuleType) -> None:
    """Independent reference: plain means of verdicts that are read from the reasons."""
    task = build("world", oracle.Oracle())
    bad = task.cases()[0].group
    folder, found = result(tmp_path, task, Half(oracle, bad), 4 * ROUND)
    columns = folder.columns().columns
    seen = {**columns, COLUMN: columns[COLUMN]}
    reasons = metrics.overall().reasons(seen)
    by_text = {prompt.text: prompt for prompt in task.source.prompts}
    pairs = [(by_text[group], not reason) for group, reason in zip(seen["group"], reasons, strict=True)]
    shares = {tag: np.mean([right for prompt, right in pairs if prompt.tag == tag]) for tag in TAGS}
    any_right = {prompt.text: False for prompt, _ in pairs} | {prompt.text: True for prompt, right in pairs if right}
    overall = found["geneval", ""]
    assert overall.value == pytest.approx(np.mean(list(shares.values()))) and overall.value is not None
    assert found["geneval-prompts", ""].value == pytest.approx(np.mean(list(any_right.values())))
    for tag in TAGS:
        assert found["geneval", tag].value == pytest.approx(shares[tag])
    failed = sum(bad in case.group for case in task.cases()[: 4 * ROUND])
    assert (overall.failed, overall.scored) == (failed, 4 * ROUND - failed)
    assert overall.failures_wrong is not None and overall.failures_wrong < overall.value < 1
    assert overall.low is not None and overall.high is not None and overall.low < overall.value < overall.high


@pytest.mark.parametrize(
    ("condition", "least"), [("noise, 18 dB", 0.95), ("blur, sigma 1.0", 0.95), ("blur, sigma 1.3", 0.7)]
)
def test_the_true_scenes_made_worse_score_as_well_as_the_detector_sees(
    condition: str, least: float, oracle: ModuleType
) -> None:
    task = build("world", oracle.Oracle())
    cases = task.cases()[: 4 * ROUND]
    clean = oracle.Oracle().generate([task.load(case) for case in cases], range(len(cases)))
    worse = CONDITIONS[condition](clean).clamp(0, 1)
    found = WorldDetector().detect(worse.mul(255).round().byte().permute(0, 2, 3, 1).numpy())
    numerators, denominators = metrics.overall().parts(columns_of(cases, found))
    assert least <= numerators.sum() / denominators.sum() <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("tokenizer", "least"), [("vqgan", 0.98), ("var", 0.98), ("ddt", 0.91)])
def test_the_true_scenes_survive_the_tokenizers_and_not_the_official_threshold_of_counting(
    tokenizer: str, least: float, oracle: ModuleType
) -> None:
    from harness import catalog

    cases = build("world", oracle.Oracle()).cases()[: 20 * ROUND]
    scenes = oracle.Oracle().generate([case.group for case in cases], range(len(cases)))
    subject = catalog.open_model(tokenizer)
    with torch.no_grad():
        decoded = [subject.decode(subject.encode(part), seeds=range(len(part))) for part in scenes.split(32)]
    found = WorldDetector().detect_tensor(torch.cat(decoded).clamp(0, 1).mul(255).round().div(255))
    columns = columns_of(cases, found)
    counting = np.array([case.stratum == "counting" for case in cases])
    numerators, denominators = metrics.overall().parts(columns)
    assert numerators.sum() / denominators.sum() >= least and numerators[counting].mean() >= 0.85
    strict = replace(metrics.overall(), sight=replace(WORLD, rules=OFFICIAL_RULES))
    assert strict.parts(columns)[0][counting].mean() < 0.35


# ------------------------------------------------------------------------------------------------ verdicts


def columns_of(cases: Sequence[Any], found: Sequence[Any]) -> dict[str, Any]:
    return {
        "case": [case.id for case in cases],
        "facts": [json.dumps(dict(case.facts)) for case in cases],
        COLUMN: [json.dumps(items) for items in found],
    }


def thing(shape: str, colour: str, x: float, y: float, score: float = 0.8) -> dict[str, Any]:
    return {"shape": shape, "colour": colour, "x": x, "y": y, "radius": 5.0, "score": score, "size": "small"}


CIRCLE, SQUARE = thing("circle", "red", 8, 8), thing("square", "blue", 8, 24)


@pytest.mark.parametrize(
    ("prompt", "found", "reason"),
    [
        ("a circle", [CIRCLE, SQUARE], ""),
        ("a circle", [], "expected circle>=1, found 0"),
        ("a circle", [thing("circle", "red", 8, 8, score=0.44)], "expected circle>=1, found 0"),
        ("a circle and a square", [CIRCLE], "expected square>=1, found 0"),
        ("two circles", [CIRCLE, thing("circle", "pink", 24, 8), SQUARE], ""),
        ("two circles", [CIRCLE], "expected circle>=2, found 1"),
        ("two circles", [CIRCLE] * 3, "expected circle<3, found 3"),
        ("a red circle", [CIRCLE, thing("circle", "blue", 24, 8, score=0.7)], ""),
        (
            "a red circle",
            [CIRCLE, thing("circle", "blue", 24, 8, score=0.9)],
            "expected red circle>=1, found 0 red; and 1 blue",
        ),
        ("a circle above a square", [CIRCLE, SQUARE], ""),
        ("a square above a circle", [CIRCLE, SQUARE], "expected square above target, found below target"),
        ("a circle left of a square", [CIRCLE, SQUARE], "expected circle left of target, found above target"),
        ("a circle left of a square", [CIRCLE], "expected square>=1, found 0\nno target for circle to be left of"),
        ("a red circle and a blue square", [CIRCLE, SQUARE], ""),
        (
            "a blue circle and a red square",
            [CIRCLE, SQUARE],
            "expected blue circle>=1, found 0 blue; and 1 red\nexpected red square>=1, found 0 red; and 1 blue",
        ),
    ],
)
def test_verdicts_and_reasons_by_hand(prompt: str, found: list[Any], reason: str) -> None:
    facts = {"geneval": record_of(prompt), "held_out": []}
    columns = {"case": ["x"], "facts": [json.dumps(facts)], COLUMN: [json.dumps(found)]}
    assert metrics.overall().reasons(columns) == [reason]


def record_of(text: str) -> Mapping[str, Any]:
    """The record of any prompt in the world's words, of those wordings too that were not drawn."""
    from tasks.world import prompts

    return next(item.record for wordings in prompts._wordings().values() for item in wordings if item.text == text)


def test_an_image_without_objects_is_wrong_and_not_an_error(oracle: ModuleType) -> None:
    """Blank, black, white and noisy pictures, and a scene of no objects."""
    from tasks.world.draw import draw
    from tasks.world.scene import Scene, as_batch

    rng = np.random.default_rng(0)
    empty = draw(as_batch([Scene((), "grey", "grey"), Scene((), "beige", "slate")]))
    pictures = np.concatenate(
        [
            empty.mul(255).round().byte().permute(0, 2, 3, 1).numpy(),
            np.stack([np.full((32, 32, 3), value, np.uint8) for value in (0, 255, 128)]),
            rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8),
        ]
    )
    found = WorldDetector().detect(pictures)
    assert found[:5] == [[]] * 5
    assert WorldDetector().detect(pictures[:0]) == []
    cases = build("world", oracle.Oracle()).cases()
    counting = [case for case in cases if case.stratum == "counting"][: len(pictures)]
    reasons = metrics.overall().reasons(columns_of(counting, found))
    assert all(reason.startswith("expected ") for reason in reasons)


@pytest.mark.parametrize(
    "text", ["{", '{"shape": "ring"}', "[1]", '[{"shape": "ring"}]', '[{"shape": "ring", "x": NaN}]', "[null]"]
)
def test_text_that_is_no_detections_names_the_image(text: str) -> None:
    with pytest.raises(UserError, match=r"^image a/0: not detections of world-detector"):
        detections(text, "image a/0")


# ------------------------------------------------------------------------------------------------ metrics


def images(*rows: tuple[str, str, Sequence[Any], bool]) -> dict[str, Any]:
    """Columns of images: (prompt, number, what was found, whether the prompt is held out)."""
    facts = [{"geneval": record_of(text), "held_out": ["x"] if never else []} for text, _, _, never in rows]
    return {
        "case": [f"{text}/{number}" for text, number, _, _ in rows],
        "facts": [json.dumps(item) for item in facts],
        COLUMN: [json.dumps(found) for _, _, found, _ in rows],
    }


ONE_OF_EACH = [
    ("a circle", "0", [CIRCLE], False),
    ("a circle and a square", "0", [CIRCLE, SQUARE], False),
    ("two circles", "0", [CIRCLE], False),
    ("a red circle", "0", [CIRCLE], False),
    ("a circle above a square", "0", [CIRCLE, SQUARE], False),
    ("a red circle and a blue square", "0", [CIRCLE], False),
]


def value(score: GenEvalScore, columns: Mapping[str, Any]) -> float:
    numerators, denominators = score.parts(columns)
    assert len(numerators) == len(denominators) == len(columns["case"])
    return float(numerators.sum() / denominators.sum())


def test_overall_is_the_mean_of_the_tags_not_of_the_images() -> None:
    columns = images(*ONE_OF_EACH, *[("a circle", str(number), [], False) for number in (1, 2)])
    # single_object 1/3, two_object, colors and position 1, counting and color_attr 0
    assert value(SCORES["geneval"], columns) == pytest.approx((1 / 3 + 1 + 0 + 1 + 1 + 0) / 6)
    assert value(SCORES["geneval-prompts"], columns) == pytest.approx(4 / 6)
    _, weights = SCORES["geneval"].parts(columns)
    assert weights.mean() == pytest.approx(1)


def test_held_out_prompts_are_counted_apart() -> None:
    never = [
        ("a purple circle", "0", [CIRCLE], True),
        ("a purple circle", "1", [thing("circle", "purple", 8, 8)], True),
        ("a red ring and a blue square", "0", [SQUARE, thing("ring", "red", 24, 8)], True),
    ]
    columns = images(*ONE_OF_EACH, *never)
    assert value(SCORES["geneval-held-out"], columns) == pytest.approx((1 / 2 + 1) / 2)
    assert value(SCORES["geneval-seen"], columns) == pytest.approx((1 + 0) / 2)
    numerators, denominators = SCORES["geneval-held-out"].parts(columns)
    assert not denominators[:6].any() and not numerators[:6].any()


def test_a_tag_without_an_image_is_named_and_nothing_is_measured() -> None:
    columns = images(*ONE_OF_EACH[:4])
    with pytest.raises(NotMeasured, match=r"no image of position and color_attr was scored; .* a mean of 6 tags"):
        SCORES["geneval"].parts(columns)
    with pytest.raises(NotMeasured, match="no held-out prompt of colors and color_attr"):
        SCORES["geneval-held-out"].parts(images(*ONE_OF_EACH))
    with pytest.raises(NotMeasured, match="only one prompt of single_object was scored"):
        SCORES["geneval-shuffled"].parts(images(*ONE_OF_EACH))


def test_chance_is_the_mean_over_all_other_prompts(oracle: ModuleType) -> None:
    """Independent reference: every image put to every other prompt of its tag, through the whole judge."""
    rng = np.random.default_rng(0)
    task = build("world", oracle.Oracle())
    cases = [case for case in task.cases()[: 5 * ROUND] if case.id[-1] in "02"]
    shapes, colours = ("circle", "square", "ring"), ("red", "blue", "white")
    found = [
        [
            thing(str(rng.choice(shapes)), str(rng.choice(colours)), *rng.uniform(5, 27, 2))
            for _ in range(rng.integers(0, 5))
        ]
        for _ in cases
    ]
    columns = columns_of(cases, found)
    numerators, denominators = SCORES["geneval-shuffled"].parts(columns)
    expected = []
    for case, items in zip(cases, found, strict=True):
        others = {other.group: other for other in cases if other.stratum == case.stratum and other.group != case.group}
        swapped = columns_of(list(others.values()), [items] * len(others))
        expected.append(np.mean([not reason for reason in metrics.overall().reasons(swapped)]))
    np.testing.assert_allclose(numerators / denominators, expected)
    assert 0 < np.mean(expected) < 0.5


def test_the_order_of_the_images_does_not_matter(oracle: ModuleType) -> None:
    rows = [*ONE_OF_EACH, ("a ring", "0", [CIRCLE], False)]
    order = np.random.default_rng(0).permutation(len(rows))
    one, two = images(*rows), images(*[rows[place] for place in order])
    for name in ("geneval", "geneval-prompts"):
        for first, second in zip(SCORES[name].parts(one), SCORES[name].parts(two), strict=True):
            assert np.array_equal(first[order], second)


# ------------------------------------------------------------------------------------------------ the official door


def test_a_file_in_the_official_schema_runs_and_says_that_its_detector_is_missing(
    tmp_path: Path, prompt_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    task = build(str(prompt_file), Sized(8))
    assert (task.name, len(task.cases())) == ("geneval-prompts", 6 * IMAGES_PER_PROMPT)
    assert task.cases()[0].id == "a photo of a bench/0"
    folder, found = result(tmp_path, task, Sized(8), ROUND)
    assert set(found) == {("geneval-coco", ""), ("geneval-coco-prompts", "")}
    for estimate in found.values():
        assert estimate.value is None and "\n" not in estimate.absent and str(tmp_path) not in estimate.absent
        assert "judge missing: Mask2Former's weights are missing: set DDTBENCH_DETECTOR to" in estimate.absent
    (samples,) = folder.samples()
    assert len(samples) == ROUND and samples[0].images["output"].shape == (8, 8, 3)


def test_the_official_name_stands_for_the_official_file(tmp_path: Path, prompt_file: Path) -> None:
    copy = tmp_path / "evaluation_metadata.jsonl"
    copy.write_bytes(prompt_file.read_bytes())
    with pytest.raises(UserError, match=f"6 prompts, not {sum(OFFICIAL.counts.values())}"):
        build(str(copy), Sized(8))
    with pytest.raises(UserError, match=r"no prompts at 'nowhere\.jsonl': give 'world'"):
        build("nowhere.jsonl", Sized(8))


def test_one_text_with_two_records_is_refused(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    twice = tmp_path / "mine.jsonl"
    other = {**records[0], "include": [{"class": "bench", "count": 2}]}
    twice.write_text("\n".join(json.dumps(record) for record in [*records, other]))
    with pytest.raises(UserError, match="the prompt 'a photo of a bench' appears 2 times"):
        build(str(twice), Sized(8))


def test_prompts_with_the_same_demand_are_one_question() -> None:
    one, two = (Prompt("counting", text) for text in ("two circles", "two circles on a grey background"))
    assert metrics._demand(one) == metrics._demand(two)


def test_a_model_that_keeps_its_own_folder_is_no_folder_of_images(tmp_path: Path) -> None:
    """Janus and Emu3 keep where their weights lie."""

    class Model:
        folder, image_size = tmp_path, 32

    task = build("world", Model())
    case = task.cases()[0]
    assert task.load(case) == case.facts["geneval"]["prompt"]
