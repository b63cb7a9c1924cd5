"""What stands in a table: columns, and cells with value, interval, bound, mark and footnotes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

from harness import catalog
from harness.contracts import Estimate
from harness.errors import UserError
from reports.comparing.ranking import Group, Ranking, is_rate, protocol_groups
from reports.reading.runs import Run
from reports.tables.numbers import ABSENT, decimals_for, fixed, plain, show, with_unit_prefix
from reports.tables.sizes import set_sizes

Mark = Literal["", "best", "tied"]


REFUSED = "\N{NOT EQUAL TO}"


ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}", "none": ""}


@dataclass(frozen=True)
class CostColumn:
    """A cost as the table shows it; ``key`` is its name in ``cost.json``, ``scale`` multiplies what is there."""

    key: str
    label: str
    unit: str
    scale: float = 1.0
    order: int = 200
    called: str = ""

    @property
    def name(self) -> str:
        return self.called or dashed(self.key)


COSTS: tuple[CostColumn, ...] = (
    CostColumn("bits_per_image", "bits per image", "bits", order=13),
    CostColumn("decoder_parameters", "decoder parameters", ""),
    CostColumn("decode_flops", "decode", "MFLOP", 1e-6, called="decode-mflops"),
    CostColumn("decode_ms_per_image", "decode", "ms per image"),
    CostColumn("language_parameters", "parameters, no embeddings", ""),
    CostColumn("generate_ms_per_image", "generate", "ms per image"),
    CostColumn("training_tokens", "training", "million tokens", 1e-6, called="training-mtokens"),
    CostColumn("training_flops", "training", "TFLOP", 1e-12, called="training-tflops"),
    CostColumn("training_cpu_hours", "training", "CPU hours"),
)


@dataclass(frozen=True)
class Column:
    """A metric or a cost; ``group`` and ``task`` say of which kind and which task, where a table has several.
    ``order``: low ones are shown first where there is no room for all; ``rate``: what is spent; ``meaning``: in plain
    words; ``sizes``: every N that a metric of a set was measured on, none for a metric of cases."""

    name: str
    label: str
    unit: str
    direction: Literal["higher", "lower", "none"]
    kind: Literal["metric", "cost"]
    group: str = ""
    task: str = ""
    order: int = 100
    rate: bool = False
    meaning: str = ""
    sizes: tuple[str, ...] = ()

    @property
    def arrow(self) -> str:
        return ARROWS[self.direction]


@dataclass(frozen=True)
class Cell:
    """What one model has in one column. ``text`` is the value, ``interval`` and ``bound`` may be ''. ``of``: the runs
    that a number over several is made from."""

    text: str = ABSENT
    interval: str = ""
    bound: str = ""
    mark: Mark = ""
    notes: tuple[int, ...] = ()
    protocol: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    estimate: Estimate | None = field(default=None, compare=False)
    of: tuple[Run, ...] = field(default=(), compare=False)


class Notes:
    """Footnotes in the order of their first use, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def dashed(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")


def column_for(metric: str, runs: Sequence[Run]) -> Column:
    found = next(item for run in runs for item in run.estimates if item.metric == metric)
    stated = (run.metric(metric) for run in runs if metric in run.shown_metrics)
    shown = next(stated, runs[0].metric(metric))
    rate = is_rate(runs, metric)
    return Column(
        metric,
        shown.label,
        shown.unit or found.unit,
        "none" if rate else found.direction,
        "metric",
        order=shown.order,
        rate=rate,
        meaning=shown.meaning,
        sizes=set_sizes(run.estimate(metric) for run in runs),
    )


def metric_cells(metric: str, runs: Sequence[Run], ranking: Ranking, notes: Notes, allow_mixed: bool) -> list[Cell]:
    groups = protocol_groups(runs, metric)
    mixed = len(groups) > 1
    refusal = f"{metric} is not compared: {_difference(groups)}" if mixed else ""
    letters = {key: group.letter for group in groups for key in group.keys}
    cells = []
    for run in runs:
        cell = _told_age(estimate_cell(run, metric, notes), notes)
        if mixed and cell.value is not None:
            number = notes.number(refusal)
            if allow_mixed:
                protocol = letters[run.key]
                cell = replace(cell, notes=(*cell.notes, number), protocol=protocol)
            else:
                cell = Cell(text=REFUSED, notes=(number,), estimate=cell.estimate)
        if allow_mixed or not mixed:
            cell = replace(cell, mark=ranking.mark(run.key, metric))
        cells.append(cell)
    if (caveat := ranking.caveats.get(metric)) and any(cell.mark for cell in cells):
        number = notes.number(caveat)
        cells = [replace(cell, notes=(*cell.notes, number)) if cell.mark == "best" else cell for cell in cells]
    return cells


def _told_age(cell: Cell, notes: Notes) -> Cell:
    """The cell, with a note where the metric has another version now than when this was measured."""
    estimate = cell.estimate
    now = _version_now(estimate.metric) if estimate and cell.value is not None else None
    if estimate is None or now is None or now == estimate.version:
        return cell
    number = notes.number(
        f"{estimate.metric} was measured by version {estimate.version} of the metric, not comparable with version "
        f"{now} of now: 'ddtbench measure' makes it again where the samples are"
    )
    return replace(cell, notes=(*cell.notes, number))


@cache
def _version_now(metric: str) -> int | None:
    """None for a metric that the catalogue does not know by the name that is shown."""
    try:
        return int(catalog.make("metric", metric).version)
    except UserError:
        return None


def estimate_cell(run: Run, metric: str, notes: Notes, stratum: str = "") -> Cell:
    estimate = run.estimate(metric, stratum)
    if estimate is None:
        return Cell(notes=(notes.number("not part of this run"),))
    if estimate.value is None:
        return Cell(notes=(notes.number(_why_absent(estimate, run.instruments)),), estimate=estimate)
    text, interval = show(estimate.value, estimate.low, estimate.high)
    bound = ""
    if estimate.failed and estimate.failures_wrong is not None and estimate.direction != "none":
        sign = "\N{GREATER-THAN OR EQUAL TO}" if estimate.direction == "higher" else "\N{LESS-THAN OR EQUAL TO}"
        bound = f"{sign} {_at_least_as_precise(estimate)}"
    return Cell(text, interval, bound, value=estimate.value, low=estimate.low, high=estimate.high, estimate=estimate)


def chance_cell(estimates: Iterable[Estimate | None]) -> Cell:
    """What a subject that knows nothing reaches; from the lowest to the highest where it was measured per model."""
    values = [item.chance for item in estimates if item and item.value is not None and item.chance is not None]
    if not values:
        return Cell(text="")
    ends = list(dict.fromkeys(plain(value, 3) for value in (min(values), max(values))))
    return Cell(text="\N{EN DASH}".join(ends), value=values[0] if len(ends) == 1 else None)


def _why_absent(estimate: Estimate, instruments: Collection[str]) -> str:
    """The reason; one that begins with an instrument's name is the same for all that reads it, and is told once."""
    reason = _homeless(estimate.absent) or "not measured"
    return reason if reason.partition(": ")[0] in instruments else f"{estimate.metric}: {reason}"


def _homeless(text: str) -> str:
    """Without the name of anyone's home folder: reports are passed on, and a reason may name a path."""
    return re.sub(r"(?<![\w/])/(?:root|home/[^/\s]+|Users/[^/\s]+)(?=/)", "~", text)


def _at_least_as_precise(estimate: Estimate) -> str:
    """The bound to the digits of the value it stands beside."""
    decimals = decimals_for(estimate.low, estimate.high)
    assert estimate.failures_wrong is not None
    return plain(estimate.failures_wrong) if decimals is None else fixed(estimate.failures_wrong, decimals)


def _difference(groups: Sequence[Group]) -> str:
    """Which parts of the protocol differ, and how."""
    parts = []
    names = sorted({name for group in groups for name in group.protocol})
    for name in names:
        values = [str(group.protocol.get(name, "not stated")) for group in groups]
        if len(set(values)) > 1:
            parts.append(
                f"{name} is "
                + " or ".join(f"{value} ({group.letter})" for value, group in zip(values, groups, strict=True))
            )
    return "the protocols differ: " + "; ".join(parts)


def cost_columns(runs: Sequence[Run], taken: set[str]) -> list[CostColumn]:
    """The costs that any run states; none that a metric already shows."""
    seen = {dashed(name) for name in taken}
    return [cost for cost in COSTS if cost.name not in seen and any(_cost_of(run, cost) is not None for run in runs)]


def _cost_of(run: Run, cost: CostColumn) -> float | None:
    value = run.cost.get(cost.key)
    return float(value) * cost.scale if isinstance(value, int | float) and not isinstance(value, bool) else None


def cost_cells(cost: CostColumn, runs: Sequence[Run], notes: Notes) -> list[Cell]:
    cells = []
    for run in runs:
        value = _cost_of(run, cost)
        if value is None:
            cells.append(Cell(notes=(notes.number("not known: the model does not state this cost, or has none"),)))
        else:
            text = with_unit_prefix(value) if cost.name.endswith("-parameters") else plain(value, 3)
            cells.append(Cell(text, value=value))
    return cells
