"""Ratios from column names: PSNR and its ceiling, object counts, and the catalogue's entries for every metric."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest

from harness.entries import HARNESS_ENTRIES
from harness.metrics.ratio import Ratio
from harness.metrics.reconstruction import decibel, psnr
from tasks.world.objects import object_f1, object_precision, object_recall


def ratio(metric: Ratio, columns: dict[str, object]) -> float:
    numerators, denominators = metric.parts(columns)
    return float(numerators.sum() / denominators.sum())


def test_psnr_of_known_errors() -> None:
    found = decibel(np.array([1.0, 0.01, (1 / 255) ** 2, 0.0]))
    assert found == pytest.approx([0.0, 20.0, 48.1308, 58.9226], abs=1e-4)


def test_psnr_is_the_mean_over_images_and_not_that_of_the_mean_error() -> None:
    columns = {"case": ["a", "b"], "pixels.mse": np.array([0.1, 0.001])}
    assert ratio(psnr(), columns) == pytest.approx(20.0)


def test_object_ratios() -> None:
    columns = {
        "case": ["a", "b"],
        "world-detector.tp": np.array([2, 1]),
        "world-detector.fp": np.array([0, 1]),
        "world-detector.fn": np.array([0, 2]),
    }
    recall, precision = ratio(object_recall(), columns), ratio(object_precision(), columns)
    assert recall == pytest.approx(3 / 5) and precision == pytest.approx(3 / 4)
    assert ratio(object_f1(), columns) == pytest.approx(2 * precision * recall / (precision + recall))


def test_needs_name_every_column_once() -> None:
    assert object_f1().needs == ("world-detector.tp", "world-detector.fp", "world-detector.fn")


@pytest.mark.parametrize("entry", HARNESS_ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_opens_what_it_names(entry: object) -> None:
    module, attribute = entry.place.split(":")  # type: ignore[attr-defined]
    asked = ["efficientnet-lite0"] if entry.name in ("fd", "kd") else []  # type: ignore[attr-defined]
    made = getattr(importlib.import_module(module), attribute)(*asked)
    assert made.name.partition("@")[0] == entry.name  # type: ignore[attr-defined]


def test_entries_import_no_heavy_library() -> None:
    code = "import sys, harness.entries; print([m for m in ('torch', 'numpy', 'pandas', 'scipy') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
