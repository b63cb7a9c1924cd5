"""Named suites: the pairs fit, and the demo needs nothing that a fresh machine lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import catalog
from harness.cli import main
from tasks import suites

EXAMINES = {
    "recursion": "Denoises",
    "geneval": "GeneratesImages",
    "generation": "GeneratesImages",
    "generation@fashion": "GeneratesClasses",
    "generation@fashion-2000": "GeneratesClasses",
    "mme": "AnswersQuestions",
    "lmms": "AnswersQuestions",
    "editing": "EditsImages",
    "editing-chain": "EditsImages",
    "perplexity": "ScoresText",
}


@pytest.mark.parametrize("name", sorted(entry.name for entry in catalog.entries("suite")))
def test_every_pair_of_a_suite_is_in_the_catalogue_and_fits(name: str) -> None:
    suite = catalog.find("suite", name)()
    assert suite.name == name
    assert suite.runs
    for request in suite.runs:
        model = catalog.lookup("model", catalog.split_name(request.model)[0])
        task, _ = catalog.split_name(request.task)
        catalog.lookup("task", task)
        assert EXAMINES.get(request.task, EXAMINES.get(task, "ImageTokenizer")) in model.provides


def test_the_demo_leaves_fashion_out_where_it_is_not_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suites, "fashion_at_hand", lambda: True)
    assert "reconstruction@fashion" in suites.demo().tasks
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(suites, "fashion_at_hand", lambda: False)
    assert "reconstruction@fashion" not in suites.demo().tasks
    assert "ddtbench data prepare fashion-mnist" in capsys.readouterr().err


def test_the_demo_leaves_wikipedia_out_where_it_is_not_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suites, "fashion_at_hand", lambda: True)
    monkeypatch.setattr(suites, "wikipedia_at_hand", lambda: False)
    assert suites.WIKIPEDIA not in suites.demo().tasks
    assert "gensim" in capsys.readouterr().err
    monkeypatch.setattr(suites, "wikipedia_at_hand", lambda: True)
    assert suites.WIKIPEDIA in suites.demo().tasks


def test_the_demo_asks_part_of_what_the_paper_suite_asks() -> None:
    five = {run.task for run in suites.paper_small().runs if run.model == "ddt-llama"}
    assert {run.task for run in suites.demo().runs if run.model == "ddt-llama"} <= five == set(suites.DEMO_CASES)


def test_what_the_demo_leaves_out_stands_in_its_last_lines_and_on_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suites, "fashion_at_hand", lambda: False)
    out, pages = str(tmp_path / "runs"), str(tmp_path / "report")
    for words in (
        ["run", "demo", "--model", "mean-colour", "--limit", "2", "--out", out],
        ["report", out, "--to", pages, "--suite", "demo"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert not ended.value.code
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith(
            "left out: reconstruction@fashion, for want of Fashion-MNIST (run 'ddtbench data prepare"
        )
    assert "Left out: reconstruction@fashion" in (tmp_path / "report/index.html").read_text()
