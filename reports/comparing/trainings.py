"""Trainings that differ in one thing alone: what another order of the codes costs, and what pictures do to text.

Of checkpoints whose cards state their recipe, two are alike if nothing differs but the order of the image codes (of one
tokenizer), or but the pictures (those of any tokenizer, beside a training that saw none); the same lessons, steps and
sizes, the same training seed. The gap is the one's value less the other's, in the metric's own unit. With three
training seeds and more it is the mean over them with a t interval, which says something of the kind of training; with
fewer it is that of the lowest seed, paired by case, which says something of these two checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.statistics import FEWEST_SEEDS, t_interval
from reports.comparing.differences import difference, unlike
from reports.reading.runs import Run, in_order
from reports.tables.cells import Cell, Column, Notes, column_for
from reports.tables.numbers import show
from reports.tables.table import Row, Table

NATIVE = "native"
APART = ("name", "tokenizer", "order", "pictures", "seed", "notes", "threads", "workers", "stages")
"""What alike trainings may differ in; of their stages the branches, which leave a training as it was."""


@dataclass(frozen=True)
class Kind:
    """Trainings that differ in their seed alone. ``alike`` is all that they have in common with others."""

    alike: str
    tokenizer: str
    order: str
    pictures: bool

    @property
    def words(self) -> str:
        """What is special of it, among those that are alike."""
        return self.order if self.pictures else "text alone"


def kinds_of(runs: Sequence[Run]) -> dict[Kind, dict[int, Run]]:
    """kind -> training seed -> the run of its last checkpoint."""
    found: dict[Kind, dict[int, Run]] = {}
    for run in in_order(runs):
        stated = run.cost.get("training")
        recipe = stated.get("recipe") if isinstance(stated, Mapping) else None
        if run.control or run.measure is None or not isinstance(stated, Mapping) or not isinstance(recipe, Mapping):
            continue
        seed, stages = recipe.get("seed"), recipe.get("stages")
        if stated.get("share") != 1.0 or not isinstance(seed, int) or not isinstance(stages, list):
            continue
        if stages and isinstance(stages[-1], Mapping) and stages[-1].get("name") != stated.get("stage"):
            continue
        found.setdefault(_kind(recipe, stages), {}).setdefault(seed, run)
    return found


def _kind(recipe: Mapping[str, Any], stages: Sequence[Any]) -> Kind:
    common = {name: value for name, value in recipe.items() if name not in APART}
    plain = [{key: value for key, value in dict(stage).items() if key != "branches"} for stage in stages]
    alike = json.dumps([common, plain], sort_keys=True, default=str)
    tokenizer, order = str(recipe.get("tokenizer", "")), str(recipe.get("order", NATIVE))
    return Kind(alike, tokenizer, order, bool(recipe.get("pictures", True)))


def pairs_of(kinds: Mapping[Kind, Mapping[int, Run]]) -> Iterator[tuple[Kind, Kind]]:
    """(one, the other that it is compared with): another order less the native one, pictures less text alone."""
    for one in kinds:
        for other in kinds:
            if one.alike != other.alike or other.order != NATIVE or not one.pictures:
                continue
            reordered = one.order != NATIVE and other.pictures and one.tokenizer == other.tokenizer
            illustrated = one.order == NATIVE and not other.pictures
            if reordered or illustrated:
                yield one, other


def build_trainings_table(task: str, runs: Sequence[Run]) -> Table | None:
    """Gap x metric that heads the task; None where no two trainings are alike."""
    kinds = kinds_of(runs)
    every = [run for seeds in kinds.values() for run in seeds.values()]
    metrics = [name for name in (every[0].shown_task.headline if every else ()) if any(r.estimate(name) for r in every)]
    notes = Notes()
    rows = [
        _row(one, other, kinds[one], kinds[other], metrics, notes)
        for one, other in pairs_of(kinds)
        if kinds[one].keys() & kinds[other].keys()
    ]
    if not rows or not metrics:
        return None
    columns = tuple(_column(name, every) for name in metrics)
    total = max(row.total for row in rows)
    return Table(f"{task}-between-trainings", task, columns, tuple(rows), tuple(notes.texts), total, part="trainings")


def _column(metric: str, runs: Sequence[Run]) -> Column:
    shown = column_for(metric, runs)
    return Column(shown.name, f"gap in {shown.label}", shown.unit, "none", "metric")


def _row(
    one: Kind,
    other: Kind,
    ours: Mapping[int, Run],
    theirs: Mapping[int, Run],
    metrics: Sequence[str],
    notes: Notes,
) -> Row:
    seeds = sorted(ours.keys() & theirs.keys())
    first = ours[seeds[0]]
    name = first.shown_model.label or first.subject.partition("@")[0]
    what = f"{name}, {one.words}" if one.order != NATIVE else name
    sizes = [item.scored + item.failed for item in first.estimates if not item.stratum]
    cells = tuple(_cell(metric, [(ours[seed], theirs[seed]) for seed in seeds], seeds, notes) for metric in metrics)
    return Row(first, f"{what} less {other.words}", False, False, 0, max(sizes, default=0), cells)


def _cell(metric: str, pairs: Sequence[tuple[Run, Run]], seeds: Sequence[int], notes: Notes) -> Cell:
    """The gap, with its unit of sampling in a footnote."""
    why = next((reason for one, other in pairs if (reason := unlike(one, other, metric))), "")
    gaps = [] if why else [difference(one, other, metric) for one, other in pairs]
    found = [gap for gap in gaps if gap is not None]
    if why or len(found) < len(pairs):
        return Cell(notes=(notes.number(why or "no scores of cases are stored to pair"),))
    if len(found) >= FEWEST_SEEDS:
        over = t_interval([gap.value for gap in found])
        value, low, high, method = over.value, over.low, over.high, over.method
        said = f"mean over the training seeds {', '.join(map(str, seeds))}: t interval"
    else:
        value, low, high, method = found[0].value, found[0].low, found[0].high, found[0].method
        said = f"training seed {seeds[0]} alone, paired by case: says something of these two checkpoints"
    text, interval = show(value, low, high)
    estimate = pairs[0][0].estimate(metric)
    whole = replace(estimate, value=value, low=low, high=high, failures_wrong=None, method=method) if estimate else None
    mark = (notes.number(said),)
    of = tuple(run for pair in pairs for run in pair)
    return Cell(text, interval, notes=mark, value=value, low=low, high=high, estimate=whole, of=of)
