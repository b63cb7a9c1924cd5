"""Questions about scenes with short open answers, and the mixture of questions that instruction tuning hears."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tasks.world.captions import NUMBERS, plural, relations, with_article
from tasks.world.naming import Naming, may_name, names, noun_of, only_of_its_shape, pick, related
from tasks.world.questions import OPPOSITES, RELATION_PHRASES, WORDINGS, ask, ask_both
from tasks.world.scene import Scene, SceneObject

YES_NO = 0.75
"""How often training tries a yes/no question first. More of them have nothing to ask, so 0.7 of all questions are."""
TOPICS_TRIED = (*("existence",) * 2, *("count",) * 6, *("position",) * 4, *("color",) * 3, "size", "background")
"""What training tries to ask. Scenes answer to some topics less often, so MME's four come out about alike."""
LESS, LESS_KEPT = ("on the right of", "below"), 0.25
"""How many of the yes/no questions of these relations ``position_question`` keeps. Where left and right are asked
alike, neither the side alone nor the word alone tells anything of the answer, and nothing leads to comparing them.
Where mostly left is asked, the side alone tells most answers, and from there the rest teaches to heed the word
(docs/log.md)."""
NAMED_SIDES = 0.3
"""The share of ``position_question`` that is answered by the side instead of yes or no."""
SIDES_OF = {
    **dict.fromkeys(("on the left of", "on the right of"), ("left", "right")),
    **dict.fromkeys(("above", "below"), ("above", "below")),
}
"""What a position says -> the two sides that it lies between."""
SUFFIXED = 0.5
"""The share of yes/no questions of training that end with the suffix."""


def open_question(scene: Scene, rng: np.random.Generator, naming: Naming = "any") -> tuple[str, str] | None:
    """A question with a short answer: ``How many circles are there?``, ``two``. None where the kind of question that
    was drawn has nothing to ask of this scene."""
    return pick(rng, _OPEN)(scene, rng, naming)


def training_question(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    """A question and its answer for instruction tuning: mostly yes/no, as often ``Yes`` as ``No``, in all wordings,
    with and without the suffix. No combination held out of training is named."""
    while True:
        if rng.random() >= YES_NO:
            found = open_question(scene, rng, "seen")
            if found:
                return found
            continue
        topic, truth = pick(rng, TOPICS_TRIED), bool(rng.integers(2))
        question = ask(scene, topic, truth, rng, "seen", wording=int(rng.integers(len(WORDINGS[topic]))))
        if question:
            return (question.text if rng.random() < SUFFIXED else question.claim), question.answer


def named_place(scene: Scene, rng: np.random.Generator, naming: Naming = "any") -> tuple[str, str] | None:
    """The name of a thing and the cell that it lies in, or None where no name picks one out."""
    named = names(scene, rng, naming)
    if not named:
        return None
    item, name, _ = pick(rng, named)
    return name, item.cell


def side_question(scene: Scene, rng: np.random.Generator, naming: Naming = "any") -> tuple[str, str] | None:
    """``Seen from the star, where is the ring?``, ``on the left of it and above it``: every relation of two things, of
    which yes/no questions ask for one. None where no two things can be named or the two drawn stand in none."""
    found = related(scene, rng, naming)
    if found is None:
        return None
    name, other, true, _ = found
    return f"Seen from {other}, where is {name}?", " and ".join(f"{RELATION_PHRASES[relation]} it" for relation in true)


def position_question(scene: Scene, rng: np.random.Generator) -> tuple[str, str] | None:
    """``Is the ring on the left of the star? Please answer yes or no.``, ``No`` or, now and then, ``... Please answer
    left or right.``, ``right``. True as often as false for each relation, of which left and above are asked four times
    as often. None where there is no position to ask about or none of the relations that are asked more."""
    both = ask_both(scene, "position", rng, "seen", int(rng.integers(len(WORDINGS["position"]))))
    if both is None:
        return None
    question = pick(rng, both)
    if rng.random() < NAMED_SIDES:
        sides = SIDES_OF[question.what]
        return f"{question.claim} Please answer {' or '.join(sides)}.", next(s for s in sides if s in both[0].what)
    if question.what in LESS and rng.random() >= LESS_KEPT:
        return None
    return (question.text if rng.random() < SUFFIXED else question.claim), question.answer


def _how_many(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    shapes = Counter(item.shape for item in scene.objects)
    noun, number = pick(rng, [*shapes.items(), ("object", len(scene.objects))])
    return f"How many {plural(noun)} are there?", NUMBERS[number]


def _which_colour(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    item = only_of_its_shape(scene, rng)
    if item is None or not may_name((item.shape, item.colour), naming):
        return None
    return f"What colour is the {item.shape}?", item.colour


def _which_place(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    place = named_place(scene, rng, naming)
    return place and (f"Where is {place[0]}?", place[1])


def _which_size(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    named = names(scene, rng, naming)
    if not named:
        return None
    item, name, _ = pick(rng, named)
    return f"What size is {name}?", item.size


def _which_background(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    return "What is the background?", scene.background


def _which_neighbour(scene: Scene, rng: np.random.Generator, naming: Naming) -> tuple[str, str] | None:
    named = names(scene, rng, naming)
    if not named:
        return None
    item, name, _ = pick(rng, named)
    relation = pick(rng, tuple(OPPOSITES))
    others = [other for other in scene.objects if other is not item]
    there = [other for other in others if relation in relations(other.box, item.box)]
    # Who else has its centre on that side at all would leave a doubt about what is meant.
    if len(there) != 1 or sum(_is_on_side(other, item, relation) for other in others) != 1:
        return None
    if not may_name((there[0].shape, there[0].colour), naming):
        return None
    return f"What is {RELATION_PHRASES[relation]} {name}?", with_article(noun_of(there[0].shape, there[0].colour))


_OPEN = (_how_many, _which_colour, _which_place, _which_size, _which_background, _which_neighbour)


def _is_on_side(one: SceneObject, other: SceneObject, relation: str) -> bool:
    """Whether the centre of ``one`` is at all on that side of the other's."""
    return {
        "left of": one.x < other.x,
        "right of": one.x > other.x,
        "above": one.y < other.y,
        "below": one.y > other.y,
    }[relation]
