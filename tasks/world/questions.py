"""Yes/no questions about scenes, from a small grammar, in MME's wording.

What is asked follows from the scene alone, relations by GenEval's rule (``captions.relations``). Every yes/no question
comes as a pair about one scene, one true and one false, made alike: the false one is drawn as scenes are drawn (colours
that can be seen on this background, numbers one or two off, the opposite relation), so that its words alone do not tell
which of the two it is.

Paper of the form: Fu et al. 2023, "MME", arXiv 2306.13394, section 2.3 (instruction design).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.world.captions import NUMBERS, plural, with_article
from tasks.world.naming import Naming, drawable, may_name, names, noun_of, only_of_its_shape, pick, related
from tasks.world.scene import BACKGROUND_NAMES, HELD_OUT, SHAPES, SIZE_NAMES, Scene

SUFFIX = "Please answer yes or no."
OPPOSITES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
RELATION_PHRASES = {"left of": "on the left of", "right of": "on the right of", "above": "above", "below": "below"}

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "existence": (
        "Is there {what} in this image?",
        "Does this image show {what}?",
        "Can you see {what} in this image?",
    ),
    "count": (
        "Is there {what} in this image?",
        "Does this image show {what}?",
        "Can you see {what} in this image?",
    ),
    "position": (
        "Is {first} {what} {second} in this image?",
        "In this image, is {first} {what} {second}?",
        "Does {first} lie {what} {second}?",
    ),
    "color": ("Is {first} in the image {what}?", "In this image, is {first} {what}?", "Does {first} look {what}?"),
    "size": ("Is {first} in the image {what}?", "In this image, is {first} {what}?", "Does {first} look {what}?"),
    "background": (
        "Is the background of the image {what}?",
        "In this image, is the background {what}?",
        "Does the background look {what}?",
    ),
}
"""Topic -> its wordings. The first is the one of ``ask``; training hears them all."""

TOPICS = tuple(WORDINGS)
"""What can be asked; the first four carry the names of MME's subtasks."""

OTHER_NUMBERS = {1: (2, 3), 2: (1, 4), 3: (1, 4), 4: (2, 3)}
"""True number -> numbers asked falsely. Each differs by one or two and is as often false as true."""
NUMBERS_KEPT = {
    "objects": (0.5, 0.66, 0.6, 1.0),
    "shape": (0.08, 0.32, 0.6, 1.0),
    "kind": (0.06, 0.52, 0.72, 1.0),
}
"""What is counted -> the share of questions kept at one to four of it, since scenes show one of a kind most often."""
OTHER_SIZES = {"small": (0.0, 0.57, 0.43), "medium": (0.84, 0.0, 0.16), "large": (0.80, 0.20, 0.0)}
"""True size -> shares of the sizes asked falsely: with the sizes of scenes, each is as often false as true."""

SHARING = 0.67
"""The share of false combinations that have their shape or their colour in common with an object of the scene."""


@dataclass(frozen=True)
class Question:
    """A yes/no question with its true answer.

    ``what`` is the part that makes it true or false: ``a red circle``, ``only one ring``, ``above``, ``yellow`` ...
    ``held_out`` tells whether it names a combination of shape and colour that no training scene shows.
    """

    topic: str
    claim: str
    what: str
    answer: Literal["Yes", "No"]
    held_out: bool

    @property
    def text(self) -> str:
        """For example ``Is there a red circle in this image? Please answer yes or no.``"""
        return f"{self.claim} {SUFFIX}"


@dataclass(frozen=True)
class Pair:
    """What a true and a false question say; ``first`` and ``second`` are what both speak of. The flags: held out."""

    true: str
    false: str
    true_held_out: bool = False
    false_held_out: bool = False
    first: str = ""
    second: str = ""


def ask(
    scene: Scene, topic: str, truth: bool, rng: np.random.Generator, naming: Naming = "any", wording: int = 0
) -> Question | None:
    """One question whose answer is yes (``truth``) or no. None where the topic has nothing to ask of this scene.

    Counts are left out at random (``NUMBERS_KEPT``), so another ``rng`` may give one. The same ``rng`` with the other
    ``truth`` gives the other question of a pair, on the same things. Raises ValueError for a topic not in ``TOPICS``.
    """
    pair = ask_both(scene, topic, rng, naming, wording)
    return pair and pair[0 if truth else 1]


