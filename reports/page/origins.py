"""Where the numbers of one page come from: what a page opens when somebody asks a number.

A page is rendered with its ``Origins``, which give every number that is written a name and keep its record. What many
numbers share (a protocol, a run, an environment) is kept once. The records are a script of data beside the page, since
a page on a disk can read nothing else; the name is the number's permalink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.contracts import Estimate
from reports.page.cases.scripts import encoded, script
from reports.page.provenance import Pairs, environment_pairs, protocol_pairs, run_pairs
from reports.reading.commands import command_of
from reports.reading.runs import Run
from reports.tables.cells import COSTS, Cell, Column
from reports.tables.table import Row, Table

FIELDS = (
    *("value", "95 % interval", "interval by", "cases scored", "cases failed", "with every failed case wrong"),
    *("chance", "stratum", "not measured", "measured by"),
)
CHANCE = "what a subject that knows nothing reaches: stated by the metric, or measured on the model's own outputs"
PROBED = "the run, when it was made: one measurement without an interval"
STATED = "the card of the checkpoint, as the run stores it"


@dataclass(frozen=True)
class Part:
    """Facts that several numbers share."""

    title: str
    pairs: Pairs = ()
    command: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Origin:
    """One number: what it is of, its own facts in the order of ``FIELDS``, and the parts that it shares with others."""

    title: str
    of: str
    values: tuple[str, ...]
    parts: tuple[Part, ...]


class Origins:
    """The origins of the numbers of one page; their script is ``data/NAME.js``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._origins: dict[str, Origin] = {}

    def mark(self, table: Table, row: Row, place: int, cell: Cell) -> Markup:
        """The attribute that ties a cell to its origin; nothing for a cell that holds no number."""
        column = table.columns[place]
        runs = cell.of or (row.run_in(place),)
        if cell.estimate is not None:
            stratum = cell.estimate.stratum or (table.part if cell.of else "")
            name = "/".join(filter(None, (runs[0].key, cell.estimate.metric, stratum)))
            return self._kept(name, _of_estimate(table, row, column, cell, cell.estimate, runs))
        if cell.value is not None and column.kind == "cost":
            return self._kept(f"{runs[0].key}/cost/{column.name}", _of_cost(table, row, column, cell, runs[0]))
        return Markup("")

    def chance(self, table: Table, place: int, cell: Cell) -> Markup:
        """The same for the line of chance."""
        column = table.columns[place]
        rows = [row for row in table.models or table.rows if _chance_in(row, place) is not None]
        if not cell.text or not rows:
            return Markup("")
        pairs = tuple((row.label, repr(_chance_in(row, place))) for row in rows)
        estimate = rows[0].cells[place].estimate
        assert estimate is not None
        task = rows[0].run_in(place).task
        parts = (Part("By model", pairs), _protocol(rows[0].run_in(place), estimate))
        values = _values({"value": cell.text, "stratum": estimate.stratum, "measured by": CHANCE})
        name = "/".join(filter(None, ("chance", task, estimate.metric, estimate.stratum)))
        return self._kept(name, Origin(f"chance: {cell.text}", f"{_label(table, column)}, {task}", values, parts))

    def script(self) -> bytes:
        """The records as a script of data."""
        places: dict[Part, int] = {}
        numbers = {
            name: {
                "title": origin.title,
                "of": origin.of,
                "values": list(origin.values),
                "parts": [places.setdefault(part, len(places)) for part in origin.parts],
            }
            for name, origin in self._origins.items()
        }
        parts = [
            {key: value for key, value in vars(part).items() if value or key in ("title", "pairs")} for part in places
        ]
        return script(self.name, encoded({"fields": list(FIELDS), "parts": parts, "numbers": numbers}))

    def _kept(self, name: str, origin: Origin) -> Markup:
        """Two numbers that would have one name (a stratum that is called as a part of a table is) are numbered."""
        wanted, number = name, 1
        while self._origins.setdefault(name, origin) != origin:
            number += 1
            name = f"{wanted}/{number}"
        return Markup(' data-number="{}"').format(escape(name))


def run_part(run: Run) -> Part:
    """What was run: the spec in words, the folder and the command."""
    command, remark = command_of(run)
    return Part("The run", run_pairs(run), command, remark)


def _of_estimate(table: Table, row: Row, column: Column, cell: Cell, estimate: Estimate, runs: Sequence[Run]) -> Origin:
    run = runs[0]
    several = bool(cell.of)  # over several runs: how many cases were scored is said by each of them
    interval = f"{estimate.low!r} to {estimate.high!r}" if estimate.low is not None else ""
    values = _values(
        {
            "value": "" if estimate.value is None else f"{estimate.value!r} {column.unit or estimate.unit}".rstrip(),
            "95 % interval": interval,
            "interval by": estimate.method,
            "cases scored": f"{estimate.scored:,}",
            "cases failed": f"{estimate.failed:,}",
            "with every failed case wrong": _failures(estimate),
            "chance": "" if estimate.chance is None or several else repr(estimate.chance),
            "stratum": estimate.stratum,
            "not measured": estimate.absent or ("no reason is stored" if estimate.value is None else ""),
        }
    )
    parts = [*map(run_part, runs), _protocol(run, estimate)]
    parts += dict.fromkeys(Part("Environment", environment_pairs(one)) for one in runs)
    title = " ".join(filter(None, (cell.text, column.unit, cell.interval)))
    of = f"{_label(table, column)} of {row.label} on {run.task}"
    return Origin(title, of, values, tuple(part for part in parts if part.pairs))


def _of_cost(table: Table, row: Row, column: Column, cell: Cell, run: Run) -> Origin:
    source = STATED if column.name.startswith("training-") else PROBED
    exact = next((run.cost.get(cost.key) for cost in COSTS if cost.name == column.name), cell.value)
    values = _values({"value": f"{cell.value!r} {column.unit}".rstrip(), "measured by": source})
    stored = Part("As it is stored", (("cost.json", repr(exact)),))
    parts = (run_part(run), stored, Part("Environment", environment_pairs(run)))
    title = f"{cell.text} {column.unit}".rstrip()
    kept = tuple(part for part in parts if part.pairs)
    return Origin(title, f"{_label(table, column)} of {row.label} on {run.task}", values, kept)


def _protocol(run: Run, estimate: Estimate) -> Part:
    return Part("Protocol (the fingerprint: what must be equal to be ranked together)", protocol_pairs(run, estimate))


def _values(stated: dict[str, str]) -> tuple[str, ...]:
    """In the order of the fields, empty ones at the end left out."""
    values = [stated.get(field, "") for field in FIELDS]
    while values and not values[-1]:
        values.pop()
    return tuple(values)


def _failures(estimate: Estimate) -> str:
    stated = estimate.failures_wrong if estimate.failed else None
    return "" if stated is None else repr(stated)


def _chance_in(row: Row, place: int) -> float | None:
    estimate = row.cells[place].estimate
    return estimate.chance if estimate is not None and estimate.value is not None else None


def _label(table: Table, column: Column) -> str:
    if table.stratum_of:
        return f"{table.part_of}, {column.label}"
    return f"{column.group}, {column.label}" if column.group else column.label
