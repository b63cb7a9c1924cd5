"""The world's own questions in MME's schema: balanced, apart from each other, and what they were."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from tasks.data.tables import InMemory
from tasks.mme.data import MmeData, read_data
from tasks.mme.schema import COLUMNS
from tasks.mme.world import ASKED, PICTURES, world_parquet
from tasks.world.naming import Naming
from tasks.world.scene import HELD_OUT

QUESTIONS = {"seen": "315baf0e1ff22573", "held out": "cd3ce54e448ef840"}
"""SHA-256 over ids, questions and answers: a change here breaks every comparison with an older run."""


@pytest.fixture(scope="module", params=["seen", "held out"])
def naming(request: pytest.FixtureRequest) -> Naming:
    found: Naming = request.param
    return found


@pytest.fixture(scope="module")
def data(naming: Naming) -> MmeData:
    return read_data([InMemory("the questions", world_parquet(naming))])


def test_the_schema_is_the_official_one(naming: Naming) -> None:
    file = pq.ParquetFile(io.BytesIO(world_parquet(naming)))
    assert sorted(file.schema_arrow.names) == sorted(COLUMNS)
    assert file.metadata.num_rows == 2 * 4 * PICTURES[naming]


def test_more_pictures_begin_with_those_of_fewer() -> None:
    few, many = (read_data([InMemory("the questions", world_parquet("seen", count))]) for count in (0, 100))
    assert len(many.pairs) == 400
    assert many.pairs[: len(few.pairs)] == few.pairs


def test_every_subtask_has_its_pictures_and_no_picture_is_shown_twice(data: MmeData, naming: Naming) -> None:
    assert Counter(pair.category for pair in data.pairs) == dict.fromkeys(ASKED, PICTURES[naming])
    assert data.subtasks == ASKED == ("existence", "count", "position", "color")
    assert len({pair.picture for pair in data.pairs}) == len(data.pairs)
    assert [pair.category for pair in data.pairs[:8]] == [*ASKED, *ASKED]  # a limit leaves none out


def test_one_of_each_pair_is_true_and_its_place_tells_nothing(data: MmeData, naming: Naming) -> None:
    for name in ASKED:
        orders = Counter(pair.answers for pair in data.pairs if pair.category == name)
        assert orders == {("Yes", "No"): PICTURES[naming] // 2, ("No", "Yes"): PICTURES[naming] // 2}


@pytest.mark.parametrize(
    ("subtask", "words"),
    [
        ("count", ("only one", "total of two", "total of three", "total of four")),
        ("position", ("left of", "right of", "above", "below")),
    ],
)
def test_numbers_and_relations_are_true_in_equal_shares(
    data: MmeData, naming: Naming, subtask: str, words: tuple[str, ...]
) -> None:
    true: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for pair in (pair for pair in data.pairs if pair.category == subtask):
        for question, answer in zip(pair.questions, pair.answers, strict=True):
            (word,) = (word for word in words if word in question)
            (true if answer == "Yes" else false)[word] += 1
    share = PICTURES[naming] // len(words)
    assert set(true) == set(false) == set(words)
    assert max(true.values()) - min(true.values()) <= 1 and min(true.values()) >= share
    if subtask == "position":  # the opposite of each is asked as often
        assert {false[a] - true[b] for a, b in zip(words, (words[1], words[0], words[3], words[2]), strict=True)} == {0}


def names_held_out(question: str) -> bool:
    words = question.replace("crosses", "cross").replace("?", "").split()
    words = [word.removesuffix("s") if word not in ("cross", "yes") else word for word in words]
    beside = any((shape, colour) in HELD_OUT for colour, shape in pairwise(words))
    said = "Is the" in question and "in the image" in question and any({*kind} <= {*words} for kind in HELD_OUT)
    return beside or said


def test_what_is_held_out_stands_in_its_own_set(data: MmeData, naming: Naming) -> None:
    for pair in data.pairs:
        named = [names_held_out(question) for question in pair.questions]
        if naming == "seen":
            assert named == [False, False], pair
        else:
            assert sum(named) == (1 if pair.category == "color" else 2), pair
    if naming == "held out":  # as often the true one as the false one, or the combination would tell
        colours = [pair for pair in data.pairs if pair.category == "color"]
        true = sum(names_held_out(pair.questions[pair.answers.index("Yes")]) for pair in colours)
        assert true == len(colours) // 2


def test_the_questions_are_pinned(data: MmeData, naming: Naming) -> None:
    lines = [f"{pair.question_id}|{'|'.join(pair.questions)}|{'|'.join(pair.answers)}" for pair in data.pairs]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == QUESTIONS[naming]
