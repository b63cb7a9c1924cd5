"""The figure of loss curves: what the trainings of the compared checkpoints logged, against their steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reports.figures.panels import Figure, Panel
from reports.figures.style import Look
from reports.reading.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Losses = list[tuple[float, float]]


def losses_of(run: Run) -> tuple[str, Losses]:
    """(recipe, [(step, loss)]) as the card of the checkpoint states them; ("", []) where it does not."""
    stated = run.cost.get("training")
    stated = stated if isinstance(stated, Mapping) else {}
    recipe, losses = stated.get("recipe"), stated.get("losses")
    name = str(recipe.get("name", "")) if isinstance(recipe, Mapping) else ""
    pairs = losses if isinstance(losses, list) else []
    kept = [(float(pair[0]), float(pair[1])) for pair in pairs if _is_pair(pair)]
    return (name, kept) if name and len(kept) > 1 else ("", [])


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(item, int | float) for item in value)


def learning_figure(task: str, runs: Sequence[Run], looks: Mapping[str, Look]) -> Figure | None:
    """One curve a training, the longest where several of its checkpoints are there. None for fewer than two."""
    found: dict[str, tuple[Run, Losses]] = {}
    for run in runs:
        name, losses = losses_of(run)
        if name and (name not in found or len(losses) > len(found[name][1])):
            found[name] = (run, losses)
    if len(found) < 2:
        return None
    words = "; ".join(f"{name} from {losses[0][1]:.3g} to {losses[-1][1]:.3g}" for name, (_, losses) in found.items())
    panel = Panel("Loss", f"Training loss against steps: {words}.", _draw(found, looks))
    caption = (
        "The loss that each training logged, a mean over some steps: nats per token of its whole mixture, codes and "
        "text, weighed as its recipe says. Trainings of unlike mixtures are not to be compared."
    )
    return Figure(f"{task}-losses", "Loss curves", task, caption, (panel,))


def _draw(found: Mapping[str, tuple[Run, Losses]], looks: Mapping[str, Look]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for name, (run, losses) in found.items():
            colour = looks[run.subject].colour
            axes.plot([x for x, _ in losses], [y for _, y in losses], color=colour, linewidth=1.2, label=name)
        axes.set_xlabel("step")
        axes.set_ylabel("loss (nats per token)")
        axes.legend(fontsize=7)

    return draw
