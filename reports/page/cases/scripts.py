"""Data as script files of bounded size: from disk a page can load nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHUNK = 700_000
"""Bytes after which a script of samples is closed."""
_UNSAFE = "<>&\u2028\u2029"


def encoded(value: Any) -> str:
    """JSON that is safe in a script, wherever it stands. Raises ValueError for what is no number."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in _UNSAFE:  # five searches of C are ten times as fast as one regular expression
        if character in text:
            text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def script(name: str, json_text: str) -> bytes:
    """``ddtbench.data(NAME, VALUE)``; half of a surrogate pair, which UTF-8 cannot hold, as a question mark."""
    return f"ddtbench.data({encoded(name)},{json_text});\n".encode("utf-8", "replace")


class ChunkWriter:
    """Writes samples, each (case, model), into numbered scripts; a case may reach over several of them."""

    def __init__(self, folder: Path, name: str, size: int = CHUNK) -> None:
        self._folder, self._name, self._size = folder, name, size
        self._parts: dict[int, list[str]] = {}
        self._bytes = 0
        self.number = 0

    def add(self, case: int, key: str, value: Mapping[str, Any]) -> int:
        """Put one entry of a case into the open script; the script's number."""
        text = f"{encoded(key)}:{encoded(value)}"
        if self._bytes and self._bytes + len(text) > self._size:
            self.close()
        self._parts.setdefault(case, []).append(text)
        self._bytes += len(text)
        return self.number

    def close(self) -> None:
        """Write the open script, if anything is in it."""
        if not self._bytes:
            return
        cases = ",".join(f'"{case}":{{{",".join(parts)}}}' for case, parts in self._parts.items())
        write_script(self._folder, self._name, f"samples-{self.number}", f"{{{cases}}}")
        self._parts, self._bytes, self.number = {}, 0, self.number + 1


def write_script(folder: Path, name: str, part: str, json_text: str) -> None:
    """``data/NAME/PART.js`` in the report's folder."""
    place = folder / "data" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{part}.js").write_bytes(script(f"{name}/{part}", json_text))
