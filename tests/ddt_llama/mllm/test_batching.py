"""Documents share a row without seeing each other; padding changes nothing; nothing is cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddt_llama.mllm.batching import IGNORED, pack, pad, pad_left
from ddt_llama.mllm.layout import Document
from harness.errors import UserError

PAD = 7
DOCUMENTS = st.lists(
    st.builds(
        Document,
        st.lists(st.integers(10, 99), min_size=1, max_size=6).map(tuple),
        st.lists(st.integers(10, 99), max_size=6).map(tuple),
        st.booleans(),
    ),
    max_size=12,
)


def read_back(batch):
    """The documents of a batch, as (ids, labels), from its numbering alone."""
    for ids, labels, positions, numbers in zip(
        batch.input_ids, batch.labels, batch.positions, batch.documents, strict=True
    ):
        for number in sorted(set(numbers.tolist()) - {-1}):
            here = numbers == number
            yield tuple(ids[here].tolist()), tuple(labels[here].tolist()), positions[here].tolist()


@settings(deadline=None)
@given(DOCUMENTS, st.booleans())
def test_every_document_is_there_once_whole_and_labelled(documents, packed):
    batch = pack(documents, PAD, 14) if packed else pad(documents, PAD)
    found = sorted(read_back(batch))
    expected = sorted(
        (
            document.ids,
            tuple(token if learned else IGNORED for token, learned in zip(document.ids, document.learned, strict=True)),
            list(range(len(document.ids))),
        )
        for document in documents
    )
    assert found == expected
    outside = batch.documents == -1
    assert (batch.input_ids[outside] == PAD).all()
    assert (batch.labels[outside] == IGNORED).all()
    # nothing is learned across a border: the first token of a document has no label
    assert (batch.labels[(batch.positions == 0)] == IGNORED).all()


def test_packing_fills_rows_first_fit():
    lengths = [6, 3, 5, 2, 4]
    batch = pack([Document(tuple(range(10, 10 + n))) for n in lengths], PAD, 9)
    assert batch.documents.tolist() == [[0] * 6 + [1] * 3, [0] * 5 + [1] * 2 + [-1] * 2, [0] * 4 + [-1] * 5]


def test_a_document_longer_than_a_row_is_refused():
    with pytest.raises(UserError, match="5 tokens does not fit in rows of 4"):
        pack([Document((1, 2, 3, 4, 5))], PAD, 4)


def test_prompts_end_in_the_last_column():
    ids, real = pad_left([[1, 2, 3], [4]], PAD)
    assert ids.tolist() == [[1, 2, 3], [PAD, PAD, 4]]
    assert real.tolist() == [[True] * 3, [False, False, True]]
    with pytest.raises(UserError, match="a prompt is empty"):
        pad_left([[1], []], PAD)


@pytest.mark.parametrize("family", ["llama", "llama-grouped", "gemma2"])
def test_a_packed_documents_logits_are_those_of_it_alone(make_model, family):
    model = make_model(family)
    to = model.layout
    documents = [
        to.caption_to_image("a red circle", range(16)),
        to.text_only("yes"),
        Document((5,)),
        to.question_to_answer("is there a star?", "no", range(16, 32)),
        to.image_only(range(32, 48)),
    ]
    batch = pack(documents, model.vocabulary.pad, 90)
    assert batch.documents.max() >= 2  # rows are shared indeed
    with torch.no_grad():
        logits = model(batch)
        losses = model.token_losses(batch)
        padded = model(pad(documents, model.vocabulary.pad))
        for index, document in enumerate(documents):
            row, number = next(
                (row, number)
                for row in range(len(batch.documents))
                for number in range(int(batch.documents[row].max()) + 1)
                if batch.input_ids[row][batch.documents[row] == number].tolist() == list(document.ids)
            )
            here = batch.documents[row] == number
            alone = pad([document], model.vocabulary.pad)
            # float32, logits of size 1 to 10: sums in another order
            torch.testing.assert_close(logits[row][here], model(alone)[0], atol=2e-5, rtol=1e-5)
            torch.testing.assert_close(losses[row][here], model.token_losses(alone)[0], atol=2e-5, rtol=1e-5)
            torch.testing.assert_close(padded[index, : len(document.ids)], model(alone)[0], atol=2e-5, rtol=1e-5)


def test_without_the_borders_documents_would_see_each_other(make_model):
    """What the test above is worth: positions that run on make a difference."""
    model = make_model()
    documents = [model.layout.text_only("a red circle"), model.layout.text_only("two yellow crosses")]
    batch = pack(documents, model.vocabulary.pad, 40)
    running = pad([Document(documents[0].ids + documents[1].ids)], model.vocabulary.pad, 40)
    second = batch.documents[0] == 1
    with torch.no_grad():
        assert (model(batch)[0][second] - model(running)[0][second]).abs().max() > 0.1


def test_the_loss_is_the_mean_over_learned_tokens_and_reaches_every_weight(make_model):
    model = make_model()
    to = model.layout
    batch = pack([to.caption_to_image("a star", range(16)), to.question_to_answer("red?", "no")], PAD, 60)
    loss = model.loss(batch)
    losses = model.token_losses(batch)
    learned = (batch.labels != IGNORED).sum()
    assert losses.count_nonzero() == learned
    torch.testing.assert_close(loss, losses.sum() / learned)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert model.loss(pad([Document((1, 2))], PAD)) == 0
