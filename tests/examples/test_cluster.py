"""The cluster examples: shells read them, Ray takes the cluster file, and the commands in them are ours."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

import click
import pytest
import typer.main
import yaml

from harness import cli
from harness.paths import checkout_root

CLUSTER = checkout_root() / "examples" / "cluster"
SCRIPTS = sorted(CLUSTER.glob("*.sbatch"))
FILES = sorted(CLUSTER.iterdir())


def commands(program: str) -> list[tuple[str, list[str]]]:
    """(file, words after the program) of each call of it in the examples."""
    call = re.compile(rf"(?<![\w.-]){program} (?:run|start|observe)\b[^'&;\n]*")
    texts = {path.name: path.read_text().replace("\\\n", " ") for path in FILES}
    return [(name, shlex.split(match[0])[1:]) for name, text in texts.items() for match in call.finditer(text)]


def test_shells_can_read_the_scripts() -> None:
    assert SCRIPTS
    for path in SCRIPTS:
        subprocess.run(["bash", "-n", path], check=True)


@pytest.mark.parametrize(("file", "words"), commands("ddtbench"))
def test_its_commands_are_ours(file: str, words: list[str]) -> None:
    group: Any = typer.main.get_command(cli.app)
    command = group.get_command(None, words[0])
    command.make_context("ddtbench", list(words[1:]))  # raises for an option that there is not


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own modules
@pytest.mark.parametrize(("file", "words"), commands("ray"))
def test_its_calls_of_ray_are_rays(file: str, words: list[str]) -> None:
    from ray.scripts.scripts import cli as ray

    command = ray.commands[words[0]]
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    known = {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
    assert given <= known


def test_the_launchers_command_is_ours() -> None:
    (text,) = [path.read_text().replace("\\\n", " ") for path in SCRIPTS if path.name == "one-model.sbatch"]
    words = shlex.split(text.partition("-m harness.cli ")[2])
    group: Any = typer.main.get_command(cli.app)
    group.get_command(None, words[0]).make_context("ddtbench", words[1:])


def test_both_programs_are_called() -> None:
    assert len(commands("ddtbench")) >= 2 and len(commands("ray")) >= 4


def test_ray_takes_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    said = yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text())
    validate_config(prepare_config(said))
