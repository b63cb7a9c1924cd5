"""The two tasks and their metrics: what a subject is shown, what is stored, what perfect and idle subjects get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.controls.editing import CopySource, open_copy_source
from harness.contracts import Case, EditsImages, Sample
from harness.errors import UserError
from harness.images import from_bytes, to_bytes
from harness.instruments.pixels import open_pixels
from harness.store.parts import to_json
from tasks.editing import metrics
from tasks.editing.surroundings import open_surroundings
from tasks.editing.task import Editing, EditingChain, build, build_chain
from tasks.world.detector import open_world_detector
from tasks.world.features import open_world_features

TASKS = (Editing, EditingChain)
JUDGED = (metrics.success, metrics.preserved, metrics.exact)


class Oracle:
    """Knows every turn of every session: finds the true edit by picture and instruction."""

    image_size = 32

    def __init__(self) -> None:
        task = Editing(self)
        pairs = ((case, *task.load(case)) for case in task.cases())
        self.known = {(before.tobytes(), case.facts["instructions"][0]): after for case, before, after in pairs}
        self.seeds: list[int] = []

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        self.seeds += seeds
        keys = zip((picture.tobytes() for picture in to_bytes(images)), instructions, strict=True)
        return from_bytes(np.stack([self.known[key] for key in keys]))


@cache
def oracle() -> Oracle:
    return Oracle()


def asked(kind: type[Editing], subject: Any, count: int = 36) -> list[Sample]:
    task = kind(subject)
    cases = task.cases()[:count]
    return list(task.ask(subject, cases, [task.load(case) for case in cases], list(range(len(cases)))))


def columns_of(samples: Sequence[Sample], *instruments: Any) -> dict[str, Any]:
    found = {f"{tool.name}.{name}": values for tool in instruments for name, values in tool.observe(samples).items()}
    return {"case": [s.case.id for s in samples], "facts": [to_json(s.case.facts) for s in samples], **found}


def value(metric: Any, columns: Mapping[str, Any]) -> float:
    numerators, denominators = metric.parts(columns)
    return float(np.sum(numerators) / np.sum(denominators))


@pytest.mark.parametrize("kind", TASKS)
def test_a_perfect_subject_is_perfect_and_a_copy_has_no_success(kind: type[Editing]) -> None:
    tools = open_world_detector(), open_surroundings(), open_pixels(), open_world_features()
    perfect = columns_of(asked(kind, oracle()), *tools)
    for made in (*JUDGED, metrics.cos_world):
        assert value(made(), perfect) == pytest.approx(1.0, abs=1e-6)
    assert value(metrics.l2(), perfect) == value(metrics.l1_outside(), perfect) == 0
    idle = columns_of(asked(kind, CopySource()), *tools)
    assert value(metrics.success(), idle) == value(metrics.exact(), idle) == value(metrics.l1_outside(), idle) == 0
    assert value(metrics.preserved(), idle) == 1
    assert value(metrics.l2(), idle) > 0.01 and 0 < value(metrics.cos_world(), idle) < 1


def test_the_metrics_need_what_the_instruments_bring() -> None:
    tools = open_world_detector(), open_surroundings(), open_pixels(), open_world_features()
    columns = columns_of(asked(Editing, CopySource(), 2), *tools)
    for made in (*JUDGED, metrics.cos_world, metrics.l2, metrics.l1_outside, metrics.success_held_out):
        assert set(made().needs) <= columns.keys()
    assert {tool.name for tool in tools} == set(Editing.instruments) == set(EditingChain.instruments)


def test_held_out_edits_are_counted_apart() -> None:
    samples = asked(Editing, oracle(), 60)
    rare = [bool(sample.case.facts["held_out"]) for sample in samples]
    columns = columns_of(samples, open_world_detector(), open_surroundings())
    numerators, denominators = metrics.success_held_out().parts(columns)
    assert denominators.tolist() == numerators.tolist() == rare and 0 < sum(rare) < 30


def test_cosine_by_hand() -> None:
    vectors = np.array([[3.0, 4.0], [1.0, 0.0], [1.0, 0.0]]), np.array([[6.0, 8.0], [0.0, 2.0], [-5.0, 0.0]])
    columns = dict(zip(metrics.cos_world().needs, vectors, strict=True))
    numerators, denominators = metrics.cos_world().parts(columns)
    assert numerators.tolist() == [1.0, 0.0, -1.0] and denominators.tolist() == [1.0, 1.0, 1.0]


def test_every_turn_starts_from_the_true_picture_and_a_chain_from_the_own_one(fakes: ModuleType) -> None:
    turns, chain = Editing(oracle()), EditingChain(oracle())
    of = {case.id: case for case in turns.cases()}
    for case in chain.cases()[:30]:
        told = case.facts["instructions"]
        links = [of[f"{case.id}-{turn}"] for turn in range(1, len(told) + 1)]
        assert [link.facts["instructions"] for link in links] == [[line] for line in told]
        assert {link.group for link in links} == {case.group} and case.stratum.split()[0] == str(len(told))
        for earlier, later in pairwise(links):
            assert np.array_equal(turns.load(earlier)[1], turns.load(later)[0])
        assert np.array_equal(turns.load(links[0])[0], chain.load(case)[0])
        assert np.array_equal(turns.load(links[-1])[1], chain.load(case)[1])
    fake = fakes.Speaker()
    for sample in asked(EditingChain, fake, 6):
        told = sample.case.facts["instructions"]
        steps = [f"turn-{turn}" for turn in range(1, len(told))]
        assert set(sample.images) == {"source", "reference", "output", *steps}
        shown = [sample.images[name] for name in ("source", *steps, "output")]
        for before, after in pairwise(shown):
            # The fake mirrors and darkens: each picture is the one before it, mirrored, in one shade.
            bright = before[:, ::-1].astype(float)
            shade = after.sum() / bright.sum()
            assert np.abs(after - shade * bright).max() <= 1


def test_each_turn_has_a_seed_of_its_own_that_no_batch_changes() -> None:
    subject = Oracle()
    samples = asked(EditingChain, subject, 6)
    seeds = subject.seeds
    assert len(set(seeds)) == len(seeds) == 12 and seeds[:6] == list(range(6))
    subject.seeds = []
    task = EditingChain(subject)
    case = samples[5].case
    task.ask(subject, [case], [task.load(case)], [5])
    assert subject.seeds[0] == 5 and set(subject.seeds) < set(seeds) and len(subject.seeds) == 3


def test_strata_are_kinds_and_numbers_of_turns() -> None:
    assert {case.stratum for case in Editing(oracle()).cases()} == {
        "remove", "add", "recolour", "replace", "move", "background",
    }  # fmt: skip
    assert {case.stratum for case in EditingChain(oracle()).cases()} == {"1 turn", "2 turns", "3 turns"}


def test_a_subject_of_another_size_is_compared_at_32_pixels_and_the_fingerprint_says_so() -> None:
    small, large = Editing(CopySource()), Editing(CopySource(64))
    (sample,) = asked(Editing, CopySource(64), 1)
    assert {image.shape for image in sample.images.values()} == {(32, 32, 3)}
    assert large.fingerprint["filter"] == "bicubic-antialias" and small.fingerprint["resize"] == "none"
    assert small.fingerprint != EditingChain(CopySource()).fingerprint


def test_an_output_of_another_shape_is_a_clear_line() -> None:
    class Shrinking(CopySource):
        def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
            return images[:, :, ::2, ::2]

    with pytest.raises(ValueError, match=r"^edit made images of shape \(1, 3, 16, 16\) from \(1, 3, 32, 32\)$"):
        asked(Editing, Shrinking(), 1)


@pytest.mark.parametrize(("make", "name"), [(build, "editing"), (build_chain, "editing-chain")])
def test_an_argument_that_names_no_edits_is_a_user_error(make: Any, name: str) -> None:
    assert make("", CopySource()).name == make("world", CopySource()).name == f"{name}-world"
    with pytest.raises(UserError, match=rf"no edits of .photos. for {name}; known: .*world"):
        make("photos", CopySource())


def test_the_control_copies() -> None:
    images = torch.rand(2, 3, 32, 32)
    control = open_copy_source("", "cpu")
    assert isinstance(control, EditsImages) and control.image_size == 32
    copy = control.edit(images, ["remove the ring", ""], [0, 1])
    assert copy.equal(images) and copy is not images
    with pytest.raises(ValueError, match="2 images, 1 instructions and 2 seeds"):
        control.edit(images, ["remove the ring"], [0, 1])
    assert open_copy_source("64", "cpu").image_size == 64
    with pytest.raises(UserError, match="write copy-source"):
        open_copy_source("zoo/var", "cpu")


def test_a_case_that_the_detector_saw_wrongly_says_why() -> None:
    case: Case = Editing(oracle()).cases()[0]
    sample = Sample(case, images={"output": np.zeros((8, 8, 3), np.uint8), "reference": np.zeros((8, 8, 3), np.uint8)})
    with pytest.raises(ValueError, match="needs pictures of 32x32, not 8x8"):
        open_world_detector().observe([sample])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tokenizer", "success", "exact"), [("vqgan", 0.99, 0.98), ("var", 0.97, 0.95), ("ddt", 0.9, 0.74)]
)
def test_true_edits_survive_the_tokenizers(tokenizer: str, success: float, exact: float) -> None:
    from harness import catalog

    subject = catalog.open_model(tokenizer)

    class Decoded(Oracle):
        """The best that can be done with this tokenizer: the true edit, encoded and decoded."""

        def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
            true = super().edit(images, instructions, seeds)
            decoded = [subject.decode(subject.encode(part), seeds=range(len(part))) for part in true.split(50)]
            return torch.cat(decoded)

    columns = columns_of(asked(Editing, Decoded(), 600), open_world_detector(), open_surroundings())
    reached = {made().name: value(made(), columns) for made in JUDGED}
    assert success <= reached["edit-success"] <= 1 and exact <= reached["edit-exact"] <= 1
