"""lmms-eval itself on a model of the zoo: the answers and totals of our own task, and the paper's other sets."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.commands import run_suite
from harness.spec import RunRequest, SuiteSpec
from harness.store.parts import samples_of
from harness.store.run_folder import RunFolder, find_run_folders
from tasks.lmms.suite import NINE
from tasks.mme.answers import answers_of
from tasks.mme.world import world_parquet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("lmms_eval") is None, reason="lmms-eval is not here: extra 'lmms'"),
]
FILE = "lmms-lab-encoder/MME/data/test-00000-of-00001.parquet"
CAPTIONS = ("lmms@nocaps_val", "lmms@flickr30k_test")
PAIRS = 16


def run(tmp_path: Path, *tasks: str) -> pd.DataFrame:
    """Over all strata."""
    suite = SuiteSpec("one", tuple(RunRequest("ddt-llama", task) for task in tasks), batch=8, unit_size=32)
    found = run_suite(suite, str(tmp_path / "runs"))
    return found[found.stratum == ""].set_index("metric")


def said(folder: RunFolder) -> list[str]:
    """All answers of a run, in the order of the questions."""
    samples = [sample for _, table in folder.tables() for sample in samples_of(table)]
    in_pairs = not folder.spec.task.startswith("lmms-")
    return [answer for sample in samples for answer in (answers_of(sample) if in_pairs else [sample.text])]


@pytest.mark.parity
def test_lmms_eval_and_our_own_task_state_the_same_totals(tmp_path: Path, data: Path) -> None:
    """Questions on the embedded world in the official schema, asked in the same words: the same answers, one by one,
    and the same total, of which lmms-eval computes one."""
    path = data / FILE
    path.parent.mkdir(parents=True)
    pq.write_table(pq.read_table(io.BytesIO(world_parquet("seen"))).slice(0, 2 * PAIRS), path)
    values = run(tmp_path, "lmms@mme", f"mme-lmms-eval@{path}").value
    by_lmms_eval, ours = sorted(find_run_folders(tmp_path / "runs"), key=lambda folder: folder.spec.task)
    assert said(by_lmms_eval) == said(ours) and len(said(ours)) == 2 * PAIRS
    assert len(set(said(ours))) > 1
    assert 0 < values["lmms-mme_perception_score"] < 800
    assert values["lmms-mme_perception_score"] == pytest.approx(values["mme-total-lmms-eval"], abs=1e-9)


@pytest.mark.parametrize("task", [task for task in NINE if task not in CAPTIONS])
def test_the_nine_sets_run_from_records_in_their_schemas(
    tmp_path: Path, data: Path, miniatures: ModuleType, task: str
) -> None:
    miniatures.SETS[task.removeprefix("lmms@")](data)
    score = run(tmp_path, task).loc["lmms-score"]
    assert 0 <= score.value <= 1
    # SEED-Bench's question on a video has two pictures
    assert score.failed == (1 if task == "lmms@seedbench" else 0)


@pytest.mark.needs("java")
@pytest.mark.parametrize("task", CAPTIONS)
def test_captions_are_scored(tmp_path: Path, data: Path, miniatures: ModuleType, task: str) -> None:
    miniatures.SETS[task.removeprefix("lmms@")](data)
    found = run(tmp_path, task)
    assert len(found) == 7 and found.value.notna().all()


def test_choices_are_compared_by_likelihood(tmp_path: Path, data: Path, miniatures: ModuleType) -> None:
    miniatures.seedbench(data)
    score = run(tmp_path, "lmms@seedbench_ppl").loc["lmms-score"]
    assert (score.scored, score.failed) == (3, 1)
