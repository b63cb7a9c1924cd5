"""Secrets stay out of what is stored and said: keys, tokens and passwords are replaced before a text is written.

Nothing here reads the environment in order to store it. A secret could come by another way: an address with a password
in it, or a library's error that repeats the key that was refused. So what goes into the JSON files of a run folder, the
reasons of failures, and the lines on the terminal pass through ``redacted`` once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "..."
SHORTEST = 8
"""Characters of a secret in the environment: shorter words would be found in any text."""
_NAME = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE)(?:$|_)", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(?<=://)[^/\s@'\"\\]+@"), f"{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)([?&](?:[\w-]*(?:key|token|secret|signature|password|credential)[\w-]*|sig)=)[^&#\s'\"\\<>]+",
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:sk-[\w-]{16,}|hf_\w{20,}|gh[pousr]_\w{20,}|(?:AKIA|ASIA)[0-9A-Z]{16})\b"), HIDDEN),
)
"""A user and password in an address, a header of authorisation, a signed address, and keys that publishers mark."""


def redacted(text: str) -> str:
    """``text`` without secrets: values of environment variables that are named as one are replaced by ``$NAME``, and
    what has the form of a key, of a password in an address or of a header of authorisation by ``...``.

    Examples:
        >>> redacted("cannot reach https://me:hunter22@host/v1?api_key=abc&n=1")
        'cannot reach https://...@host/v1?api_key=...&n=1'
    """
    for name, value in _secrets():
        text = text.replace(value, f"${name}")
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def redacted_anywhere(value: Any) -> Any:
    """Plain JSON values, every text in them without secrets."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {redacted(key) if isinstance(key, str) else key: redacted_anywhere(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_anywhere(item) for item in value]
    return value


def _secrets() -> list[tuple[str, str]]:
    """The longest first, since one may be part of another."""
    found = ((name, value.strip()) for name, value in os.environ.items() if _NAME.search(name))
    return sorted(((n, value) for n, value in found if len(value) >= SHORTEST), key=lambda pair: -len(pair[1]))
