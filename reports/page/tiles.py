"""Pictures in lines and columns, and what is played of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.reading.runs import Run
from reports.tables.table import twin_mark


@dataclass(frozen=True)
class Tile:
    """One picture: PNG as a data URI ('' where the model failed), alternative text, and a caption such as a PSNR. One
    without source and text is a place that stays empty."""

    source: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Strip:
    """One line of a grid: whose pictures they are, and one tile per column. ``subject`` is '' for originals; ``case``
    is that of all its pictures, if they have one."""

    label: str
    subject: str
    tiles: tuple[Tile, ...]
    control: bool = False
    case: str = ""


@dataclass(frozen=True)
class Player:
    """The steps of a series, case by case: a script file each, read when it is looked at.

    ``steps``: what each step is called; ``lines``: labels of the models, or of their ways; ``left_out``: models for
    which there was no room. ``played``: (case, its pictures and numbers as the script holds them).
    """

    name: str
    steps: tuple[str, ...]
    lines: tuple[str, ...]
    played: tuple[tuple[str, Mapping[str, Any]], ...] = field(hash=False)
    left_out: int = 0

    @property
    def told(self) -> dict[str, Any]:
        """What the page says to the script that plays it."""
        return {
            "steps": self.steps,
            "lines": self.lines,
            "cases": [case for case, _ in self.played],
        }


@dataclass(frozen=True)
class Grid:
    """Pictures in lines and columns under ``columns`` as headings; ``gap`` is where a second kind of case begins.
    ``steps``: columns are the steps of a series, and so it can be played; ``player`` is what of (None: nothing is
    stored of it)."""

    name: str
    task: str
    title: str
    caption: str
    columns: tuple[str, ...]
    strips: tuple[Strip, ...]
    gap: int = 0
    steps: bool = False
    player: Player | None = None


def label_of(run: Run, runs: Sequence[Run]) -> str:
    return run.label + twin_mark(run, [other for other in runs if other.subject == run.subject])


def data_uri(png: bytes) -> str:
    """Data of a PNG as a URI; '' for none, and for bytes that are no PNG."""
    return "data:image/png;base64," + base64.b64encode(png).decode() if png.startswith(b"\x89PNG\r\n\x1a\n") else ""
