"""Captions of scenes, from a small grammar. What they say is true of the picture, relations by GenEval's own rule."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from tasks.world.scene import Scene, SceneObject

RELATIONS = ("left of", "right of", "above", "below")
NUMBERS = ("no", "one", "two", "three", "four")
POSITION_THRESHOLD = 0.1
"""GenEval's: boxes must be apart by more than a tenth of the sum of their sides before a relation is looked for."""

STYLES = (
    *("plain", "sizes", "cells", "background first"),
    *("objects only", "shapes only", "shapes related", "shapes on background"),
)
"""The forms a caption can take. ``objects only`` leaves the background out, ``shapes`` the colours, so that a prompt
can leave them to the model: ``a red circle and a blue square``, ``two circles``, ``a ring above a moon``, ``a circle
and a moon on a grey background``."""

UNRELATED = ("cells", "objects only", "shapes only", "shapes on background")
"""Styles that list two objects instead of telling their relation."""

CELL_PHRASES = {"top": "at the top", "bottom": "at the bottom", "left": "on the left", "right": "on the right"}
"""Cells that do not read well after ``in the``."""

Box = tuple[float, float, float, float]


def relations(a: Box, b: Box) -> dict[str, float]:
    """Where box ``a`` (left, top, right, bottom) is with respect to ``b``: relation -> share of the distance (> 0.5).

    GenEval's ``relative_position`` (Ghosh et al. 2023, evaluation code): offsets of the centres, less a tenth of the
    summed sides, over the distance of the centres; a relation holds above one half, so none, one or two do.
    """
    centres = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (a, b)]
    offset = [centres[0][axis] - centres[1][axis] for axis in (0, 1)]
    sides = [(a[axis + 2] - a[axis]) + (b[axis + 2] - b[axis]) for axis in (0, 1)]
    left = [math.copysign(max(abs(o) - POSITION_THRESHOLD * s, 0.0), o) for o, s in zip(offset, sides, strict=True)]
    if all(abs(value) < 1e-3 for value in left):
        return {}
    x, y = (value / math.hypot(*offset) for value in left)
    shares = {"left of": -x, "right of": x, "above": -y, "below": y}
    return {name: share for name, share in shares.items() if share > 0.5}


def caption(scene: Scene, style: str = "plain") -> str:
    """For example ``a red circle above a blue square on a grey background``.

    Two objects of different kinds are told with their clearest relation, if one holds; all else is counted and listed.
    Raises ValueError for a style that is not one of ``STYLES``.
    """
    if style not in STYLES:
        raise ValueError(f"no caption style '{style}'; known: {', '.join(STYLES)}")
    what = _related(scene.objects, style) or _listed(scene.objects, style)
    if style.endswith(("only", "related")):
        return what
    where = background_phrase(scene)
    return f"{where}, {what}" if style == "background first" else f"{what} {where}"


def background_phrase(scene: Scene) -> str:
    """``on a grey background`` or ``on a background from beige to slate``."""
    if scene.top == scene.bottom:
        return f"on {with_article(scene.top)} background"
    return f"on a background from {scene.top} to {scene.bottom}"


def with_article(words: str) -> str:
    """``a red circle``, ``an orange ring``.

    Examples:
        >>> with_article("orange ring")
        'an orange ring'
    """
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def plural(words: str) -> str:
    """``red circles``, ``blue crosses``."""
    return f"{words}es" if words.endswith("s") else f"{words}s"


def _noun(item: SceneObject, style: str) -> str:
    if style.startswith("shapes"):
        return item.shape
    size = f"{item.size} " if style == "sizes" else ""
    return f"{size}{item.colour} {item.shape}"


def _place(item: SceneObject, style: str) -> str:
    return f" {CELL_PHRASES.get(item.cell, f'in the {item.cell}')}" if style == "cells" else ""


def _related(objects: Sequence[SceneObject], style: str) -> str:
    """Two objects of different kinds in their relation, or an empty string."""
    if len(objects) != 2 or style in UNRELATED:
        return ""
    first, second = objects
    held = relations(first.box, second.box)
    if not held or _noun(first, style) == _noun(second, style):
        return ""
    best = max(held, key=lambda name: held[name])
    return f"{with_article(_noun(first, style))} {best} {with_article(_noun(second, style))}"


def _listed(objects: Sequence[SceneObject], style: str) -> str:
    """All objects, those of one kind (and, in the style ``cells``, one place) counted together."""
    kinds = Counter((_noun(item, style), _place(item, style)) for item in objects)
    parts = [
        (with_article(noun) if number == 1 else f"{NUMBERS[number]} {plural(noun)}") + place
        for (noun, place), number in kinds.items()
    ]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
