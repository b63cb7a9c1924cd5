"""lmms-eval's YAML files: includes, functions, groups, captions; and the installed ones."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from harness.errors import UserError
from tasks.lmms import definition
from tasks.lmms.definition import definition_of
from tasks.lmms.entries import STATED
from tasks.lmms.suite import NINE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(definition, "tasks_folder", lambda: tmp_path)
    monkeypatch.setattr(definition, "version", lambda name: "0.7.3")
    (tmp_path / "quiz").mkdir()
    (tmp_path / "quiz" / "_template").write_text(
        "dataset_path: owner/quiz\ntest_split: test\n"
        "metric_list:\n  - metric: acc\n    aggregation: !function utils.a\n"
    )
    (tmp_path / "quiz" / "quiz_val.yaml").write_text(
        'task : "quiz_val"\ninclude: _template\ntest_split: "val "\ndataset_name: small\n'
    )
    (tmp_path / "quiz" / "all.yaml").write_text("group: quizzes\ntask:\n  - quiz_val\n")
    (tmp_path / "quiz" / "bundle.yaml").write_text("task: bundle\n")
    (tmp_path / "quiz" / "utils.py").write_text("def a(): ...\n")
    return tmp_path / "quiz"


def test_a_file_stands_over_what_it_includes(folder: Path) -> None:
    found = definition_of("quiz_val")
    assert (found.dataset, found.configuration, found.split) == ("owner/quiz", "small", "val")
    assert found.metrics == ("acc",) and not found.captions and found.release == "0.7.3"


def test_the_digest_follows_yaml_and_code(folder: Path) -> None:
    digests = {definition_of("quiz_val").digest}
    for file, text in {"utils.py": "import pycocoevalcap\n", "_template": "dataset_path: owner/other\n"}.items():
        (folder / file).write_text(text)
        if file == "_template":
            (folder / "quiz_val.yaml").write_text('task: quiz_val\ninclude: _template\ntest_split: "val"\n')
        definition_of.cache_clear()
        digests.add(definition_of("quiz_val").digest)
    assert len(digests) == 3
    assert definition_of("quiz_val").captions


def test_errors_are_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"lmms-eval has no task 'quiz_vall'; did you mean 'quiz_val'\?"):
        definition_of("quiz_vall")
    with pytest.raises(UserError, match=r"no task 'photographs': python -m lmms_eval --tasks list names them$"):
        definition_of("photographs")
    with pytest.raises(UserError, match="'bundle' names no data set of its own"):
        definition_of("bundle")
    monkeypatch.undo()
    definition._places.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"lmms-eval is not installed: pip install -e '\.\[lmms\]'"):
        definition_of("quiz_val")


@pytest.mark.skipif(importlib.util.find_spec("lmms_eval") is None, reason="lmms-eval is not here: extra 'lmms'")
@pytest.mark.parametrize("task", NINE)
def test_the_installed_lmms_eval_knows_the_nine_sets(task: str) -> None:
    found = definition_of(task.removeprefix("lmms@"))
    assert found.dataset.startswith("lmms-lab-encoder/") and found.split
    assert any(f"lmms-{metric}" in STATED for metric in found.metrics)
    assert found.captions == (found.task in ("nocaps_val", "flickr30k_test"))
