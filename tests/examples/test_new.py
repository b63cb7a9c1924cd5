"""``ddtbench new``: what it writes is complete, under the name that was asked for, and runs."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from packages import commands_of, run_tests_of

from harness import skeleton
from harness.skeleton import ADDS

CHECKOUT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("what", ADDS)
def test_what_it_wrote_runs_by_the_commands_that_it_printed(what: str, installed, call, tmp_path: Path) -> None:
    name = f"starry-{what}s"
    code, out, err = call(f"ddtbench new {what} {name}")
    assert (code, err) == (0, "") and (tmp_path / name / f"starry_{what}s" / "catalog.py").is_file()
    assert not [path.name for path in tmp_path.iterdir() if path.name != name]
    lines = [line.strip() for line in out.splitlines() if line.startswith("    ")]
    assert lines == [f"pip install -e {name}", *commands_of(tmp_path / name)]
    written = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert not [path for path in written if re.search(rf"my[-_ ]{what}", f"{path}\n{path.read_text()}")]
    installed(tmp_path / name)
    assert run_tests_of(tmp_path / name) == 1
    for line in lines[1:]:
        code, out, err = call(line)
        assert code == 0, err
    assert f"starry {what}s" in (tmp_path / "report" / "index.html").read_text() or what in ("task", "metric")
    kind = ADDS[what]
    assert name in call(f"ddtbench show {kind}/{name}")[1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ddtbench new task 'My Task'", "'My Task' is not a package's name: write small letters, digits and hyphens, "
         "for example my-task"),
        ("ddtbench new model 3d", "'3d' is not a package's name: write small letters, digits and hyphens, for example "
         "d"),
        ("ddtbench new metric class", "'class' is not a package's name: write small letters, digits and hyphens, for "
         "example my-metric"),
        ("ddtbench new task ../up", "'../up' is not a package's name: write small letters, digits and hyphens, for "
         "example up"),
        ("ddtbench new model numpy", "there is a Python package 'numpy' already, which this would hide: choose another "
         "name"),
        ("ddtbench new tokenizer vqgan", "there is a model 'vqgan' already, of ddtbench (baselines.catalog:ENTRIES): "
         "choose another name"),
        ("ddtbench new tasks stars", "'tasks' cannot be begun; did you mean 'task'?"),
        ("ddtbench new task stars --to here", "here is there already: choose another folder by --to, or another name"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_is_said_in_a_line_with_the_cure(
    line: str, said: str, call, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert call(line) == (2, "", f"ddtbench: {said}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_it_is_written_where_the_user_says(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = call("ddtbench new metric stars --to 'deep down/at home'")
    assert code == 0 and (tmp_path / "deep down" / "at home" / "stars" / "metric.py").is_file()
    assert 'pip install -e "deep down/at home"' in out


def test_an_installed_package_brings_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    (source, place), *others = wheel["force-include"].items()
    assert not others
    here = skeleton.example("task")
    shutil.copytree(CHECKOUT / source, tmp_path / place)
    monkeypatch.setattr(skeleton, "__file__", str(tmp_path / "harness" / "skeleton.py"))
    assert skeleton.examples_root() == tmp_path / "harness" / "examples"
    assert skeleton.example("task") == here
