"""Commands of another package: an entry point of the group ``ddtbench.commands`` whose value is the place of a
``Command``, in a module that imports nothing heavy::

    # pyproject.toml                                     # my_package/commands.py
    [project.entry-points."ddtbench.commands"]           from harness import Command
    rank = "my_package.commands:RANK"                    RANK = Command("rank", "Rank runs.", "my_package.rank:rank")

``ddtbench --help`` lists it by its line. What ``place`` names is imported when the command is called: a function, whose
parameters are the options as ``typer`` reads them, or a ``typer.Typer`` with commands of its own. It returns None or an
exit code (``harness.errors.Exit``), prints what it found, and raises UserError for what the user can put right. Options
that mean the same in every command are in ``harness.command_line``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from harness.errors import BrokenPlugin, UserError, owner_of
from harness.isolation import attempt, reason_of

GROUP = "ddtbench.commands"


@dataclass(frozen=True)
class Command:
    """``name`` as it is typed, one line of ``help``, and the ``place`` (``"module:function"``) of what it calls.
    ``asks_models``: it is done in a child, as ``run`` is, which a model that crashes or hangs cannot take with it."""

    name: str
    help: str
    place: str
    asks_models: bool = False


class AddedCommand(TyperCommand):
    """Stands in the list by its line; parameters and everything else are those of its place, imported when needed."""

    def __init__(self, command: Command, owner: str) -> None:
        self._place, self._what = command.place, f"command '{command.name}' of {owner}"
        super().__init__(command.name, help=command.help, rich_markup_mode=None)

    @cached_property
    def _loaded(self) -> Any:
        """Raises UserError where the place cannot be imported, or makes no command."""
        from harness.catalog import load

        found = load(self._place, self._what)
        try:
            if isinstance(found, typer.Typer):
                return typer.main.get_command(found)
            app = typer.Typer(rich_markup_mode=None, add_completion=False)
            app.command(self.name, help=found.__doc__ or self.help)(found)
            return typer.main.get_command(app)
        except Exception as error:  # the isolation boundary: another package's function, read by typer
            raise UserError(f"{self._what} cannot be read from {self._place}: {reason_of(error)}") from error

    @property
    def params(self) -> Any:
        """Those of the place."""
        return self._loaded.params

    @params.setter
    def params(self, _: Any) -> None:
        pass

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """As the command at the place makes it; ``--debug`` is every command's."""
        known = {option for parameter in self.params for option in parameter.opts}
        kept = args if "--debug" in known else [word for word in args if word != "--debug"]
        return self._loaded.make_context(info_name, kept, parent, **extra)


class RefusedCommand(TyperCommand):
    """A name that two packages want: calling it says so, and nothing else is disturbed."""

    def __init__(self, name: str, why: str) -> None:
        self._why = why
        super().__init__(name, help=f"not available: {why}", hidden=True, rich_markup_mode=None)

    def make_context(self, *_: Any, **__: Any) -> Any:
        """Raises UserError."""
        raise UserError(self._why)


class CommandGroup(TyperGroup):
    """Our own commands, and those that other packages add."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update(_added(self.commands))


def _added(own: Mapping[str, Any]) -> dict[str, TyperCommand]:
    """By name. One that cannot be read is warned about and left out; so is one of our own names."""
    owners: dict[str, list[tuple[Command, str]]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        owner = owner_of(point)
        try:
            command = _read(point)
        except Exception as error:  # the isolation boundary: a broken plug-in must not take the rest with it
            warnings.warn(f"a command of {owner} is left out: {reason_of(error)}", BrokenPlugin, stacklevel=2)
            continue
        if command.name in own:
            why = f"ddtbench has a command of that name: {owner} must call its own otherwise"
            warnings.warn(f"command '{command.name}' of {owner} is left out: {why}", BrokenPlugin, stacklevel=2)
            continue
        owners.setdefault(command.name, []).append((command, owner))
    return {name: _one(name, found) for name, found in owners.items()}


def asks_models(name: str) -> bool:
    """Whether another package's command of this name asks models; one that cannot be read does not."""
    for point in entry_points(group=GROUP):
        found, _ = attempt(partial(_read, point))  # one that fails is warned about where commands are listed
        if found is not None and found.name == name:
            return found.asks_models
    return False


def _one(name: str, found: list[tuple[Command, str]]) -> TyperCommand:
    if len(found) == 1:
        return AddedCommand(*found[0])
    names = " and by ".join(owner for _, owner in found)
    why = f"command '{name}' is registered twice, by {names}: remove one of these packages"
    warnings.warn(why, BrokenPlugin, stacklevel=2)
    return RefusedCommand(name, why)


def _read(point: EntryPoint) -> Command:
    """Another package's code runs here, so that anything can be raised."""
    found = point.load()
    if not isinstance(found, Command):
        raise TypeError(f"{point.value} is not a Command (harness.Command)")
    if not found.name or found.name.startswith("-") or not all(c.isalnum() or c in "-_" for c in found.name):
        raise ValueError(f"'{found.name}' is not a command's name: write letters, digits and hyphens")
    return found
