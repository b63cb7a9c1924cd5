"""``URL#MODEL[#NAME=VALUE...]``: where a server is, which of its models is asked, and how. Nothing is asked here.

A key never stands in it: ``key`` names the variable of the environment that holds one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from harness.errors import UserError, nearest

EXAMPLE = "openai@http://HOST:PORT/v1#MODEL"
KEY = "OPENAI_API_KEY"
NO_KEY = "none"
"""What is sent where the environment has no key: most servers of one's own ask for none."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Options:
    """What may follow the model, ``#NAME=VALUE`` each. ``side``: pixels of the square pictures that are shown and drawn
    (0: 448, 1024 for a model that only draws). ``tokens``: the longest answer. ``in_flight``: requests that are
    on their way at once, in each worker. ``seconds``: how long one request may take. ``retries``: how often one is
    sent again. ``fingerprint``: ``same`` stops where the server begins to state another, ``any`` does not."""

    key: str = ""
    side: int = 0
    tokens: int = 512
    in_flight: int = 8
    seconds: float = 120.0
    retries: int = 4
    fingerprint: str = "same"


LIMITS = {
    "side": (1, 4096),
    "tokens": (1, 1 << 20),
    "in_flight": (1, 1024),
    "retries": (0, 100),
    "seconds": (0.1, 86400),
}


@dataclass(frozen=True)
class Address:
    url: str
    model: str
    options: Options

    @property
    def variable(self) -> str:
        """The variable of the environment that holds the key."""
        return self.options.key or KEY

    def key(self) -> str:
        """What the variable holds, ``NO_KEY`` where it is not set. Raises UserError where the address names it, and for
        what no header can carry; the key itself is never shown."""
        key = os.environ.get(self.variable, "").strip()
        if not key and self.options.key:
            # the name is not repeated: it may be the key itself
            raise UserError(f"#key= of {self.url} names a variable that the environment does not have: export it first")
        if not (key.isascii() and key.isprintable()):
            raise UserError(f"the key in {self.variable} holds characters that no header can: set it again")
        return key or NO_KEY


def parse_address(text: str) -> Address:
    """Raises UserError for what is none. Of a URL that holds a password nothing is repeated."""
    url, *rest = text.split("#")
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_one = urlsplit(""), False
    if parts.username is not None or parts.password is not None or parts.query:
        raise UserError(
            f"the URL of a server holds no name, no password and no query: write {EXAMPLE}, and put its key into {KEY}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_one or not _printable(url):
        raise UserError(f"there is no URL of a server in {text[:80]!r}: write {EXAMPLE}")
    if not rest or not rest[0].strip() or not _printable(rest[0]):
        raise UserError(f"no model is named for {url}: write openai@{url}#MODEL")
    return Address(url.rstrip("/"), rest[0], _options(rest[1:]))


def _printable(text: str) -> bool:
    return text.isprintable() and " " not in text


def _options(words: list[str]) -> Options:
    known = {field.name.replace("_", "-"): field.name for field in fields(Options)}
    given: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            raise UserError(f"a server has no option '{name[:40]}'{nearest(name[:40], known)}; write #NAME=VALUE")
        given[known[name]] = _value(known[name], value)
    return Options(**given)


def _value(name: str, text: str) -> Any:
    if name == "key":
        if not _VARIABLE.fullmatch(text):  # it may be a key: it is not repeated
            raise UserError("#key= names the variable of the environment that holds the key, as in #key=MY_KEY")
        return text
    if name == "fingerprint":
        if text not in ("same", "any"):
            raise UserError(f"fingerprint must be same or any, not '{text[:40]}'")
        return text
    low, high = LIMITS[name]
    try:
        value = float(text) if name == "seconds" else int(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UserError(f"{name.replace('_', '-')} must be a number from {low} to {high}, not '{text[:40]}'")
    return value
