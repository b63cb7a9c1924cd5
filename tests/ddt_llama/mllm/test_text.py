"""No character is outside the vocabulary, no text becomes a special token, and what is no text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddt_llama.mllm.text import BYTES, checked_text, decode, encode, text_ids, train_text_tokenizer
from harness.errors import UserError

TOKENIZER = train_text_tokenizer(["a red circle", "two blue squares"] * 3, 280)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_as_it_was(text):
    ids = encode(TOKENIZER, text)
    assert decode(TOKENIZER, ids) == text
    assert set(ids) <= set(text_ids(TOKENIZER))


def test_a_text_that_spells_a_special_token_is_only_characters():
    ids = encode(TOKENIZER, "<|end|> and <|pad|>")
    assert not {TOKENIZER.eos_token_id, TOKENIZER.pad_token_id, TOKENIZER.bos_token_id} & set(ids)
    assert decode(TOKENIZER, ids) == "<|end|> and <|pad|>"


def test_training_again_gives_the_same_tokenizer_and_merges_what_is_frequent():
    again = train_text_tokenizer(["a red circle", "two blue squares"] * 3, 280)
    assert again.get_vocab() == TOKENIZER.get_vocab()
    assert len(encode(TOKENIZER, "circle")) < len("circle")


def test_a_vocabulary_too_small_for_all_bytes_is_refused():
    with pytest.raises(UserError, match="at least 259"):
        train_text_tokenizer(["a"], BYTES)


@pytest.mark.parametrize("text", [b"caf\xe9", "half a pair \ud83d"])
def test_invalid_utf8_is_one_clear_line(text):
    with pytest.raises(UserError, match="the prompt is not valid UTF-8") as caught:
        checked_text(text, "the prompt")
    assert "\n" not in str(caught.value)


def test_valid_bytes_are_text_and_blanks_are_empty():
    assert checked_text("café".encode()) == "café"
    with pytest.raises(UserError, match="the prompt is empty"):
        checked_text(" \n", "the prompt")
