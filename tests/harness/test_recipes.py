"""A TOML file changes a tokenizer's recipe: known keys of their kind, everything else is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import catalog
from harness.errors import UserError
from harness.recipes import tokenizer_recipe


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "mine.toml").write_text(text)
    return str(tmp_path / "mine.toml")


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    base = tokenizer_recipe("ddt")
    mine = tokenizer_recipe(
        written(tmp_path, 'recipe = "ddt"\nstart = "mine/ddt"\nsteps = 7\nwarmup = 0\nbetas = [0.9, 0.95]\nclip = 2\n')
    )
    assert (mine.name, mine.start, mine.steps, mine.warmup, mine.betas) == ("mine", "mine/ddt", 7, 0, (0.9, 0.95))
    assert mine.clip == 2.0 and isinstance(mine.clip, float)
    assert (mine.batch, mine.build, mine.data, mine.learning_rate) == (
        base.batch,
        base.build,
        base.data,
        base.learning_rate,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = 7\n", 'name the recipe that it changes, for example recipe = "ddt"'),
        ('recipe = "ddt"\nstep = 7\n', "a recipe has no 'step'.*steps"),
        ('recipe = "ddt"\nbuild = "x"\n', "a recipe has no 'build'"),
        ('recipe = "ddt"\nsteps = 0\n', "steps cannot be 0"),
        ('recipe = "ddt"\nsteps = 7.5\n', "steps is a whole number, not 7.5"),
        ('recipe = "ddt"\nsteps = true\n', "steps is a whole number, not True"),
        ('recipe = "ddt"\nstart = 3\n', "start is text, not 3"),
        ('recipe = "ddt"\nlearning_rate = "high"\n', "learning_rate is a number, not 'high'"),
        ('recipe = "ddt"\nbetas = [0.9]\n', "betas is a list of 2 numbers"),
        ('recipe = "ddtt"\n', "ddtt"),
        ('recipe = "ddt-llama-2.9m-s0"\n', "that of a language model: ddtbench train mllm"),
        ("recipe =\n", "is not TOML"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        tokenizer_recipe(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_every_recipe_of_the_catalogue_is_read() -> None:
    names = [entry.name for entry in catalog.entries("recipe")]
    kinds = {name: catalog.find("recipe", name) for name in names}
    tokenizers = [name for name in names if not isinstance(kinds[name], dict)]
    assert {"autoencoder", "ddt", "ddt-chained", "vqgan", "var"} <= set(tokenizers)
    assert [tokenizer_recipe(name).name for name in tokenizers] == tokenizers
