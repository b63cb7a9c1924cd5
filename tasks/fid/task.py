"""The task ``fid@[PROTOCOL@]SOURCE``; the package says what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.catalog import split_name
from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.instruments.feature_protocols import PROTOCOLS, FeatureProtocol
from harness.metrics.statistics_files import StatisticsFile
from harness.paths import user_path
from tasks.fid.sources import ReferenceFolder, StatisticsReference
from tasks.generation.task import Generation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

DEFAULT = "adm"
OTHER_INSTRUMENTS = ("dinov2-vitl14", "clip-vitl14-336", "efficientnet-lite0")
OTHER_METRICS = ("fd@dinov2-vitl14", "cmmd", "kid-efficientnet-lite0")


def metrics_of(protocol: FeatureProtocol, file: str = "", spatial: bool = True) -> tuple[str, ...]:
    """The metrics that a protocol's layers allow, against the references or against the statistics in a file."""
    name, to = protocol.name, f"@{file}" if file else ""
    found = [f"fid@{name}{to}"]
    if "spatial" in protocol.further and spatial:
        found.append(f"sfid@{name}{to}")
    if not file:
        found += [f"fid-infinity@{name}", f"kid@{name}"]
        found += [f"{which}@{name}" for which in ("precision", "recall", "density", "coverage")]
    if "logits_unbiased" in protocol.of_outputs:
        found += [f"inception-score@{name}", f"inception-score-unsplit@{name}"]
    return tuple(found)


class FidOfFolder(Generation):
    """Against a folder's pictures, one per case. Sample images are ``reference`` and ``output``."""

    title = "fid"

    def __init__(self, source: ReferenceFolder, protocol: FeatureProtocol, subject: Any) -> None:
        super().__init__(source, subject)
        self.examines = "GeneratesImages" if source.captions else "GeneratesClasses"
        if source.classes:
            _require_classes(subject, source)
        self.instruments = (protocol.instrument, *OTHER_INSTRUMENTS)
        self.metrics = (*metrics_of(protocol), *OTHER_METRICS)

    def generate(self, subject: Any, cases: Sequence[Case], seeds: Sequence[int]) -> Tensor:
        return _generated(subject, cases, seeds)


class FidOfStatistics(Generation):
    """Against a file of statistics. The only sample image is ``output``."""

    title = "fid"
    examines = "GeneratesClasses"

    def __init__(self, source: StatisticsReference, protocol: FeatureProtocol, subject: Any) -> None:
        super().__init__(source, subject)
        self.instruments = (protocol.instrument,)
        self.metrics = metrics_of(protocol, str(source.file.path), source.spatial)

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
    known = getattr(subject, "class_count", last + 1)  # a subject without classes is told what it lacks elsewhere
    if not source.numbered and count != known:
        raise UserError(
            f"the folder has {count} classes and this model makes {known}: give the data that it was trained on"
        )
    if last >= known:
        raise UserError(
            f"the folder's last class is {last}, by its name, and this model makes classes 0 to {known - 1}: give the "
            "data that it was trained on, its folders numbered from 0"
        )


def build(argument: str, subject: Any) -> Generation:
    """The catalogue's factory."""
    first, rest = split_name(argument)
    name, source = (first, rest) if first in PROTOCOLS else (DEFAULT, argument)
    if not source:
        raise UserError("fid needs a reference: fid@FOLDER (classes or captions) or fid@STATISTICS.npz")
    protocol, path = PROTOCOLS[name], user_path(source)
    if path.is_dir():
        return FidOfFolder(ReferenceFolder(path), protocol, subject)
    if path.suffix == ".npz" or path.is_file():
        file = StatisticsFile(path.resolve())
        _ = file.pool3  # what is wrong with it is said before anything is generated
        return FidOfStatistics(StatisticsReference(file, int(getattr(subject, "class_count", 1))), protocol, subject)
    raise UserError(f"no reference at '{source}': give a folder or a .npz of statistics")
