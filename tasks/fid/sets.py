"""Two sets that exist already: ``ddtbench run fid@A --model image-folder@B``, each a folder or a file of statistics.

Pictures are taken as they are, as clean-fid and the other tools take them. The two sets have nothing to do with one
another, and may have any numbers of pictures: each case is a picture of one side, its stratum, and intervals take what
varies in either side (``harness.sets``). Cases are numbered in the order of the files' names, so that two folders are
compared by equal places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contracts import Case, Sample
from harness.images import centre_crop_resize, describe_preprocessing
from harness.metrics.statistics_files import StatisticsFile
from harness.sets import SETS, SIDES, UNPAIRED
from tasks.fid.features import OTHER_INSTRUMENTS, OTHER_METRICS, Features, headed
from tasks.fid.sources import DIGITS, FidFolder, statistics_name
from tasks.tokenizing.base import FILTER

if TYPE_CHECKING:
    import numpy as np

AS_THEY_ARE = {"crop": "none", "resize": "none", "read": "Pillow, convert RGB"}
"""What is done to pictures before the features' own protocol."""


@dataclass(frozen=True)
class Side:
    """One set: its pictures, or its statistics."""

    pictures: FidFolder | None = None
    statistics: StatisticsFile | None = None

    @classmethod
    def at(cls, path: Path) -> Side:
        """Raises UserError for a folder without pictures and for statistics that are none."""
        if path.is_dir():
            return cls(pictures=FidFolder(path))
        file = StatisticsFile(path.resolve())
        _ = file.pool3  # what is wrong with it is said before anything is computed
        return cls(statistics=file)

    @property
    def name(self) -> str:
        return self.pictures.name if self.pictures else statistics_name(self._file)

    @property
    def about(self) -> str:
        return self.pictures.about if self.pictures else f"statistics {self._file.path.name}"

    @property
    def revision(self) -> str:
        return self.pictures.revision if self.pictures else f"statistics-{self._file.digest[:DIGITS]}"

    @property
    def _file(self) -> StatisticsFile:
        assert self.statistics is not None
        return self.statistics


class FidOfSets:
    """Sample images are ``reference`` or ``output``, one in each sample; none where both sides are statistics."""

    version = 2
    examines = "GeneratesImages"
    own_cases = True

    def __init__(self, outputs: Side, references: Side, features: Features, crop: int = 0) -> None:
        self.outputs, self.references, self.features, self.crop = outputs, references, features, crop
        self.name = f"fid{'-crop' if crop else ''}-{references.name}"
        both, none = outputs.pictures and references.pictures, not outputs.pictures and not references.pictures
        self.unpaired = bool(both)
        self.instruments: Sequence[str] = () if none else (features.instrument, *(OTHER_INSTRUMENTS if both else ()))
        if both:
            self.metrics: Sequence[str] = (*features.metrics(), *OTHER_METRICS)
        elif outputs.statistics:
            self.metrics = (features.metric_of(outputs.statistics, references.statistics),)
        else:
            self.metrics = features.metrics(references.statistics)
        self.shown = headed(self.metrics)

    @property
    def data_revision(self) -> str:
        return self.references.revision

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        done = {**AS_THEY_ARE, **(describe_preprocessing(self.crop, FILTER) if self.crop else {})}
        told = {"reference": self.references.about, "revision": self.references.revision, **done}
        return {**told, **({SETS: UNPAIRED} if self.unpaired else {})}

    def check(self) -> None:
        """Raises UserError for statistics of another width than the features, before anything is computed."""
        for side in (self.outputs, self.references):
            if side.statistics:
                self.features.require_width(side.statistics)

    def cases(self) -> Sequence[Case]:
        return self._cases

    @cached_property
    def _cases(self) -> Sequence[Case]:
        if not self._places:
            return (Case("statistics", "statistics"),)
        return tuple(Case(name, name, self._stratum(name), {"file": case.id}) for name, case in self._places.items())

    def _stratum(self, name: str) -> str:
        return name.partition("-")[0] if self.unpaired else ""

    @cached_property
    def _places(self) -> dict[str, Case]:
        """Name -> the file's case in its folder; sides in turn, so that any first N have as many of either."""
        sides = []
        for side, held in zip(SIDES, (self.outputs, self.references), strict=True):
            files = held.pictures.cases() if held.pictures else ()
            sides.append([(f"{side}-{number:06d}", case) for number, case in enumerate(files)])
        return dict(filter(None, chain.from_iterable(zip_longest(*sides))))

    def load(self, case: Case) -> np.ndarray | None:
        """The picture, ``height width 3``. Raises ValueError, naming the file, for one that cannot be read."""
        if case.id not in self._places:
            return None
        side = case.id.partition("-")[0]
        source = self.outputs.pictures if side == SIDES[0] else self.references.pictures
        assert source is not None
        picture = source.image(self._places[case.id])
        return centre_crop_resize(picture, self.crop, FILTER) if self.crop and side == SIDES[1] else picture

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> Sequence[Sample]:
        """Nobody is asked: the pictures are there."""
        return [
            Sample(case, images={} if picture is None else {case.id.partition("-")[0]: picture})
            for case, picture in zip(cases, inputs, strict=True)
        ]

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: making the pictures was someone else's work."""
        return {}
