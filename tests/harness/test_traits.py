"""What a metric says of itself is read or refused: a misspelt trait is never measured without a word."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import catalog
from harness.contracts import MetricTraits, require_read, traits_of
from harness.errors import UserError
from harness.store.run_folder import run_paths


class Even:
    name, version, direction, unit, worst, needs = "toy-even", 1, "none", "", None, ("toy-parity.even",)

    def parts(self, columns: Any) -> Any:
        even = np.asarray(columns["toy-parity.even"], dtype=np.float64)
        return even, np.ones_like(even)


@dataclass(frozen=True)
class Declared:
    name: str = "declared"
    bound: tuple[float, float] = (0.0, 1.0)


def test_an_unknown_trait_is_a_type_error_that_names_the_nearest() -> None:
    with pytest.raises(TypeError, match="MetricTraits knows no 'bound'; did you mean 'bounds'"):
        MetricTraits(bound=(0.0, 1.0))
    assert replace(MetricTraits(chance=0.5), within_strata=True) == MetricTraits(chance=0.5, within_strata=True)


@pytest.mark.parametrize(
    ("attribute", "cure"),
    [
        ("bound", "write traits=MetricTraits(bounds=...)"),
        ("bounds", "write traits=MetricTraits(bounds=...)"),
        ("chance", "write traits=MetricTraits(chance=...)"),
        ("chance_level", "write traits=MetricTraits(chance=...)"),
        ("monotonic", "write traits=MetricTraits(monotone=...)"),
        ("within_stratum", "write traits=MetricTraits(within_strata=...)"),
        ("protocol", "write traits=MetricTraits(protocol=...)"),
        ("trait", "is 'traits' meant?"),
        ("influence", "is 'influences' meant?"),
        ("published_notes", "is 'published_note' meant?"),
    ],
)
def test_a_name_that_nothing_reads_is_refused_in_a_line_of_the_package(toy, call, monkeypatch, attribute, cure) -> None:
    import toy_bench.sums

    assert call("run", "toy")[0] == 0
    monkeypatch.setattr(toy_bench.sums, "Even", type("Even", (Even,), {attribute: 0.5}))
    code, out, err = call("measure", "runs")
    assert code == 4 and "toy exact" in out, "the other metric is measured"
    what = f"metric 'toy-even' of toy-bench (toy_bench.catalog:ENTRIES) states '{attribute}'"
    assert f"{what}, which nothing reads" in err
    assert cure in err and "Traceback" not in err and err.count("\n") == 2, "a line for each of the two runs"


def test_a_field_of_a_dataclass_is_refused_too() -> None:
    with pytest.raises(UserError, match="metric 'declared' states 'bound'"):
        require_read(Declared(), "metric 'declared'")


def test_parameters_of_a_metric_s_own_are_its_own() -> None:
    made = type("Own", (), {"channel": 3, "threshold": 0.5, "state": 1, "stated": 2, "shown": 3, "instrument": ""})()
    require_read(made, "metric 'own'")
    for entry in catalog.entries("metric"):
        if "@" not in entry.summary and entry.name not in ("fid-of", "fd", "kd"):
            traits_of(catalog.make("metric", entry.name))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: MetricTraits(bound=(0, 1)), "cannot be made: MetricTraits knows no 'bound'; did you mean 'bounds'?"),
        (type("Even", (Even,), {"traits": {"chance": 0.5}}), "its traits are of type dict: write traits=MetricTraits("),
    ],
)
def test_a_metric_that_cannot_say_its_traits_fails_alone(toy, call, monkeypatch, make, reason: str) -> None:
    import toy_bench.sums

    monkeypatch.setattr(toy_bench.sums, "Even", make)
    code, out, err = call("run", "toy")
    assert code == 4 and "toy exact" in out and reason in err and "Traceback" not in err


def test_a_module_that_misspells_a_trait_is_a_line_and_the_others_are_measured(toy, call, tmp_path: Path) -> None:
    (tmp_path / "site" / "toy_bench" / "broken.py").write_text(
        "from harness.contracts import MetricTraits\nTRAITS = MetricTraits(chance_level=1)\n\n\nclass Even:\n    pass\n"
    )
    listed = tmp_path / "site" / "toy_bench" / "catalog.py"
    listed.write_text(listed.read_text().replace("toy_bench.sums:Even", "toy_bench.broken:Even"))
    code, out, err = call("run", "toy")
    assert code == 4 and "toy exact" in out
    assert "metric 'toy-even' of toy-bench" in err and "MetricTraits knows no 'chance_level'" in err
    assert "Traceback" not in err


def test_traits_reach_the_estimate(toy, call, monkeypatch) -> None:
    import toy_bench.sums

    traits = MetricTraits(bounds=(0.45, 0.55), chance=0.5, monotone=lambda ratio: ratio, protocol={"rounds": 3})
    monkeypatch.setattr(toy_bench.sums, "Even", type("Even", (Even,), {"traits": traits}))
    assert call("run", "toy")[0] == 0
    for path in run_paths("runs"):
        (file,) = Path("runs", path).glob("measures/*/estimates.json")
        (even,) = (item for item in json.loads(file.read_text())["estimates"] if item["metric"] == "toy-even")
        assert even["chance"] == 0.5 and even["fingerprint"]["rounds"] == 3
        assert even["low"] >= 0.45 and even["high"] <= 0.55
