"""How far to trust a comparison: each fact from what the runs store, and what limits it is marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.store.run_folder import RunFolder
from reports.page.report import tables_of
from reports.page.trust import Fact, trust
from reports.reading.runs import read_stored
from reports.tables.headline import build_headlines


def facts(root: Path) -> dict[str, Fact]:
    stored = read_stored(str(root))
    tables, _ = tables_of(stored)
    return {fact.term: fact for fact in trust(stored, tables, build_headlines(stored))}


def test_what_is_stored_is_told(maker: Any, subject: Callable[..., Any]) -> None:
    seeded = {"training": {"recipe": {"steps": 10, "seed": 3}}}
    maker.task(subjects=[subject("ddt", 0.5, cost=seeded), subject("vqgan", 0.7), subject("identity")], cases=12)
    found = facts(maker.root)
    assert found["compared"].figure == "2 models on 1 task" and "Controls show the scale" in found["compared"].text
    assert found["cases"].figure == "12" and not found["cases"].warn
    assert found["training seeds"].figure == "1" and found["training seeds"].warn
    assert "1 model does not state a seed" in found["training seeds"].text
    assert found["sampling seeds"].text == "Every model answered each task with 1 seed of sampling (0)."
    assert found["failures"].figure == "none" and "36 answers" in found["failures"].text
    assert found["sizes of sets"].figure == "N = 12" and not found["sizes of sets"].warn
    assert found["chance"].figure.startswith("stated for 0 of")


def test_no_training_seed_is_a_limit(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7)], cases=12)
    assert facts(maker.root)["training seeds"].figure == "not stated"


def test_several_training_seeds_of_one_kind_are_counted(maker: Any, subject: Callable[..., Any]) -> None:
    models = [
        subject(f"ddt@s{seed}", 0.5 + seed / 10, cost={"training": {"recipe": {"name": f"s{seed}", "seed": seed}}})
        for seed in range(3)
    ]
    maker.task(subjects=models, cases=12)
    found = facts(maker.root)["training seeds"]
    assert (found.figure, found.warn) == ("3", False) and "1 kind of model, each trained with 3 seeds" in found.text


def test_failures_and_unequal_n_are_limits(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7, failing=("scene-00001",))], cases=12)
    found = facts(maker.root)
    assert found["failures"].figure == "1" and "Not ranked, since more than 1 % failed: VQGAN" in found["failures"].text
    sizes = found["sizes of sets"]
    assert sizes.warn and "N = 12" in sizes.text and "N = 11" in sizes.text
    assert "N is not the same for all models: FD-world on reconstruction-world" in sizes.text


def test_a_model_no_better_than_chance_is_named(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7)], cases=12)
    maker.rewrite('"chance": null', '"chance": 0.99')
    found = facts(maker.root)["chance"]
    assert found.warn and "Not above chance: " in found.text and "object F1" in found.text


def test_a_part_of_the_cases_is_called_a_part(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7)], cases=12)
    for path in maker.root.glob("*/*/*/manifest.json"):
        RunFolder.open(path.parent).write_manifest(cases=4000)
    assert "The tasks hold 4,000: this is a part of them." in facts(maker.root)["cases"].text
