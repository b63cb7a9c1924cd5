"""What a figure is: a row of panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Panel:
    """One plot: a title, what it says in words (the alternative text), and how to draw it."""

    title: str
    description: str
    draw: Callable[[Axes], None]


@dataclass(frozen=True)
class Figure:
    """Panels side by side, with a name for files, a title and a caption."""

    name: str
    title: str
    task: str
    caption: str
    panels: tuple[Panel, ...]
