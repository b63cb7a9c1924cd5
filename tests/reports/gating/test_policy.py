"""A policy file: what it may say, and what it is refused for in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contracts import ShownMetric
from harness.errors import UserError
from reports.gating.policy import Policy, read_policy, require_in_range

STATED = ShownMetric("score", margin=0.05, tier="blocks", margin_reason="why")
SILENT = ShownMetric("score")


def policy(folder: Path, text: str) -> Policy:
    path = folder / "policy.toml"
    path.write_text(text)
    return read_policy(path)


def test_without_a_policy_a_metric_is_gated_as_it_says_itself() -> None:
    assert Policy().asked("task", "score", STATED, "") == STATED
    assert Policy().asked("task", "score", SILENT, "") is None


def test_a_policy_names_what_is_gated_and_changes_margin_and_tier(tmp_path: Path) -> None:
    found = policy(tmp_path, '[metrics.score]\nmargin = 0.1\ntier = "warns"\n')
    asked = found.asked("task", "score", STATED, "")
    assert asked is not None
    assert (asked.margin, asked.margin_relative, asked.tier) == (0.1, 0.0, "warns")
    assert asked.margin_reason.startswith("as ")
    assert found.asked("task", "other", STATED, "") is None


def test_defaults_gate_also_what_the_file_does_not_name(tmp_path: Path) -> None:
    found = policy(tmp_path, "defaults = true\n[metrics.score]\nmargin = 0.1\n")
    assert found.asked("task", "other", STATED, "") == STATED


def test_a_rule_for_a_task_goes_before_one_for_any(tmp_path: Path) -> None:
    text = '[metrics.score]\nmargin = 0.1\n[metrics."a@b/score"]\nmargin_relative = 0.2\n'
    found = policy(tmp_path, text)
    assert found.asked("a-b", "score", SILENT, "").margin_relative == 0.2
    assert found.asked("c", "score", SILENT, "").margin == 0.1


def test_a_margin_may_say_its_unit(tmp_path: Path) -> None:
    found = policy(tmp_path, '[metrics.score]\nmargin = "0.2 dB"\n')
    assert found.asked("task", "score", SILENT, "dB").margin == 0.2


@pytest.mark.parametrize(
    ("family", "blocking", "warning", "named"),
    [
        ('"blocks"', True, False, False),
        ('"all"', True, True, True),
        ('"none"', False, False, False),
        ('["score"]', False, False, True),
    ],
)
def test_the_family_says_whose_p_are_corrected_together(tmp_path, family, blocking, warning, named) -> None:
    found = policy(tmp_path, f"family = {family}\n[metrics.score]\n")
    assert found.in_family("task", "other", "blocks") == blocking
    assert found.in_family("task", "other", "warns") == warning
    assert found.in_family("task", "score", "warns") == named


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metric = 1\n", "unknown key 'metric'; did you mean 'metrics'?"),
        ("[metrics.score]\nmargn = 1\n", "unknown key 'margn'; did you mean 'margin'?"),
        ("[metrics.score]\nmargin = 0\n", "margin of 'score' must be a number above 0, not 0"),
        ("[metrics.score]\nmargin = -1\n", "must be a number above 0"),
        ('[metrics.score]\nmargin = "much"\n', "must be a number above 0, not 'much'"),
        ("[metrics.score]\nmargin_relative = 5\n", "is a share of OLD's value, below 1: 5 % is 0.05"),
        ('[metrics.score]\nmargin_relative = "5 %"\n', "has no unit: 5 % is 0.05"),
        ('[metrics.score]\ntier = "critical"\n', "tier of 'score' cannot be 'critical': write blocks or warns"),
        ('[metrics.score]\ndirection = "up"\n', "direction of 'score' cannot be 'up': write higher or lower"),
        ('family = "holm"\n[metrics.score]\n', "family cannot be 'holm'"),
        ("[metrics]\nscore = 0.1\n", "'score' must be a table"),
        ("defaults = false\n", "gates nothing"),
        ("this is no TOML", "is not TOML"),
        ('[metrics.score]\nmargin = "1 dB"\nunit = "bit"\n', "is in 'dB', and its unit says 'bit'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        policy(tmp_path, text)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the policy"):
        read_policy(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ('[metrics.score]\nmargin = "5 %"\n', "dB", "is in '%', and 'score' is measured in dB"),
        ('[metrics.score]\nmargin = 5\nunit = "points"\n', "", "is in 'points', and 'score' is a plain number"),
        (
            "[metrics.score]\n",
            "dB",
            "has no margin, and the metric states none: write margin = NUMBER, the smallest drop",
        ),
    ],
)
def test_a_margin_of_another_unit_or_none_is_refused(tmp_path: Path, text: str, unit: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        policy(tmp_path, text).asked("task", "score", SILENT, unit)
    assert said in str(refused.value)


def test_a_margin_as_wide_as_the_metric_is_of_another_unit() -> None:
    require_in_range(ShownMetric(margin=0.5), "score", (0.0, 1.0), "f")
    with pytest.raises(
        UserError, match=r"goes from 0 to 1: write it in the metric's own unit \(5 % of its range is 0.05\)"
    ):
        require_in_range(ShownMetric(margin=5.0), "score", (0.0, 1.0), "f")
