"""Likelihoods: against a plain float64 reference, for any batch; rolling windows against lm-eval's definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddt_llama.mllm.layout import Document
from ddt_llama.mllm.likelihood import nats_of_answers, strided_windows, windows
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


# ------------------------------------------------------------------------------------------------ overlapping windows


@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_strided_windows_predict_every_token_once_given_more(count: int, longest: int, data) -> None:
    stride = data.draw(st.integers(1, longest))
    tokens = list(range(100, 100 + count))
    made = strided_windows(tokens, 1, longest, stride)
    assert [token for window in made for token in window.answer] == tokens
    everything = (1, *tokens)
    for number, window in enumerate(made):
        assert len(window.ids) <= longest + 1, "a window fits the context"
        assert window.ids == everything[number * stride : number * stride + len(window.ids)]
        if number:
            assert len(window.prompt) == longest + 1 - stride, "what both windows hold is context"


def test_strided_windows_by_hand() -> None:
    made = [(window.prompt, window.answer) for window in strided_windows([10, 11, 12, 13, 14, 15, 16], 0, 3, 2)]
    assert made == [((0,), (10, 11, 12)), ((11, 12), (13, 14)), ((13, 14), (15, 16))]
    assert [window.ids for window in strided_windows([10], 0, 3, 2)] == [(0, 10)]


@pytest.mark.parametrize("stride", [0, 4])
def test_a_stride_that_leaves_a_token_without_context_is_refused(stride: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 3 tokens, not {stride}"):
        strided_windows([1, 2, 3, 4, 5], 0, 3, stride)


def test_strided_nats_are_those_of_the_documented_loop(make_model) -> None:
    """transformers' "Perplexity of fixed-length models": labels masked but for the new tokens, losses of a window
    weighed by the tokens that it predicts; in float64, the text begun by the model's own beginning."""
    model = make_model()
    bos, context, stride = model.vocabulary.bos, 9, 4
    tokens = [5 + k % 7 for k in range(23)]
    lm = model.language_model.double()
    ids = torch.tensor([[bos, *tokens]])
    nats, seen, previous = 0.0, 0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + context, ids.size(1))
        labels = ids[:, begin:end].clone()
        labels[:, : -(end - previous)] = -100
        counted = int((labels[:, 1:] != -100).sum())
        with torch.no_grad():
            nats += float(lm(input_ids=ids[:, begin:end], labels=labels).loss) * counted
        seen, previous = seen + counted, end
        if end == ids.size(1):
            break
    lm.float()
    made = strided_windows(tokens, bos, context - 1, stride)
    assert seen == len(tokens) == sum(len(window.answer) for window in made)
    # transformers takes the loss of float64 logits in float32
    assert sum(nats_of_answers(model, made)) == pytest.approx(nats, rel=1e-5)


def test_more_context_than_disjoint_windows_have_and_no_other_tokens(make_model) -> None:
    model = make_model()
    tokens, bos = [5 + k % 7 for k in range(23)], model.vocabulary.bos
    one, other = (
        sum(nats_of_answers(model, made)) for made in (windows(tokens, bos, 8), strided_windows(tokens, bos, 8, 2))
    )
    assert one != pytest.approx(other, rel=1e-4)
    whole = windows(tokens, bos, 100), strided_windows(tokens, bos, 100, 50)
    assert nats_of_answers(model, whole[0]) == pytest.approx(nats_of_answers(model, whole[1]), rel=1e-6)


# ------------------------------------------------------------------------------------------------ extreme logits


@pytest.mark.parametrize("size", [1e3, 1e6])
@pytest.mark.parametrize("among", [False, True])
def test_logits_that_underflow_a_softmax_have_finite_nats(make_model, monkeypatch, size: float, among: bool) -> None:
    """The true token lies ``size`` below the best: exp(-1000) is 0 even in float64, so that a softmax before the
    logarithm would say infinity."""
    model = make_model()
    document = documents(model)[1]
    best = int(model.vocabulary.code_ids()[-1])
    rows = model.vocabulary.size

    def peaked(batch):
        logits = torch.zeros(*batch.input_ids.shape, rows)
        logits[..., best] = size
        return logits

    monkeypatch.setattr(type(model), "forward", lambda self, batch: peaked(batch))
    kept = model.vocabulary.code_ids() if among else None
    (nats,) = nats_of_answers(model, [document], kept)
    count = len(document.answer) - document.answer.count(best)
    assert nats == pytest.approx(count * size, rel=1e-6) and count > 0
    shares = torch.softmax(torch.tensor([0.0, size], dtype=torch.float64), dim=0)
    assert torch.isinf(shares.log()[0]), "what is not done here"
