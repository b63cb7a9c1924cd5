"""The figures of trainings: the loss that the compared checkpoints' trainings logged, and what each was examined on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.contracts import ShownModel
from reports.figures.crowds import LEADING, MOST, crowd, said_of
from reports.figures.key import add_key, label_axes, mark_of
from reports.figures.panels import Figure, Panel
from reports.figures.style import Look, looks_for
from reports.reading.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Losses = list[tuple[float, float]]
LOSS = "Training loss against steps"
STEEP = 3.0
"""The first of a loss above so many times the last leaves a linear axis to the warm-up."""


def _training_of(run: Run) -> tuple[str, Mapping[str, Any]]:
    """(recipe, what the card of the checkpoint states of its training); ("", {}) where it does not."""
    stated = run.cost.get("training")
    stated = stated if isinstance(stated, Mapping) else {}
    recipe = stated.get("recipe")
    return str(recipe.get("name", "")) if isinstance(recipe, Mapping) else "", stated


def losses_of(run: Run) -> tuple[str, Losses]:
    """(recipe, [(step, loss)]) as the card of the checkpoint states them; ("", []) where it does not."""
    name, stated = _training_of(run)
    losses = stated.get("losses")
    pairs = losses if isinstance(losses, list) else []
    kept = sorted((float(pair[0]), float(pair[1])) for pair in pairs if _is_pair(pair))
    return (name, kept) if name and len(kept) > 1 else ("", [])


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(item) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def learning_figure(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    """One curve a training, the longest where several of its checkpoints are there. None for fewer than two."""
    found: dict[str, tuple[Run, Losses]] = {}
    for run in runs:
        name, losses = losses_of(run)
        if name and (name not in found or len(losses) > len(found[name][1])):
            found[name] = (run, losses)
    if len(found) < 2:
        return None
    drawn = {name: losses for name, (_, losses) in found.items()}
    own, crowded = _looks_of_trainings({name: run for name, (run, _) in found.items()}, looks)
    words = said_of(
        [(own[name], f"{name} from {losses[0][1]:.3g} to {losses[-1][1]:.3g}") for name, losses in drawn.items()]
    )
    panel = Panel("Loss", f"{LOSS}: {words}.", _draw(drawn, own, "loss (nats per token)"))
    caption = (
        "The loss that each training logged, a mean over some steps: nats per token of its whole mixture, codes and "
        "text, weighed as its recipe says. Trainings of unlike mixtures are not to be compared." + crowded
    )
    return Figure(f"{task}-losses", "Loss curves", task, caption, (panel,))


def _looks_of_trainings(runs: Mapping[str, Run], looks: Mapping[str, Look]) -> tuple[dict[str, Look], str]:
    """A training looks as its model does, unless two would look alike: then each has a look of its own."""
    pairs = [(looks[run.subject].colour, looks[run.subject].marker) for run in runs.values()]
    shared = len(set(pairs)) < len(pairs) or any(looks[run.subject].pale for run in runs.values())
    states = {name: ShownModel() if shared else run.shown_model for name, run in runs.items()}
    own = {name: Look(name, look.colour, look.marker, False) for name, look in looks_for(states).items()}
    kept = list(runs) if len(runs) <= MOST else list(runs)[:LEADING]
    said = f" Named are the first {LEADING} of {len(runs)} trainings; the others are pale." if len(runs) > MOST else ""
    return crowd(own, set(kept), list(runs)), said


def validation_figure(task: str, runs: Sequence[Run]) -> Figure | None:
    """What the checkpoints of each training were examined on, against their steps: a panel for each kind of lesson.
    None unless two checkpoints of one training are there."""
    found: dict[str, dict[str, dict[float, float]]] = {}
    first: dict[str, Run] = {}
    for run in runs:
        name, stated = _training_of(run)
        examined, steps = stated.get("validation_nats_per_token"), stated.get("steps")
        if not name or not isinstance(examined, Mapping) or not isinstance(steps, int | float):
            continue
        for kind, value in examined.items():
            if _is_number(value):
                # stages count their steps anew, and are of unlike lessons
                whole = f"{name}, {stated['stage']}" if stated.get("stage") else name
                found.setdefault(str(kind), {}).setdefault(whole, {})[float(steps)] = float(value)
                first.setdefault(whole, run)
    kinds = {
        kind: {name: sorted(values.items()) for name, values in curves.items() if len(values) > 1}
        for kind, curves in found.items()
    }
    kinds = {kind: curves for kind, curves in kinds.items() if curves}
    if not kinds:
        return None
    names = list(dict.fromkeys(name for curves in kinds.values() for name in curves))
    alike = looks_for({run.subject: run.shown_model for run in first.values()})
    own, crowded = _looks_of_trainings({name: first[name] for name in names}, alike)
    panels = []
    for kind, curves in kinds.items():
        words = said_of([(own[name], f"{name} from {c[0][1]:.3g} to {c[-1][1]:.3g}") for name, c in curves.items()])
        draw = _draw(curves, own, "nats per token")
        panels.append(Panel(kind, f"{kind}, nats per token of validation lessons against steps: {words}.", draw))
    caption = (
        "What each stored checkpoint of a training says of validation lessons: nats per learned token, a panel for "
        "each kind of lesson. Trainings with one checkpoint here are left out." + crowded
    )
    return Figure(f"{task}-validation", "Validation curves", task, caption, tuple(panels))


def _draw(found: Mapping[str, Losses], looks: Mapping[str, Look], label: str, marks: int = 8) -> Callable[[Axes], None]:
    """A curve each, with some ``marks`` on it: more trainings than colours differ by these."""

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

        for name, curve in found.items():
            look = looks[name]
            width, height, marker = (0.6, 1, "") if look.pale else (1.2, 3, look.marker)
            x, y = [step for step, _ in curve], [value for _, value in curve]
            often = max(1, len(curve) // marks)
            axes.plot(
                x, y, color=look.colour, linewidth=width, zorder=height, marker=marker, markersize=4, markevery=often
            )
        values = [value for curve in found.values() for _, value in curve]
        if min(values) > 0 and max(values) > STEEP * min(values):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        label_axes(axes, "step", label)
        add_key(axes, [mark_of(looks[name]) for name in found if not looks[name].pale])

    return draw
