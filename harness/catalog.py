"""The catalogue: names to places, imported only when asked for.

Every package, ours and others', registers under the entry-point group ``ddtbench.catalog``; the value is the place of a
light tuple of entries (``"tasks.catalog:ENTRIES"``). A plug-in that cannot be read is warned about by name and never
hides the others. Of two entries of one kind and name
neither is listed: one warning names both packages, and the name is refused.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from typing import Any, Literal, get_args, overload

from harness.contracts import (
    CatalogueEntry,
    ClaimsEntry,
    DataEntry,
    InstrumentEntry,
    Kind,
    MetricEntry,
    ModelEntry,
    RecipeEntry,
    Task,
    TaskEntry,
    require_read,
)
from harness.errors import BrokenPlugin, UserError, nearest, owner_of
from harness.isolation import reason_of
from harness.paths import packaged_file
from harness.provenance import provenance_of
from harness.texts import first_line, read_toml

GROUP = "ddtbench.catalog"
REPORTERS = "ddtbench.reports"
KINDS: tuple[Kind, ...] = get_args(Kind)
_Table = dict[tuple[str, str], tuple[CatalogueEntry, str]]

BAD_CODE = (ImportError, AttributeError, TypeError, ValueError, SyntaxError, NameError)
"""What a place that is wrong raises when it is imported."""

# What an ill-formed configuration raises in a constructor, ours, torch's or another package's.
BAD_CONFIGURATION = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError)


def _entries_of(point: EntryPoint) -> tuple[CatalogueEntry, ...]:
    """What one entry point lists. Another package's code runs here, so that anything can be raised."""
    found = tuple(point.load())
    for item in found:
        if not isinstance(item, CatalogueEntry):
            raise TypeError(f"{item!r} is not an Entry (harness.contracts.ModelEntry and its kin)")
    return found


def _fault(entry: CatalogueEntry) -> str:
    """What keeps an entry out of the catalogue, with the cure; "" for nothing."""
    if isinstance(entry, TaskEntry) and not entry.shown.title.strip():
        return 'has no title: give its TaskEntry shown=ShownTask(title="...")'
    return ""


