"""The N on which a metric of a set depends stands at its column, and at each value where there are several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contracts import Estimate
from reports.page.build import build_report
from reports.tables.sizes import set_size, set_sizes

OF_A_SET = Estimate("any", 1, 184.0, 150.0, 220.0, "infinitesimal jackknife, 96 clusters, t", 96, 0, "lower")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "96"),
        ({"method": "delete-a-group jackknife, 20 groups, t", "scored": 1096}, "1,096"),
        ({"method": "no interval: 4 clusters, 20 needed", "fingerprint": {"n": 4}, "scored": 4}, "4"),
        ({"fingerprint": {"n": {"output": 60, "reference": 36}}}, "60 outputs and 36 references"),
        ({"fingerprint": {"n": 96}, "scored": 90, "failed": 6}, "90"),
        ({"method": "clustered BCa bootstrap, 96 clusters"}, ""),
        ({"value": None, "fingerprint": {"n": 96}}, ""),
    ],
)
def test_a_metric_of_a_set_is_known_by_what_is_stored(change: dict[str, Any], said: str) -> None:
    assert set_size(replace(OF_A_SET, **change)) == said


def test_each_number_is_named_once() -> None:
    assert set_sizes([OF_A_SET, None, OF_A_SET, replace(OF_A_SET, scored=200)]) == ("96", "200")


def test_n_stands_at_the_column_of_a_set_and_at_no_other(
    maker: Any, subject: Callable[..., Any], tmp_path: Path
) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7)], cases=12)
    page = (build_report(str(maker.root), tmp_path / "report").parent / "tasks/reconstruction-world.html").read_text()
    heads = [head.partition("</th>")[0] for head in page.split("<th ")]
    assert next("N = 12" in head for head in heads if 'data-metric="fd-world"' in head)
    assert not any("N = " in head for head in heads if 'data-metric="psnr"' in head)
    assert "N differs" not in page


def test_n_stands_at_each_value_where_it_differs_and_a_warning_below(
    maker: Any, subject: Callable[..., Any], tmp_path: Path
) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7, failing=("scene-00001",))], cases=12)
    page = (build_report(str(maker.root), tmp_path / "report").parent / "tasks/reconstruction-world.html").read_text()
    assert "N differs" in page and "compare only where N is equal" in page
    assert page.count('<span class="interval size">N = 12</span>') == 1
    assert page.count('<span class="interval size">N = 11</span>') == 1
