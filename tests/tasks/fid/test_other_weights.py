"""Other weights than the published: one name for instrument and metrics, which says so and never FID."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import catalog
from harness.errors import UserError
from harness.weights.digests import sha256_of
from tasks.fid.features import Features


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "my@net.pth"
    path.write_bytes(b"weights of mine")
    return path


def test_they_are_called_by_their_digest_and_never_fid(weights: Path) -> None:
    digest = sha256_of(weights)
    instrument = catalog.make("instrument", f"inception@clean@{weights}")
    assert instrument.name == f"inception-other-{digest[:8]}-clean" and instrument.unavailable() == ""
    for name in ("fd", "kd", "precision", "recall", "density", "coverage"):
        metric = catalog.make("metric", f"{name}@inception@clean@{weights}")
        assert metric.name == f"{name}@{instrument.name}" and metric.needs[0] == f"{instrument.name}.output"
        assert f"other weights {digest[:16]}" in json.dumps(metric.traits.protocol) and str(weights) not in json.dumps(
            metric.traits.protocol
        )
    assert catalog.make("metric", f"precision@inception@{weights}").nearest == 3
    to = catalog.make("metric", f"fd@inception@{weights}@/data/ref.npz")
    assert to.name == f"fd@inception-other-{digest[:8]}-adm@ref" and str(to.file.path) == "/data/ref.npz"


def test_names_of_the_published_are_refused_for_them(weights: Path) -> None:
    for name in ("fid", "sfid", "kid", "kid-paired", "kid-subsets", "fid-infinity", "inception-score", "fid-of"):
        with pytest.raises(UserError, match="with those it is fd@inception@FILE"):
            catalog.make("metric", f"{name}@inception@{weights}")
    with pytest.raises(UserError, match=r"there is no file '/nowhere\.pth': write inception@\[PROTOCOL@\]FILE"):
        catalog.make("instrument", "inception@/nowhere.pth")
    assert catalog.make("instrument", "inception").unavailable().startswith("no weights are named")


def test_the_task_takes_them_in_the_place_of_a_protocol(weights: Path, tmp_path: Path) -> None:
    features, rest = Features.split_from(f"inception@clean@{weights}@crop@{tmp_path}/A")
    assert rest == f"crop@{tmp_path}/A" and features.instrument == f"inception@clean@{weights}"
    assert features.metrics()[0] == f"fd@inception@clean@{weights}" and not any(
        "fid" in name for name in features.metrics()
    )
    published, rest = Features.split_from("clean@/data/A")
    assert published.metrics()[0] == "fid@clean" and rest == "/data/A"


def test_a_file_in_the_place_of_the_published_names_the_way_out(weights: Path) -> None:
    reason = catalog.make("instrument", f"inception-clean@{weights}").unavailable()
    assert "its SHA-256 does not start with" in reason and reason.endswith(
        "name other weights by themselves: inception@FILE"
    )
