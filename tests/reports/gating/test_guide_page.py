"""The guide's page of the gate: every command of it is run, and what it shows is what is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from gate_runs import GATED, draws, store

from reports.gating.commands import exit_code

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "guide" / "test-checkpoints.md").read_text()
COMMANDS = re.findall(r"^    ddtbench (.+)$", PAGE, re.MULTILINE)
TOY = {"vqgan-llama@MINE": "toy-exact-adder", "vqgan-llama": "toy-carrier"}
SUITE = ["--suite", "toy-sums@60", "--policy", "sums.toml", "--workers", "1"]


def test_the_stored_checkpoints_are_judged_as_the_page_shows(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    words = shlex.split(COMMANDS[0])
    assert words[:2] == ["regress", "zoo/runs"]
    code, out, err = call(*words)
    assert (code, err) == (1, "")
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1]
    assert out.startswith(shown)


def test_every_other_command_runs_in_the_order_of_the_page(call, sums: Path) -> None:
    """With the toy package's models and suite in place of the zoo's."""
    (sums / "sums.toml").write_text((sums / "policy.toml").read_text())
    (sums / "policy.toml").write_text("[metrics.toy-exact]\nmargin = 0.1\n")
    for name in ("old.csv", "new.csv"):
        rows = (f"{n},acc,{value:g}" for n, value in enumerate(draws(0)))
        (sums / name).write_text("\n".join(["case,metric,value", *rows]) + "\n")
    assert len(COMMANDS) >= 7
    for command in COMMANDS[1:]:
        words = [TOY.get(word, word) for word in shlex.split(command)]
        if words[0] == "gate":
            words += SUITE
        if words[:2] == ["regress", "runs"]:
            words += ["--model", "toy-exact-adder"]
        code, _, err = call(*words)
        assert code == 0, (command, err)


def test_the_page_shows_the_workflow_as_it_is() -> None:
    assert (ROOT / "examples" / "github-actions" / "gate.yml").read_text() in re.findall(
        r"```yaml\n(.*?)```", PAGE, re.DOTALL
    )


def test_the_policy_of_the_page_is_one(call, tmp_path: Path) -> None:
    [policy] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "p.toml").write_text(policy)
    for name in ("new", "old"):
        store(tmp_path / name, "model", draws(0), metric="geneval", shown=GATED)
        store(tmp_path / name, "model", draws(0), "generation-world", metric="fd-world", shown=GATED)
    code, out, err = call("regress", tmp_path / "new", "--against", tmp_path / "old", "--policy", tmp_path / "p.toml")
    assert code == 0, err
    assert "margin 25 % of the value" in out and "margin 0.03" in out


def test_the_exit_codes_of_the_page_are_those_of_the_command() -> None:
    told = dict(re.findall(r"^\| (\d) \| (holds|regressed|cannot tell) \|$", PAGE, re.MULTILINE))
    assert {verdict: int(code) for code, verdict in told.items()} == {
        verdict: exit_code(verdict) for verdict in ("holds", "regressed", "cannot tell")
    }
