"""Text, markers, classes and codes never share an id; old rows keep every bit and new rows look like them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddt_llama.mllm.text import encode, train_text_tokenizer
from ddt_llama.mllm.vocabulary import Vocabulary, extend_embeddings
from harness.errors import UserError

TOKENIZER = train_text_tokenizer(["a red circle"] * 3, 270)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 300), st.integers(1, 100), st.integers(0, 12))
def test_no_two_things_share_an_id(rows, codebook, count, classes):
    words = Vocabulary.extend(TOKENIZER, rows, codebook, count, classes)
    text = set(TOKENIZER.get_vocab().values())
    ours = [words.bov, words.eov, *(words.class_id(label) for label in range(classes)), *words.code_ids().tolist()]
    assert len(set(ours)) == len(ours)
    assert not text & set(ours)
    assert min(ours) >= rows
    assert max(ours) == words.size - 1
    assert {words.bos, words.eos, words.pad} <= text
    assert Vocabulary.from_config(words.config()) == words


def test_a_tokenizer_without_special_tokens_gets_ours():
    bare = train_text_tokenizer(["a red circle"] * 3, 270)
    bare.bos_token = bare.eos_token = bare.pad_token = None
    words = Vocabulary.extend(bare, 0, 8, 4)
    ids = [words.bov, words.eov, words.bos, words.eos, words.pad]
    assert len(set(ids)) == 5
    assert min(ids) == words.text_size == len(bare)
    assert words.first_code == len(bare) + 5


def test_codes_and_tokens_map_one_to_one():
    words = Vocabulary.extend(TOKENIZER, 0, 8, 4)
    codes = torch.arange(8).view(2, 4)
    assert words.to_codes(words.to_tokens(codes)).equal(codes)
    for wrong in (torch.tensor([8]), torch.tensor([-1])):
        with pytest.raises(UserError, match="codebook of 8"):
            words.to_tokens(wrong)
    with pytest.raises(UserError, match="to be codes"):
        words.to_codes(torch.tensor([words.bov]))


def test_no_text_can_spell_a_code():
    words = Vocabulary.extend(TOKENIZER, 0, 8, 4)
    assert max(encode(TOKENIZER, "[BOV] <|code_3|> <|end|> 277")) < words.text_size <= words.bov


@pytest.mark.parametrize("family", ["llama", "llama-grouped", "gemma2"])
def test_old_rows_keep_every_bit_and_new_ones_have_their_mean_and_spread(make_language_model, family):
    model = make_language_model(family, 300)
    with torch.no_grad():
        model.get_input_embeddings().weight[:, 3] += 2.0  # a dimension with a mean of its own
    before = model.get_input_embeddings().weight.detach().clone()
    ids = torch.arange(3, 30)[None]
    text_logits = model(ids).logits
    extend_embeddings(model, 300 + 4000)
    weight = model.get_input_embeddings().weight.detach()
    assert weight[:300].equal(before)
    # equal up to the order of sums in a wider product
    torch.testing.assert_close(model(ids).logits[..., :300], text_logits, atol=1e-4, rtol=1e-4)
    # 4,000 draws: a mean is off by 5 standard errors (5/sqrt(4000) = 0.08 spreads) once in two million
    spread = before.std(dim=0, correction=0)
    assert ((weight[300:].mean(dim=0) - before.mean(dim=0)).abs() < 0.08 * spread).all()
    torch.testing.assert_close(weight[300:].std(dim=0), spread, rtol=0.1, atol=0)
    tied = model.get_output_embeddings().weight.data_ptr() == weight.data_ptr()
    assert tied == model.config.tie_word_embeddings
    if not tied:
        assert not model.get_output_embeddings().weight[300:].equal(weight[300:])


def test_a_model_larger_than_its_vocabulary_is_refused(make_language_model):
    with pytest.raises(UserError, match="300 rows already"):
        extend_embeddings(make_language_model("llama", 300), 200)


def test_unknown_keys_and_classes_are_refused():
    words = Vocabulary.extend(TOKENIZER, 0, 8, 4, classes=3)
    with pytest.raises(UserError, match=r"classes are 0\.\.2"):
        words.class_id(3)
    with pytest.raises(UserError, match="unknown or missing"):
        Vocabulary.from_config({**words.config(), "colour": 1})
    with pytest.raises(UserError, match="needs codes"):
        Vocabulary.extend(TOKENIZER, 0, 0, 4)
