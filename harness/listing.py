"""``ddtbench list``: the catalogue as lines of text."""

from __future__ import annotations

import importlib
import shutil
import textwrap

from harness import catalog
from harness.contracts import CatalogueEntry, DataEntry, InstrumentEntry, Kind, ModelEntry, TaskEntry
from harness.errors import UserError, nearest
from harness.paths import checkout_root

PLURALS: dict[str, Kind] = {
    "models": "model",
    "tasks": "task",
    "suites": "suite",
    "metrics": "metric",
    "instruments": "instrument",
    "data": "data",
    "streams": "stream",
    "recipes": "recipe",
    "trainers": "trainer",
}


def list_entries(kind: str) -> tuple[CatalogueEntry, ...]:
    """The entries of ``models``, ``tasks``, ... Raises UserError for another word, with the nearest one."""
    singular = PLURALS.get(kind) or next((one for one in PLURALS.values() if one == kind), None)
    if singular is None:
        raise UserError(f"there is no list of '{kind}'{nearest(kind, PLURALS)}")
    return catalog.entries(singular)


def list_text(kind: str) -> str:
    """One line per entry: name and summary, what it provides, its checkpoint and its data, and whether they are there,
    licence and paper."""
    found = list_entries(kind)
    if not found:
        return f"no {kind} in the catalogue"
    width = max(len(entry.name) for entry in found) + 2
    columns = max(60, shutil.get_terminal_size((120, 24)).columns)
    lines = [
        textwrap.wrap(
            _words(entry),
            columns,
            initial_indent=entry.name.ljust(width),
            subsequent_indent=" " * width,
            break_on_hyphens=False,  # a command to type stays whole
        )
        for entry in found
    ]
    return "\n".join(line for entry_lines in lines for line in entry_lines)


def _words(entry: CatalogueEntry) -> str:
    parts = [entry.summary]
    if isinstance(entry, ModelEntry) and entry.provides:
        parts.append(f"provides {', '.join(entry.provides)}")
    if isinstance(entry, ModelEntry | InstrumentEntry) and entry.source:
        there = (checkout_root() / entry.source).exists()
        parts.append(f"checkpoint {entry.source}{'' if there else ' (not there)'}")
    elif isinstance(entry, ModelEntry) and entry.needs:
        parts.append(f"needs @PATH: {' or '.join(entry.needs)}")
    if isinstance(entry, TaskEntry):
        if entry.exports:
            parts.append(f"exports {', '.join(name for name, _ in entry.exports)}")
        parts += [f"data {name} {state}" for name in entry.data if (state := data_state(name))]
    if isinstance(entry, DataEntry) and entry.at_hand:
        parts.append(data_state(entry.name).strip("()"))
    if entry.licence:
        parts.append(f"licence {entry.licence}")
    if entry.paper:
        parts.append(f"paper {entry.paper}")
    return "; ".join(part for part in parts if part)


def data_state(name: str) -> str:
    """``(present)``, or ``(missing: COMMAND)``, of a data entry; "" for one that does not say."""
    place = catalog.lookup("data", name).at_hand
    if not place:
        return ""
    module, _, attribute = place.partition(":")
    there = getattr(importlib.import_module(module), attribute)()
    return "(present)" if there else f"(missing: ddtbench data prepare {name} --from PATH)"
