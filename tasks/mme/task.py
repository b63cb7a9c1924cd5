"""The task ``mme``: a case is a picture with its two questions, which are asked one after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.images import centre_crop_resize, from_bytes, load_rgb
from harness.spec import path_safe
from tasks.cost import device_of
from tasks.mme.answers import NAME as ANSWERS
from tasks.mme.answers import answers_text
from tasks.mme.data import COGNITION, PERCEPTION, MmeData, Pair, Source, parquet_files, read_data
from tasks.mme.metrics import CHANCE_SCORE, HIGHEST

if TYPE_CHECKING:
    import numpy as np

FILTER = "bicubic-antialias"
PADDING = 127
"""Grey of the bars that make a picture square."""
WORLD: Mapping[str, str] = {"": "seen", "world": "seen", "world-held-out": "held out"}
"""What follows the ``@`` -> which combinations of shape and colour the world's questions name."""
WORLD_SIDE = 32

METRICS = ("mme-score", "mme-percent", "mme-total", "mme-acc", "mme-acc-plus", "mme-yes-rate", "mme-other")
OTHER_PARSERS = ("lmms-eval", "vlmevalkit")


class Mme:
    """``mme@world``, ``mme@world-held-out`` or ``mme@PATH``. Nothing is read before cases are asked for.

    A sample's image is ``reference`` (what was shown), its text the JSON list of the two answers; the case's facts hold
    ``questions``, true ``answers``, ``subtask``, and ``subtasks``, all those of the data. The stratum is the subtask,
    the group is the picture's content within it.
    """

    version = 1
    examines = "AnswersQuestions"
    instruments = (ANSWERS,)

    def __init__(self, argument: str, subject: Any) -> None:
        self.argument = argument
        self.shown_size = int(subject.image_size)

    @property
    def name(self) -> str:
        if self.argument in WORLD:
            return f"mme-{self.argument or 'world'}"
        return path_safe(f"mme-{Path(self.argument).expanduser().resolve().stem}")

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
            "prompt": "the question as it stands",
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
        picture = decoded(self.data.picture(pair), pair.question_id)
        side = self.shown_size
        return picture if picture.shape[:2] == (side, side) else centre_crop_resize(padded(picture), side, FILTER)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """The first question of every case, then the second, so that a batch is no larger than the run's."""
        import numpy as np
        import torch

        images = from_bytes(np.stack(list(inputs))).to(device_of(subject))
        try:
            with torch.no_grad():
                turns = [subject.answer(images, [case.facts["questions"][turn] for case in cases]) for turn in (0, 1)]
        except UserError as error:  # a question longer than the context is its case's failure, not the run's
            raise ValueError(str(error)) from error
        return [
            Sample(case, images={"reference": picture}, text=answers_text(answers))
            for case, picture, answers in zip(cases, inputs, zip(*turns, strict=True), strict=True)
        ]

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what a language model costs is the same for every task that it answers."""
        return {}


def padded(picture: np.ndarray) -> np.ndarray:
    """Grey bars on two sides, so that nothing is cut off: uint8 ``side side 3``."""
    import numpy as np

    height, width = picture.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), PADDING, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = picture
    return square


def decoded(content: bytes, name: str) -> np.ndarray:
    """An encoded picture as RGB, by the one rule for image files (``harness.images``). Raises ValueError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path_safe(name)
        file.write_bytes(content)
        return load_rgb(file)


def _data(argument: str) -> MmeData:
    if argument in WORLD:
        return _world(WORLD[argument])
    files = parquet_files(argument)
    return _read(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@lru_cache(maxsize=2)
def _world(naming: Any) -> MmeData:
    from tasks.mme.world import world_parquet

    return read_data([world_parquet(naming)])


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[Path, int, int], ...]) -> MmeData:
    """Once per process, as long as the files stay as they are; every model is asked the same."""
    sources: list[Source] = [file for file, _, _ in files]
    return read_data(sources)


def build(argument: str, subject: Any) -> Mme:
    """The catalogue's factory."""
    return Mme(argument, subject)
