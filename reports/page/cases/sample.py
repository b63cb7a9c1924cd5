"""One sample as its page's script holds it. Keys are short, since there are many:

``t`` what was said ([text, mark] each), ``f`` why it failed, ``n`` scores and ``w`` reasons ([metric, text] each),
``o`` its picture, ``p`` further ones ([name, picture] each), ``c`` token codes, ``cn`` how many, ``d`` objects found
([instrument, objects] each). A picture is [width, height, base64 of the PNG], or [width, height, "", file].
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.contracts import ShownInstrument
from reports.page.cases.overlays import objects_of
from reports.page.cases.words import readable
from reports.page.gallery import OUTPUT
from reports.reading.by_case import Row

MOST_CODES = 4096
INSIDE = 400_000
"""Bytes of pictures that one sample holds itself; what does not fit is a file beside the scripts."""
_PNG = b"\x89PNG\r\n\x1a\n"
Picture = list[Any]


@dataclass
class Pictures:
    """Pictures as scripts hold them. ``folder``: where large ones go, once each. ``root``: how a page names that."""

    folder: Path
    left: int = INSIDE
    written: set[str] = field(default_factory=set)

    def again(self) -> None:
        """Another sample begins."""
        self.left = INSIDE

    def of(self, png: bytes) -> Picture | None:
        """None for what is no PNG."""
        if not png.startswith(_PNG) or len(png) < 24:
            return None
        width, height = struct.unpack(">II", png[16:24])
        if len(png) <= self.left:
            self.left -= len(png)
            return [width, height, base64.b64encode(png).decode()]
        name = f"{hashlib.sha256(png).hexdigest()[:20]}.png"
        if name not in self.written:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(png)
            self.written.add(name)
        return [width, height, "", name]


def images_of(row: Row | None) -> dict[str, bytes]:
    """name -> PNG."""
    return {item["name"]: (item["image"] or {}).get("bytes") or b"" for item in (row or {}).get("images") or ()}


def held(
    row: Row,
    scores: Sequence[tuple[str, str]],
    reasons: Sequence[tuple[str, str]],
    shared: Mapping[str, bytes],
    drawn: Mapping[str, ShownInstrument],
    pictures: Pictures,
) -> dict[str, Any]:
    """``shared``: pictures that stand at the case already, left out here where they are the same."""
    pictures.again()
    if row["outcome"] != "ok":
        return {"f": readable(row["reason"] or "no reason given")}
    found: dict[str, Any] = {"t": _said(row["text"] or "", reasons)}
    found["n"] = [list(pair) for pair in scores]
    found["w"] = [[label, readable(text)] for label, text in reasons if text]
    images = images_of(row)
    found["o"] = pictures.of(images.pop(OUTPUT, b""))
    rest = ((name, pictures.of(png)) for name, png in images.items() if shared.get(name) != png)
    found["p"] = [[readable(name, 200), picture] for name, picture in rest if picture]
    codes = row["codes"] or []
    found["c"], found["cn"] = codes[:MOST_CODES], len(codes)
    seen = row.get("seen", {})
    found["d"] = [[name, objects_of(shown, seen[name])] for name, shown in drawn.items() if name in seen]
    return {key: value for key, value in found.items() if value}


def answers(text: str) -> list[str]:
    """What was said: of a JSON list each of its parts."""
    if not text.strip():
        return []
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else text
    except (ValueError, RecursionError):
        found = text
    return (
        [part if isinstance(part, str) else json.dumps(part) for part in found] if isinstance(found, list) else [text]
    )


def _said(text: str, reasons: Sequence[tuple[str, str]]) -> list[list[str]]:
    """[answer, "right", "wrong" or ""]: a mark each where a metric's reasons are a verdict for each answer."""
    said = answers(text)
    for _, why in reasons:
        marks = why.split("\n")
        if len(marks) == len(said) and set(marks) <= {"right", "wrong"}:
            return [[readable(part), mark] for part, mark in zip(said, marks, strict=True)]
    return [[readable(part), ""] for part in said]
