"""``train all``: an order that every need precedes, what is made already, and what is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import catalog, zoo
from harness.paths import checkout_root
from harness.weights.checkpoints import CARD, read_card


def test_every_recipe_follows_what_it_needs(tmp_path: Path) -> None:
    names = [stage.name for stage in zoo.stages(tmp_path)]
    assert sorted(names) == sorted(entry.name for entry in catalog.entries("recipe"))
    for entry in catalog.entries("recipe"):
        assert all(names.index(need) < names.index(entry.name) for need in entry.needs), entry.name


def test_only_what_is_missing_is_made_and_what_was_begun_goes_on(tmp_path: Path) -> None:
    names = [stage.name for stage in zoo.stages(tmp_path)]
    done, begun = tmp_path / names[0], tmp_path / names[1]
    done.mkdir(), begun.mkdir()
    (done / CARD).write_text("{}")
    (begun / "state.pt").write_bytes(b"")
    called: list[tuple[str, str, bool]] = []

    def remember(kind: str):
        return lambda name, folder, resume: called.append((kind, name, resume))

    said: list[str] = []
    zoo.train_all(tmp_path, {"tokenizer": remember("tokenizer"), "mllm": remember("mllm")}, said.append)
    assert [name for _, name, _ in called] == names[1:]
    assert [name for _, name, resume in called if resume] == [names[1]]
    assert ("mllm", "ddt-llama-2.9m-s0", False) in called and ("tokenizer", "ddt", False) in called
    assert said[-1].startswith("ddtbench train")


def test_the_plan_says_what_is_to_do(tmp_path: Path) -> None:
    text = zoo.plan_text(tmp_path)
    assert text.count("to do") == len(zoo.stages(tmp_path)) and "made" not in text
    assert "CPU-hours" in text.splitlines()[-1]
    assert zoo.plan_text(checkout_root() / "zoo").count("  made") >= 5


def test_trainings_are_read_off_the_kept_runs(tmp_path: Path) -> None:
    def keep(place: str, said: str) -> None:
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "cost.json").write_text(said)

    def made(recipe: str, hours: float | None, device: str = "cpu") -> str:
        return json.dumps({"training": {"recipe": {"name": recipe}, "cpu_hours": hours, "device": device}})

    keep("m@a/t/1", made("one", 0.5))
    keep("m@a/t/2", made("one", 0.25))  # half way
    keep("m@b/t/1", made("two", 3.0, "NVIDIA"))
    keep("m@b/t/2", made("four", 3.0, "NVIDIA, then cpu"))
    for place, said in enumerate(
        ("{", '{"training": null}', '{"training": {"cpu_hours": 1}}', "[]", made("three", None))
    ):
        keep(f"m@c/t/{place}", said)
    keep("m@d/t/1", made("five", 2.0))  # changed since it was sealed
    (tmp_path / "m@d/t/1/manifest.json").write_text('{"seals": {"cost.json": "0"}}')
    found = zoo.trainings_of_runs(tmp_path)
    assert {name: training["cpu_hours"] for name, training in found.items()} == {"one": 0.5}


def test_times_come_from_the_card_the_kept_runs_or_the_rate_of_a_model_of_the_same_shape(tmp_path: Path) -> None:
    found = {stage.name: stage for stage in zoo.stages(tmp_path)}
    runs = zoo.trainings_of_runs(checkout_root() / "zoo" / "runs")
    card = read_card(str(checkout_root() / "zoo" / "ddt-gpt-fashion"))["training"]
    assert found["ddt-gpt-fashion"].cpu_hours == card["cpu_hours"] and not found["ddt-gpt-fashion"].estimated
    short = runs["ddt-scaling-2.9m-s0"]
    # two branches of 0.2 of the steps
    assert found["ddt-scaling-2.9m-s0"].cpu_hours == pytest.approx(1.4 * short["cpu_hours"])
    long = read_card(str(checkout_root() / "zoo" / "ddt-llama-2.9m-s0"))["training"]
    assert long["device"].startswith("NVIDIA") and found["ddt-llama-2.9m-s0"].estimated
    rate = short["tokens_seen"] / short["cpu_hours"]
    assert found["ddt-llama-2.9m-s0"].cpu_hours == pytest.approx(long["tokens_seen"] / rate)
    assert not any(stage.cpu_hours is None for stage in found.values())
    # it goes on from a checkpoint, whose card says how many images an hour sees
    before, going_on = read_card("zoo/ddt")["training"], found["ddt-continuous"]
    assert going_on.estimated
    images = going_on.steps * 64
    assert going_on.cpu_hours == pytest.approx(before["cpu_hours"] * images / before["images_seen"])


@pytest.mark.parametrize("name", [entry.name for entry in catalog.entries("recipe") if "-llama-" in entry.name])
def test_recipes_of_one_size_differ_in_tokenizer_and_seed_alone(name: str) -> None:
    from ddt_llama.training.recipe import LanguageRecipe

    recipe = LanguageRecipe.from_mapping(catalog.find("recipe", name), name)
    assert recipe.name == name
    size = name.split("-")[2]
    first = LanguageRecipe.from_mapping(catalog.find("recipe", f"vqgan-llama-{size}-s0"), "first")
    # branches leave a training as it was
    stages = [tuple(replace(stage, branches=()) for stage in one.stages) for one in (recipe, first)]
    alike = replace(recipe, name=first.name, tokenizer=first.tokenizer, seed=first.seed, stages=stages[0])
    assert alike == replace(first, stages=stages[1])
    assert recipe.tokenizer.startswith(name.split("-")[0]) and name.endswith(f"-s{recipe.seed}")


@pytest.mark.parametrize("name", [entry.name for entry in catalog.entries("recipe") if "-scaling-" in entry.name])
def test_points_of_the_scaling_curves_differ_in_what_their_names_say(name: str) -> None:
    from ddt_llama.training.recipe import LanguageRecipe

    recipe = LanguageRecipe.from_mapping(catalog.find("recipe", name), name)
    first = LanguageRecipe.from_mapping(catalog.find("recipe", "vqgan-scaling-0.5m-s0"), "first")
    tokenizer, _, size, *order, seed = name.split("-")
    # the control without pictures speaks of DDT's codes and sees none
    text = tokenizer == "text"
    spoken = "ddt" if text else tokenizer
    assert recipe.name == name and recipe.seed == int(seed.removeprefix("s"))
    assert recipe.tokenizer == f"{spoken}@zoo/{spoken}" and recipe.pictures != text
    assert recipe.order == {"": "native", "reversed": "reversed", "shuffled": "shuffled(1)"}["".join(order)]
    varied = {key: value for key, value in recipe.model.items() if key in SIZES}
    assert {**recipe.model, **{key: first.model[key] for key in SIZES}} == first.model
    assert all(varied == {key: other.model[key] for key in SIZES} for other in _of_size(size))
    assert float(size.removesuffix("m")) == pytest.approx(_parameters(recipe.model) / 1e6, rel=0.12)
    assert recipe.stages[0].branches == ((0.5, 0.75) if name == f"ddt-scaling-{size}-s0" else ())
    own = {"name": first.name, "seed": first.seed, "tokenizer": first.tokenizer, "order": first.order}
    stages = tuple(replace(stage, branches=()) for stage in recipe.stages)
    assert replace(recipe, **own, pictures=True, model=first.model, stages=stages) == first


SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")


def _parameters(model: Mapping[str, Any]) -> int:
    """Those of a Llama's layers and last norm, without embeddings."""
    width = int(model["hidden_size"])
    layer = 4 * width * width + 3 * width * int(model["intermediate_size"]) + 2 * width
    return int(model["num_hidden_layers"]) * layer + width


def _of_size(size: str) -> list[Any]:
    from ddt_llama.training.recipe import LanguageRecipe

    names = [entry.name for entry in catalog.entries("recipe") if f"-scaling-{size}-" in entry.name]
    return [LanguageRecipe.from_mapping(catalog.find("recipe", name), name) for name in names]
