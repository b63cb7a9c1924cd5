"""Gaps between trainings that differ in one thing: which are compared, over seeds or paired by case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.statistics import t_interval
from harness.store.run_folder import RunFolder
from reports.comparing.trainings import build_trainings_table
from reports.page.report import tables_of
from reports.reading.runs import read_stored

TASK = "reconstruction-world"


@pytest.fixture
def trained(maker: Any, subject: Callable[..., Any]) -> Callable[..., None]:
    """A run of a checkpoint whose card states this recipe."""

    def run(name: str, blur: float, share: float = 1.0, **recipe: Any) -> None:
        maker.run(TASK, subject(name, blur), [f"scene-{number:05d}" for number in range(24)])
        (path,) = (maker.root / name / TASK).iterdir()
        stages = [{"name": "pretrain", "steps": recipe.pop("steps", 800), "branches": recipe.pop("branches", [])}]
        made = {"name": name, "tokenizer": "ddt", "order": "native", "pictures": True, "seed": 0, "stages": stages}
        stated = {"recipe": {**made, **recipe}, "stage": "pretrain", "share": share}
        RunFolder.open(str(path)).write_cost({"training": stated})

    return run


def gaps(maker: Any) -> dict[str, Any]:
    stored = read_stored(str(maker.root))
    table = build_trainings_table(TASK, stored.of_task(TASK))
    return {} if table is None else {row.label: (row.cells[0], table.notes) for row in table.rows}


def psnr(maker: Any, name: str) -> float:
    return next(run.estimate("psnr").value for run in read_stored(str(maker.root)).runs if run.subject == name)


def test_three_seeds_are_the_unit_and_fewer_leave_the_cases(maker: Any, trained: Callable[..., None]) -> None:
    for seed in range(3):
        trained(f"native-{seed}", 0.5 + 0.02 * seed, seed=seed, branches=[0.5])
        trained(f"reversed-{seed}", 0.7 + 0.05 * seed, seed=seed, order="reversed")
    trained("other-0", 0.6, order="shuffled(1)")
    found = gaps(maker)
    (over, notes), (alone, _) = found["reversed-0, reversed less native"], found["other-0, shuffled(1) less native"]
    expected = t_interval([psnr(maker, f"reversed-{seed}") - psnr(maker, f"native-{seed}") for seed in range(3)])
    assert (over.value, over.low) == (pytest.approx(expected.value), pytest.approx(expected.low))
    assert alone.value == pytest.approx(psnr(maker, "other-0") - psnr(maker, "native-0"))
    assert alone.low is not None and alone.low < alone.value < (alone.high or 0)
    assert "training seeds 0, 1, 2" in notes[over.notes[0] - 1] and "paired by case" in notes[alone.notes[0] - 1]


def test_pictures_are_compared_with_text_alone_whatever_the_tokenizer(maker: Any, trained: Callable[..., None]) -> None:
    trained("text", 0.5, pictures=False)
    trained("seen", 0.6, tokenizer="vqgan")
    trained("longer", 0.6, tokenizer="var", steps=900)
    trained("half", 0.6, share=0.5, tokenizer="other")
    trained("later", 0.6, seed=7, tokenizer="var")
    assert list(gaps(maker)) == ["seen less text alone"]


def test_trainings_that_are_not_alike_make_no_table(maker: Any, trained: Callable[..., None]) -> None:
    trained("one", 0.5)
    trained("two", 0.6, order="reversed", data="others")
    trained("three", 0.6, order="reversed", tokenizer="var")
    assert gaps(maker) == {}


def test_the_report_holds_the_table(maker: Any, trained: Callable[..., None]) -> None:
    trained("one", 0.5)
    trained("two", 0.6, order="reversed")
    _, breakdowns = tables_of(read_stored(str(maker.root)))
    assert f"{TASK}-between-trainings" in [table.name for table in breakdowns]