@cache
def _read() -> tuple[_Table, dict[tuple[str, str], str]]:
    """(kind, name) -> (entry, owner), and -> why a name is refused that two packages want; read once per process."""
    table: dict[tuple[str, str], tuple[CatalogueEntry, str]] = {}
    twice: dict[tuple[str, str], list[str]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        owner = owner_of(point)
        try:
            listed = _entries_of(point)
        except Exception as error:  # the isolation boundary: a broken plug-in must not take the rest with it
            warnings.warn(f"plug-in {owner} is left out: {type(error).__name__}: {error}", BrokenPlugin, stacklevel=2)
            continue
        for entry in listed:
            if why := _fault(entry):
                warnings.warn(f"{entry.kind} '{entry.name}' of {owner} {why}", BrokenPlugin, stacklevel=2)
                continue
            place = (entry.kind, entry.name)
            if place in table:
                twice.setdefault(place, [table[place][1]]).append(owner)
            else:
                table[place] = (entry, owner)
    refused = {name: _refusal(*name, owners) for name, owners in twice.items()}
    for name, why in refused.items():
        del table[name]
        warnings.warn(f"{why}; neither is listed", BrokenPlugin, stacklevel=2)
    return table, refused


def _refusal(kind: str, name: str, owners: Sequence[str]) -> str:
    return f"{kind} '{name}' is registered twice, by {' and by '.join(owners)}: remove one of these packages"


def _catalogue() -> _Table:
    return _read()[0]


def refused() -> dict[tuple[str, str], str]:
    """(kind, name) -> why, of names that two packages registered."""
    return _read()[1]


def refresh() -> None:
    """Forget what was read, so that packages installed meanwhile are seen."""
    _read.cache_clear()


@overload
def entries(kind: Literal["model"]) -> tuple[ModelEntry, ...]: ...
@overload
def entries(kind: Literal["task"]) -> tuple[TaskEntry, ...]: ...
@overload
def entries(kind: Literal["recipe"]) -> tuple[RecipeEntry, ...]: ...
@overload
def entries(kind: Literal["claims"]) -> tuple[ClaimsEntry, ...]: ...
@overload
def entries(kind: Kind | None = None) -> tuple[CatalogueEntry, ...]: ...
def entries(kind: Kind | None = None) -> tuple[Any, ...]:
    """All entries, or those of one kind, sorted by kind and name. Imports none of the places."""
    known = (entry for entry, _ in _catalogue().values() if kind is None or entry.kind == kind)
    return tuple(sorted(known, key=lambda entry: (KINDS.index(entry.kind), entry.name)))


@overload
def lookup(kind: Literal["model"], name: str) -> ModelEntry: ...
@overload
def lookup(kind: Literal["task"], name: str) -> TaskEntry: ...
@overload
def lookup(kind: Literal["metric"], name: str) -> MetricEntry: ...
@overload
def lookup(kind: Literal["data"], name: str) -> DataEntry: ...
@overload
def lookup(kind: Literal["instrument"], name: str) -> InstrumentEntry: ...
@overload
def lookup(kind: Kind, name: str) -> CatalogueEntry: ...
def lookup(kind: Kind, name: str) -> Any:
    """The entry of this kind and name. Raises UserError with the nearest known name."""
    try:
        return _catalogue()[kind, name][0]
    except KeyError:
        if (kind, name) in refused():
            raise UserError(refused()[kind, name]) from None
        known = [entry.name for entry in entries(kind)]
        hint = nearest(name, known) or f": no installed package has any {kind}"
        raise UserError(f"unknown {kind} '{name}'{hint}") from None


def find(kind: Kind, name: str) -> Any:
    """Import and return what the entry's place names. Raises UserError if it is unknown or cannot be imported."""
    entry = lookup(kind, name)
    if entry.place.endswith(".toml"):
        return read_toml(packaged_file(entry.place), f"{kind} '{name}' of {_catalogue()[kind, name][1]} in")
    return load(entry.place, f"{kind} '{name}' of {_catalogue()[kind, name][1]}")


def load(place: str, what: str) -> Any:
    """What ``module:attribute`` names. Raises UserError, which says ``what`` it was to be, if it cannot be imported."""
    module, _, attribute = place.partition(":")
    cure = "mend or remove that package"
    try:
        return getattr(importlib.import_module(module), attribute)
    except BAD_CODE as error:
        raise UserError(f"{what} cannot be loaded from {place}: {error}: {cure}") from error
    except Exception as error:  # the isolation boundary: another package's module runs here
        raise UserError(f"{what} cannot be loaded from {place}: {reason_of(error)}: {cure}") from error


def package_of(kind: Kind, name: str) -> str:
    """The package that registered an entry, and where its entries lie. Raises UserError for an unknown name."""
    lookup(kind, name)
    return _catalogue()[kind, name][1]


def split_name(text: str) -> tuple[str, str]:
    """``NAME[@REST]`` -> (name, rest); the rest may hold further ``@``.

    Examples:
        >>> split_name("ddt@zoo/ddt")
        ('ddt', 'zoo/ddt')
        >>> split_name("ddt")
        ('ddt', '')
    """
    name, _, rest = text.partition("@")
    return name, rest


def source_of(text: str) -> str:
    """The checkpoint that ``NAME[@SOURCE]`` stands for: as written, else the entry's default ("" for none)."""
    name, source = split_name(text)
    return source or lookup("model", name).source


def open_model(text: str, device: str = "cpu") -> Any:
    """The subject that ``NAME[@SOURCE]`` stands for, opened on ``device``.

    Raises UserError also where the configuration in a checkpoint's card makes no model.
    """
    name, _ = split_name(text)
    source, needs = source_of(text), lookup("model", name).needs
    if needs and not source:
        raise UserError(f"model '{name}' needs a path: write {name}@PATH, where PATH is a {' or a '.join(needs)}")
    maker = find("model", name)
    try:
        return maker(source, device)
    except BAD_CONFIGURATION as error:
        if not source:
            raise
        what = f"{type(error).__name__}: {first_line(error)}"
        raise UserError(f"no '{name}' can be made from {source} ({what}): is its card that of a '{name}'?") from error


def make(kind: Literal["metric", "instrument"], text: str, device: str = "cpu") -> Any:
    """The metric or instrument that ``NAME[@ARGUMENT]`` stands for: ``fid@clean``, ``inception-adm@FILE``.

    An instrument whose maker takes a ``device`` computes there. Raises UserError also for an argument where the entry
    takes none, and for a metric that cannot be made or states what nothing reads.
    """
    name, argument = split_name(text)
    maker = find(kind, name)
    known = signature(maker).parameters
    if argument and not known.keys() - {"device"}:
        raise UserError(f"{kind} '{name}' takes no argument, so '@{argument}' means nothing: leave it out")
    where = {"device": device} if "device" in known else {}
    if kind == "instrument":
        return maker(argument, **where) if argument else maker(**where)
    what = f"metric '{text}' of {_catalogue()[kind, name][1]}"
    try:
        made = maker(argument) if argument else maker()
    except TypeError as error:  # an unknown trait, for example
        raise UserError(f"{what} cannot be made: {error}") from error
    require_read(made, what)
    return made


def build_task(text: str, subject: Any) -> Task:
    """The task that ``NAME[@ARGUMENT]`` stands for, as it is put to ``subject``."""
    name, argument = split_name(text)
    task: Task = find("task", name)(argument, subject)
    return task


def require_fit(model: str, task: str, examines: str, subject: Any = None) -> None:
    """Raise UserError unless the model (``NAME[@SOURCE]``) provides what the task examines; it names models that do.

    An opened ``subject`` may itself state in ``provides`` what it provides: its entry stands for many checkpoints."""
    entry = lookup("model", split_name(model)[0])
    provides = provenance_of(subject, model).provides or entry.provides
    if examines in provides:
        return
    fitting = [other.name for other in entries("model") if examines in other.provides]
    would = f"models which do: {', '.join(fitting)}" if fitting else "no model in the catalogue does"
    has = f"it provides {', '.join(provides)}" if provides else "it provides none"
    raise UserError(f"task '{task}' examines {examines}, which model '{entry.name}' is not ({has}); {would}")


def reporter(name: str) -> Any:
    """What turns stored runs into something to read: ``summary`` makes a text, ``page`` a folder of pages."""
    found = list(entry_points(group=REPORTERS, name=name))
    if not found:
        raise UserError(f"no installed package makes a '{name}' of runs: install ddtbench again with pip")
    return found[0].load()
