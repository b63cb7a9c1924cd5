"""Questions about scenes, from a small grammar: yes/no in MME's wording, and short open ones for training.

What is asked follows from the scene alone, relations by GenEval's rule (``captions.relations``). Every yes/no question
comes as a pair about one scene, one true and one false, made alike: the false one is drawn as scenes are drawn (colours
that can be seen on this background, numbers one or two off, the opposite relation), so that its words alone do not tell
which of the two it is.

Paper of the form: Fu et al. 2023, "MME", arXiv 2306.13394, section 2.3 (instruction design).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar

import numpy as np

from tasks.world.captions import NUMBERS, plural, relations, with_article
from tasks.world.sampling import contrasts
from tasks.world.scene import BACKGROUND_NAMES, COLOUR_NAMES, HELD_OUT, SHAPES, SIZE_NAMES, Scene, SceneObject

Naming = Literal["any", "seen", "held out"]
"""Which combinations of shape and colour a question may name: all, only those seen in training, or one held out."""

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
YES_NO = 0.75
"""How often training tries a yes/no question first. More of them have nothing to ask, so 0.7 of all questions are."""
TOPICS_TRIED = (*("existence",) * 2, *("count",) * 6, *("position",) * 4, *("color",) * 3, "size", "background")
"""What training tries to ask. Scenes answer to some topics less often, so MME's four come out about alike."""
SUFFIXED = 0.5
"""The share of yes/no questions of training that end with the suffix."""

T = TypeVar("T")


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


# ------------------------------------------------------------------------------------------------ yes/no, by topic


