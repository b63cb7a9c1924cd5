"""``ddtbench train all``: every recipe of the catalogue, in the order in which they need one another."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from harness import catalog
from harness.checkpoints import CARD, read_card
from harness.contracts import Entry, Recipe
from harness.errors import UserError
from harness.paths import checkout_root


@dataclass(frozen=True)
class Stage:
    """One recipe of the plan. ``cpu_hours`` is what it took when the zoo's own was made, by the checkpoint's card or by
    the runs of one whose weights are not kept, or what the same recipe took with another seed; None: never made, or on
    a GPU."""

    name: str
    command: str
    steps: int
    made: bool
    cpu_hours: float | None


def stages(out: Path) -> list[Stage]:
    """All recipes, each after those that it needs; ``made``: a checkpoint with its card lies in ``out/NAME``."""
    entries = {entry.name: entry for entry in catalog.entries("recipe")}
    order = TopologicalSorter({name: [*entry.needs] for name, entry in entries.items()})
    return [_stage(entries[name], out) for name in order.static_order()]


def _stage(entry: Entry, out: Path) -> Stage:
    found = catalog.find("recipe", entry.name)
    if isinstance(found, Mapping):
        kind, steps = "mllm", sum(int(part["steps"]) for part in found["stages"])
    else:
        recipe: Recipe = found if isinstance(found, Recipe) else found()
        kind, steps = "tokenizer", recipe.steps
    made = (out / entry.name / CARD).is_file()
    hours = _cpu_hours(entry.name)
    if hours is None and isinstance(found, Mapping):
        hours = next((known for name in _other_seeds(found) if (known := _cpu_hours(name)) is not None), None)
    if hours is not None and isinstance(found, Mapping):
        hours = _with_branches(hours, found)
    return Stage(entry.name, f"ddtbench train {kind} {entry.name}", steps, made, hours)


def _other_seeds(recipe: Mapping[str, Any]) -> list[str]:
    """The recipes of language models that say the same but for their name, seed and branches."""
    found = {entry.name: catalog.find("recipe", entry.name) for entry in catalog.entries("recipe")}
    return [name for name, other in found.items() if isinstance(other, Mapping) and _trunk(other) == _trunk(recipe)]


def _trunk(recipe: Mapping[str, Any]) -> dict[str, Any]:
    stages = [{key: value for key, value in stage.items() if key != "branches"} for stage in recipe["stages"]]
    return {**recipe, "name": "", "seed": 0, "stages": stages}


def _with_branches(hours: float, recipe: Mapping[str, Any]) -> float:
    """A card's hours are those of its own model's steps, without the branches that were decayed on the way."""
    steps = sum(float(stage["steps"]) for stage in recipe["stages"])
    aside = sum(stage["steps"] * stage.get("decay", 0.1) * len(stage.get("branches", ())) for stage in recipe["stages"])
    return hours * (1.0 + float(aside) / steps)


def _cpu_hours(name: str) -> float | None:
    try:
        card = read_card(str(checkout_root() / "zoo" / name))
    except UserError:
        return hours_of_runs(checkout_root() / "zoo" / "runs").get(name)
    return _hours(card.get("training", card))


@cache
def hours_of_runs(root: Path) -> Mapping[str, float]:
    """recipe -> CPU-hours to the end of its training, where runs under ``root`` tell: for weights that are not kept."""
    found: dict[str, float] = {}
    for path in sorted(root.glob("*/*/*/cost.json")):
        try:
            made = json.loads(path.read_text(encoding="utf-8"))["training"]
            name, hours = str(made["recipe"]["name"]), _hours(made)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a run that cannot be read says nothing of time; the report says what is wrong with it
        # the last checkpoint took longest
        found[name] = max(found.get(name, 0.0), hours or 0.0)
    return {name: hours for name, hours in found.items() if hours}


def _hours(made: Mapping[str, Any]) -> float | None:
    hours = made.get("cpu_hours")
    # what a GPU made says nothing of how long a CPU takes
    return None if hours is None or made.get("device", "cpu") != "cpu" else float(hours)


def plan_text(out: Path) -> str:
    """The plan as a table: what is made, what is to do, and how long each took when the zoo's own was made."""
    found = stages(out)
    width = max(len(stage.name) for stage in found)
    lines = [f"{'recipe'.ljust(width)}  {'steps':>6}  {'CPU-hours':>9}  state"]
    for stage in found:
        hours = "not known" if stage.cpu_hours is None else f"{stage.cpu_hours:.2f}"
        lines.append(f"{stage.name.ljust(width)}  {stage.steps:>6,}  {hours:>9}  {'made' if stage.made else 'to do'}")
    known = [stage.cpu_hours for stage in found if stage.cpu_hours is not None]
    unknown = len(found) - len(known)
    rest = f", and {unknown} never timed on a CPU" if unknown else ""
    lines.append(f"{len(found)} recipes, {sum(known):.1f} CPU-hours{rest}")
    return "\n".join(lines)


def train_all(out: Path, train: Mapping[str, Callable[..., Any]], say: Callable[[str], None] = print) -> None:
    """Make every recipe that ``out`` lacks, resuming what was begun. ``train``: kind -> function(name, folder, resume).

    Recipes read what they need from ``zoo/``, so another ``out`` compares with the zoo and leaves it as it is.
    """
    for stage in stages(out):
        if stage.made:
            continue
        say(stage.command)
        folder = out / stage.name
        train[stage.command.split()[2]](stage.name, folder, resume=(folder / "state.pt").is_file())
