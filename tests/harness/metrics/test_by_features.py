"""``NAME@FEATURES``: the right instrument and layer, a protocol in the fingerprint, and peers on equal features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness import catalog
from harness.errors import UserError
from harness.instruments.feature_protocols import PROTOCOLS
from harness.metrics.frechet import between
from harness.metrics.kernel import kernel_distance, polynomial_kernel
from harness.metrics.moments import Moments


def features(seed: int, count: int = 60, width: int = 10, rank: int | None = None, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(rank or width, width))
    return (scale * rng.normal(size=(count, rank or width)) @ mixing + rng.normal(size=width)).astype(np.float32)


def value(name: str, output: np.ndarray, reference: np.ndarray, suffix: str = "") -> float:
    metric = catalog.make("metric", name)
    names = np.array([f"case-{number}" for number in range(len(output))], object)
    columns = {"case": names, "group": names}
    columns |= dict(zip(metric.needs, (output, reference), strict=False))
    assert all(need.endswith(suffix) for need in metric.needs)
    return float(metric.value(metric.state(columns)))


def test_each_protocol_is_a_metric_and_an_instrument_of_its_own() -> None:
    described = []
    for name, protocol in PROTOCOLS.items():
        metric = catalog.make("metric", f"fid@{name}")
        assert metric.name == f"fid@{name}" and metric.needs == (
            f"inception-{name}.output",
            f"inception-{name}.reference",
        )
        described.append(metric.traits.protocol["features"])
        instrument = catalog.make("instrument", f"inception-{name}@/nowhere/file.pth")
        assert instrument.name == protocol.instrument
        assert "@PATH points to nothing: it must be" in instrument.unavailable()
    # ADM and torch-fidelity make the same features: what stands beside them differs.
    assert len({str(sorted(one.items())) for one in described}) == len(PROTOCOLS) - 2


def test_the_metrics_read_the_layers_that_they_are_defined_on() -> None:
    assert catalog.make("metric", "fid").name == "fid@adm"
    assert catalog.make("metric", "sfid").needs == ("inception-adm.output_spatial", "inception-adm.reference_spatial")
    assert catalog.make("metric", "inception-score@torch-fidelity").needs == (
        "inception-torch-fidelity.output_logits_unbiased",
    )
    assert catalog.make("metric", "fd@dinov2-vitl14").needs[0] == "dinov2-vitl14.output"
    assert catalog.make("metric", "kid@clean").needs[0] == "inception-clean.output"
    assert catalog.make("metric", "coverage@efficientnet-lite0").needs[0] == "efficientnet-lite0.output"
    nearest = {name: catalog.make("metric", name).nearest for name in ("precision", "recall", "density", "coverage")}
    assert nearest == {"precision": 3, "recall": 3, "density": 5, "coverage": 5}
    assert catalog.make("metric", "precision@dinov2-vitl14").nearest == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fid@clear", "no feature protocol 'clear'; did you mean 'clean'"),
        ("fid@dinov2-vitl14", "no feature protocol 'dinov2-vitl14'"),
        ("sfid@clean", "protocol 'clean' has no layer 'spatial': one of adm"),
        ("inception-score@clean", "one of adm, torch-fidelity, torchmetrics"),
        ("fd", "fd needs features: fd@INSTRUMENT"),
        ("kd@dinov2-vitl41", "did you mean 'dinov2-vitl14'"),
        ("psnr@clean", "metric 'psnr' takes no argument, so '@clean' means nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        catalog.make("metric", name)


# ------------------------------------------------------------------------------------------------ peers


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SciPy's, about their matrix square roots
@pytest.mark.parametrize(("count", "rank", "exact"), [(60, None, True), (8, None, False), (60, 4, False)])
def test_frechet_distances_are_those_of_the_peers(count: int, rank: int | None, exact: bool) -> None:
    from cleanfid.fid import frechet_distance
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_statistics_to_metric
    from torchmetrics.image.fid import _compute_fid

    x, y = features(0, count, rank=rank), features(1, count, rank=rank, scale=1.4)
    found = value("fid@clean", x, y)
    rows = [values.astype(np.float64) for values in (x, y)]
    parts = [part for values in rows for part in (values.mean(axis=0), np.cov(values, rowvar=False))]
    stats = [{"mu": parts[place], "sigma": parts[place + 1]} for place in (0, 2)]
    theirs = {
        "clean-fid": frechet_distance(*parts),
        "pytorch-fid": calculate_frechet_distance(*parts),
        "torch-fidelity": fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"],
        "torchmetrics": float(_compute_fid(*(torch.from_numpy(part) for part in parts))),
    }
    # What is promised is 1e-6. Their square roots of a singular product are only good to 5e-8 of the traces.
    size = np.trace(parts[1]) + np.trace(parts[3])
    for name, distance in theirs.items():
        assert abs(found - distance) <= (1e-9 * found if exact else 1e-6 * size), name
    assert isinstance(found, float) and found == between(Moments.of(x), Moments.of(y))


@pytest.mark.parity
def test_the_kernel_distance_is_that_of_torch_fidelity_and_clean_fid(monkeypatch: pytest.MonkeyPatch) -> None:
    from cleanfid.fid import kernel_distance as of_clean_fid
    from torch_fidelity.metric_kid import kernel_poly, kid_features_to_metric

    x, y = (features(seed, scale=scale).astype(np.float64) for seed, scale in ((2, 1.0), (3, 1.3)))
    options = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}
    assert polynomial_kernel(x, y) == pytest.approx(kernel_poly(x, y, **options), rel=1e-12)
    # One subset of everything is the estimate over all pairs.
    subset: dict[str, Any] = {"kid_subsets": 1, "kid_subset_size": len(x), "kid_kernel": "poly", "verbose": False}
    theirs = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **options, **subset)
    found = kernel_distance(x, y)
    assert found == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    assert found == pytest.approx(of_clean_fid(y, x, num_subsets=1, max_subset_size=len(x)), rel=1e-6)


@pytest.mark.parity
def test_precision_and_recall_are_those_of_torch_fidelity() -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    # On a grid: distances are exact in either way, ties and duplicates among them.
    rng = np.random.default_rng(4)
    x, y = (rng.integers(0, 5, (80, 4)).astype(np.float32) + shift for shift in (0, 1))
    theirs = prc_features_to_metric(
        torch.from_numpy(x).double(),
        torch.from_numpy(y).double(),
        prc_neighborhood=3,
        prc_batch_size=1000,
        save_cpu_ram=False,
        verbose=False,
    )
    for name in ("precision", "recall"):
        found = value(f"{name}@torch-fidelity", x, y)
        assert 0 < found < 1 and found == pytest.approx(theirs[name], rel=1e-7)  # a float32 mean
