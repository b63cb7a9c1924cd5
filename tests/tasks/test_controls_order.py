"""If identity is not the best and mean colour not near the worst, something in the pipeline is wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from harness import SuiteSpec, run_suite

MODELS = ("identity", "jpeg", "mean-colour")
SCENES = 64


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """metric x model, from the whole way through: run, observe, measure."""
    out: Path = tmp_path_factory.mktemp("runs")
    frame = run_suite(SuiteSpec.of("order", MODELS, ["reconstruction@world"], limit=SCENES), str(out))
    overall = frame[frame["stratum"] == ""]
    return overall.pivot(index="metric", columns="model", values="value")


@pytest.mark.parametrize("metric", ["psnr", "ssim", "object-f1", "object-recall"])
def test_higher_is_better_in_the_order_of_the_controls(values: pd.DataFrame, metric: str) -> None:
    row = values.loc[metric]
    assert row["identity"] > row["jpeg"] > row["mean-colour"]


def test_identity_is_perfect(values: pd.DataFrame) -> None:
    assert values.loc["psnr", "identity"] == pytest.approx(58.92, abs=0.01)  # the metric's ceiling: equal 8-bit pixels
    assert values.loc["ssim", "identity"] == pytest.approx(1.0, abs=1e-9)
    assert values.loc["object-f1", "identity"] >= 0.98  # the detector's own errors on clean scenes, no others
    # Equal features: what is left is the matrix square root's rounding.
    assert values.loc["fd-world", "identity"] == pytest.approx(0.0, abs=1e-3)


def test_mean_colour_keeps_no_object(values: pd.DataFrame) -> None:
    assert values.loc["object-recall", "mean-colour"] == 0.0
    assert values.loc["fd-world", "mean-colour"] == values.loc["fd-world"].max()
    assert values.loc["bits-per-image", "mean-colour"] < values.loc["bits-per-image", "jpeg"]
