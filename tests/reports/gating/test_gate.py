"""``ddtbench gate``: runs and judges in one command; its plan; the example for GitHub Actions, as a shell script."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.contracts import ShownMetric
from reports.gating.gate import Asked, planned
from reports.gating.plan import plan_rows
from reports.gating.policy import Policy
from tasks.suites import GATE_CASES, gate

ROOT = Path(__file__).parents[3]
WORDS = ("--suite", "toy-sums@60", "--policy", "policy.toml", "--workers", "1")


def test_a_checkpoint_is_run_beside_a_model_and_judged(call, sums: Path) -> None:
    code, out, err = call("gate", "toy-exact-adder", "--against", "toy-carrier", *WORDS)
    assert code == 0 and out.startswith("Holds: toy-exact-adder is not worse than toy-carrier"), err
    code, out, _ = call("gate", "toy-forgetful", "--against", "toy-carrier", *WORDS, "--junit", "gate.xml")
    assert code == 1 and "regressed" in out and "<failure" in Path("gate.xml").read_text()


def test_a_baseline_is_a_saved_name_else_a_run_folder_and_is_not_run_again(call, sums: Path) -> None:
    assert call("run", "toy-sums@60", "--model", "toy-carrier", "--out", "before", "--workers", "1")[0] == 0
    assert call("gate", "toy-forgetful", "--against", "before", *WORDS)[0] == 1
    assert call("baseline", "save", "last", "before")[0] == 0
    assert call("gate", "toy-forgetful", "--against", "last", *WORDS)[0] == 1
    assert not (sums / "runs" / "toy-carrier").exists()
    assert call("gate", "toy-exact-adder", "--against", "last", *WORDS)[0] == 0


def test_failed_cases_are_missing_and_the_exit_code_is_3(call, sums: Path) -> None:
    code, out, _ = call("gate", "toy-adder", "--against", "toy-carrier", *WORDS)  # it gives up on thirteen
    assert code == 3 and "of the cases of NEW failed, more than 1 %" in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("toy-exact-adder", "--against", "lost"), "'lost' is neither a saved baseline nor a run folder nor a model"),
        (("toy-exact-ader", "--against", "toy-carrier"), "did you mean 'toy-exact-adder'?"),
        (("toy-exact-adder", "--against", "empty"), "no run folders under empty"),
        (("toy-exact-adder", "--against", "toy-carrier", "--undecided", "no"), "--undecided is pass or fail"),
        (("toy-silent", "--against", "toy-carrier"), "toy-silent"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_run(call, sums: Path, words, said: str) -> None:
    (sums / "empty").mkdir()
    code, out, err = call("gate", *words, *WORDS)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert not (sums / "runs").exists()


def test_run_folders_of_several_models_are_refused_with_what_to_name(call, sums: Path) -> None:
    call(
        "run", "toy-sums@60", "--model", "toy-carrier", "--model", "toy-forgetful", "--out", "before", "--workers", "1"
    )
    code, _, err = call("gate", "toy-exact-adder", "--against", "before", *WORDS)
    assert code == 2 and "name the folder of one, before/NAME, of toy-carrier, toy-forgetful" in err
    assert call("gate", "toy-exact-adder", "--against", "before/toy-forgetful", *WORDS)[0] == 0


def test_a_baseline_of_other_tasks_is_refused(call, sums: Path) -> None:
    call("run", "toy-sums@40", "--model", "toy-carrier", "--out", "before", "--workers", "1")
    code, _, err = call("gate", "toy-exact-adder", "--against", "before", *WORDS)
    assert code == 2 and "before holds none of toy-sums@60: run the suite on it first" in err


# ------------------------------------------------------------------------------------------------ the plan


def test_a_plan_says_what_so_many_cases_decide(call, sums: Path) -> None:
    call("run", "toy-sums@60", "--model", "toy-forgetful", "--out", "before", "--workers", "1")
    code, out, err = call("gate", "toy-carrier", "--against", "before", *WORDS, "--plan")
    assert (code, err) == (0, "")
    head, row = out.splitlines()[2], out.splitlines()[5]
    assert head.split() == ["metric", "tier", "cases", "margin", "decides", "needs"]
    assert row.split()[:5] == ["toy", "exact", "blocks", "60", "0.1"] and row.split()[5].endswith("*")
    assert not (sums / "runs").exists()


def test_a_stated_spread_shrinks_with_the_root_of_the_cases() -> None:
    """A metric that states one needs nothing stored."""
    few, many = (
        {row.label: row for row in plan_rows("geneval@world", count, None, Policy())}["GenEval"]
        for count in (600, 2400)
    )
    assert few.decides == pytest.approx(2 * many.decides) and many.source == "stated"
    assert many.decides < 0.05 and many.needed < 2400


def test_the_suite_gate_decides_the_margins_of_its_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness import outline

    counts = {"geneval@world": 2400, "generation@world": 2000, "mme@world-400": 400, "editing@world": 600}
    known = {task: outline._Known(counts.get(task, count or 576)) for task, count in GATE_CASES.items()}
    monkeypatch.setattr(outline, "_counts", lambda _: known)
    monkeypatch.setattr(outline, "_start_counting", lambda _: None)
    monkeypatch.setattr("tasks.suites.wikipedia_at_hand", lambda: True)
    rows = [row for task in gate().tasks for row in plan_rows(task, known[task].cases, None, Policy())]
    blocking = [row for row in rows if row.tier == "blocks"]
    assert len(blocking) >= 8
    assert [row.label for row in blocking if row.decides is None or row.decides > row.wanted] == []
    text = planned(Asked("vqgan-llama", "var-llama", out="nowhere"), Policy())
    assert "FD-world" in text and "25 % of OLD" in text


def test_a_margin_below_what_the_cases_decide_says_how_many_would(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ShownMetric(spread=1.0).spread == 1.0
    row = {item.label: item for item in plan_rows("geneval@world", 100, None, Policy())}["GenEval"]
    assert row.decides > row.wanted and row.needed > 100


# ------------------------------------------------------------------------------------------------ GitHub Actions


def test_the_example_for_github_actions_runs_as_a_shell_script(call, sums: Path) -> None:
    """Its ``run:`` lines in order, with a toy checkpoint and suite in place of what it says under ``env``."""
    workflow = (ROOT / "examples" / "github-actions" / "gate.yml").read_text()
    lines = re.findall(r"^ +run: (.+)$", workflow, re.MULTILINE)
    assert len(lines) == 4 and lines[0].startswith("pip install")
    stated = dict(re.findall(r"^      ([A-Z]+): (\S+)", workflow, re.MULTILINE))
    assert set(stated) == {"DDTBENCH", "CHECKPOINT", "BASELINE", "SUITE"}
    (sums / "suite.toml").write_text('models = ["toy-carrier"]\ntasks = ["toy-sums@60"]\n')
    call("run", "suite.toml", "--out", "before", "--workers", "1")
    call("baseline", "save", "last", "before")
    tools = sums / "bin"
    tools.mkdir()
    (tools / "pip").write_text('#!/bin/sh\necho "would install $2"\n')  # it is installed
    (tools / "ddtbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness.cli "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    # the toy metric states no margin: a repository of one's own would commit its policy
    steps = [line.replace('--suite "$SUITE"', '--suite "$SUITE" --policy policy.toml') for line in lines]
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{sums / 'site'}",
        "DDTBENCH": str(ROOT),
        "BASELINE": stated["BASELINE"],
        "SUITE": "suite.toml",
        "GITHUB_STEP_SUMMARY": "summary.md",
    }
    for checkpoint, code, script in (("toy-exact-adder", 0, steps), ("toy-forgetful", 1, steps[2:])):
        done = subprocess.run(
            ["bash", "-e", "-c", "\n".join(script)],
            env={**environment, "CHECKPOINT": checkpoint},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        assert ("would install" in done.stdout) == ("decides" in done.stdout) == (code == 0)
    assert (sums / "summary.md").read_text().startswith("### Holds: toy-exact-adder is not worse than last")
    assert "<failure" in (sums / "gate.xml").read_text()
