"""One look for every figure and page: each model has one colour and one marker, wherever it appears.

The hues follow Okabe and Ito's and Tol's colour-blind-safe sets, darkened to a contrast of 3:1 or more on white; the
page lightens them on a dark ground. Controls are grey: they are there to be compared with, not to win.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

INK = "#1d2430"
MUTED = "#667085"
GRID = "#d8dce3"
CONTROL = "#7b8494"

LABELS: Mapping[str, str] = {
    "ddt": "DDT",
    "ddt-sampled": "DDT, sampled",
    "ddt-chained": "DDT, second stage",
    "vqgan": "VQGAN",
    "var": "VAR",
    "ddt-llama": "DDT-LLaMA",
    "vqgan-llama": "VQGAN-LLaMA",
    "var-llama": "VAR-LLaMA",
    "autoencoder": "KL autoencoder",
    "real": "real pictures",
    "real-mean-colour": "real, mean colour",
    "identity": "identity",
    "mean-colour": "mean colour",
    "jpeg": "JPEG",
    "copy-source": "copy of the source",
    "shuffled-ddt": "shuffled DDT",
    "shuffled-vqgan": "shuffled VQGAN",
    "shuffled-var": "shuffled VAR",
}
FIXED: Mapping[str, tuple[str, str]] = {
    "ddt": ("#0077bb", "o"),
    "vqgan": ("#d55e00", "s"),
    "var": ("#008f68", "^"),
    "ddt-llama": ("#0077bb", "o"),
    "vqgan-llama": ("#d55e00", "s"),
    "var-llama": ("#008f68", "^"),
    "autoencoder": ("#b35c94", "D"),
}
SPARE: tuple[tuple[str, str], ...] = (
    ("#9a7d0a", "v"),
    ("#aa3377", "P"),
    ("#3d8fa8", "h"),
    ("#a05a2c", "<"),
    ("#7768ae", ">"),
    ("#5f8f2f", "p"),
)
CONTROL_MARKERS = ("x", "+", "1", "2", "3", "4", "|", "_")
CONTROL_NAMES = ("identity", "mean-colour", "jpeg", "copy-source", "real", "real-mean-colour")


@dataclass(frozen=True)
class Look:
    """How one model appears: label in prose, colour (hex), matplotlib marker, and whether it is a control."""

    label: str
    colour: str
    marker: str
    control: bool


def is_control(subject: str) -> bool:
    """Whether the name is a control's: for runs of older versions, which do not store what the catalogue says."""
    name = subject.split("@")[0]
    return name in CONTROL_NAMES or name.startswith("shuffled-")


def label_of(subject: str) -> str:
    """The name in prose; what follows ``@`` (another checkpoint) is kept."""
    name, _, rest = subject.partition("@")
    known = LABELS.get(name, name)
    return f"{known} ({rest})" if rest else known


def looks_for(subjects: Iterable[str], controls: Collection[str] | None = None) -> dict[str, Look]:
    """One look per subject, the same for the same set of subjects in any order. Without ``controls`` names tell.

    A checkpoint of the user's own (``NAME@FOLDER``) has a look of its own, unless there are more of them than colours:
    then each has that of its model.
    """
    names = sorted(set(subjects))
    models = [name for name in names if not (is_control(name) if controls is None else name in controls)]
    crowded = sum(name not in FIXED for name in models) > len(SPARE)
    looks: dict[str, Look] = {}
    spare = grey = 0
    for name in names:
        if name not in models:
            looks[name] = Look(label_of(name), CONTROL, CONTROL_MARKERS[grey % len(CONTROL_MARKERS)], True)
            grey += 1
        elif name in FIXED or (crowded and name.partition("@")[0] in FIXED):
            looks[name] = Look(label_of(name), *FIXED[name.partition("@")[0]], False)
        else:
            looks[name] = Look(label_of(name), *SPARE[spare % len(SPARE)], False)
            spare += 1
    return looks


def lighter(colour: str, share: float = 0.38) -> str:
    """A hex colour mixed with white, for dark grounds."""
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)


def order_key(subject: str, control: bool | None = None) -> tuple[bool, int, str]:
    """Sort models as the field names them (ddt, vqgan, var ...), then others, then controls."""
    known = list(LABELS)
    name = subject.split("@")[0]
    last = is_control(subject) if control is None else control
    return last, known.index(name) if name in known else len(known), subject


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
