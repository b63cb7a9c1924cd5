"""Data files of claims: what they may say, and one line with file, claim and key for what they may not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness import catalog
from harness.errors import UserError
from reports.claims.command import stated_claims
from reports.claims.statements import claims_of

ROOT = Path(__file__).parents[3]
GOOD: dict[str, Any] = {
    "name": "one",
    "topic": "tokens",
    "says": "A is better than B.",
    "quote": "We find that A is better than B.",
    "source": "abstract",
    "task": "reconstruction@world",
    "metric": "psnr",
    "test": "welch",
    "unit": "training seed",
    "side": "above",
    "margin": 0.1,
    "margin_reason": "a tenth",
    "measured_by": "ddtbench run reconstruction@world",
    "terms": [{"weight": 1, "tokenizer": "ddt"}, {"weight": -1, "tokenizer": "vqgan"}],
}


def test_a_claim_is_read_as_it_stands() -> None:
    (claim,) = claims_of({"claim": [GOOD]}, "claims.toml")
    assert (claim.margin, claim.side, claim.stored_task) == (0.1, "above", "reconstruction-world")
    assert [(term.weight, term.tokenizer) for term in claim.terms] == [(1.0, "ddt"), (-1.0, "vqgan")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tset": "welch"}, "unknown key 'tset'; did you mean 'test'?"),
        ({"quote": None}, "'quote' is missing"),
        ({"quote": " "}, "'quote' must be text"),
        ({"test": "welsh"}, "'test' is 'welsh'; did you mean 'welch'?"),
        ({"unit": "case"}, "the unit of 'welch' is 'training seed', not 'case'"),
        ({"side": "higher"}, "'side' is 'higher'"),
        ({"margin": -0.1}, "'margin' is -0.1"),
        ({"margin": "5 %"}, "'margin' is '5 %', which is not a number"),
        ({"margin": True}, "'margin' is True, which is not a number"),
        ({"name": "one two"}, "letters, digits and hyphens"),
        ({"terms": []}, "'terms' must be a list"),
        ({"terms": [{"weight": 1}]}, "takes two terms or more"),
        ({"terms": [{"tokenizer": "ddt"}]}, "'weight' is missing"),
        ({"terms": [{"weight": 0}, {"weight": 1}]}, "its weight is 0"),
        ({"terms": [{"weight": 1, "tokeniser": "ddt"}]}, "unknown key 'tokeniser'; did you mean 'tokenizer'?"),
        ({"terms": [{"weight": 1, "order": 3}]}, "'order' is 3, which it cannot be"),
        ({"test": "paired", "unit": "case", "terms": [{"weight": 1}, {"weight": -2}]}, "of the weights 1 and -1"),
        ({"test": "interval", "unit": "case"}, "takes one term, of the weight 1"),
    ],
)
def test_what_it_may_not_say_is_one_line_with_the_place(change: dict[str, Any], said: str) -> None:
    row = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(UserError) as caught:
        claims_of({"claim": [row]}, "tasks/x/claims.toml")
    text = str(caught.value)
    assert text.startswith("tasks/x/claims.toml, claim 1") and said in text and "\n" not in text


@pytest.mark.parametrize(
    "content", [{}, {"claim": []}, {"claim": [GOOD], "more": 1}, {"claim": [GOOD, GOOD]}, {"claim": [3]}]
)
def test_a_file_without_claims_or_with_more_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"claims\.toml"):
        claims_of(content, "claims.toml")


def test_our_claims_hold_together() -> None:
    """Each has its sentence, its margin is 0 or has its reason, and its command names our tasks."""
    found = stated_claims()
    topics = list(dict.fromkeys(claim.topic for claim in found))
    assert topics[0].startswith("recursive"), "in the order of the paper's page"
    for topic in (
        "recursive",
        "fine to coarse",
        "blend",
        "impossible language",
        "synergy",
        "GenEval",
        "editing",
        "scaling",
    ):
        assert any(topic in known for known in topics), topic
    for claim in found:
        assert len(claim.quote.split()) > 5 and "ddtbench run " in claim.measured_by
        catalog.lookup("task", catalog.split_name(claim.task)[0])
        for metric in (claim.metric, *(term.metric for term in claim.terms if term.metric)):
            catalog.lookup("metric", metric)
        assert claim.margin_reason.startswith("any") == (claim.margin == 0), claim.name


def test_the_guide_shows_a_claim_as_it_stands() -> None:
    page = (ROOT / "docs" / "guide" / "claims.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert block in (ROOT / "tasks" / "perplexity" / "claims.toml").read_text(encoding="utf-8")