def _existence(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    if naming != "held out" and rng.random() < 0.5:
        there = {item.shape for item in scene.objects}
        absent = [shape for shape in SHAPES if shape not in there]
        return Pair(with_article(_pick(rng, scene.objects).shape), with_article(_pick(rng, absent)))
    kinds = {(item.shape, item.colour) for item in scene.objects}
    present = [kind for item in scene.objects if _may_name(kind := (item.shape, item.colour), naming)]
    missing = [kind for shape in SHAPES for kind in _drawable(scene, shape, naming) if kind not in kinds]
    if not present or not missing:
        return None
    shapes, colours = zip(*kinds, strict=True)
    sharing = [kind for kind in missing if kind[0] in shapes or kind[1] in colours]
    true, false = _pick(rng, present), _pick(rng, sharing if sharing and rng.random() < SHARING else missing)
    return Pair(with_article(_noun(*true)), with_article(_noun(*false)), true in HELD_OUT, false in HELD_OUT)


def _count(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    by_kind = Counter(kind for item in scene.objects if _may_name(kind := (item.shape, item.colour), naming))
    counted = "kind" if naming == "held out" else _pick(rng, tuple(NUMBERS_KEPT))
    held_out = False
    if counted == "objects":
        noun, number = "object", len(scene.objects)
    elif counted == "shape":
        noun, number = _pick(rng, list(Counter(item.shape for item in scene.objects).items()))
    elif by_kind:
        kind, number = _pick(rng, list(by_kind.items()))
        noun, held_out = _noun(*kind), kind in HELD_OUT
    else:
        return None
    if rng.random() >= NUMBERS_KEPT[counted][number - 1]:
        return None
    return Pair(_counted(number, noun), _counted(_pick(rng, OTHER_NUMBERS[number]), noun), held_out, held_out)


def _position(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    named = _names(scene, rng, naming)
    pairs = [(one, two) for one in named for two in named if one is not two]
    if naming == "held out":
        pairs = [(one, two) for one, two in pairs if one[2] or two[2]]
    if not pairs:
        return None
    (first, name, held), (second, other, also) = _pick(rng, pairs)
    true = list(relations(first.box, second.box))
    if not true:
        return None
    relation = _pick(rng, true)
    flag = held or also
    return Pair(RELATION_PHRASES[relation], RELATION_PHRASES[OPPOSITES[relation]], flag, flag, name, other)


def _colour(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    item = _only_of_its_shape(scene, rng)
    if item is None:
        return None
    true = (item.shape, item.colour)
    # A question names one shape, and each shape has one held-out colour: either the true or the false one is it.
    rest: Naming = "seen" if naming == "held out" and item.held_out else naming
    others = [kind for kind in _drawable(scene, item.shape, rest) if kind != true]
    if not others or (naming == "seen" and item.held_out):
        return None
    there = [kind for kind in others if any(kind[1] == other.colour for other in scene.objects)]
    false = _pick(rng, there if there and rng.random() < 0.5 else others)
    return Pair(true[1], false[1], true in HELD_OUT, false in HELD_OUT, f"the {item.shape}")


def _size(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    named = _names(scene, rng, naming)
    if naming == "held out":
        named = [entry for entry in named if entry[2]]
    if not named:
        return None
    item, name, held = _pick(rng, named)
    shares = np.cumsum(OTHER_SIZES[item.size])
    false = SIZE_NAMES[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]
    return Pair(item.size, false, held, held, name)


def _background(scene: Scene, rng: np.random.Generator, naming: Naming) -> Pair | None:
    if scene.top != scene.bottom or naming == "held out":
        return None
    true = scene.top
    # Whether dark grey is grey is a matter of opinion, so the one is not asked of the other.
    others = [name for name in BACKGROUND_NAMES if not name.endswith(true) and not true.endswith(name)]
    return Pair(true, _pick(rng, others))


_TOPICS: Mapping[str, Callable[[Scene, np.random.Generator, Naming], Pair | None]] = {
    "existence": _existence,
    "count": _count,
    "position": _position,
    "color": _colour,
    "size": _size,
    "background": _background,
}


# ------------------------------------------------------------------------------------------------ open, and training


def open_question(scene: Scene, rng: np.random.Generator, naming: Naming = "any") -> tuple[str, str] | None:
    """A question with a short answer: ``How many circles are there?``, ``two``. None where the kind of question that
    was drawn has nothing to ask of this scene."""
    return _pick(rng, _OPEN)(scene, rng, naming)


def training_question(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    """A question and its answer for instruction tuning: mostly yes/no, as often ``Yes`` as ``No``, in all wordings,
    with and without the suffix. No combination held out of training is named."""
    while True:
        if rng.random() >= YES_NO:
            found = open_question(scene, rng, "seen")
            if found:
                return found
            continue
        topic, truth = _pick(rng, TOPICS_TRIED), bool(rng.integers(2))
        question = ask(scene, topic, truth, rng, "seen", wording=int(rng.integers(len(WORDINGS[topic]))))
        if question:
            return (question.text if rng.random() < SUFFIXED else question.claim), question.answer


def pair_of(scene: Scene, topic: str, rng: np.random.Generator, naming: Naming = "any") -> Pair | None:
    """What a true and a false question on a topic would say, or None."""
    return _TOPICS[topic](scene, rng, naming)


def named_place(scene: Scene, rng: np.random.Generator, naming: Naming = "any") -> tuple[str, str] | None:
    """The name of a thing and the cell that it lies in, or None where no name picks one out."""
    named = _names(scene, rng, naming)
    if not named:
        return None
    item, name, _ = _pick(rng, named)
    return name, item.cell


def _how_many(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    shapes = Counter(item.shape for item in scene.objects)
    noun, number = _pick(rng, [*shapes.items(), ("object", len(scene.objects))])
    return f"How many {plural(noun)} are there?", NUMBERS[number]


def _which_colour(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    item = _only_of_its_shape(scene, rng)
    if item is None or not _may_name((item.shape, item.colour), naming):
        return None
    return f"What colour is the {item.shape}?", item.colour


def _which_place(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    place = named_place(scene, rng, naming)
    return place and (f"Where is {place[0]}?", place[1])


def _which_size(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    named = _names(scene, rng, naming)
    if not named:
        return None
    item, name, _ = _pick(rng, named)
    return f"What size is {name}?", item.size


def _which_background(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    return "What is the background?", scene.background


def _which_neighbour(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    named = _names(scene, rng, naming)
    if not named:
        return None
    item, name, _ = _pick(rng, named)
    relation = _pick(rng, tuple(OPPOSITES))
    others = [other for other in scene.objects if other is not item]
    there = [other for other in others if relation in relations(other.box, item.box)]
    # Who else has its centre on that side at all would leave a doubt about what is meant.
    if len(there) != 1 or sum(_is_on_side(other, item, relation) for other in others) != 1:
        return None
    if not _may_name((there[0].shape, there[0].colour), naming):
        return None
    return f"What is {RELATION_PHRASES[relation]} {name}?", with_article(_noun(there[0].shape, there[0].colour))


_OPEN = (_how_many, _which_colour, _which_place, _which_size, _which_background, _which_neighbour)


# ------------------------------------------------------------------------------------------------ words and choices


def _pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def _noun(shape: str, colour: str) -> str:
    return f"{colour} {shape}"


def _counted(number: int, noun: str) -> str:
    """MME's words for an exact number."""
    return f"only one {noun}" if number == 1 else f"a total of {NUMBERS[number]} {plural(noun)}"


def _may_name(kind: tuple[str, str], naming: Naming) -> bool:
    return naming == "any" or (kind in HELD_OUT) == (naming == "held out")


def _names(scene: Scene, rng: np.random.Generator, naming: Naming) -> list[tuple[SceneObject, str, bool]]:
    """The objects that a name picks out of the scene, the name, and whether it names a held-out combination.

    With ``naming`` "held out" the full name is taken, otherwise the short one (``the ring``) half of the time where it
    is enough.
    """
    shapes = Counter(item.shape for item in scene.objects)
    kinds = Counter((item.shape, item.colour) for item in scene.objects)
    named = []
    for item in scene.objects:
        kind = (item.shape, item.colour)
        if kinds[kind] > 1:
            continue
        short = shapes[item.shape] == 1 and (
            (naming == "seen" and item.held_out) or (naming != "held out" and rng.random() < 0.5)
        )
        if short:
            named.append((item, f"the {item.shape}", False))
        elif naming != "seen" or not item.held_out:
            named.append((item, f"the {_noun(*kind)}", item.held_out))
    return named


def _only_of_its_shape(scene: Scene, rng: np.random.Generator) -> SceneObject | None:
    shapes = Counter(item.shape for item in scene.objects)
    single = [item for item in scene.objects if shapes[item.shape] == 1]
    return _pick(rng, single) if single else None


def _is_on_side(one: SceneObject, other: SceneObject, relation: str) -> bool:
    """Whether the centre of ``one`` is at all on that side of the other's."""
    return {
        "left of": one.x < other.x,
        "right of": one.x > other.x,
        "above": one.y < other.y,
        "below": one.y > other.y,
    }[relation]


def _drawable(scene: Scene, shape: str, naming: Naming) -> tuple[tuple[str, str], ...]:
    """Combinations of this shape that could be seen on the scene's background and may be named."""
    return _drawable_on(scene.top, scene.bottom, shape, naming)


@cache
def _drawable_on(top: str, bottom: str, shape: str, naming: Naming) -> tuple[tuple[str, str], ...]:
    visible = contrasts()[BACKGROUND_NAMES.index(top)] & contrasts()[BACKGROUND_NAMES.index(bottom)]
    kinds = [(shape, colour) for colour, seen in zip(COLOUR_NAMES, visible, strict=True) if seen]
    return tuple(kind for kind in kinds if _may_name(kind, naming))
