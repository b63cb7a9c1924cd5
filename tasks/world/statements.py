"""True statements about scenes: ``The ring is small. There are two circles. The ring is above the star.``

Captions say the colour before the shape and each thing once. Statements name a thing first and then say what holds of
it, so that a model learns to find things by their names, which is what questions ask of it.
"""

from __future__ import annotations

import numpy as np

from tasks.world.open_questions import named_place
from tasks.world.questions import pair_of
from tasks.world.scene import Scene

TOPICS_TOLD = (*("place",) * 2, *("position",) * 2, *("color",) * 2, "existence", "count", "size", "background")
"""What a statement tries to tell."""
TOLD = 4
"""Statements of one lesson."""


def statements(scene: Scene, rng: np.random.Generator, count: int = TOLD) -> str:
    """``count`` statements, each drawn alone; none names a combination that is held out of training."""
    told: list[str] = []
    while len(told) < count:
        sentence = _statement(scene, TOPICS_TOLD[int(rng.integers(len(TOPICS_TOLD)))], rng)
        if sentence:
            told.append(sentence)
    return " ".join(told)


def _statement(scene: Scene, topic: str, rng: np.random.Generator) -> str:
    """One sentence, or an empty string where the topic has nothing to tell."""
    if topic == "place":
        place = named_place(scene, rng, "seen")
        return f"{place[0].capitalize()} is in the {place[1]}." if place else ""
    pair = pair_of(scene, topic, rng, "seen")
    if pair is None:
        return ""
    if topic in ("existence", "count"):
        return f"There is {pair.true}."
    subject = "The background" if topic == "background" else pair.first.capitalize()
    return f"{subject} is {pair.true} {pair.second}".rstrip() + "."
