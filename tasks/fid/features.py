"""Which features FID looks at, and the metrics that they allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.contracts import ShownTask
from harness.errors import UserError
from harness.instruments.feature_protocols import DEFAULT, OTHER, PROTOCOLS, FeatureProtocol, other_weights
from harness.metrics.statistics_files import PAIRS, StatisticsFile
from tasks.fid.entries import SHOWN

OTHER_INSTRUMENTS = ("dinov2-vitl14", "clip-vitl14-336", "efficientnet-lite0")
OTHER_METRICS = ("fd@dinov2-vitl14", "cmmd", "kid-efficientnet-lite0")
WIDTHS = {"": 2048, "_spatial": 2023}
"""Of Inception's layers, by the end of the columns' names."""
MANIFOLDS = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Features:
    """A protocol; ``written`` is its name in the names of metrics and ``instrument`` that of the instrument."""

    protocol: FeatureProtocol
    written: str
    instrument: str

    @classmethod
    def split_from(cls, argument: str) -> tuple[Features, str]:
        """(features, the rest) of ``[PROTOCOL@]REST`` or ``inception@[PROTOCOL@]FILE@REST``."""
        first, _, rest = argument.partition("@")
        if first == OTHER and rest:
            protocol, file, rest = other_weights(rest)
            name = f"{OTHER}@{protocol.name}@{file}"
            return cls(protocol, name, name), rest
        name, rest = (first, rest) if first in PROTOCOLS else (DEFAULT, argument)
        return cls(PROTOCOLS[name], name, PROTOCOLS[name].instrument), rest

    @property
    def published(self) -> bool:
        return not self.protocol.weights

    def metrics(self, file: StatisticsFile | None = None) -> tuple[str, ...]:
        """Against pictures, or against the statistics in a file."""
        to = f"@{file.path}" if file else ""
        if not self.published:
            others = () if file else (f"kd@{self.written}", *(f"{which}@{self.written}" for which in MANIFOLDS))
            return (f"fd@{self.written}{to}", *others)
        found = [f"fid@{self.written}{to}"]
        if "spatial" in self.protocol.further and (file is None or set(PAIRS["_spatial"]) <= set(file.names)):
            found.append(f"sfid@{self.written}{to}")
        if not file:
            found += [f"fid-infinity@{self.written}", f"kid@{self.written}"]
            found += [f"{which}@{self.written}" for which in MANIFOLDS]
        if "logits_unbiased" in self.protocol.of_outputs:
            found += [f"inception-score@{self.written}", f"inception-score-unsplit@{self.written}"]
        return tuple(found)

    def metric_of(self, outputs: StatisticsFile, references: StatisticsFile | None) -> str:
        """Of outputs of which there are statistics alone. Raises UserError for other weights than the published."""
        if not self.published:
            raise UserError(f"{outputs.path} goes with the published weights alone: give the folder of its pictures")
        return f"fid-of@{self.written}@{outputs.path}" + (f"|{references.path}" if references else "")

    def require_width(self, file: StatisticsFile) -> None:
        """Raises UserError for statistics of another width."""
        for layer, width in WIDTHS.items():
            if layer == "" or ("spatial" in self.protocol.further and set(PAIRS[layer]) <= set(file.names)):
                file.require_width(layer, width, f"Inception's {'spatial layer' if layer else 'pool3'}")


def headed(metrics: Sequence[str]) -> ShownTask:
    """FID as its task is shown, by the first of these metrics."""
    return replace(SHOWN, headline=tuple(metrics[:1]))
