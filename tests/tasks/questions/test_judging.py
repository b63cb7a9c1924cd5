"""Rules by hand, one Protocol for stored answers and a script, and what is not measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import gmean

from harness.errors import UserError
from harness.metrics import NotMeasured
from tasks.judging import Asked, Judgement
from tasks.questions import metrics
from tasks.questions.judging import RULES, Answer, QuestionJudge, dumps, loads
from tasks.questions.metrics import COLUMN, JudgedScore


def record(*parents):
    return {"questions": [{"text": f"q{place}", "parents": list(known)} for place, known in enumerate(parents)]}


def answers(*pairs):
    return [Answer(probability, said) for probability, said in pairs]


def test_means_and_product_by_an_independent_reference():
    values = [0.9, 0.5, 0.1]
    given = answers(*[(value, "yes") for value in values])
    asked = record((), (), ())
    assert RULES["soft-tifa-am"](asked, given) == pytest.approx(np.mean(values))
    assert RULES["soft-tifa-gm"](asked, given) == pytest.approx(gmean(values))
    assert RULES["attribute-binding"](asked, given) == pytest.approx(np.prod(values))
    assert RULES["soft-tifa-gm"](asked, answers((0.0, ""), (1.0, ""), (1.0, ""))) == 0


@pytest.mark.parametrize(
    ("said", "score"),
    [
        (["Yes", "yes", " yes", "Yes"], 1.0),
        (["No", "yes", "yes", "yes"], 0.25),  # the second and the fourth lose their parent
        (["yes", "no", "yes", "yes"], 0.75),
        (["yes", "yes", "no", "yes"], 0.5),
        (["yesterday", "", "", ""], 0.0),
    ],
)
def test_dependent_questions_by_hand(said, score):
    asked = record((), (0,), (), (0, 2))
    assert RULES["dpg"](asked, answers(*[(0.5, word) for word in said])) == score


class People:
    """A judge that has its judgements already."""

    name, fingerprint = "people", {"judge": "people"}

    def __init__(self, known):
        self.known = known

    def judge(self, questions):
        nobody = Judgement(None, absent="not measured: nobody was asked")
        return [self.known.get(question.image, nobody) for question in questions]


def test_stored_answers_and_people_speak_one_protocol():
    given = {"a": answers((1.0, "Yes"), (0.25, "No"))}
    asked = [Asked("a", record((), ())), Asked("b", record(()))]
    judge = QuestionJudge("soft-tifa-gm", given, "qwen")
    assert judge.judge(asked) == [
        Judgement(0.5, "q1 'No'"),
        Judgement(None, absent="not measured: no stored answers about image b"),
    ]
    assert judge.fingerprint == {"judge": "soft-tifa-gm", "model": "qwen"}
    with pytest.raises(UserError, match="image a: 2 answers to 1 questions; ask again"):
        judge.judge([Asked("a", record(()))])
    columns = {"case": ["a", "b"], "facts": [json.dumps(item.record) for item in asked]}
    people = People({"a": Judgement(1.0), "b": Judgement(0.25, "the kite is red")})
    scripted = JudgedScore("people", lambda _: people, needs=())
    numerators, denominators = scripted.parts(columns)
    assert (numerators.tolist(), denominators.tolist()) == ([1.0, 0.25], [1.0, 1.0])
    assert scripted.reasons(columns) == ["", "the kite is red"]
    missing = JudgedScore("people", lambda _: People({}), needs=())
    with pytest.raises(NotMeasured, match=r"^nobody was asked; so it is for 2 images"):
        missing.parts(columns)


def test_every_metric_reads_stored_answers():
    asked = record((), (0,))
    columns = {
        "case": ["a/0"],
        "facts": [json.dumps(asked)],
        COLUMN: [dumps(answers((0.5, "yes"), (0.5, "no")))],
    }
    makers = (metrics.soft_tifa_am, metrics.soft_tifa_gm, metrics.attribute_binding, metrics.dpg, metrics.vqascore)
    values = {score.name: float(score.parts(columns)[0][0]) for score in (make() for make in makers)}
    expected = {"soft-tifa-am": 0.5, "soft-tifa-gm": 0.5, "attribute-binding": 0.25, "dpg": 0.5, "vqascore": 0.5}
    assert values == pytest.approx(expected)


@pytest.mark.parametrize("text", ["{", "[[2, 'x']]", '[[2, "x"]]', "[[0.5]]", '[[NaN, "x"]]', "[null]"])
def test_text_that_is_no_answers_names_the_image(text):
    with pytest.raises(UserError, match=r"^image a/0: not stored answers"):
        loads(text, "image a/0")
