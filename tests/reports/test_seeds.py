"""Runs that differ in their seed alone: what sampling varies stands beside what the cases vary."""

from __future__ import annotations

import math
import re
import statistics
from pathlib import Path

import pytest

from harness.cli import main
from harness.commands import run_suite
from reports.comparing.seeds import HALF_WIDTH, build_seeds_table, spread_of, twins_of
from reports.reading.runs import read_stored

TASK = "geneval-world"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pictures that are drawn from the seed alone, judged against 24 prompts, four pictures each."""
    out = str(tmp_path_factory.mktemp("seeds") / "runs")
    frame = run_suite("geneval@world", out, models=["real"], limit=96, seeds=[0, 1, 2])
    assert sorted(set(frame.seed)) == [0, 1, 2]
    return out


def test_both_standard_deviations_are_those_of_the_stored_estimates(runs: str) -> None:
    stored = read_stored(runs)
    (twins,) = twins_of(stored.of_task(TASK))
    assert [run.spec["seed"] for run in twins] == [0, 1, 2]
    (metric,) = {item.metric for item in twins[0].estimates if not item.stratum} & {"geneval"}
    found = [run.estimate(metric) for run in twins]
    spread = spread_of(metric, twins)
    assert spread is not None and spread.values == tuple(item.value for item in found)
    assert spread.sampling == pytest.approx(statistics.stdev(spread.values))
    errors = [(item.high - item.low) / (2 * HALF_WIDTH) for item in found]
    assert spread.cases == pytest.approx(math.sqrt(sum(error**2 for error in errors) / 3))


def test_the_terminal_and_the_report_show_them(runs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["measure", runs])
    assert not ended.value.code
    out = capsys.readouterr().out
    assert f"{TASK}, over seeds" in out and "(3 seeds)" in out
    with pytest.raises(SystemExit) as ended:
        main(["report", runs, "--to", str(tmp_path / "report")])
    assert not ended.value.code
    written = (tmp_path / f"report/tables/{TASK}-over-seeds.md").read_text()
    assert "mean over seeds 0, 1, 2" in written and re.search(r"s [\d.]+ c [\d.]+", written)
    assert "between seeds" in (tmp_path / f"report/tables/{TASK}-over-seeds.csv").read_text()
    assert "mean over seeds 0, 1, 2" in (tmp_path / f"report/tasks/{TASK}.html").read_text()


def test_one_seed_has_no_such_table(runs: str) -> None:
    some = [run for run in read_stored(runs).of_task(TASK) if run.spec["seed"] < 1]
    assert len(some) == 1 and build_seeds_table(TASK, some) is None
