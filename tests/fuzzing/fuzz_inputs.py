"""Inputs: valid files with bytes changed, and valid documents with values changed, drawn by hypothesis.

Hypothesis draws a seed, a valid file and values; how a file is changed follows from the seed alone, so that the same
draw is the same input and a hundred thousand of them take minutes.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

SEEDS = st.integers(0, 2**64 - 1)
NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**40, 0.5, 1e308, float("nan"), float("inf")),
    *("", " ", "..", "../../etc/passwd", "/etc/passwd", "a\0b", "\ud800", "\u2028", "a" * 5000, "1", "nan", "{{7*7}}"),
    *("<script>", "s3://bucket/x", "file:///etc/passwd", "os:system", "~nobody/x", "\x1b[2J", "0" * 16, "world"),
    *([], {}, [[]], [None], [0] * 300, {"": {}}, {"a": [1, {"b": None}]}, [["a", 1], ["b"]]),
)
"""Values that some reader of some program once did not expect."""
LARGEST = 4_000_000
TOKENS = (
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"\n",
    b"[",
    b"{" * 40,
    b"[" * 3000,
    b'"',
    b"-1",
    b"NaN",
    b"\xed\xa0\x80",
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=4), LEAVES, max_size=2)


def changed_bytes(valid: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of these files with up to eight changes: bits, bytes, pieces left out, repeated, or taken from another."""
    return st.builds(_edited, SEEDS, st.sampled_from(list(valid)), st.sampled_from(list(valid)))


def changed_documents(valid: Sequence[Any], write: Callable[[Any], bytes]) -> st.SearchStrategy[bytes]:
    """One of these documents with one to four values replaced, removed or added, as ``write`` writes it."""
    return st.builds(
        lambda seed, value, drawn: write(_with_values(seed, value, drawn)), SEEDS, st.sampled_from(list(valid)), VALUES
    )


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_json_lines(rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in (rows if isinstance(rows, list) else [rows]))


def as_toml(value: Any) -> bytes:
    """Inline tables throughout; what TOML cannot hold is written as it is, and no TOML."""
    if not isinstance(value, dict):
        return _toml(value).encode("utf-8", "surrogatepass")
    return "\n".join(f"{json.dumps(str(key))} = {_toml(item)}" for key, item in value.items()).encode(
        "utf-8", "surrogatepass"
    )


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def _edited(seed: int, data: bytes, other: bytes) -> bytes:
    draw = random.Random(seed)
    found = bytearray(data)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 3, 8))):
        draw.choice(CHANGES)(draw, found, draw.randrange(len(found) + 1), other)
        del found[LARGEST:]
    return bytes(found)


def _bit(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    if at < len(found):
        found[at] ^= 1 << draw.randrange(8)


def _byte(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    found[at : at + 1] = draw.randbytes(1)


def _removed(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    del found[at : at + _length(draw, found)]


def _inserted(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    found[at:at] = draw.randbytes(_length(draw, found) % 64)


def _repeated(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    found[at:at] = found[at : at + _length(draw, found)] * draw.choice((1, 2, 20))


def _token(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    found[at : at + _length(draw, found)] = draw.choice(TOKENS)


def _spliced(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    found[at:] = other[draw.randrange(len(other) + 1) :]


def _cut(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    del found[at:]


def _number(draw: random.Random, found: bytearray, at: int, other: bytes) -> None:
    """Of four bytes, as lengths are written."""
    number = draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 65_536))
    found[at : at + 4] = number.to_bytes(4, draw.choice(("big", "little")))


CHANGES = (_bit, _byte, _removed, _inserted, _repeated, _token, _spliced, _cut, _number)


def _length(draw: random.Random, found: bytearray) -> int:
    return draw.choice((1, 1, 2, 4, 8, 32, 1 + len(found) // 4))


def _with_values(seed: int, value: Any, drawn: Any) -> Any:
    draw = random.Random(seed)
    whole = [copy.deepcopy(value)]
    for _ in range(draw.choice((1, 1, 2, 4))):
        places = list(_places(whole))
        holder, key = draw.choice(places[: max(1, len(places))])
        new = copy.deepcopy(drawn if draw.random() < 0.4 else draw.choice(NASTY))
        what = draw.randrange(8)
        if what == 0 and len(places) > 1:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[draw.choice(("", "a", "schema", "\ud800", str(new)[:20], key))] = new
        elif what == 2 and isinstance(holder, list) and holder is not whole:
            holder.insert(key, new)
        elif what == 3 and isinstance(holder[key], str):
            holder[key] = draw.choice(
                (holder[key] * 3, holder[key][:-1], "../" + holder[key], holder[key] + "\0", holder[key].upper())
            )
        elif what == 4 and isinstance(holder[key], int | float):
            holder[key] = draw.choice((-holder[key], holder[key] * 10**20, float(holder[key]), str(holder[key])))
        else:
            holder[key] = new
        if not whole:
            return None
    return whole[0]


def _places(holder: Any) -> Any:
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list) and len(holder[key]) < 100:
            yield from _places(holder[key])
