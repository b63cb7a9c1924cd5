"""The task ``mme``: a case is a picture with its two questions, which are asked one after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.answers import texts_of
from harness.contracts import Case, Sample, ShownTask
from harness.images import PADDING, from_bytes, load_rgb, shown_whole
from harness.paths import user_path
from harness.spec import path_safe
from tasks.data.tables import InMemory
from tasks.mme.answers import NAME as ANSWERS
from tasks.mme.answers import answers_text
from tasks.mme.data import MmeData, Pair, parquet_files, read_data
from tasks.mme.entries import SHOWN
from tasks.mme.metrics import CHANCE_SCORE, HIGHEST
from tasks.mme.prepare import prepared_file
from tasks.mme.schema import COGNITION, PERCEPTION
from tasks.tokenizing.cost import device_of

if TYPE_CHECKING:
    import numpy as np

FILTER = "bicubic-antialias"
WORLD: Mapping[str, str] = {"": "seen", "world": "seen", "world-400": "seen", "world-held-out": "held out"}
"""What follows the ``@`` -> which combinations of shape and colour the world's questions name."""
MORE = {"world-400": 100}
"""Pictures per subtask of those that have more than usual: the first are those of ``world``."""
WORLD_SIDE = 32
OFFICIAL = "official"
"""What follows the ``@`` for the published file, once prepared."""

Wording = Literal["official", "lmms-eval"]
REQUEST, LMMS_REQUEST = " Please answer yes or no.", "\nAnswer the question using a single word or phrase."

METRICS = ("mme-score", "mme-percent", "mme-total", "mme-acc", "mme-acc-plus", "mme-yes-rate", "mme-other")
OTHER_PARSERS = ("lmms-eval", "vlmevalkit")


