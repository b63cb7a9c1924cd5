"""One look for every figure and page: each model has one colour and one marker, wherever it appears.

Every colour of figures and pages stands here, for a light and for a dark ground. Those of models keep apart in the eyes
of somebody who lacks one kind of cone (``tests/reports/test_colours.py``), have a contrast of 3:1 or more on white, and
come with markers of different shapes. Controls are grey: they are there to be compared with, not to win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from harness.contracts import ShownModel
from reports.reading.runs import Run

LIGHT: Mapping[str, str] = {
    "ground": "#ffffff",
    "raised": "#f6f7f9",
    "ink": "#1d2430",
    "muted": "#5b6577",
    "hair": "#dfe3e9",
    "control": "#78818f",
    "pale": "#c5cad3",
    "link": "#0a5f9e",
    "best": "#0d5c3b",
    "best-ground": "#e8f4ec",
    "warn": "#7a4b00",
    "warn-ground": "#fdf3dc",
}
DARK: Mapping[str, str] = {
    "ground": "#12161c",
    "raised": "#1a2029",
    "ink": "#e4e8ee",
    "muted": "#9aa5b5",
    "hair": "#2c3440",
    "control": "#8c97a8",
    "pale": "#465061",
    "link": "#7cc0f5",
    "best": "#8fdcb4",
    "best-ground": "#17301f",
    "warn": "#f2cf8a",
    "warn-ground": "#33280f",
}
GROUND, INK, MUTED, GRID = LIGHT["ground"], LIGHT["ink"], LIGHT["muted"], LIGHT["hair"]
CONTROL, PALE = LIGHT["control"], LIGHT["pale"]

FONT = "DejaVu Sans"
WIDE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "IPAexGothic"),
    *("Droid Sans Fallback", "Hiragino Sans", "Microsoft YaHei", "Arial Unicode MS"),
)
TEXT, SMALL, FINE, HEAD = 9.0, 8.5, 7.5, 9.5
"""Points: axis labels; ticks and names; notes and keys; titles. Names and titles are bold, nothing else is."""

SPARE: tuple[tuple[str, str], ...] = (
    ("#5c39e6", "v"),
    ("#66571a", "P"),
    ("#cc70a7", "h"),
    ("#1a5766", "<"),
    ("#803b33", ">"),
    ("#7d9954", "p"),
)
FURTHER_MARKERS = ("D", "X", "*", "d", "8", "o", "s")
"""For more models than spare colours: their number has no factor in common with that, so pairs do not come again."""
CONTROL_MARKERS = ("x", "+", "1", "2", "3", "4", "|", "_")
READABLE = 4.5
"""WCAG 2.2, 1.4.3: the contrast of text."""


@dataclass(frozen=True)
class Look:
    """How one model appears: label in prose, colour (hex), matplotlib marker, and whether it is a control. A ``pale``
    one is one of too many: drawn, and not named."""

    label: str
    colour: str
    marker: str
    control: bool
    pale: bool = False

    @property
    def text(self) -> str:
        """The colour of its name: dark enough to be read on white."""
        return MUTED if self.control else worded(self.colour)


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
            looks[name] = Look(label, *spare_look(spare), False)
            spare += 1
    return looks


def spare_look(place: int) -> tuple[str, str]:
    """(colour, marker) of the model at a place among those that state none; no pair twice among 48."""
    colour, marker = SPARE[place % len(SPARE)]
    return colour, marker if place < len(SPARE) else FURTHER_MARKERS[(place - len(SPARE)) % len(FURTHER_MARKERS)]


def _parts(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def mixed(colour: str, other: str, share: float) -> str:
    """A hex colour with a share of another in it."""
    pairs = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def lighter(colour: str, share: float = 0.38) -> str:
    """A hex colour mixed with white, for dark grounds."""
    return mixed(colour, "#ffffff", share)


def contrast(one: str, two: str) -> float:
    """The contrast ratio of two hex colours, from 1 to 21 (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [part / 255 for part in _parts(colour)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=256)
def worded(colour: str) -> str:
    """A hex colour, with as much ink in it as text on white needs."""
    shares = (share / 20 for share in range(21))
    return next(text for share in shares if contrast(text := mixed(colour, INK, share), GROUND) >= READABLE)


def on_dark(colours: Iterable[str]) -> dict[str, str]:
    """hex colour -> what it is on a dark ground, of these colours of models, of their names, and of all our own."""
    found: dict[str, str] = {}
    for colour in colours:
        found |= {colour: lighter(colour), worded(colour): lighter(colour)}
    return found | {LIGHT[name]: DARK[name] for name in ("ground", "ink", "muted", "hair", "control", "pale")}


@lru_cache(maxsize=1)
def wide_fonts() -> tuple[str, ...]:
    """A font of this machine for Chinese, Japanese and Korean, which ours lacks; () where none is known."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return tuple(name for name in WIDE if name in installed)[:1]


def matplotlib_settings() -> dict[str, Any]:
    """The rcParams of every figure: nothing drawn that carries no data, fonts embedded, bytes reproducible."""
    return {
        "font.family": [FONT, *wide_fonts()],
        "font.size": TEXT,
        "axes.titlesize": HEAD,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10.0,
        "axes.labelsize": TEXT,
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
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "xtick.major.width": 0.8,
        "ytick.major.size": 0.0,
        "text.color": INK,
        "text.parse_math": False,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "figure.facecolor": GROUND,
        "savefig.facecolor": GROUND,
        "savefig.dpi": 200,
        "svg.hashsalt": "ddtbench",
        "svg.fonttype": "path",
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "axes.unicode_minus": True,
        "axes.formatter.useoffset": False,
    }
