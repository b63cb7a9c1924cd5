"""Every kind of sequence, written out; which tokens are learned; and orders that invert."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddt_llama.mllm.layout import SequenceLayout, TokenOrder
from ddt_llama.mllm.text import decode
from ddt_llama.mllm.vocabulary import Vocabulary
from harness.errors import UserError

CODES = [5, 0, 7, 2]
ORDERS = st.one_of(st.sampled_from(["native", "reversed"]), st.integers(0, 10**6).map(lambda seed: f"shuffled({seed})"))


@pytest.fixture(scope="module")
def words(text_tokenizer):
    return Vocabulary.extend(text_tokenizer, 0, 8, 4, classes=10)


@pytest.fixture(scope="module")
def spell(words, text_tokenizer):
    """A document in words: markers in brackets, codes as numbers in braces, text as it is."""
    names = {words.bos: "[BOS]", words.eos: "[EOS]", words.bov: "[BOV]", words.eov: "[EOV]"}

    def one(token):
        if token in names:
            return names[token]
        if token >= words.first_code:
            return f"{{{token - words.first_code}}}"
        return f"[{token - words.first_class}]" if token >= words.first_class else decode(text_tokenizer, [token])

    return lambda ids: "".join(map(one, ids))


@pytest.fixture(scope="module")
def layout(words, text_tokenizer):
    return SequenceLayout(words, text_tokenizer)


IMAGE = "[BOV]{5}{0}{7}{2}[EOV]"
KINDS = {
    "text": (lambda to: to.text_only("a red star"), "[BOS]", "a red star[EOS]", True),
    "caption": (lambda to: to.caption_to_image("a red star", CODES), "[BOS]a red star[BOV]", None, True),
    "image": (lambda to: to.image_only(CODES), "[BOS][BOV]", None, True),
    "class": (lambda to: to.class_to_image(3, CODES), "[BOS][3][BOV]", None, False),
    "describe": (lambda to: to.image_to_caption(CODES, "a star"), f"[BOS]{IMAGE}", "a star[EOS]", True),
    "question": (
        lambda to: to.question_to_answer("is it red?", "yes", CODES),
        f"[BOS]USER:{IMAGE} is it red? ASSISTANT:",
        " yes[EOS]",
        False,
    ),
    "text question": (
        lambda to: to.question_to_answer("is it?", "no"),
        "[BOS]USER: is it? ASSISTANT:",
        " no[EOS]",
        False,
    ),
    "instruction": (
        lambda to: to.instruction_to_image("draw a star", CODES),
        "[BOS]USER: draw a star ASSISTANT:[BOV]",
        None,
        False,
    ),
    "edit": (
        lambda to: to.edit([1, 1, 1, 1], "make it red", CODES),
        "[BOS]USER:[BOV]{1}{1}{1}{1}[EOV] make it red ASSISTANT:[BOV]",
        None,
        False,
    ),
    "edit without its instruction": (
        lambda to: to.edit_unconditional([1, 1, 1, 1], CODES),
        "[BOS]USER:[BOV]{1}{1}{1}{1}[EOV] ASSISTANT:[BOV]",
        None,
        False,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_reads_as_it_should(layout, spell, kind):
    make, prompt, answer, learn_prompt = KINDS[kind]
    document = make(layout)
    assert spell(document.prompt) == prompt
    assert spell(document.answer) == (answer or "{5}{0}{7}{2}[EOV][EOS]")
    expected = [learn_prompt] * len(document.prompt) + [True] * len(document.answer)
    assert list(document.learned) == [False, *expected[1:]]


def test_a_prompt_is_the_document_cut_before_its_answer(layout):
    pairs = [
        (layout.caption_to_image("a star"), layout.caption_to_image("a star", CODES)),
        (layout.image_only(), layout.image_only(CODES)),
        (layout.class_to_image(0), layout.class_to_image(0, CODES)),
        (layout.image_to_caption(CODES), layout.image_to_caption(CODES, "a star")),
        (layout.question_to_answer("red?", None, CODES), layout.question_to_answer("red?", "no", CODES)),
        (layout.edit(CODES, "paint it"), layout.edit(CODES, "paint it", CODES)),
        (layout.edit_unconditional(CODES), layout.edit_unconditional(CODES, CODES)),
    ]
    for prompt, whole in pairs:
        assert prompt.ids == prompt.prompt == whole.prompt
        assert whole.answer


@settings(deadline=None)
@given(ORDERS, st.integers(1, 90))
def test_an_order_is_a_permutation_that_inverts(name, count):
    order = TokenOrder(name)
    codes = torch.randint(0, 99, (3, count), generator=torch.Generator().manual_seed(count))
    assert order.invert(order.apply(codes)).equal(codes)
    assert order.permutation(count).sort().values.equal(torch.arange(count))
    assert order.permutation(count).equal(TokenOrder(name).permutation(count))


def test_orders_differ_and_reversed_reverses(words, text_tokenizer, spell):
    backwards = SequenceLayout(words, text_tokenizer, "reversed").image_only(CODES)
    assert spell(backwards.ids) == "[BOS][BOV]{2}{7}{0}{5}[EOV][EOS]"
    one, other = TokenOrder("shuffled(1)").permutation(64), TokenOrder("shuffled(2)").permutation(64)
    assert not one.equal(other)
    # the image shown and the image to be made are read in the same order
    shown = SequenceLayout(words, text_tokenizer, "shuffled(5)").edit(CODES, "x", CODES).ids
    first = shown.index(words.bov)
    second = shown.index(words.bov, first + 1)
    assert shown[first : first + 6] == shown[second : second + 6]


@pytest.mark.parametrize("name", ["backwards", "shuffled", "shuffled(-1)", "shuffled(x)", ""])
def test_an_unknown_order_is_refused(name):
    with pytest.raises(UserError, match="known: native, reversed"):
        TokenOrder(name)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda to: to.caption_to_image("  "), "the prompt is empty"),
        (lambda to: to.caption_to_image(b"\xff"), "not valid UTF-8"),
        (lambda to: to.question_to_answer("", None, CODES), "the question is empty"),
        (lambda to: to.edit(CODES, ""), "the instruction is empty"),
        (lambda to: to.image_only([1, 2, 3]), "is 4 codes, not"),
        (lambda to: to.image_only([1, 2, 3, 8]), "codebook of 8"),
        (lambda to: to.class_to_image(10), "no class 10"),
    ],
)
def test_bad_input_is_one_clear_line(layout, ask, says):
    with pytest.raises(UserError, match=says) as caught:
        ask(layout)
    assert "\n" not in str(caught.value)