class Mme:
    """``mme@world``, ``mme@world-400``, ``mme@world-held-out``, ``mme@official`` (once prepared) or ``mme@PATH``.
    Nothing is read before cases are asked for.

    A sample's image is ``reference`` (what was shown), its text the JSON list of the two answers; the case's facts hold
    ``questions``, true ``answers``, ``subtask``, and ``subtasks``, all those of the data. The stratum is the subtask,
    the group is the picture's content within it.
    """

    version = 1
    examines = "AnswersQuestions"
    instruments = (ANSWERS,)

    def __init__(self, argument: str, subject: Any, wording: Wording = "official") -> None:
        self.argument, self.wording = argument, wording
        self.shown_size = int(subject.image_size)

    @property
    def name(self) -> str:
        kind = "mme" if self.wording == "official" else f"mme-{self.wording}"
        if self.argument in WORLD:
            return f"{kind}-{self.argument or 'world'}"
        return path_safe(f"{kind}-{user_path(self.argument).resolve().stem}")

    @property
    def shown(self) -> ShownTask:
        """The held-out combinations stand beside the others, and not in their place."""
        if self.wording != "official":
            return replace(SHOWN, title="MME as lmms-eval asks", order=42)
        if self.argument in WORLD:
            if self.argument in MORE:
                return replace(SHOWN, order=SHOWN.order + 1)
            return SHOWN if self.argument in ("", "world") else replace(SHOWN, headline=())
        return replace(SHOWN, title="MME, official", order=41)

    @property
    def data(self) -> MmeData:
        """The pairs. Raises UserError for data that is not there or not as the schema says."""
        return _data(self.argument)

    @property
    def data_revision(self) -> str:
        return self.data.revision

    @property
    def metrics(self) -> Sequence[str]:
        """Of data with both groups also MME-P and MME-C; totals by every parser."""
        there = set(self.data.subtasks)
        groups = ("perception", "cognition") if there & set(COGNITION) and there & set(PERCEPTION) else ()
        twins = [f"mme-{what}-{parser}" for what in ("total", *groups) for parser in OTHER_PARSERS]
        return (*METRICS, *(f"mme-{what}" for what in groups), *twins)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the numbers depend on beside the subject; ``chance`` are the points of fair coins."""
        world = self.argument in WORLD
        native = world and self.shown_size == WORLD_SIDE
        resize = {"crop": "none", "pad": f"square, grey {PADDING}", "resize": self.shown_size, "filter": FILTER}
        subtasks = self.data.subtasks
        return {
            "reference": f"MME's questions on the embedded world, combinations {WORLD[self.argument]}"
            if world
            else f"MME's official schema, {len(self.data.pairs)} pairs",
            "revision": self.data.revision,
            **({"crop": "none", "pad": "none", "resize": "none"} if native else resize),
            "prompt": "the question as it stands" if self.wording == "official" else "as lmms-eval words it",
            "decoding": "greedy",
            "subtasks": list(subtasks),
            "maximum": HIGHEST * len(subtasks),
            "chance-total": CHANCE_SCORE * len(subtasks),
        }

    @cached_property
    def _pairs(self) -> Mapping[str, Pair]:
        """By case id: ``mme/count/0001.jpg``; the subtask is not said twice."""
        named = {}
        for pair in self.data.pairs:
            inside = pair.question_id.removeprefix(f"{pair.category}/")
            named[f"{self._prefix}/{pair.category}/{inside}"] = pair
        return named

    @property
    def _prefix(self) -> str:
        return f"mme-{self.argument or 'world'}" if self.argument in WORLD else "mme"

    @cached_property
    def _cases(self) -> Sequence[Case]:
        subtasks = list(self.data.subtasks)
        return [
            Case(
                name,
                f"{pair.category}/{pair.picture}",
                pair.category,
                {
                    "subtask": pair.category,
                    "subtasks": subtasks,
                    "questions": list(pair.questions),
                    "answers": list(pair.answers),
                },
            )
            for name, pair in self._pairs.items()
        ]

    def cases(self) -> Sequence[Case]:
        return self._cases

    def load(self, case: Case) -> np.ndarray:
        """The whole picture, padded to a square and resized: uint8 ``size size 3``. Raises ValueError for one that
        cannot be read."""
        pair = self._pairs[case.id]
        return shown_whole(decoded(self.data.picture(pair), pair.question_id), self.shown_size, FILTER)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """The first question of every case, then the second, so that a batch is no larger than the run's."""
        import numpy as np
        import torch

        images = from_bytes(np.stack(list(inputs))).to(device_of(subject))
        with torch.no_grad():
            answers = [subject.answer(images, [self._asked(case, turn) for case in cases]) for turn in (0, 1)]
        turns = [texts_of(said, len(cases)) for said in answers]
        return [
            Sample(case, images={"reference": picture}, text=answers_text(answers))
            for case, picture, answers in zip(cases, inputs, zip(*turns, strict=True), strict=True)
        ]

    def _asked(self, case: Case, turn: int) -> str:
        question = str(case.facts["questions"][turn])
        return question if self.wording == "official" else as_lmms_eval_asks(question)

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what a language model costs is the same for every task that it answers."""
        return {}


def decoded(content: bytes, name: str) -> np.ndarray:
    """An encoded picture as RGB, by the one rule for image files (``harness.images``). Raises ValueError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path_safe(name)
        file.write_bytes(content)
        return load_rgb(file)


def _data(argument: str) -> MmeData:
    if argument in WORLD:
        return _world(WORLD[argument], MORE.get(argument, 0))
    files = (prepared_file(),) if argument == OFFICIAL else parquet_files(argument)
    return _read(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@lru_cache(maxsize=3)
def _world(naming: Any, pictures: int) -> MmeData:
    from tasks.mme.world import world_parquet

    return read_data([InMemory("the world's questions", world_parquet(naming, pictures))])


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[Path, int, int], ...]) -> MmeData:
    """Once per process, as long as the files stay as they are; every model is asked the same."""
    return read_data([file for file, _, _ in files])


def as_lmms_eval_asks(question: str) -> str:
    """The request to answer yes or no replaced by lmms-eval's own (its ``tasks/mme``, default model, release 0.7.3).

    Some of MME's questions have two blanks before their request, of which one stays, as there.
    """
    return question.strip().replace(REQUEST, "") + LMMS_REQUEST


def build(argument: str, subject: Any) -> Mme:
    """The catalogue's factory."""
    return Mme(argument, subject)


def build_as_lmms_eval_asks(argument: str, subject: Any) -> Mme:
    """The catalogue's factory of the other wording."""
    return Mme(argument, subject, "lmms-eval")
