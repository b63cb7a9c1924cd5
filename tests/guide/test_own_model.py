"""The adapter of the page runs as it stands there, and the table of Protocols is what the catalogue says."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guide_pages import ROOT, few, page, typed

from harness import catalog, commands, contracts
from harness.plan import opened

sys.path.insert(0, str(ROOT / "tests" / "harness"))
sys.path.insert(0, str(ROOT / "tests" / "examples"))

from packages import run_tests_of
from plugin_packages import install

PAGE = page("own-model")
FILES = dict(re.findall(r"^`(my-patches/[^`]+)`:\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
(WEIGHTS,) = re.findall(r"`make_weights.py`[^\n]*\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = typed(PAGE)
LIMIT = 4


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any) -> Iterator[Path]:
    """The package as the page makes it, installed, with its checkpoint beside it."""
    monkeypatch.chdir(tmp_path)
    known = set(sys.modules)
    code, _, err = call(COMMANDS[0])
    assert code == 0, err
    for name, text in FILES.items():
        assert (tmp_path / name).is_file(), "the page changes files that are there"
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(install(tmp_path / "my-patches", tmp_path / "site")))
    importlib.invalidate_caches()
    catalog.refresh()
    exec(WEIGHTS.replace("batch(0, 256)", "batch(0, 16)"), {})
    yield tmp_path
    opened.cache_clear()
    commands._instrument.cache_clear()
    catalog.refresh()
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_the_adapter_of_the_page_passes_its_test_and_runs(begun: Path, call: Any) -> None:
    assert len(FILES) == 3
    assert run_tests_of(begun / "my-patches") == 1
    shown = call("ddtbench show my-patches")[1]
    assert "ImageTokenizer" in shown and "patches.pt" in shown
    (run,) = [line for line in COMMANDS if line.startswith("ddtbench run")]
    code, out, err = call(" ".join(["ddtbench", *few(run, LIMIT)]))
    assert code == 0, err
    assert "my patches" in out and "VQGAN" in out
    for line in COMMANDS:
        if line.startswith(("ddtbench compare", "ddtbench report")):
            assert call(line)[0] == 0, line
    assert "my patches" in (begun / "report" / "index.html").read_text()


def test_other_weights_under_the_same_path_are_another_run(begun: Path) -> None:
    before = catalog.open_model("my-patches@patches.pt").checkpoint_digest
    exec(WEIGHTS.replace("batch(0, 256)", "batch(1, 16)"), {})
    assert catalog.open_model("my-patches@patches.pt").checkpoint_digest != before


def protocols() -> list[list[str]]:
    table = PAGE[PAGE.index("| your model | Protocol") :].split("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def test_each_protocol_of_the_table_has_its_methods() -> None:
    for _, name, methods, _ in protocols():
        protocol = getattr(contracts, name.strip("`"))
        assert all(hasattr(protocol, method) for method in re.findall(r"`(\w+)`", methods)), name


def test_each_task_of_the_catalogue_stands_in_the_table() -> None:
    named = {task for *_, tasks in protocols() for task in tasks.split(", ")}
    known = {entry.name for entry in catalog.entries("task")}
    assert named <= known
    assert known - named <= {"mme-lmms-eval"}, "a variant of mme"


@pytest.mark.parametrize(
    ("task", "protocol"),
    [
        *[(task, "GeneratesImages") for task in ("geneval@world", "hard-prompts@world", "generation@world")],
        *[(task, "ImageTokenizer") for task in ("reconstruction@world", "progressive@world", "counterfactual@world")],
        *[(task, "EditsImages") for task in ("editing@world", "editing-chain@world")],
        ("recursion@world", "Denoises"),
        ("mme@world", "AnswersQuestions"),
        ("editing-guidance@world", "EditsWithGuidance"),
        ("code-entropy@world", "ScoresCodes"),
        ("perplexity@captions", "ScoresText"),
        ("perplexity@image-codes", "ScoresImages"),
        ("perplexity-strided@captions", "ScoresTextInStrides"),
    ],
)
def test_a_task_examines_what_the_table_says(task: str, protocol: str) -> None:
    (row,) = [cells for cells in protocols() if cells[1] == f"`{protocol}`"]
    assert task.partition("@")[0] in row[3].split(", ")

    class Anything:
        image_size, code_count, codebook_size, scales = 32, 64, 256, (1, 63)

    assert catalog.build_task(task, Anything()).examines == protocol
