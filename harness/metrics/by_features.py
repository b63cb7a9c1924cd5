"""Metrics of sets on any instrument's features: ``NAME@FEATURES``, for example ``fid@clean`` or ``fd@dinov2-vitl14``.

What is called FID, sFID, KID or Inception score is on Inception features, and FEATURES is one of the protocols of
``harness.instruments.feature_protocols``. On other features the same distances are called FD and KD, and FEATURES is
the name of an instrument. ``fid@PROTOCOL@FILE.npz`` compares with the statistics in a file instead of the references.

``precision`` and ``recall`` take k = 3 nearest neighbours on Inception features, as the ADM evaluator and
torch-fidelity do (Kynkaanniemi et al. 2019), and all other manifolds k = 5 (Naeem et al. 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from harness.catalog import lookup, split_name
from harness.errors import UserError
from harness.instruments.feature_protocols import PROTOCOLS, protocol_of
from harness.metrics import frechet_infinity, kernel
from harness.metrics.frechet import PROTOCOL, Frechet
from harness.metrics.frechet_infinity import FrechetInfinity
from harness.metrics.frechet_to_file import FrechetToFile
from harness.metrics.inception_score import SPLITS, InceptionScore
from harness.metrics.kernel import KernelDistance
from harness.metrics.manifold import NEAREST
from harness.metrics.precision_recall import ManifoldMetric, Which
from harness.metrics.statistics_files import StatisticsFile
from harness.paths import user_path

DEFAULT = "adm"
"""The protocol of the published tables that tokenizers and class-conditional generators are compared in."""
NEAREST_OF_PRECISION = 3


def _about(protocol: str) -> dict[str, Any]:
    return {"features": dict(protocol_of(protocol).describe())}


def _inception(features: str, layer: str = "") -> str:
    """The instrument of a protocol. Raises UserError for one that is unknown or lacks the layer."""
    protocol = protocol_of(features)
    if layer and layer not in (*protocol.further, *protocol.of_outputs):
        with_it = [name for name, other in PROTOCOLS.items() if layer in (*other.further, *other.of_outputs)]
        raise UserError(f"protocol '{features}' has no layer '{layer}': one of {', '.join(with_it)}")
    return protocol.instrument


def _instrument(features: str) -> tuple[str, Mapping[str, Any]]:
    """(instrument, what fingerprints say of it); FEATURES may also be an Inception protocol."""
    if features in PROTOCOLS:
        return PROTOCOLS[features].instrument, _about(features)
    return lookup("instrument", features).name, {}


def fid(argument: str = DEFAULT) -> Frechet | FrechetToFile:
    """``fid@PROTOCOL[@FILE.npz]``: Frechet inception distance (Heusel et al. 2017)."""
    features, file = split_name(argument)
    instrument, about = _inception(features), {**PROTOCOL, **_about(features)}
    if file:
        path = user_path(file)
        return FrechetToFile(f"fid@{features}@{path.stem}", instrument, StatisticsFile(path), about)
    return Frechet(f"fid@{features}", instrument, protocol=about)


def sfid(argument: str = DEFAULT) -> Frechet | FrechetToFile:
    """``sfid@adm[@FILE.npz]``: the same on the spatial features (Nash et al. 2021, arXiv 2103.03841)."""
    features, file = split_name(argument)
    instrument = _inception(features, "spatial")
    about = {**PROTOCOL, "features": {**protocol_of(features).describe(), "layer": "mixed_6/conv[:7]"}}
    if file:
        path = user_path(file)
        return FrechetToFile(f"sfid@{features}@{path.stem}", instrument, StatisticsFile(path), about, "_spatial")
    return Frechet(f"sfid@{features}", instrument, protocol=about, layer="_spatial")


def fid_infinity(features: str = DEFAULT) -> FrechetInfinity:
    """``fid-infinity@PROTOCOL``: FID extrapolated to infinitely many pictures (Chong and Forsyth 2020)."""
    protocol = {**frechet_infinity.PROTOCOL, **_about(features)}
    return FrechetInfinity(f"fid-infinity@{features}", _inception(features), protocol=protocol)


def kid(features: str = DEFAULT) -> KernelDistance:
    """``kid@PROTOCOL``: kernel inception distance (Binkowski et al. 2018), over all pairs instead of subsets."""
    protocol = {**kernel.PROTOCOL, **_about(features)}
    return KernelDistance(f"kid@{features}", _inception(features), protocol=protocol)


def fd(features: str = "") -> Frechet:
    """``fd@INSTRUMENT``: Frechet distance on other features."""
    instrument, about = _instrument(_named("fd", features))
    return Frechet(f"fd@{features}", instrument, protocol={**PROTOCOL, **about})


def kd(features: str = "") -> KernelDistance:
    """``kd@INSTRUMENT``: kernel distance on other features."""
    instrument, about = _instrument(_named("kd", features))
    return KernelDistance(f"kd@{features}", instrument, protocol={**kernel.PROTOCOL, **about})


def inception_score(features: str = DEFAULT) -> InceptionScore:
    """``inception-score@PROTOCOL``: the mean of 10 splits."""
    return _score("inception-score", features, SPLITS)


def inception_score_unsplit(features: str = DEFAULT) -> InceptionScore:
    """``inception-score-unsplit@PROTOCOL``: of all pictures at once."""
    return _score("inception-score-unsplit", features, 1)


def _score(name: str, features: str, splits: int) -> InceptionScore:
    instrument = _inception(features, "logits_unbiased")
    return InceptionScore(f"{name}@{features}", instrument, splits, features_protocol=_about(features))


def _manifold(which: Which, features: str, k: int) -> ManifoldMetric:
    instrument, about = _instrument(features)
    nearest = k if features in PROTOCOLS else NEAREST
    return ManifoldMetric(which, f"{which}@{features}", instrument, nearest=nearest, features_protocol=about)


def precision(features: str = DEFAULT) -> ManifoldMetric:
    """``precision@FEATURES``: share of the outputs on the manifold of the references."""
    return _manifold("precision", features, NEAREST_OF_PRECISION)


def recall(features: str = DEFAULT) -> ManifoldMetric:
    """``recall@FEATURES``: share of the references on the manifold of the outputs."""
    return _manifold("recall", features, NEAREST_OF_PRECISION)


def density(features: str = DEFAULT) -> ManifoldMetric:
    """``density@FEATURES``: balls of references that hold an output, over their number expected."""
    return _manifold("density", features, NEAREST)


def coverage(features: str = DEFAULT) -> ManifoldMetric:
    """``coverage@FEATURES``: share of the references whose ball holds an output."""
    return _manifold("coverage", features, NEAREST)


def _named(metric: Literal["fd", "kd"], features: str) -> str:
    if not features:
        raise UserError(f"{metric} needs features: {metric}@INSTRUMENT, for example {metric}@dinov2-vitl14")
    return features
