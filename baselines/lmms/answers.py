"""What our plug-in of lmms-eval writes down as it goes: answers, and the failures that lmms-eval does not know."""

from __future__ import annotations

import json
from pathlib import Path

from harness.texts import numbered_lines


class AnswerLog:
    """One JSON line per request: ``task``, ``document``, and ``answer`` or ``failed`` (the reason)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a killed process left half a line
            path.write_text(whole, encoding="utf-8")
        records = [json.loads(line) for _, line in numbered_lines(whole)]
        self._known = {(item["task"], item["document"]): item["answer"] for item in records if "answer" in item}

    def known(self, task: str, document: int) -> str | None:
        return self._known.get((task, document))

    def add(self, task: str, document: int, answer: str | None, reason: str) -> None:
        what = {"failed": reason} if reason else {"answer": answer}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"task": task, "document": document, **what}) + "\n")
