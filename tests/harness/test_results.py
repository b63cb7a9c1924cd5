"""A suite's index: its next run adds to its members, and what is asked again stands for what was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from harness import commands


def members(suite: str = "toy") -> list[tuple[str, int | None]]:
    """(model, limit) of each member of a suite, in order."""
    rows = json.loads(Path(f"runs/suites/{suite}.json").read_text())["runs"]
    return [(row["path"].split("/")[0], row["limit"]) for row in rows]


def test_a_model_that_is_added_later_joins_the_others(toy, call) -> None:
    assert call("run", "toy", "-m", "toy-adder")[0] == 0
    code, out, _ = call("run", "toy", "-m", "toy-carrier")
    assert code == 0 and members() == [("toy-adder", None), ("toy-carrier", None)]
    assert "toy-adder" in out and "toy-carrier" in out  # what is printed is the suite, with all its members
    assert call("report", "runs", "--to", "pages", "--suite", "toy")[0] == 0
    page = Path("pages/index.html").read_text()
    assert "toy-adder" in page and "toy-carrier" in page


def test_what_is_asked_again_stands_for_what_was(toy, call) -> None:
    assert call("run", "toy")[0] == 0
    for words, limit in ((("--limit", "10"), 10), (("--batch", "5"), None)):
        assert call("run", "toy", "-m", "toy-adder", *words)[0] == 0
        assert members() == [("toy-adder", limit), ("toy-carrier", None)]
    assert call("run", "toy", "-m", "toy-adder", "--seed", "1")[0] == 0
    assert members() == [("toy-adder", None), ("toy-carrier", None), ("toy-adder", None)]


def test_a_member_whose_folder_is_gone_leaves_and_a_damaged_index_is_replaced(toy, call) -> None:
    assert call("run", "toy")[0] == 0
    shutil.rmtree("runs/toy-carrier")
    assert call("run", "toy", "-m", "toy-adder")[0] == 0
    assert members() == [("toy-adder", None)]
    for damaged in ("{", "[]", '{"schema": 1, "runs": 3}'):
        Path("runs/suites/toy.json").write_text(damaged)
        assert call("run", "toy")[0] == 0
        assert members() == [("toy-adder", None), ("toy-carrier", None)]


def test_a_run_that_fails_keeps_no_other_from_being_measured(toy, call, monkeypatch) -> None:
    """A failed run stays a member, so that the report names it."""
    from harness import asking as module
    from harness.errors import UserError

    real = module.run

    def run(spec, *rest, **options):
        if spec.model == "toy-adder":
            raise UserError("the folder is in use")
        real(spec, *rest, **options)

    monkeypatch.setattr(module, "run", run)
    code, out, err = call("run", "toy")
    assert code == 4 and "toy-carrier" in out and "toy-adder on toy-sums@40: the folder is in use" in err
    assert members() == [("toy-adder", None), ("toy-carrier", None)]
    lines: list[str] = []
    assert set(commands.run_suite("toy", failed=lines).model) == {"toy-carrier"} and len(lines) == 1
    code, out, err = call("run", "toy", "-m", "toy-adder")
    assert (code, out) == (2, "") and "the folder is in use" in err
