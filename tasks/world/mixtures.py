"""What the stages of a training on the world consist of."""

from __future__ import annotations

from collections.abc import Mapping

MIXTURES: Mapping[str, Mapping[str, float]] = {
    "pretrain": {"caption to image": 0.58, "image": 0.04, "image to caption": 0.28, "caption": 0.05, "wikipedia": 0.05},
    "pretrain-read": {"question": 0.55, "statements": 0.27, "image to caption": 0.18},
    "pretrain-drawn": {
        **{"caption to image": 0.28, "prompt to image": 0.35, "image": 0.04, "image to caption": 0.06},
        **{"question": 0.15, "statements": 0.04, "caption": 0.03, "wikipedia": 0.05},
    },
    "instruct": {
        **{"question": 0.32, "statements": 0.02, "edit": 0.21, "edit unsaid": 0.02, "image to caption": 0.06},
        **{"instruction to image": 0.09, "prompted instruction to image": 0.22, "image": 0.02, "wikipedia": 0.04},
    },
    "instruct-placed": {
        **{"positions": 0.28, "question": 0.12, "edit": 0.12, "edit unsaid": 0.01, "image to caption": 0.05},
        **{"instruction to image": 0.06, "prompted instruction to image": 0.30, "image": 0.02, "wikipedia": 0.04},
    },
    "validation": {"caption to image": 0.5, "image to caption": 0.25, "caption": 0.15, "wikipedia": 0.1},
}
"""Stage -> share of each kind of lesson. ``pretrain`` is that of the scaling curves. The demo's models read pictures
first (``-read``), so that yes and no are learned, then draw (``-drawn``), then converse (``instruct``), and at last
compare places (``-placed``): docs/log.md.
A dropped caption (``image``) and a dropped instruction (``edit unsaid``) are what guidance contrasts with."""
