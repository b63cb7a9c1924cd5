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
from harness.instruments.feature_protocols import DEFAULT, OTHER, PROTOCOLS, other_weights, protocol_of
from harness.metrics import frechet_infinity, kernel
from harness.metrics.frechet import PROTOCOL, Frechet
from harness.metrics.frechet_infinity import FrechetInfinity
from harness.metrics.frechet_to_file import FrechetOfFiles, FrechetToFile
from harness.metrics.inception_score import SPLITS, InceptionScore
from harness.metrics.kernel import KernelDistance, KernelSubsets, PairedKernelDistance
from harness.metrics.manifold import NEAREST
from harness.metrics.precision_recall import ManifoldMetric, Which
from harness.metrics.statistics_files import StatisticsFile
from harness.paths import user_path

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


def _instrument(features: str) -> tuple[str, Mapping[str, Any], str]:
    """(instrument, what fingerprints say of it, a file of statistics or ""); FEATURES may also be an Inception protocol
    or ``inception@[PROTOCOL@]FILE``."""
    if features in PROTOCOLS:
        return PROTOCOLS[features].instrument, _about(features), ""
    name, argument = split_name(features)
    if name == OTHER:
        protocol, _, rest = other_weights(argument)
        return protocol.instrument, {"features": dict(protocol.describe())}, rest
    return lookup("instrument", features).name, {}, ""


def _called(metric: str, features: str, instrument: str) -> str:
    """Other weights are shown by their digest, not by where they lie."""
    return f"{metric}@{instrument if split_name(features)[0] == OTHER else features}"


def fid(argument: str = DEFAULT) -> Frechet | FrechetToFile:
    """``fid@PROTOCOL[@FILE.npz]``: Frechet inception distance (Heusel et al. 2017)."""
    features, file = split_name(argument)
    instrument, about = _inception(features), {**PROTOCOL, **_about(features)}
    if file:
        path = user_path(file)
        return FrechetToFile(f"fid@{features}@{path.stem}", instrument, StatisticsFile(path), about)
    return Frechet(f"fid@{features}", instrument, about=about)


def fid_of(argument: str = "") -> FrechetToFile | FrechetOfFiles:
    """``fid-of@PROTOCOL@OUTPUTS.npz[|REFERENCES.npz]``: outputs of which there are statistics alone, against the
    references' pictures or their statistics. Shown as ``fid@PROTOCOL``."""
    features, files = split_name(argument)
    outputs, _, references = files.partition("|")
    if not outputs:
        raise UserError("fid-of needs statistics: fid-of@PROTOCOL@OUTPUTS.npz, against pictures or |REFERENCES.npz")
    instrument, about = _inception(features), {**PROTOCOL, **_about(features)}
    file = StatisticsFile(user_path(outputs))
    if references:
        return FrechetOfFiles(f"fid@{features}", file, StatisticsFile(user_path(references)), about)
    return FrechetToFile(f"fid@{features}", instrument, file, about, side="reference")


def sfid(argument: str = DEFAULT) -> Frechet | FrechetToFile:
    """``sfid@adm[@FILE.npz]``: the same on the spatial features (Nash et al. 2021, arXiv 2103.03841)."""
    features, file = split_name(argument)
    instrument = _inception(features, "spatial")
    about = {**PROTOCOL, "features": {**protocol_of(features).describe(), "layer": "mixed_6/conv[:7]"}}
    if file:
        path = user_path(file)
        return FrechetToFile(f"sfid@{features}@{path.stem}", instrument, StatisticsFile(path), about, "_spatial")
    return Frechet(f"sfid@{features}", instrument, about=about, layer="_spatial")


def fid_infinity(features: str = DEFAULT) -> FrechetInfinity:
    """``fid-infinity@PROTOCOL``: FID extrapolated to infinitely many pictures (Chong and Forsyth 2020)."""
    protocol = {**frechet_infinity.PROTOCOL, **_about(features)}
    return FrechetInfinity(f"fid-infinity@{features}", _inception(features), about=protocol)


def kid(features: str = DEFAULT) -> KernelDistance:
    """``kid@PROTOCOL``: kernel inception distance (Binkowski et al. 2018), over all pairs of two independent
    sets instead of subsets."""
    protocol = {**kernel.PROTOCOL, **_about(features)}
    return KernelDistance(f"kid@{features}", _inception(features), about=protocol)


def kid_paired(features: str = DEFAULT) -> PairedKernelDistance:
    """``kid-paired@PROTOCOL``: of reconstructions and their own originals."""
    protocol = {**kernel.PAIRED, **_about(features)}
    return PairedKernelDistance(f"kid-paired@{features}", _inception(features), about=protocol)


def kid_subsets(features: str = DEFAULT) -> KernelSubsets:
    """``kid-subsets@PROTOCOL``: the mean of 100 random subsets of 1,000, as published tables have it."""
    return KernelSubsets(f"kid-subsets@{features}", _inception(features), about=_about(features))


def fd(features: str = "") -> Frechet | FrechetToFile:
    """``fd@INSTRUMENT``: Frechet distance on other features; ``fd@inception@[PROTOCOL@]FILE[@STATISTICS.npz]``: on
    other Inception weights than the published."""
    instrument, about, file = _instrument(_named("fd", features))
    name, protocol = _called("fd", features, instrument), {**PROTOCOL, **about}
    if file:
        path = user_path(file)
        return FrechetToFile(f"{name}@{path.stem}", instrument, StatisticsFile(path), protocol)
    return Frechet(name, instrument, about=protocol)


def kd(features: str = "") -> KernelDistance:
    """``kd@INSTRUMENT``: kernel distance on other features."""
    instrument, about, _ = _instrument(_named("kd", features))
    return KernelDistance(_called("kd", features, instrument), instrument, about={**kernel.PROTOCOL, **about})


def inception_score(features: str = DEFAULT) -> InceptionScore:
    """``inception-score@PROTOCOL``: the mean of 10 splits."""
    return _score("inception-score", features, SPLITS)


def inception_score_unsplit(features: str = DEFAULT) -> InceptionScore:
    """``inception-score-unsplit@PROTOCOL``: of all pictures at once."""
    return _score("inception-score-unsplit", features, 1)


def _score(name: str, features: str, splits: int) -> InceptionScore:
    instrument = _inception(features, "logits_unbiased")
    return InceptionScore(f"{name}@{features}", instrument, splits, about=_about(features))


def _manifold(which: Which, features: str, k: int) -> ManifoldMetric:
    instrument, about, _ = _instrument(features)
    nearest = k if "features" in about else NEAREST
    name = _called(which, features, instrument)
    return ManifoldMetric(which, name, instrument, nearest=nearest, about=about)


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
