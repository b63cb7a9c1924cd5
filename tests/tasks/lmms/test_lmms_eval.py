"""lmms-eval itself on a model of the zoo, and our own task on the same file: equal totals."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from harness.commands import run_suite
from harness.spec import RunRequest, SuiteSpec
from tasks.mme.world import world_parquet

FILE = "lmms-lab-encoder/MME/data/test-00000-of-00001.parquet"
QUESTIONS = 16


@pytest.mark.slow
def test_lmms_eval_and_our_own_task_state_the_same_totals(tmp_path: Path, data: Path) -> None:
    """Questions on the embedded world in the official schema, put as lmms-eval puts them, to a model of the zoo."""
    path = data / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(world_parquet("seen"))
    asked = {
        "lmms@mme": QUESTIONS,
        f"mme-lmms-eval@{path}": QUESTIONS // 2,
    }  # a case is a question there, a pair of them here
    runs = tuple(RunRequest("vqgan-llama", task, limit) for task, limit in asked.items())
    found = run_suite(SuiteSpec("both", runs, batch=8, unit_size=8), str(tmp_path / "runs"))
    values = found[found.stratum == ""].set_index("metric").value
    assert 0 < values["lmms-mme_perception_score"] <= 800
    assert values["lmms-mme_perception_score"] == pytest.approx(values["mme-total-lmms-eval"], abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["pope", "gqa", "vqav2_val", "seedbench", "ok_vqa_val2014", "vizwiz_vqa_val"])
def test_lmms_eval_runs_others_of_the_nine_sets(tmp_path: Path, data: Path, miniatures: ModuleType, task: str) -> None:
    miniatures.SETS[task](data)
    suite = SuiteSpec("one", (RunRequest("ddt-llama", f"lmms@{task}", 4),), batch=4, unit_size=4)
    found = run_suite(suite, str(tmp_path / "runs"))
    failed = 1 if task == "seedbench" else 0  # its last question is on a video: two pictures
    assert found.scored.max() == 4 - failed and found.failed.max() == failed and found.value.notna().any()
