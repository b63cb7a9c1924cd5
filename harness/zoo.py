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
from harness.contracts import Recipe, RecipeEntry
from harness.errors import UserError
from harness.paths import checkout_root
from harness.store.seals import SEALS, seal_of
from harness.weights.checkpoints import CARD, read_card


@dataclass(frozen=True)
class PlannedTraining:
    """One recipe of the plan. ``cpu_hours`` is what it took when the zoo's own was made, by the checkpoint's card or by
    the runs of one whose weights are not kept. Of a training on a GPU, or of one never made, it is ``estimated``: what
    its tokens take where a model of the same shape on the same tokenizer was trained on a CPU. None: not even that is
    known."""

    name: str
    command: str
    steps: int
    made: bool
    cpu_hours: float | None
    estimated: bool = False


def stages(out: Path) -> list[PlannedTraining]:
    """All recipes, each after those that it needs; ``made``: a checkpoint with its card lies in ``out/NAME``."""
    entries = {entry.name: entry for entry in catalog.entries("recipe")}
    order = TopologicalSorter({name: [*entry.needs] for name, entry in entries.items()})
    return [_stage(entries[name], out) for name in order.static_order()]


def _stage(entry: RecipeEntry, out: Path) -> PlannedTraining:
    found = catalog.find("recipe", entry.name)
    if isinstance(found, Mapping):
        kind, steps = "mllm", sum(int(part["steps"]) for part in found["stages"])
    else:
        recipe: Recipe = found if isinstance(found, Recipe) else found()
        kind, steps = "tokenizer", recipe.steps
    made = (out / entry.name / CARD).is_file()
    made_as = _training(entry.name)
    hours = _hours(made_as)
    estimated = hours is None
    if hours is None:
        hours = _hours_elsewhere(made_as, found) if isinstance(found, Mapping) else _hours_by_images(recipe)
    if isinstance(found, Mapping):
        hours = None if hours is None else _with_branches(hours, found)
    known = hours is not None
    return PlannedTraining(entry.name, f"ddtbench train {kind} {entry.name}", steps, made, hours, known and estimated)


def _hours_by_images(recipe: Recipe) -> float | None:
    """CPU-hours of a training that goes on from a checkpoint, by the images that made it in an hour."""
    rate = _hours_an_image(recipe.start)
    return rate * recipe.steps * recipe.batch if rate else None


def _hours_an_image(folder: str) -> float | None:
    """By the checkpoint's card; where it is not there and a recipe makes it, by what that one goes on from."""
    if not folder:
        return None
    try:
        before = read_card(str(checkout_root() / folder)).get("training", {})
    except UserError:
        name = Path(folder).name
        makes = any(entry.name == name for entry in catalog.entries("recipe")) and catalog.find("recipe", name)
        return _hours_an_image(makes.start) if isinstance(makes, Recipe) and makes.start != folder else None
    hours, seen = _hours(before), before.get("images_seen", 0)
    return hours / float(seen) if hours and seen else None


def _hours_elsewhere(made: Mapping[str, Any], recipe: Mapping[str, Any]) -> float | None:
    """CPU-hours of a training by its tokens, and by those that one of the same shape took an hour on a CPU."""
    for other in trainings_of_runs(checkout_root() / "zoo" / "runs").values():
        hours = _hours(other)
        alike = _shape(other["recipe"]) == _shape(recipe) and other["recipe"].get("tokenizer") == recipe["tokenizer"]
        if not alike or hours is None or "tokens_seen" not in other:
            continue
        if "tokens_seen" in made:
            return hours * float(made["tokens_seen"]) / float(other["tokens_seen"])
        if _lessons(other["recipe"]) == _lessons(recipe):
            return hours  # it was never made, and will see as many tokens
    return None


def _lessons(recipe: Mapping[str, Any]) -> list[Any]:
    """What decides how many tokens a training sees: its data, whether with pictures, its batches and steps."""
    stages = [(stage["name"], stage["steps"], stage.get("batch", 0)) for stage in recipe["stages"]]
    return [recipe["data"], recipe.get("pictures", True), recipe["batch"], stages]


def _shape(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how long a token takes: the sizes of a new model, without those of its positions."""
    return {key: value for key, value in recipe.get("model", {}).items() if key.startswith(("hidden", "inter", "num"))}


def _with_branches(hours: float, recipe: Mapping[str, Any]) -> float:
    """A card's hours are those of its own model's steps, without the branches that were decayed on the way."""
    steps = sum(float(stage["steps"]) for stage in recipe["stages"])
    aside = sum(stage["steps"] * stage.get("decay", 0.1) * len(stage.get("branches", ())) for stage in recipe["stages"])
    return hours * (1.0 + float(aside) / steps)


def _training(name: str) -> Mapping[str, Any]:
    """What the zoo says of how a recipe was made; empty where it was never made."""
    try:
        card = read_card(str(checkout_root() / "zoo" / name))
    except UserError:
        return trainings_of_runs(checkout_root() / "zoo" / "runs").get(name, {})
    made: Mapping[str, Any] = card.get("training", card)
    return made


@cache
def trainings_of_runs(root: Path) -> Mapping[str, Mapping[str, Any]]:
    """recipe -> its training, to the end, where runs under ``root`` tell: for weights that are not kept."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(root.glob("*/*/*/cost.json")):
        try:
            made = _sealed_cost(path)["training"]
            name, hours = str(made["recipe"]["name"]), _hours(made)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a run that cannot be read says nothing of time; the report says what is wrong with it
        # the last checkpoint took longest
        if hours is not None and hours > (_hours(found.get(name, {})) or 0.0):
            found[name] = made
    return found


def _sealed_cost(path: Path) -> Any:
    """What ``cost.json`` says. Raises ValueError where the manifest beside it seals another."""
    manifest, data = path.with_name("manifest.json"), path.read_bytes()
    seals = json.loads(manifest.read_bytes()).get(SEALS, {}) if manifest.is_file() else {}
    if seals.get(path.name, seal_of(data)) != seal_of(data):
        raise ValueError(f"{path} was changed")
    return json.loads(data)


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
        hours = "not known" if stage.cpu_hours is None else f"{'~' if stage.estimated else ''}{stage.cpu_hours:.2f}"
        lines.append(f"{stage.name.ljust(width)}  {stage.steps:>6,}  {hours:>9}  {'made' if stage.made else 'to do'}")
    known = [stage.cpu_hours for stage in found if stage.cpu_hours is not None]
    unknown = len(found) - len(known)
    rest = f", and {unknown} never timed on a CPU" if unknown else ""
    if any(stage.estimated for stage in found):
        lines.append("~ trained on a GPU, or not yet: at the rate of a model of the same shape on a CPU")
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
