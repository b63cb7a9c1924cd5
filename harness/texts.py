"""Files of text that users bring: UTF-8 text, JSON, JSON lines and TOML, read by one rule wherever they are read.

Text is UTF-8. A byte order mark at its beginning is no text, ``\\r\\n`` is a line end as ``\\n`` is, and nothing else
is one: U+0085, U+2028 and the like stand inside texts. A file that is not UTF-8, or that holds NUL characters, as
UTF-16 read as UTF-8 does, is refused by name and line.
"""

from __future__ import annotations

import datetime
import json
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import UserError

INT_DIGITS = 32
"""A longer whole number in JSON is refused: no count, id or coordinate has that many digits, and no float holds it."""
_BITS = 10_000
TOML_INT = 2**63
"""TOML's integers lie in [-2**63, 2**63)."""
_MARK, _MARKS_OF_16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


def first_line(error: BaseException, longest: int = 120) -> str:
    """The first line of an error's message, else its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:longest]


def decode_text(content: bytes, where: str, cure: str = "save it as UTF-8") -> str:
    """The text of a file's bytes by the rule above. Raises UserError with ``where`` and line for what is no UTF-8."""
    if content.startswith(_MARKS_OF_16):
        raise UserError(f"{where}, line 1: not UTF-8 at byte 0, but UTF-16: {cure}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # of utf-8-sig the position counts from after the mark
        at = error.start + len(_MARK) * content.startswith(_MARK)
        line = content.count(b"\n", 0, at) + 1
        raise UserError(f"{where}, line {line}: not UTF-8 at byte {at} (0x{content[at]:02x}): {cure}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{where}, line {line}: a NUL character, which no text has (is it UTF-16?): {cure}")
    return text.replace("\r\n", "\n")


def read_text(path: Path, cure: str = "save it as UTF-8") -> str:
    """The text of a file by the rule above. Raises UserError for one that cannot be read or is no UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    return decode_text(content, str(path), cure)


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of every line; what follows the last line end is a line if there is anything."""
    return enumerate(text.removesuffix("\n").split("\n") if text else (), start=1)


def parse_json(text: str, where: str, cure: str = "") -> Any:
    """What JSON text says. Raises UserError, which begins with ``where``: no JSON, NaN or infinity, a whole number of
    more than ``INT_DIGITS`` digits, nested deeper than Python reads."""
    if not text.strip():
        raise UserError(f"{where}: empty line{_and(cure)}")
    return _parsed(text, f"{where}:", cure)


def _parsed(text: str, subject: str, cure: str) -> Any:
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_int=_integer, parse_constant=_no_constant)
    except RecursionError:
        raise UserError(f"{subject} not JSON that can be read (it is nested too deep){_and(cure)}") from None
    except ValueError as error:
        raise UserError(f"{subject} not JSON ({first_line(error)}){_and(cure)}") from error


def _and(cure: str) -> str:
    return f": {cure}" if cure else ""


def read_json(path: Path, cure: str = "") -> Any:
    """What a JSON file says. Raises UserError for one that cannot be read or is none."""
    return _parsed(read_text(path), f"{path} is", cure)


def read_json_object(path: Path, cure: str = "") -> dict[str, Any]:
    """The object of a JSON file. Raises UserError for one that cannot be read or holds something else."""
    value = read_json(path, cure)
    if not isinstance(value, dict):
        raise UserError(f"{path}: must be a JSON object, is {shown(value)}{_and(cure)}")
    return value


def read_toml(path: Path, what: str = "the file") -> dict[str, Any]:
    """What a TOML file says; ``what`` it is, for errors. Raises UserError for one that is missing or malformed, and for
    a value that no setting of ours can be: a date, a time, nan, inf, a whole number of more than 64 bits."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {what} {path}: {error.strerror or error}") from error
    try:
        values = tomllib.loads(decode_text(content, f"{path} is not TOML"))
    except RecursionError:
        raise UserError(f"{path} is not TOML that can be read: it is nested too deep") from None
    except ValueError as error:  # tomllib's own, and int's of too many digits
        raise UserError(f"{path} is not TOML: {first_line(error)}") from None
    for key, value in _leaves("", values):
        if isinstance(value, (datetime.date, datetime.time)):
            raise UserError(f"{path}: {key} is a date or a time, which nothing here is: write it in quotes")
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{path}: {key} is {value}, which is not a number to compute with")
        if isinstance(value, int) and not -TOML_INT <= value < TOML_INT:
            raise UserError(f"{path}: {key} has more than the 64 bits of TOML's whole numbers")
    return values


def text_of(value: object, where: str, key: str, *, empty: bool = False) -> str:
    """A text that a data file holds under ``key``. Raises UserError, with ``where``, for null, a list, a struct or a
    number, none of which is turned into text; for an empty one unless ``empty``; for half of a surrogate pair."""
    if not isinstance(value, str):
        raise UserError(f"{where}: '{key}' must be text, is {shown(value)}")
    if not empty and not value.strip():
        raise UserError(f"{where}: '{key}' is empty: fill it in or remove the row")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: '{key}' holds half of a surrogate pair: write the character out") from None
    return value


def whole_number_of(value: object, where: str, key: str) -> int:
    """A whole number that a data file holds under ``key``. Raises UserError, with ``where``, for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{where}: '{key}' must be a whole number, is {shown(value)}")
    return value


def shown(value: object) -> str:
    """A value in an error: as JSON spells it, cut short."""
    if value is None:
        return "null"
    if isinstance(value, int) and value.bit_length() > _BITS:  # Python spells out no more than 4,300 digits
        return f"a whole number of {value.bit_length():,} bits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _integer(digits: str) -> int:
    if len(digits) > INT_DIGITS:
        raise ValueError(f"a whole number of {len(digits.lstrip('-'))} digits")
    return int(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{key}.{name}" if key else name, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(f"{key}[{number}]", inner)
    else:
        yield key, value
