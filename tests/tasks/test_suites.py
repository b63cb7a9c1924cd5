"""Named suites: the pairs fit, and the demo needs nothing that a fresh machine lacks."""

from __future__ import annotations

import pytest

from harness import catalog
from tasks import suites


@pytest.mark.parametrize("name", sorted(entry.name for entry in catalog.entries("suite")))
def test_every_pair_of_a_suite_is_in_the_catalogue_and_fits(name: str) -> None:
    suite = catalog.find("suite", name)()
    assert suite.name == name
    assert suite.runs
    for request in suite.runs:
        model = catalog.lookup("model", catalog.split_name(request.model)[0])
        task, _ = catalog.split_name(request.task)
        catalog.lookup("task", task)
        assert "ImageTokenizer" in model.provides
        assert task != "recursion" or "Denoises" in model.provides


def test_the_demo_leaves_fashion_out_where_it_is_not_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suites, "fashion_at_hand", lambda: True)
    assert "reconstruction@fashion" in suites.demo().tasks
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(suites, "fashion_at_hand", lambda: False)
    assert "reconstruction@fashion" not in suites.demo().tasks
    assert "ddtbench data prepare fashion-mnist" in capsys.readouterr().err