def ask_both(
    scene: Scene, topic: str, rng: np.random.Generator, naming: Naming = "any", wording: int = 0
) -> tuple[Question, Question] | None:
    """A question with answer yes and its counterpart with answer no, or None.

    With ``naming`` "held out" both name a held-out combination; of ``color`` exactly one of the two does, either as
    often as the other, since the question names one shape.
    """
    if topic not in WORDINGS:
        raise ValueError(f"no topic '{topic}'; known: {', '.join(TOPICS)}")
    pair = _TOPICS[topic](scene, rng, naming)
    if pair is None:
        return None
    template = WORDINGS[topic][wording]
    yes, no = (template.format(first=pair.first, second=pair.second, what=what) for what in (pair.true, pair.false))
    return (
        Question(topic, yes, pair.true, "Yes", pair.true_held_out),
        Question(topic, no, pair.false, "No", pair.false_held_out),
    )


def pair_of(scene: Scene, topic: str, rng: np.random.Generator, naming: Naming = "any") -> Pair | None:
    """What a true and a false question on a topic would say, or None."""
    return _TOPICS[topic](scene, rng, naming)


# ------------------------------------------------------------------------------------------------ topic by topic


def _existence(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    if naming != "held out" and rng.random() < 0.5:
        there = {item.shape for item in scene.objects}
        absent = [shape for shape in SHAPES if shape not in there]
        return Pair(with_article(pick(rng, scene.objects).shape), with_article(pick(rng, absent)))
    kinds = {(item.shape, item.colour) for item in scene.objects}
    present = [kind for item in scene.objects if may_name(kind := (item.shape, item.colour), naming)]
    missing = [kind for shape in SHAPES for kind in drawable(scene, shape, naming) if kind not in kinds]
    if not present or not missing:
        return None
    shapes, colours = zip(*kinds, strict=True)
    sharing = [kind for kind in missing if kind[0] in shapes or kind[1] in colours]
    true, false = pick(rng, present), pick(rng, sharing if sharing and rng.random() < SHARING else missing)
    return Pair(with_article(noun_of(*true)), with_article(noun_of(*false)), true in HELD_OUT, false in HELD_OUT)


def _count(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    by_kind = Counter(kind for item in scene.objects if may_name(kind := (item.shape, item.colour), naming))
    counted = "kind" if naming == "held out" else pick(rng, tuple(NUMBERS_KEPT))
    held_out = False
    if counted == "objects":
        noun, number = "object", len(scene.objects)
    elif counted == "shape":
        noun, number = pick(rng, list(Counter(item.shape for item in scene.objects).items()))
    elif by_kind:
        kind, number = pick(rng, list(by_kind.items()))
        noun, held_out = noun_of(*kind), kind in HELD_OUT
    else:
        return None
    if rng.random() >= NUMBERS_KEPT[counted][number - 1]:
        return None
    return Pair(_counted(number, noun), _counted(pick(rng, OTHER_NUMBERS[number]), noun), held_out, held_out)


def _position(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    found = related(scene, rng, naming)
    if found is None:
        return None
    name, other, true, held_out = found
    relation = pick(rng, true)
    return Pair(RELATION_PHRASES[relation], RELATION_PHRASES[OPPOSITES[relation]], held_out, held_out, name, other)


def _colour(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    item = only_of_its_shape(scene, rng)
    if item is None:
        return None
    true = (item.shape, item.colour)
    # A question names one shape, and each shape has one held-out colour: either the true or the false one is it.
    rest: Naming = "seen" if naming == "held out" and item.held_out else naming
    others = [kind for kind in drawable(scene, item.shape, rest) if kind != true]
    if not others or (naming == "seen" and item.held_out):
        return None
    there = [kind for kind in others if any(kind[1] == other.colour for other in scene.objects)]
    false = pick(rng, there if there and rng.random() < 0.5 else others)
    return Pair(true[1], false[1], true in HELD_OUT, false in HELD_OUT, f"the {item.shape}")


def _size(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    named = names(scene, rng, naming)
    if naming == "held out":
        named = [entry for entry in named if entry[2]]
    if not named:
        return None
    item, name, held = pick(rng, named)
    shares = np.cumsum(OTHER_SIZES[item.size])
    false = SIZE_NAMES[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]
    return Pair(item.size, false, held, held, name)


def _background(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    if scene.top != scene.bottom or naming == "held out":
        return None
    true = scene.top
    # Whether dark grey is grey is a matter of opinion, so the one is not asked of the other.
    others = [name for name in BACKGROUND_NAMES if not name.endswith(true) and not true.endswith(name)]
    return Pair(true, pick(rng, others))


_TOPICS: Mapping[str, Callable[[Scene, np.random.Generator, Naming], Pair | None]] = {
    "existence": _existence,
    "count": _count,
    "position": _position,
    "color": _colour,
    "size": _size,
    "background": _background,
}


def _counted(number: int, noun: str) -> str:
    """MME's words for an exact number."""
    return f"only one {noun}" if number == 1 else f"a total of {NUMBERS[number]} {plural(noun)}"
