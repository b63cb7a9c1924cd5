"""MME's four simplest subtasks asked of the embedded world, as a Parquet file in the official schema.

Numbers (count) and relations (position) are asked in equal shares, so that a question's words tell nothing of its
answer. Pictures of different subtasks are different scenes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from harness.images import encode_png, to_bytes
from harness.seeding import rng_for
from tasks.mme.schema import FEATURES, SUBTASKS
from tasks.world.captions import NUMBERS
from tasks.world.naming import Naming
from tasks.world.questions import RELATION_PHRASES, TOPICS, Question, ask_both
from tasks.world.sampling import BLOCK, scenes_of
from tasks.world.scene import Scene, SceneBatch, as_batch

ASKED = tuple(name for name in TOPICS if name in SUBTASKS)
"""existence, count, position, color."""
PICTURES = {"seen": 60, "held out": 30}
"""Per subtask."""
APART = 1_000_000
"""Scenes between the first ones of two subtasks, so that none is shown twice."""
SHORT_NUMBERS = tuple("only one" if number == "one" else f"a total of {number}" for number in NUMBERS[1:])


@cache
def world_parquet(naming: Naming, pictures: int = 0) -> bytes:
    """The file's content, with ``naming`` "seen" (scenes without any held-out combination) or "held out"; ``pictures``
    per subtask (0: as usual), of which the first are the same however many there are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = [list(_pairs(topic, naming, pictures or PICTURES[naming])) for topic in ASKED]
    # Subtask by subtask in turn, so that the first cases of a limited run ask them all.
    ordered = [pair for turn in zip(*found, strict=True) for pair in turn]
    drawn = _draw(as_batch([scene for scene, _ in ordered]))
    rows: list[dict[str, Any]] = []
    for number, ((_, questions), picture) in enumerate(zip(ordered, drawn, strict=True)):
        name = f"{questions[0].topic}/{number // len(ASKED):03d}.png"
        # The true one comes first of every other pair, so that the place tells nothing either.
        for question in questions if number // len(ASKED) % 2 == 0 else questions[::-1]:
            image = {"bytes": encode_png(picture), "path": name}
            rows.append(dict(zip(("question_id", "image"), (name, image), strict=True)) | _texts(question))
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata(FEATURES), buffer)
    return buffer.getvalue()


def _texts(question: Question) -> dict[str, str]:
    return {"question": question.text, "answer": question.answer, "category": question.topic}


def _draw(batch: SceneBatch) -> np.ndarray:
    from tasks.world.draw import draw

    return to_bytes(draw(batch))


def _pairs(topic: str, naming: Naming, pictures: int) -> Iterator[tuple[Scene, tuple[Question, Question]]]:
    """The scenes of a subtask with a true and a false question each."""
    have, number = 0, APART * ASKED.index(topic)
    while True:
        for offset, scene in enumerate(scenes_of("test", number, BLOCK).scenes()):
            if scene.held_out != (naming == "held out"):
                continue
            pair = ask_both(scene, topic, rng_for("mme", naming, topic, number + offset), naming)
            if pair and _is_next(topic, naming, have, pair):
                yield scene, pair
                have += 1
                if have == pictures:
                    return
        number += BLOCK


def _is_next(topic: str, naming: Naming, have: int, pair: tuple[Question, Question]) -> bool:
    """Whether the pair has the number or relation whose turn it is; of held-out colours, the answer."""
    if topic == "count":
        return pair[0].what.startswith(SHORT_NUMBERS[have % len(SHORT_NUMBERS)])
    if topic == "position":
        return pair[0].what == list(RELATION_PHRASES.values())[have % len(RELATION_PHRASES)]
    if topic == "color" and naming == "held out":
        return pair[have % 2].held_out
    return True
