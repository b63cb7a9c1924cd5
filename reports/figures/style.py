"""One look for every figure and page: each model has one colour and one marker, wherever it appears.

The hues follow Okabe and Ito's and Tol's colour-blind-safe sets, darkened to a contrast of 3:1 or more on white; the
page lightens them on a dark ground. Controls are grey: they are there to be compared with, not to win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.contracts import ShownModel
from reports.reading.runs import Run

INK = "#1d2430"
MUTED = "#667085"
GRID = "#d8dce3"
CONTROL = "#7b8494"

SPARE: tuple[tuple[str, str], ...] = (
    ("#9a7d0a", "v"),
    ("#aa3377", "P"),
    ("#3d8fa8", "h"),
    ("#a05a2c", "<"),
    ("#7768ae", ">"),
    ("#5f8f2f", "p"),
)
CONTROL_MARKERS = ("x", "+", "1", "2", "3", "4", "|", "_")


@dataclass(frozen=True)
class Look:
    """How one model appears: label in prose, colour (hex), matplotlib marker, and whether it is a control."""

    label: str
    colour: str
    marker: str
    control: bool


def looks_of(runs: Iterable[Run]) -> dict[str, Look]:
    """One look per subject of these runs."""
    return looks_for({run.subject: replace(run.shown_model, label=run.label) for run in runs})


def looks_for(models: Mapping[str, ShownModel]) -> dict[str, Look]:
    """One look per name, the same for the same set of them in any order: the colour and marker that the model states,
    else one of ours.

    A checkpoint of the user's own (``NAME@FOLDER``) has a look of its own, unless there are more of them than colours:
    then each has that of its model.
    """
    ours = [name for name in sorted(models) if not models[name].control]
    stated = [name for name in ours if models[name].colour and models[name].marker]
    crowded = len([name for name in ours if name not in stated or "@" in name]) > len(SPARE)
    kept = {name for name in stated if crowded or "@" not in name}
    looks: dict[str, Look] = {}
    spare = grey = 0
    for name in sorted(models):
        model = models[name]
        label = model.label or name
        if model.control:
            looks[name] = Look(label, CONTROL, CONTROL_MARKERS[grey % len(CONTROL_MARKERS)], True)
            grey += 1
        elif name in kept:
            looks[name] = Look(label, model.colour, model.marker, False)
        else:
            looks[name] = Look(label, *SPARE[spare % len(SPARE)], False)
            spare += 1
    return looks


def lighter(colour: str, share: float = 0.38) -> str:
    """A hex colour mixed with white, for dark grounds."""
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)


def matplotlib_settings() -> dict[str, Any]:
    """The rcParams of every figure: nothing drawn that carries no data, fonts embedded, bytes reproducible."""
    return {
        "font.family": "DejaVu Sans",
        "font.size": 9.0,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10.0,
        "axes.labelsize": 9.0,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.width": 0.8,
        "ytick.major.size": 0.0,
        "text.color": INK,
        "text.parse_math": False,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "savefig.dpi": 200,
        "svg.hashsalt": "ddtbench",
        "svg.fonttype": "path",
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "axes.unicode_minus": True,
    }
