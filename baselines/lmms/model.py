"""Any model of the catalogue inside lmms-eval: ``lmms_eval --model ddtbench --model_args model=NAME[@SOURCE]``.

lmms-eval (0.7) hands over all requests of a task at once; here they are asked in batches, the last one padded by
repeating, so that what a model sees does not depend on how many there are. A picture is shown whole, padded to a square
and resized (``harness.images.shown_whole``), as our own tasks show it.

A request that fails (two pictures, a question longer than the context, an exception of the model) gets the empty
answer, since lmms-eval knows no failures and counts it as wrong. With ``answers=FILE`` every answer and the reason of
every failure is also written there, one JSON line each; what the file holds already is not asked again.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lmms_eval.api.instance import GenerationResult
from lmms_eval.api.model import lmms

from baselines.lmms.answers import AnswerLog
from harness.answers import texts_of
from harness.catalog import open_model
from harness.contracts import AnswersQuestions, ScoresAnswers
from harness.errors import UserError
from harness.images import from_bytes, shown_whole
from harness.isolation import attempt
from harness.texts import shown

WORST = float("-inf")
"""The log-likelihood of what could not be scored."""


@dataclass(frozen=True)
class Asked:
    """A request with its picture loaded. ``target`` is the text to score, "" where an answer is to be written."""

    task: str
    document: int
    question: str
    picture: np.ndarray
    target: str = ""
    longest: int | None = None
    until: tuple[str, ...] = ()


class DdtbenchModel(lmms):  # type: ignore[misc]  # lmms-eval carries no types
    """lmms-eval's ``simple`` model; ``model`` is ``NAME[@SOURCE]``.

    Raises UserError for a name that is not in the catalogue, and for a model that answers no questions.
    """

    is_simple = True

    def __init__(
        self, model: str, device: str = "cpu", batch_size: int | str = 1, answers: str = "", **unused: Any
    ) -> None:
        super().__init__()
        self.subject = open_model(model, device)
        if not isinstance(self.subject, AnswersQuestions):
            raise UserError(f"model '{model}' answers no questions, which is what lmms-eval asks")
        self.device = torch.device(device)
        self.batch_size = int(batch_size)
        self._log = AnswerLog(Path(answers)) if answers else None
        self._takes_longest = "longest" in signature(self.subject.answer).parameters

    # -- what lmms-eval calls

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """One text per request, cut before the first of its stop strings."""
        known = [self._log.known(*_identity(request)) if self._log else None for request in requests]
        missing = [request for request, record in zip(requests, known, strict=True) if record is None]
        made = iter(self._in_batches(missing, self._load_question, self._answer, ""))
        return [next(made) if record is None else record for record in known]

    def loglikelihood(self, requests: Sequence[Any]) -> list[Any]:
        """(log p of the continuation given picture and context, whether it is the greedy answer) per request.

        Each pair comes inside a GenerationResult: release 0.7.3 turns a bare pair into text, and then cannot score it.
        """
        if not isinstance(self.subject, ScoresAnswers):
            raise UserError("this model cannot say how likely an answer is (ScoresAnswers)")
        pairs = self._in_batches(requests, self._load_choice, self._score, (WORST, False))
        return [GenerationResult(pair) for pair in pairs]

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Raises UserError: our models answer one question about one picture."""
        raise UserError("ddtbench's models cannot run tasks of several rounds: they answer one question")

    # -- one request

    def _load_question(self, request: Any) -> Asked:
        context, settings, to_visual, document, task, split = request.args
        until = settings.get("until") or ()
        longest = settings.get("max_new_tokens")
        return Asked(
            task,
            int(document),
            context,
            self._picture(to_visual, task, split, document),
            longest=None if longest is None else int(longest),
            until=(until,) if isinstance(until, str) else tuple(until),
        )

    def _load_choice(self, request: Any) -> Asked:
        context, target, to_visual, document, task, split = request.args
        text = target(self.task_dict[task][split][document]) if callable(target) else target
        if not isinstance(text, (str, int, float)):
            raise ValueError(f"the answer to score must be text, is {shown(text)}")
        return Asked(task, int(document), context, self._picture(to_visual, task, split, document), f"{text}".strip())

    def _picture(self, to_visual: Callable[[Any], Any], task: str, split: str, document: int) -> np.ndarray:
        pictures = to_visual(self.task_dict[task][split][document]) or []
        if len(pictures) != 1:
            raise ValueError(f"the question comes with {len(pictures)} pictures; this model looks at one")
        return shown_whole(np.asarray(pictures[0].convert("RGB")), self.subject.image_size)

    # -- a batch

    def _answer(self, batch: Sequence[Asked]) -> list[str]:
        images, questions = self._shown(batch), [item.question for item in batch]
        longest = {item.longest for item in batch if item.longest is not None}
        limits = {"longest": max(longest)} if longest and self._takes_longest else {}
        with torch.no_grad():
            texts = texts_of(self.subject.answer(images, questions, **limits), len(batch))
        return [_cut(text, item.until) for text, item in zip(texts, batch, strict=True)]

    def _score(self, batch: Sequence[Asked]) -> list[tuple[float, bool]]:
        images, questions = self._shown(batch), [item.question for item in batch]
        with torch.no_grad():
            found = self.subject.score_answers(images, questions, [item.target for item in batch])
            greedy = texts_of(self.subject.answer(images, questions), len(batch))
        for likelihood in found:
            if not math.isfinite(likelihood.nats):
                raise ValueError(f"the log-likelihood is not finite ({-likelihood.nats})")
        return [
            (-likelihood.nats, text.strip() == item.target)
            for likelihood, text, item in zip(found, greedy, batch, strict=True)
        ]

    def _shown(self, batch: Sequence[Asked]) -> torch.Tensor:
        return from_bytes(np.stack([item.picture for item in batch])).to(self.device)

    def _in_batches(
        self,
        requests: Sequence[Any],
        load: Callable[[Any], Asked],
        ask: Callable[[Sequence[Asked]], Sequence[Any]],
        failed: Any,
    ) -> list[Any]:
        """``ask`` in full batches; one that raises is asked again one by one, so that only the guilty request fails."""
        answers: list[Any] = []
        for start in range(0, len(requests), self.batch_size):
            batch = requests[start : start + self.batch_size]
            loaded = [attempt(partial(load, request)) for request in batch]
            results = self._results(loaded, ask)
            for request, (value, reason) in zip(batch, results, strict=True):
                answers.append(failed if reason else value)
                if reason:
                    print(f"failed: {'/'.join(map(str, _identity(request)))}: {reason}", file=sys.stderr)
                if self._log and (reason or isinstance(value, str)):
                    self._log.add(*_identity(request), value, reason)
        return answers

    def _results(
        self, loaded: Sequence[tuple[Asked | None, str]], ask: Callable[[Sequence[Asked]], Sequence[Any]]
    ) -> list[tuple[Any, str]]:
        ready = [item for item, _ in loaded if item is not None]
        if not ready:
            return [(None, reason) for _, reason in loaded]

        def padded(items: Sequence[Asked]) -> list[Asked]:
            return [*items, *[items[-1]] * (self.batch_size - len(items))]

        # a place whose picture failed is filled by another, so that the rest keep theirs
        together, _ = attempt(lambda: ask(padded([item or ready[0] for item, _ in loaded])))
        found: list[tuple[Any, str]] = []
        for place, (item, reason) in enumerate(loaded):
            if item is None:
                found.append((None, reason))
            elif together is not None:
                found.append((together[place], ""))
            else:
                alone, why = attempt(partial(ask, padded([item])))
                found.append((None, why) if alone is None else (alone[0], ""))
        return found


def _identity(request: Any) -> tuple[str, int]:
    return str(request.args[-2]), int(request.args[-3])


def _cut(text: str, until: Sequence[str]) -> str:
    for stop in until:
        text = text.partition(stop)[0] if stop else text
    return text
