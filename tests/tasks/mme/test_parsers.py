"""What an answer says by each rule: where they agree, where they do not, and that nothing breaks them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.mme.parsers import PARSERS, lmms_eval, official, vlmevalkit

CASES = [
    # answer, official, lmms-eval, VLMEvalKit
    ("Yes", "yes", "yes", "yes"),
    ("no", "no", "no", "no"),
    ("YES.", "yes", "yes", "yes"),
    ("No, there is none", "no", "no", "no"),
    ("yes\n", "yes", "yes", "yes"),
    ("", "other", "other", "other"),
    ("maybe", "other", "other", "other"),
    ("y", "other", "yes", "other"),
    ("N.", "other", "no", "other"),
    ("x", "other", "other", "other"),
    ("   yes", "other", "yes", "yes"),
    (" yes", "yes", "yes", "yes"),
    ("...yes", "other", "yes", "yes"),
    ("The answer is yes", "other", "other", "yes"),
    ("Not sure, yes", "no", "no", "yes"),
    ("None", "no", "no", "other"),
    ("Yesterday", "yes", "yes", "other"),
    ("eyes", "yes", "yes", "other"),
    ("Yes or no", "yes", "yes", "other"),
    ("no yes", "no", "no", "other"),
    ("yes/no", "yes", "yes", "other"),
    ("Yes, it is 1,000 metres", "yes", "yes", "yes"),
    ("(no)", "no", "no", "no"),
    ("Answer: no", "other", "other", "no"),
    ("no!", "no", "no", "no"),
]


@pytest.mark.parametrize(("answer", "by_mme", "by_lmms_eval", "by_vlmevalkit"), CASES)
def test_by_hand(answer: str, by_mme: str, by_lmms_eval: str, by_vlmevalkit: str) -> None:
    assert (official(answer), lmms_eval(answer), vlmevalkit(answer)) == (by_mme, by_lmms_eval, by_vlmevalkit)


def test_a_mark_that_touches_a_blank_vanishes_and_any_other_becomes_one() -> None:
    assert vlmevalkit("it-is-no") == "no"  # three words
    assert vlmevalkit("it-is-no -") == "other"  # one word: itisno
    assert vlmevalkit("is-no 1,5") == "other"  # a comma inside a number has the same effect on all marks
    assert vlmevalkit("it is.no") == "other"  # a full stop leaves no blank behind
    assert vlmevalkit("1.no 2.5") == "other"


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@given(text=st.text(max_size=60) | st.text("yesno .,-/\n\tYESNO01", max_size=20))
def test_never_raises_and_has_three_answers(parser: object, text: str) -> None:
    assert callable(parser)
    assert parser(text) in ("yes", "no", "other")


@given(text=st.text("yesno .YN\n", max_size=8))
def test_lmms_eval_is_the_official_rule_once_blanks_and_stops_are_gone(text: str) -> None:
    cleaned = text.strip().replace(".", "")
    if len(cleaned) != 1:
        assert lmms_eval(text) == official(cleaned)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_the_plain_answers_are_read_by_all(parser: object) -> None:
    assert callable(parser)
    for word in ("yes", "Yes", "YES", "Yes.", "yes,"):
        assert parser(word) == "yes"
    for word in ("no", "No", "NO", "No.", "no,"):
        assert parser(word) == "no"


@pytest.fixture(scope="module")
def published() -> Callable[[str], str]:
    """lmms-eval's own function, from its file: the package itself takes long to import."""
    found = importlib.util.find_spec("lmms_eval")
    if found is None or not found.submodule_search_locations:
        pytest.skip("lmms-eval is not here: extra 'lmms'")
    file = Path(found.submodule_search_locations[0]) / "tasks" / "mme" / "utils.py"
    spec = importlib.util.spec_from_file_location("published_mme", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rule: Callable[[str], str] = module.parse_pred_ans
    return rule


@pytest.mark.parity
@given(text=st.text("yesno .,YN\n", max_size=12) | st.sampled_from([case[0] for case in CASES]))
def test_lmms_eval_itself_reads_the_same(published: Callable[[str], str], text: str) -> None:
    assert lmms_eval(text) == published(text)
