"""Likelihoods: against a plain float64 reference, for any batch; rolling windows against lm-eval's definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddt_llama.mllm.layout import Document
from ddt_llama.mllm.likelihood import nats_of_answers, windows
from harness.errors import UserError


def reference(model, document: Document, kept: list[int] | None = None) -> float:
    """One document, one token at a time, float64, no batch and no padding."""
    lm = model.language_model.double()
    total = 0.0
    for place in range(len(document.prompt), len(document.ids)):
        logits = lm(input_ids=torch.tensor([document.ids[:place]])).logits[0, -1]
        if kept is not None:
            logits = torch.full_like(logits, float("-inf")).index_copy(0, torch.tensor(kept), logits[kept])
        total -= float(logits.log_softmax(-1)[document.ids[place]])
    lm.float()
    return total


def documents(model) -> list[Document]:
    words = model.vocabulary
    codes = words.code_ids().tolist()
    return [
        Document((words.bos,), (5, 6, 7)),
        Document((words.bos, 9, 9, words.bov), (codes[3], codes[0], codes[9])),
        Document((words.bos, words.bov, codes[1], words.eov), (8, 4, 8, 8, 4)),
    ]


def test_it_is_the_sum_over_the_answer(make_model) -> None:
    model = make_model()
    asked = documents(model)
    with torch.no_grad():
        expected = [reference(model, document) for document in asked]
    # float32 logits of size about 10: three to five terms, each within 1e-5
    assert nats_of_answers(model, asked) == pytest.approx(expected, abs=1e-4)
    alone = [nats_of_answers(model, [document])[0] for document in reversed(asked)]
    assert alone == pytest.approx(expected[::-1], abs=1e-4)


def test_codes_are_likely_among_codes(make_model) -> None:
    model = make_model()
    document = documents(model)[1]
    kept = model.vocabulary.code_ids()
    with torch.no_grad():
        expected = reference(model, document, kept.tolist())
    among = nats_of_answers(model, [document], kept)
    assert among == pytest.approx([expected], abs=1e-4)
    assert among[0] < nats_of_answers(model, [document])[0]


def test_what_does_not_fit_is_refused(make_model) -> None:
    model = make_model()
    with pytest.raises(UserError, match="context of 160"):
        nats_of_answers(model, [Document((model.vocabulary.bos,), (5,) * 160)])
    assert nats_of_answers(model, []) == []


@given(st.integers(1, 60), st.integers(1, 12))
def test_every_token_is_predicted_once(count: int, longest: int) -> None:
    tokens = list(range(100, 100 + count))
    made = windows(tokens, 1, longest)
    assert [token for window in made for token in window.answer] == tokens
    for number, window in enumerate(made):
        assert len(window.ids) - 1 <= longest, "a window reads at most this many tokens"
        if number == 0:
            assert window.prompt == (1,)
        else:
            last = window.prompt[-1]
            assert last == window.answer[0] - 1, "each is given what precedes it"
            assert len(window.prompt) == longest - len(window.answer) + 1


def test_windows_are_those_of_lm_eval() -> None:
    """lm_eval.utils.get_rolling_token_windows with context_len 1, then make_disjoint_window, worked by hand:
    nine tokens, at most four a window."""
    tokens = [10, 11, 12, 13, 14, 15, 16, 17, 18]
    made = [(window.prompt, window.answer) for window in windows(tokens, 0, 4)]
    assert made == [
        ((0,), (10, 11, 12, 13)),
        ((13,), (14, 15, 16, 17)),
        ((14, 15, 16, 17), (18,)),
    ]
