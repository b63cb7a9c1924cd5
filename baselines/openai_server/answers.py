"""What stands in a server's answer: a text, a likelihood or a picture, and the record that is stored with the sample.

Of an answer the record keeps which model answered, under which fingerprint, why it stopped and how many tokens it took.
It leaves out the id, the time and how much a cache held, which differ between equal runs.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import numpy as np

from harness.contracts import Likelihood
from harness.errors import UserError
from harness.images import decode_rgb
from harness.places import without_folders

Clean = Callable[[object], str]
COUNTS = ("prompt_tokens", "completion_tokens")
LONGEST_NAME = 200
FLAT = "\u2581\u0120 "
"""How tokenizers write the blank before a word."""


def record_of(answer: Mapping[str, Any], clean: Clean) -> dict[str, Any]:
    """What is stored of an answer; plain JSON, nothing that the server leaves out."""
    first = _first(answer, "choices") or {}
    words = {
        "model": answer.get("model"),
        "fingerprint": answer.get("system_fingerprint"),
        "finish_reason": first.get("finish_reason"),
        "revised_prompt": (_first(answer, "data") or {}).get("revised_prompt"),
    }
    usage = answer.get("usage")
    counts = {name: usage.get(name) for name in COUNTS} if isinstance(usage, Mapping) else {}
    return {
        **{name: without_folders(clean(value)) for name, value in words.items() if isinstance(value, str) and value},
        **{name: count for name, count in counts.items() if _is_count(count)},
    }


def text_of(answer: Mapping[str, Any], limit: int, cut_is_fine: bool) -> str:
    """The answer's text. Raises ValueError for an empty one, and for one that was cut off after ``limit`` tokens unless
    ``cut_is_fine``: then it was the task that allowed no more."""
    first = _first(answer, "choices") or {}
    message = first.get("message")
    text = message.get("content") if isinstance(message, Mapping) else None
    why = first.get("finish_reason")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"the server's answer is empty (finish_reason {why})")
    if why == "length" and not cut_is_fine:
        raise ValueError(
            f"the server's answer is cut off after {limit} tokens (finish_reason length): allow more with #tokens=MORE"
        )
    return text.strip()


def likelihood_of(answer: Mapping[str, Any], text: str, begins: bool | None = None) -> tuple[Likelihood, bool]:
    """(how likely the text is, whether a begin marker stands before it), of what the server echoes with its
    log-probabilities. Without a marker nothing predicts the first token, and it is not counted. ``begins`` is what
    was found before. Raises ValueError where the text's tokens are not all there."""
    first = _first(answer, "choices") or {}
    held = first.get("logprobs")
    logs = held.get("token_logprobs") if isinstance(held, Mapping) else None
    tokens = held.get("tokens") if isinstance(held, Mapping) else None
    if not isinstance(logs, list) or not isinstance(tokens, list) or len(logs) != len(tokens) or not logs:
        raise ValueError("the server gives no log-probabilities (completions with echo and logprobs)")
    count = _read_tokens(answer, first, len(logs))
    if not count:
        raise ValueError("the server gives log-probabilities of what it writes, not of what it reads")
    if begins is None:
        begins = _is_marker(str(tokens[0]), text)
    counted = logs[1:count] if logs[0] is None else logs[:count]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in counted):
        raise ValueError("the server leaves out the log-probability of a token")
    # a probability of 1 comes back as a hair more
    return Likelihood(max(0.0, -math.fsum(counted)), len(counted), None), begins


def _read_tokens(answer: Mapping[str, Any], first: Mapping[str, Any], given: int) -> int:
    """How many of the ``given`` log-probabilities are the text's: one token is written behind it, unless the model
    stops there. 0 where they cannot be: a server that ignores ``echo`` gives those of what it wrote."""
    usage = answer.get("usage")
    stated = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    if not _is_count(stated):
        return given - 1
    if first.get("finish_reason") == "length":
        return given - 1 if stated in (given - 1, given) else 0  # one more than that: a marker, not echoed
    return stated if stated <= given else 0


def _is_marker(token: str, text: str) -> bool:
    word = token.strip(FLAT)
    return not word or not text.lstrip().startswith(word)


def picture_of(answer: Mapping[str, Any], side: int) -> np.ndarray:
    """uint8 ``side side 3``. Raises ValueError for what is no picture of this size; it is read from the header before
    any pixel is decoded."""
    first = _first(answer, "data") or {}
    encoded = first.get("b64_json")
    if not isinstance(encoded, str) or not encoded:
        given = "a link instead of a picture, which is not followed" if first.get("url") else "no picture"
        raise ValueError(f"the server gives {given}")
    try:
        content = base64.b64decode(encoded.partition(",")[2] if encoded.startswith("data:") else encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the server's picture is not in base64") from None
    made = decode_rgb(content, "the server's picture")
    if made.shape != (side, side, 3):
        raise ValueError(
            f"the server made a picture of {made.shape[1]} x {made.shape[0]}, asked for {side} x {side}: "
            "name a side that it makes with #side=PIXELS"
        )
    return made


def states(answer: Mapping[str, Any]) -> tuple[str, str]:
    """(model, fingerprint) as the answer states them."""
    found = (answer.get("model"), answer.get("system_fingerprint"))
    model, fingerprint = (value[:LONGEST_NAME] if isinstance(value, str) else "" for value in found)
    return model, fingerprint


def require_text(answer: Mapping[str, Any]) -> None:
    """Raises UserError for what is no answer of a chat at all."""
    first = _first(answer, "choices")
    if first is None or not isinstance(first.get("message"), Mapping):
        raise UserError("its answer holds no message")


def _first(answer: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    rows = answer.get(name)
    return rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
