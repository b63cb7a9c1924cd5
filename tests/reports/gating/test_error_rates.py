"""The simulation of how often the gate is wrong, on pairs that are drawn here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate_runs import draws, store

from harness.contracts import ShownMetric
from reports.gating.policy import Policy
from reports.gating.sides import read_side

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gate_error_rates.py"
TRIALS = 60


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("gate_error_rates", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def two_seeds(root: Path, margin: float) -> None:
    """Right answers drawn twice with the same chances, as two sampling seeds draw them; and a distance of a set."""
    chance = np.random.default_rng(9).beta(2, 1, 300)
    part = np.random.default_rng(8).normal(0.0, 60.0, 300)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        shown = ShownMetric("score", margin=margin, margin_reason="r", tier="blocks")
        store(root / str(seed), "model", (rng.random(300) < chance).astype(float), shown=shown, seed=seed)
        distance = ShownMetric("distance", margin_relative=0.25, margin_reason="r", tier="blocks")
        values = 100.0 + part + rng.normal(0.0, 80.0, 300)
        store(root / str(seed), "model", values, "sets", "distance", shown=distance, shared=True, direction="lower")


def rates_of(script: Any, root: Path, margin: float, trials: int = TRIALS) -> Any:
    two_seeds(root, margin)
    pairs = script.pairs_of(read_side(str(root / "1")), read_side(str(root / "2")), Policy())
    assert [pair.kind for pair in pairs] == ["ratio", "shares"]
    return script.simulate(pairs, trials)


def test_a_margin_that_the_cases_decide_has_the_rates_that_are_promised(script: Any, tmp_path: Path) -> None:
    """60 trials: 5 % may be seen as 10 %, 80 % as 70 %."""
    rates = rates_of(script, tmp_path, 0.2)
    assert rates.any_regressed / TRIALS <= 0.1
    for place in range(2):
        assert rates.share(place, "unchanged", "holds") >= 0.7
        assert rates.share(place, "lost", "holds") <= 0.1
        assert rates.share(place, "lost", "regressed") >= 0.7
    text = script.table(rates)
    assert text.splitlines()[2].startswith("| quiz | score | 300 | 0.2 |") and "| all that block |" in text


def test_a_margin_that_they_do_not_decide_is_undecided_and_seldom_wrong(script: Any, tmp_path: Path) -> None:
    rates = rates_of(script, tmp_path, 0.02)
    assert rates.share(0, "unchanged", "cannot tell") > 0.5
    assert rates.any_regressed / TRIALS <= 0.1
    assert rates.share(0, "lost", "holds") <= 0.1


def test_a_pair_that_differs_on_average_is_made_alike_first(script: Any, tmp_path: Path) -> None:
    store(tmp_path / "new", "new", draws(1, 0.9))
    store(tmp_path / "old", "old", draws(2, 0.5))
    [pair] = script.pairs_of(read_side(str(tmp_path / "new")), read_side(str(tmp_path / "old")), Policy())
    assert pair.new.numerators.mean() == pytest.approx(pair.old.numerators.mean())


def test_the_command_prints_a_table_or_one_line(script: Any, tmp_path: Path, monkeypatch, capsys) -> None:
    two_seeds(tmp_path, 0.2)
    words = ["x", str(tmp_path / "1"), str(tmp_path / "2"), "--trials", "2"]
    monkeypatch.setattr(sys, "argv", words)
    assert script.main() == 0 and capsys.readouterr().out.startswith("| task | metric |")
    monkeypatch.setattr(sys, "argv", words[:2])
    assert script.main() == 2 and capsys.readouterr().err == "name an OLD for each NEW\n"
