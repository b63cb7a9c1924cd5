"""GenEval's prompts, for the world: six tags in the official metadata schema, about shapes instead of COCO's objects.

Schema and tags: Ghosh, Hajishirzi, Schmidt 2023 (arXiv 2310.11513), prompts of djghosh13/geneval at commit af4902f. A
record is ``{"tag", "include": [{"class", "count", "color", "position"}], "exclude", "prompt"}``.

Wording: the world's captions (``captions.py``) in place of "a photo of". What a tag does not ask for is left out, as in
the official prompts: no colour in single_object, two_object, counting and position, no background anywhere, so the
model is free there. Each tag has ``PER_TAG`` prompts. Where a tag has fewer wordings than that (single_object has six),
each of them stands once as it is, and further prompts state a drawn background (plain ones first), which no rule
judges.

=============  =================================  =====================================
tag            prompt                             with a background
=============  =================================  =====================================
single_object  a circle                           a circle on a grey background
two_object     a circle and a square              a circle and a square on a ...
counting       three crosses                      three crosses on a background from ...
colors         a red circle                       a red circle on a ...
position       a circle left of a square          (not needed: 120 wordings)
color_attr     a red circle and a blue square     (not needed: 2,700 wordings)
=============  =================================  =====================================

Combinations of shape and colour that training never showed (``scene.HELD_OUT``) stand in ``HELD_OUT_PER_TAG`` of the
prompts of colors and of color_attr. No other tag names a colour, so there are none in two_object.

Known differences from the official set: every tag has the same number of prompts, and they are about six classes, so
that a tag asks for fewer different things than its prompts are (six in single_object).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations, product
from typing import TYPE_CHECKING, Any

from harness.seeding import rng_for
from tasks.world.captions import NUMBERS, RELATIONS, background_phrase, plural, with_article
from tasks.world.sampling import contrasts
from tasks.world.scene import BACKGROUND_NAMES, COLOUR_NAMES, HELD_OUT, SHAPES, Scene

if TYPE_CHECKING:
    import numpy as np

PER_TAG = 100
HELD_OUT_PER_TAG = 24
COUNTS = (2, 3, 4)
"""GenEval's numbers for counting; one more than asked is excluded."""


@dataclass(frozen=True)
class WorldPrompt:
    """One prompt: its official record, and the held-out combinations that it names (``purple circle``)."""

    record: Mapping[str, Any]
    held_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return str(self.record["prompt"])

    @property
    def tag(self) -> str:
        return str(self.record["tag"])

    @property
    def colours(self) -> tuple[str, ...]:
        """The colours that it asks for."""
        return tuple(item["color"] for item in self.record["include"] if "color" in item)


@cache
def world_prompts() -> tuple[WorldPrompt, ...]:
    """All prompts, tag by tag in GenEval's order, each tag in a drawn order; the same ones always."""
    return tuple(prompt for tag, wordings in _wordings().items() for prompt in _chosen(tag, wordings))


def _wordings() -> dict[str, list[WorldPrompt]]:
    """Every prompt of each tag that leaves the background out."""
    pairs = list(permutations(SHAPES, 2))
    return {
        "single_object": [_prompt("single_object", with_article(shape), [_asked(shape)]) for shape in SHAPES],
        "two_object": [
            _prompt("two_object", f"{with_article(a)} and {with_article(b)}", [_asked(a), _asked(b)]) for a, b in pairs
        ],
        "counting": [_counting(shape, count) for shape, count in product(SHAPES, COUNTS)],
        "colors": [_coloured("colors", [kind]) for kind in product(SHAPES, COLOUR_NAMES)],
        "position": [_position(a, relation, b) for (a, b), relation in product(pairs, RELATIONS)],
        "color_attr": [
            _coloured("color_attr", [(a, one), (b, two)])
            for (a, b), (one, two) in product(pairs, permutations(COLOUR_NAMES, 2))
        ],
    }


