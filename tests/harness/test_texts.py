"""Text, JSON, JSON lines and TOML of users: line ends, byte order marks, what is refused and by which line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.texts import (
    decode_text,
    numbered_lines,
    parse_json,
    read_json,
    read_json_object,
    read_text,
    read_toml,
    shown,
    text_of,
    whole_number_of,
)

MARK = b"\xef\xbb\xbf"


def test_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    plain = decode_text(b"one\ntwo\n", "f")
    assert decode_text(b"one\r\ntwo\r\n", "f") == decode_text(MARK + b"one\ntwo\n", "f") == plain
    assert decode_text(MARK + b"one\r\ntwo\r\n", "f") == plain
    assert list(numbered_lines(plain)) == [(1, "one"), (2, "two")]
    assert list(numbered_lines("")) == [] and list(numbered_lines("\n")) == [(1, "")]
    assert list(numbered_lines("a")) == [(1, "a")]


@pytest.mark.parametrize("inside", ["\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\r", "\ufeff"])
def test_nothing_else_ends_a_line(inside: str) -> None:
    text = f"first{inside}still the first\nsecond"
    assert list(numbered_lines(decode_text(text.encode(), "f"))) == list(enumerate(text.split("\n"), 1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\xffd\n", r"f\.txt, line 2: not UTF-8 at byte 6 \(0xff\): save it as UTF-8"),
        (MARK + b"good\nb\xffd\n", r"line 2: not UTF-8 at byte 9 \(0xff\)"),
        ("café".encode("latin-1"), r"line 1: not UTF-8 at byte 3 \(0xe9\)"),
        ("a\nb".encode("utf-16"), "line 1: not UTF-8 at byte 0, but UTF-16"),
        ("a\nb".encode("utf-16-be"), "line 1: a NUL character"),
        ("a\nb".encode("utf-16-le"), "line 1: a NUL character"),
        (b"a\n\n\0", "line 3: a NUL character"),
        (b"\xed\xa0\x80", "not UTF-8"),
    ],
)
def test_a_file_that_is_not_utf8_is_refused_by_name_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "f.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_text(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt: No such file"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(UserError, match="Is a directory"):
        read_text(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "here: not JSON"),
        ("", "here: empty line"),
        ("[" * 100_000, "here: not JSON that can be read .it is nested too deep"),
        ("[" + "7" * 400 + "]", "here: not JSON .a whole number of 400 digits"),
        ("-" + "7" * 5000, "a whole number of 5000 digits"),
        ("[NaN]", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
    ],
)
def test_what_is_no_json_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        parse_json(text, "here", "get it again")
    assert str(refused.value).endswith("get it again") and "\n" not in str(refused.value)


def test_json_with_a_byte_order_mark_is_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(MARK + json.dumps({"a": [1, -2.5]}).encode())
    assert read_json(path) == read_json_object(path) == {"a": [1, -2.5]}
    assert parse_json("\ufeff[1]", "here") == [1]
    path.write_text("[1]")
    with pytest.raises(UserError, match=r"a.json: must be a JSON object, is \[1\]"):
        read_json_object(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit = 1979-05-27", "limit is a date or a time"),
        ("a = {b = [07:32:00]}", r"a\.b\[0\] is a date or a time"),
        ("seed = nan", "seed is nan"),
        ("[[stages]]\nlr = -inf", r"stages\[0\]\.lr is -inf"),
        ("seed = 9223372036854775808", "seed has more than the 64 bits"),
        ("seed = " + "9" * 400, "seed has more than the 64 bits"),
        ("seed = " + "9" * 5000, "is not TOML"),
        ("a = " + "[" * 50_000, "not TOML that can be read: it is nested too deep"),
        ("a = ", "is not TOML"),
    ],
)
def test_toml_that_no_setting_can_hold_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as refused:
        read_toml(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_toml_with_a_byte_order_mark_and_windows_line_ends_is_toml(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_bytes(MARK + b'name = "mine"\r\nlimit = 3\r\n')
    assert read_toml(path) == {"name": "mine", "limit": 3}


@pytest.mark.parametrize("value", [None, ["one"], {"a": 1}, 3, 2.5, True, b"bytes"])
def test_nothing_but_text_is_text(value: object) -> None:
    with pytest.raises(UserError, match=r"rows\.jsonl, line 4: 'caption' must be text, is "):
        text_of(value, "rows.jsonl, line 4", "caption")


def test_text_must_say_something_that_utf8_can_hold() -> None:
    assert text_of("a", "f", "k") == "a" and text_of("", "f", "k", empty=True) == ""
    with pytest.raises(UserError, match="f: 'k' is empty"):
        text_of(" \n", "f", "k")
    with pytest.raises(UserError, match="f: 'k' holds half of a surrogate pair"):
        text_of("a\ud800", "f", "k")


@pytest.mark.parametrize("value", [None, "3", 3.0, True, [3]])
def test_nothing_but_a_whole_number_is_one(value: object) -> None:
    assert shown(None) == "null" and shown("x" * 99) == "'" + "x" * 56 + "..."
    assert shown(10**5000) == "a whole number of 16,610 bits"
    assert whole_number_of(3, "f", "k") == 3
    with pytest.raises(UserError, match="f: 'k' must be a whole number, is "):
        whole_number_of(value, "f", "k")
