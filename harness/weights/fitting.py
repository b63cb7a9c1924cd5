"""Weights opened into the model that they belong to, or not at all.

What a library finds no weight for it draws at random, and what it finds no place for it drops, each with a warning that
nobody reads: the number that follows is wrong without a word. Every door and every instrument opens weights through
``open_fitting`` (a folder of transformers or diffusers) or ``harness.weights.checkpoints.fill_module`` (a state dict),
and both through ``require_whole``.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

from harness.errors import UserError
from harness.launch import launched
from harness.weights.tame import require_tame

NAMED = 2
"""Keys of each kind that a message names."""
SAID = 300
LINE = "In the image there are three dogs, a red square and a cat of 13 years."
"""Plain text, which any tokenizer of English can read."""
KINDS = (("missing_keys", "keys missing"), ("unexpected_keys", "unknown"), ("mismatched_keys", "of another shape"))


def require_whole(
    found: Mapping[str, Iterable[Any]], where: str, unused: Sequence[str] = (), idle: Sequence[str] = ()
) -> None:
    """Raise UserError, naming the first of each kind, for keys that are missing, unknown or of another shape.

    ``found`` is the report that transformers and diffusers give for ``output_loading_info``; of another shape is a key,
    or (key, its shape in the file, its shape in the model). ``unused`` are regular expressions for parts of the file
    that this door does not use, ``idle`` for parts of the model that nothing it computes depends on.
    """
    spare = {"unexpected_keys": unused, "missing_keys": idle, "mismatched_keys": idle}
    told = []
    for kind, words in KINDS:
        named = {key[0] if isinstance(key, tuple) else str(key): key for key in found.get(kind, ())}
        wrong = sorted(name for name in named if not any(re.search(pattern, name) for pattern in spare[kind]))
        if wrong:
            told.append(f"{len(wrong)} {words} {_shown([named[name] for name in wrong[:NAMED]])}")
    told += [line_of(message) for message in found.get("error_msgs", ())]
    if told:
        raise UserError(f"{where} does not fit: {', '.join(told)}")


def _shown(keys: Sequence[Any]) -> str:
    if all(isinstance(key, tuple) for key in keys):
        return "; ".join(f"'{name}' is {tuple(there)}, the model has {tuple(here)}" for name, there, here in keys)
    return str([str(key) for key in keys])


def open_fitting(
    kind: Any,
    source: Path | str,
    *,
    what: str,
    where: str = "",
    unused: Sequence[str] = (),
    idle: Sequence[str] = (),
    shared: bool = False,
    **options: Any,
) -> Any:
    """``kind.from_pretrained(source, **options)`` of transformers or diffusers, with every weight from its files.

    ``what`` it should be ("causal language model") and ``where`` it lies (by default ``source``) are for the message.
    ``shared``: processes that a launcher started share out its weights, as transformers' plan for it says. Raises
    UserError where the files cannot be read as that, and where they do not fit (``require_whole``).
    """
    where = where or str(source)
    if shared and launched() > 1:
        from transformers.distributed.configuration_utils import DistributedConfig

        options["distributed_config"] = DistributedConfig(tp_plan="auto")
    if Path(source).is_dir():
        require_tame(Path(source))
    if str(getattr(kind, "__module__", "")).startswith("transformers"):
        options["trust_remote_code"] = False  # by default it asks on the terminal whether to run a folder's code
    with quiet_libraries(), readable(what, where):
        # of another shape must be told by name, which neither library's own error does
        model, found = kind.from_pretrained(source, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    require_whole(found, where, unused, idle)
    return model


@contextmanager
def readable(what: str, where: str) -> Iterator[None]:
    """What a library raises while it opens files of the user's, as a UserError that says what they should be."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        yield
    except (*UNREADABLE, ImportError, UnpicklingError, SafetensorError, StrictDataclassError) as error:
        raise UserError(f"no {what} can be opened at '{where}': {line_of(error)}") from error


def require_text(tokenizer: Any, where: str) -> None:
    """Raise UserError for a tokenizer that cannot write back what it reads. For models that learn to write."""
    ids = tokenizer(LINE, add_special_tokens=False)["input_ids"]
    back = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    if str(back).strip() != LINE:
        raise UserError(
            f"the tokenizer at '{where}' cannot write back a line of plain text ({LINE!r} comes back as {back!r}, by "
            f"{len(tokenizer):,} tokens): put the model's own tokenizer files (tokenizer.json ...) into that folder"
        )


def require_words(tokenizer: Any, where: str, rows: int | None = None) -> None:
    """Raise UserError for a tokenizer that knows no words, or more tokens than the model has ``rows``.

    Where a folder has no tokenizer, transformers makes an empty one of the model's kind, to which any text is nothing.
    """
    ids = {*tokenizer.get_vocab().values()}
    if len(ids - {*tokenizer.all_special_ids}) < 2:
        raise UserError(
            f"the tokenizer at '{where}' knows no words ({len(tokenizer):,} tokens): put the model's own tokenizer "
            "files (tokenizer.json ...) into that folder"
        )
    if rows is not None and max(ids) >= rows:
        raise UserError(
            f"the tokenizer at '{where}' has tokens up to {max(ids):,}, the model rows for {rows:,}: it is not the one "
            "that this model was trained with"
        )


UNREADABLE = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(ArithmeticError, MemoryError, struct.error, BadZipFile, zlib.error),
)
"""What torch, pickle and zip raise on files of weights that are damaged or of another kind, and the libraries above
them too."""


def line_of(error: object) -> str:
    """An error of a library in one line: torch names the keys in the lines after the first."""
    text = " ".join(str(error).split())
    return text[:SAID] or type(error).__name__


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Without transformers' and diffusers' bars and warnings: what they warn of is an error here."""
    from logging import ERROR

    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
