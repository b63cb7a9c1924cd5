"""Commands of other packages: listed by their line, imported when called, and no trouble to anybody else."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugin_packages import write_package

pytestmark = pytest.mark.filterwarnings("always::harness.errors.BrokenPlugin")

LIGHT = """
from harness import Command

COMMAND = Command("{name}", "Count what is there.", "{place}")
"""
HEAVY = '''
from typing import Annotated

import typer

from harness.errors import Exit, UserError


def count(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What to count.")],
    times: Annotated[int, typer.Option("--times", help="How often.")] = 1,
) -> int:
    """Count what is there.

    All of it.
    """
    if what == "nothing":
        raise UserError("there is nothing to count: name something")
    if what == "broken":
        return 1 // 0
    print(f"{what}: {times}")
    return Exit.CANNOT_TELL if what == "fog" else Exit.DONE
'''


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``add(name, command, place, source)``: a package of this name that adds a command."""
    site, before = tmp_path / "site", set(sys.modules)

    def package(name: str, command: str = "count", place: str = "", light: str = "", heavy: str = HEAVY) -> None:
        place = place or f"{name}_heavy:count"
        modules = {f"{name}_light": light or LIGHT.format(name=command, place=place), f"{name}_heavy": heavy}
        write_package(site, name, modules, {"ddtbench.commands": {f"{name}-point": f"{name}_light:COMMAND"}})
        monkeypatch.syspath_prepend(str(site))

    yield package
    for name in set(sys.modules) - before:
        if name.endswith(("_light", "_heavy")):
            del sys.modules[name]


def test_it_is_listed_by_its_line_without_being_imported(add, call) -> None:
    add("counter")
    code, out, err = call("--help")
    assert (code, err) == (0, "") and re.search(r"\n  count +Count what is there\.", out)
    assert "counter_light" in sys.modules and "counter_heavy" not in sys.modules


def test_called_it_has_its_own_options_help_and_exit_code(add, call) -> None:
    add("counter")
    assert call("count", "sheep", "--times", "3") == (0, "sheep: 3\n", "")
    assert call("count", "fog")[0] == 3
    code, out, _ = call("count", "--help")
    assert code == 0 and "Usage: ddtbench count [OPTIONS]" in out and "How often." in out and "All of it." in out
    assert call("count", "sheep", "--time", "3")[2].startswith("ddtbench: No such option: --time")
    assert call("count", "nothing") == (2, "", "ddtbench: there is nothing to count: name something\n")
    code, _, err = call("count", "broken", "--debug")
    assert code == 70 and "Traceback" in err and "unexpected ZeroDivisionError" in err
    assert "Did you mean 'count'" in call("coun", "sheep")[2]


def test_a_typer_app_is_a_command_with_commands_of_its_own(add, call) -> None:
    heavy = "import typer\napp = typer.Typer()\n"
    heavy += "".join(f"@app.command()\ndef {name}(): print('{name}')\n" for name in ("save", "show"))
    add("keeper", "keep", "keeper_heavy:app", heavy=heavy)
    assert call("keep", "save") == (0, "save\n", "")
    assert "show" in call("keep", "--help")[1]


@pytest.mark.parametrize(
    ("light", "why"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("COMMAND = 3", "is not a Command"),
        ("from harness import Command\nCOMMAND = Command('a b', 'x', 'm:f')", "'a b' is not a command's name"),
        ("OTHER = 1", "AttributeError"),
    ],
)
def test_a_broken_one_is_one_line_and_everything_else_works(add, call, light: str, why: str) -> None:
    add("fine")
    add("broken", light=light)
    code, out, err = call("--help")
    assert code == 0 and "Count what is there." in out and "list " in out
    assert err.count("\n") == 1 and "warning: a command of broken (broken_light:COMMAND) is left out" in err
    assert why in err
    assert call("count", "sheep")[:2] == (0, "sheep: 1\n")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("gone_module:count", "cannot be loaded from gone_module:count: No module named 'gone_module'"),
        ("lazy_heavy:counts", "cannot be loaded from lazy_heavy:counts"),
        ("lazy_heavy:odd", "cannot be read from lazy_heavy:odd"),
    ],
)
def test_one_whose_place_does_not_import_is_listed_and_says_so_when_called(add, call, place: str, says: str) -> None:
    add("lazy", place=place, heavy=HEAVY + "\nodd = 3\n")
    code, out, err = call("--help")
    assert (code, err) == (0, "") and "Count what is there." in out
    code, out, err = call("count", "sheep")
    assert code == 2 and err.count("\n") == 1 and f"command 'count' of lazy (lazy_light:COMMAND) {says}" in err


def test_two_of_one_name_are_an_error_that_names_both_and_disturb_nobody(add, call) -> None:
    add("one")
    add("two")
    add("other", "weigh")
    both = "command 'count' is registered twice, by one (one_light:COMMAND) and by two (two_light:COMMAND)"
    code, out, err = call("--help")
    assert code == 0 and re.search(r"\n  weigh +Count what is there\.", out) and "\n  count" not in out
    assert err == f"ddtbench: warning: {both}: remove one of these packages\n"
    code, out, err = call("count", "sheep")
    assert code == 2 and err.splitlines()[-1] == f"ddtbench: {both}: remove one of these packages"
    assert call("weigh", "sheep")[:2] == (0, "sheep: 1\n")


def test_a_name_of_our_own_stays_ours(add, call) -> None:
    add("thief", "list")
    code, out, err = call("list", "models")
    assert code == 0 and "vqgan" in out
    assert "command 'list' of thief (thief_light:COMMAND) is left out: ddtbench has a command of that name" in err