def _prompt(
    tag: str,
    text: str,
    include: Sequence[Mapping[str, Any]],
    exclude: Sequence[Mapping[str, Any]] = (),
    held_out: Sequence[str] = (),
) -> WorldPrompt:
    record: dict[str, Any] = {"tag": tag, "include": list(include)}
    if exclude:
        record["exclude"] = list(exclude)
    return WorldPrompt(record | {"prompt": text}, tuple(held_out))


def _asked(shape: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"class": shape, "count": count, **more}


def _counting(shape: str, count: int) -> WorldPrompt:
    words = f"{NUMBERS[count]} {plural(shape)}"
    return _prompt("counting", words, [_asked(shape, count)], [_asked(shape, count + 1)])


def _position(shape: str, relation: str, reference: str) -> WorldPrompt:
    """The reference comes first in the record and last in the words, as in the official ones."""
    words = f"{with_article(shape)} {relation} {with_article(reference)}"
    return _prompt("position", words, [_asked(reference), _asked(shape, position=[relation, 0])])


def _coloured(tag: str, kinds: Sequence[tuple[str, str]]) -> WorldPrompt:
    words = " and ".join(with_article(f"{colour} {shape}") for shape, colour in kinds)
    never = [f"{colour} {shape}" for shape, colour in kinds if (shape, colour) in HELD_OUT]
    return _prompt(tag, words, [_asked(shape, color=colour) for shape, colour in kinds], held_out=never)


def _chosen(tag: str, wordings: Sequence[WorldPrompt]) -> list[WorldPrompt]:
    """The tag's prompts in a drawn order, held-out ones evenly among the others, so that a limit keeps the share."""
    rng = rng_for("world", "geneval", tag)
    never = [prompt for prompt in wordings if prompt.held_out]
    known = [prompt for prompt in wordings if not prompt.held_out]
    quota = HELD_OUT_PER_TAG if never else 0
    queues = {True: iter(_mixed(never, quota, rng)), False: iter(_mixed(known, PER_TAG - quota, rng))}
    due = [(place * quota + PER_TAG // 2) // PER_TAG for place in range(PER_TAG + 1)]
    return [next(queues[after > before]) for before, after in pairwise(due)]


def _mixed(wordings: Sequence[WorldPrompt], number: int, rng: np.random.Generator) -> list[WorldPrompt]:
    chosen = _drawn(wordings, number, rng) if number else []
    return [chosen[place] for place in rng.permutation(len(chosen))]


def _drawn(wordings: Sequence[WorldPrompt], number: int, rng: np.random.Generator) -> list[WorldPrompt]:
    """``number`` different prompts: some of the wordings, or all of them and then each on other backgrounds in turn."""
    order = [wordings[place] for place in rng.permutation(len(wordings))]
    if number <= len(order):
        return order[:number]
    draws = [_backgrounds(prompt.colours, rng) for prompt in order]
    stated = [
        _on(prompt, *draws[place][turn])
        for turn in range(max(map(len, draws)))
        for place, prompt in enumerate(order)
        if turn < len(draws[place])
    ]
    return [*order, *stated[: number - len(order)]]


def _on(prompt: WorldPrompt, top: str, bottom: str) -> WorldPrompt:
    words = f"{prompt.text} {background_phrase(Scene((), top, bottom))}"
    return WorldPrompt({**prompt.record, "prompt": words}, prompt.held_out)


def _backgrounds(colours: Sequence[str], rng: np.random.Generator) -> list[tuple[str, str]]:
    """The (top, bottom) on which all of these colours can be seen, in a drawn order, plain ones before gradients."""
    shown = contrasts()[:, [COLOUR_NAMES.index(colour) for colour in colours]]
    names = [name for name, row in zip(BACKGROUND_NAMES, shown, strict=True) if row.all()]
    every = list(product(names, names))
    drawn = [every[place] for place in rng.permutation(len(every))]
    return sorted(drawn, key=lambda ends: ends[0] != ends[1])
