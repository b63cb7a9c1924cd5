"""Our models as lmms-eval sees them: batches, failures, stop strings, the log. Its base class is replaced, since that
takes seconds to import; ``tests/tasks/lmms/test_lmms_eval.py`` runs the real one."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from baselines.lmms.plugin import NAME
from harness.contracts import Likelihood
from harness.errors import UserError

MODULE = "baselines.lmms.model"


class Base:
    """What of lmms-eval's class ours uses."""

    def __init__(self) -> None:
        self.task_dict: dict[str, Any] = {}


class Subject:
    """Satisfies AnswersQuestions and ScoresAnswers: repeats the question; chokes on the word *poison*."""

    image_size = 8

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.longest: list[int | None] = []

    def answer(self, images: torch.Tensor, questions: Sequence[str], longest: int | None = None) -> list[str]:
        assert images.shape == (len(questions), 3, 8, 8)
        self.batches.append(list(questions))
        self.longest.append(longest)
        if "poison" in questions:
            raise RuntimeError("cannot swallow it")
        if "long" in questions:
            raise UserError("a prompt of 999 tokens does not fit")
        return [f"{text}|{int(image[0, 4, 4] * 255)}" for text, image in zip(questions, images, strict=True)]

    def score_answers(self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]) -> list[Likelihood]:
        return [Likelihood(float(len(answer)), len(answer), 256) for answer in answers]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    fake = ModuleType("lmms_eval.api.model")
    fake.lmms = Base  # type: ignore[attr-defined]
    wrapped = ModuleType("lmms_eval.api.instance")
    wrapped.GenerationResult = lambda text: SimpleNamespace(text=text)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lmms_eval.api.instance", wrapped)
    for name in ("lmms_eval", "lmms_eval.api"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "lmms_eval.api.model", fake)
    sys.modules.pop(MODULE, None)
    yield importlib.import_module(MODULE)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def subject() -> Subject:
    return Subject()


@pytest.fixture
def make(module: ModuleType, subject: Subject, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "open_model", lambda model, device: subject)

    def build(documents: Sequence[dict[str, Any]] = (), **options: Any) -> Any:
        made = module.DdtbenchModel("any", **{"batch_size": 4, **options})
        made.task_dict["quiz"] = {"test": list(documents)}
        return made

    return build


def visual(document: dict[str, Any]) -> list[Image.Image]:
    return [Image.new("RGB", (8, 8), (red, 0, 0)) for red in document["reds"]]


def documents(count: int) -> list[dict[str, Any]]:
    return [{"reds": [10 * number]} for number in range(count)]


def request(number: int, question: str, **settings: Any) -> Any:
    return SimpleNamespace(args=(question, settings, visual, number, "quiz", "test"))


def test_questions_go_in_full_batches_and_answers_come_in_order(make: Any, subject: Subject) -> None:
    model = make(documents(6))
    asked = [request(number, f"q{number}") for number in range(6)]
    assert model.generate_until(asked) == [f"q{number}|{10 * number}" for number in range(6)]
    assert subject.batches == [["q0", "q1", "q2", "q3"], ["q4", "q5", "q5", "q5"]]
    alone = [make(documents(6)).generate_until([one])[0] for one in asked]
    assert alone == [f"q{number}|{10 * number}" for number in range(6)]


def test_stop_strings_cut_and_the_longest_answer_is_passed_on(make: Any, subject: Subject) -> None:
    asked = [request(0, "one\n\ntwo", until=["\n\n"], max_new_tokens=64), request(1, "so STOP it", until="STOP")]
    assert make(documents(2)).generate_until(asked) == ["one", "so "]
    assert subject.longest == [64]


@pytest.mark.parametrize(
    ("number", "question", "reason"),
    [
        (2, "q", "ValueError: the question comes with 2 pictures; this model looks at one"),
        (3, "q", "ValueError: the question comes with 0 pictures; this model looks at one"),
        (0, "poison", "RuntimeError: cannot swallow it"),
        (0, "long", "a prompt of 999 tokens does not fit"),
        (9, "q", "IndexError: list index out of range"),
    ],
)
def test_only_the_guilty_request_fails(make: Any, tmp_path: Path, number: int, question: str, reason: str) -> None:
    rows = [{"reds": [0]}, {"reds": [70]}, {"reds": [1, 2]}, {"reds": []}]
    log = tmp_path / "answers.jsonl"
    answers = make(rows, answers=str(log)).generate_until([request(number, question), request(1, "fine")])
    assert answers == ["", "fine|70"]
    bad, good = (json.loads(line) for line in log.read_text().splitlines())
    assert bad == {"task": "quiz", "document": number, "failed": reason}
    assert good == {"task": "quiz", "document": 1, "answer": "fine|70"}


def test_what_the_log_holds_is_not_asked_again_but_failures_are(make: Any, subject: Subject, tmp_path: Path) -> None:
    log = tmp_path / "answers.jsonl"
    records = [
        {"task": "quiz", "document": 0, "answer": "known"},
        {"task": "other", "document": 1, "answer": "of another task"},
        {"task": "quiz", "document": 1, "failed": "RuntimeError"},
    ]
    log.write_text("".join(json.dumps(record) + "\n" for record in records) + '{"task": "quiz", "docu')
    model = make(documents(2), answers=str(log), batch_size=1)
    assert model.generate_until([request(0, "q0"), request(1, "q1")]) == ["known", "q1|10"]
    assert subject.batches == [["q1"]]
    assert json.loads(log.read_text().splitlines()[-1]) == {"task": "quiz", "document": 1, "answer": "q1|10"}


def test_log_likelihoods_of_choices(make: Any) -> None:
    def choice(target: Any) -> Any:
        return SimpleNamespace(args=("q", target, visual, 1, "quiz", "test"))

    found = make(documents(2)).loglikelihood([choice(" red"), choice(lambda document: " q|10")])
    assert [result.text for result in found] == [(-3.0, False), (-4.0, True)]


def test_what_cannot_be_asked_is_one_line(make: Any, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    with pytest.raises(UserError, match="they answer one question"):
        model.generate_until_multi_round([])
    model.subject = SimpleNamespace()
    with pytest.raises(UserError, match="ScoresAnswers"):
        model.loglikelihood([])
    monkeypatch.setattr(module, "open_model", lambda model, device: SimpleNamespace())
    with pytest.raises(UserError, match="model 'jpeg' answers no questions"):
        module.DdtbenchModel("jpeg")


def test_the_plug_in_is_named_in_the_project() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    place = project["entry-points"]["lmms_eval.models"][NAME]
    name, _, attribute = place.partition(":")
    assert callable(getattr(importlib.import_module(name), attribute))
