"""Text in and out: what counts as text, how it becomes token ids, and a byte-level BPE trained from our own texts.

Special tokens are never parsed out of a text: a caption that spells ``<|end|>`` is nothing but characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
BYTES = 256


def checked_text(text: str | bytes, what: str = "the text", empty: bool = False) -> str:
    """The text as a string that UTF-8 can hold. Raises UserError for invalid UTF-8, and for an empty one unless
    ``empty``."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        else:
            text.encode("utf-8")
    except UnicodeError as error:
        raise UserError(f"{what} is not valid UTF-8 ({error}): save it as UTF-8 and try again") from None
    if not empty and not text.strip():
        raise UserError(f"{what} is empty: give at least one character")
    return text


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text, without special tokens, whatever it spells."""
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [int(token) for token in ids]


def decode(tokenizer: PreTrainedTokenizerBase, ids: Iterable[int]) -> str:
    """The text of token ids; bytes that are no UTF-8 (a character cut short) become the replacement character."""
    text = tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(text)


def text_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids that may stand in a generated text: all but the special ones."""
    special = set(tokenizer.all_special_ids)
    special |= {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    return sorted(set(tokenizer.get_vocab().values()) - special)


def train_text_tokenizer(texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most ``size`` tokens, three of them special: no character is outside its vocabulary.

    The same texts in the same order give the same tokenizer. Raises UserError if ``size`` cannot hold all bytes.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    specials = [PAD, BEGIN, END]
    if size < BYTES + len(specials):
        raise UserError(f"a byte-level vocabulary needs at least {BYTES + len(specials)} tokens, not {size}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((checked_text(text, empty=True) for text in texts), trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
