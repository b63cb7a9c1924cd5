"""The task ``fid@[PROTOCOL@][crop@]SOURCE``; the package says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.catalog import split_name
from harness.contracts import Case, MadeElsewhere, Sample
from harness.errors import UserError
from harness.metrics.statistics_files import StatisticsFile
from harness.paths import user_path
from harness.provenance import provenance_of
from tasks.fid.features import OTHER_INSTRUMENTS, OTHER_METRICS, Features, headed
from tasks.fid.sets import AS_THEY_ARE, FidOfSets, Side
from tasks.fid.sources import ReferenceFolder, StatisticsReference
from tasks.generation.task import Generation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

CROP = "crop"


class FidOfFolder(Generation):
    """Against a folder's pictures, one per case. Sample images are ``reference`` and ``output``.

    References are as they are in the folder; with ``crop`` they are cropped to the subject's size, which is another
    task by its name.
    """

    title = "fid"
    version = 2

    def __init__(self, source: ReferenceFolder, features: Features, subject: Any, crop: bool = False) -> None:
        super().__init__(source, subject)
        self.title, self.crop = f"fid-{CROP}" if crop else "fid", crop
        self.examines = "GeneratesImages" if source.captions else "GeneratesClasses"
        if source.classes:
            _require_classes(subject, source)
        self.instruments = (features.instrument, *OTHER_INSTRUMENTS)
        self.metrics = (*features.metrics(), *OTHER_METRICS)
        self.shown = headed(self.metrics)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        told = {name: value for name, value in super().fingerprint.items() if self.crop or name != "filter"}
        return {**told, **({"read": AS_THEY_ARE["read"]} if self.crop else {**AS_THEY_ARE, "compared": "as they are"})}

    def load(self, case: Case) -> np.ndarray:
        """The reference, ``height width 3``. Raises for an image that cannot be read."""
        return super().load(case) if self.crop else self.source.image(case)

    def generate(self, subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
        return _generated(subject, cases, seeds)


class FidOfStatistics(Generation):
    """Against a file of statistics. The only sample image is ``output``."""

    title = "fid"
    examines = "GeneratesClasses"

    def __init__(self, source: StatisticsReference, features: Features, subject: Any) -> None:
        super().__init__(source, subject)
        self.statistics, self.features = source, features
        self.instruments = (features.instrument,)
        self.metrics = features.metrics(source.file)
        self.shown = headed(self.metrics)

    def check(self) -> None:
        """Raises UserError for statistics of another width than the features, before anything is generated."""
        self.features.require_width(self.statistics.file)

    def load(self, case: Case) -> Any:
        """Nothing: a case is its class."""
        return None

    def generate(self, subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
        return _generated(subject, cases, seeds)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One batch."""
        import torch

        with torch.no_grad():
            outputs = self.stored(self.generate(subject, cases, seeds), len(cases))
        return [Sample(case, images={"output": output}) for case, output in zip(cases, outputs, strict=True)]


def _generated(subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
    if "caption" in cases[0].facts:
        images: Tensor = subject.generate([case.facts["caption"] for case in cases], seeds)
    else:
        images = subject.generate_classes([int(case.facts["label"]) for case in cases], seeds)
    return images


def _require_classes(subject: Any, source: ReferenceFolder) -> None:
    """Folders that are called by their labels may be some of the model's; sorted ones must be all of them."""
    count, last = len(source.classes), max(source.labels.values())
    # a subject without classes is told what it lacks elsewhere
    known = provenance_of(subject).class_count or last + 1
    if not source.numbered and count != known:
        raise UserError(
            f"the folder has {count} classes and this model makes {known}: give the data that it was trained on"
        )
    if last >= known:
        raise UserError(
            f"the folder's last class is {last}, by its name, and this model makes classes 0 to {known - 1}: give the "
            "data that it was trained on, its folders numbered from 0"
        )


def build(argument: str, subject: Any) -> Generation | FidOfSets:
    """The catalogue's factory."""
    features, source = Features.split_from(argument)
    first, rest = split_name(source)
    crop, source = (True, rest) if first == CROP and rest else (False, source)
    if not source:
        raise UserError("fid needs a reference: fid@FOLDER (classes or captions) or fid@STATISTICS.npz")
    path = user_path(source)
    is_file = path.suffix == ".npz" or path.is_file()
    if not path.is_dir() and not is_file:
        raise UserError(f"no reference at '{source}': give a folder or a .npz of statistics")
    if crop and is_file:
        raise UserError(f"{source} holds statistics, which cannot be cropped: leave out '{CROP}@'")
    made = subject.made_elsewhere if isinstance(subject, MadeElsewhere) else None
    if made is not None:
        return FidOfSets(Side.at(made), Side.at(path), features, int(subject.image_size) if crop else 0)
    if path.is_dir():
        return FidOfFolder(ReferenceFolder(path), features, subject, crop)
    file = StatisticsFile(path.resolve())
    _ = file.pool3  # what is wrong with it is said before anything is generated
    return FidOfStatistics(StatisticsReference(file, provenance_of(subject).class_count or 1), features, subject)
