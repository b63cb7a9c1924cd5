"""Recursion: gains over no codes and over another image's codes, at every timestep."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from harness.contracts import Case, Denoises
from tasks.catalog import METRICS
from tasks.tokenizing.recursion import TIMES, Recursion


class Noise:
    """Native 32x32 pictures of random blocks."""

    name, revision, about = "noise", "noise-1", "random blocks"
    native_size: int | None = 32

    def cases(self) -> list[Case]:
        return [Case(f"noise-{number}", f"noise-{number}") for number in range(5)]

    def image(self, case: Case) -> np.ndarray:
        rng = np.random.default_rng(int(case.id[-1]))
        return rng.integers(0, 256, (8, 8, 3)).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


def test_the_images_own_codes_help_most(fakes: ModuleType) -> None:
    subject = fakes.BlockTokenizer()
    assert isinstance(subject, Denoises)
    task = Recursion(Noise(), subject)
    samples = task.ask(subject, task.cases(), [task.load(case) for case in task.cases()], range(5))
    for sample in samples:
        numbers = sample.numbers
        # At t = 1 the fake looks at codes only: own ones are near, none is grey, another image's are far.
        assert numbers["psnr-codes-1.0"] > numbers["psnr-none-1.0"] > numbers["psnr-shuffled-1.0"]
        for t in TIMES:
            gain = numbers[f"psnr-codes-{t}"] - numbers[f"psnr-none-{t}"]
            assert numbers[f"gain-none-{t}"] == gain
        assert numbers["gain-none"] == pytest.approx(np.mean([numbers[f"gain-none-{t}"] for t in TIMES]))
        assert {"reference", "codes-0.5", "none-0.5", "shuffled-1.0"} <= sample.images.keys()


def test_whose_codes_are_shuffled_in_does_not_depend_on_the_batch(fakes: ModuleType) -> None:
    subject = fakes.BlockTokenizer()
    task = Recursion(Noise(), subject)
    cases = task.cases()
    together = task.ask(subject, cases, [task.load(case) for case in cases], range(5))
    alone = task.ask(subject, [cases[2]], [task.load(cases[2])], [2])[0]
    assert alone.numbers == together[2].numbers
    assert np.array_equal(task.load(cases[4])[1], Noise().image(cases[0]))


def test_every_metric_of_the_task_reads_a_number_that_it_writes(fakes: ModuleType) -> None:
    from importlib import import_module

    subject = fakes.BlockTokenizer()
    task = Recursion(Noise(), subject)
    (sample,) = task.ask(subject, task.cases()[:1], [task.load(task.cases()[0])], [0])
    places = {entry.name: entry.place for entry in METRICS}
    for name in task.metrics:
        module, _, attribute = places[name].partition(":")
        metric = getattr(import_module(module), attribute)()
        assert metric.name == name
        assert {column.removeprefix("number.") for column in metric.needs} <= sample.numbers.keys()
