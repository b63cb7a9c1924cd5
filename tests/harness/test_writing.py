"""A file is there whole or not at all, and there is one way to write it so."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from harness.writing import written_whole

ROOT = Path(__file__).parent.parent.parent
WHOLE_FOLDERS = {"harness/export.py", "ddt_llama/mllm/folder.py", "reports/page/build.py"}
"""They move folders, or several files of one, which is another thing."""


def test_it_is_synced_and_renamed_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("sync"), sync(number))[1])
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append("rename"), replace(old, new))[1])
    path = tmp_path / "deep" / "state.pt"
    with written_whole(path) as file:
        file.write_bytes(b"new")
        assert not path.exists() and file.parent == path.parent
    assert calls == ["sync", "rename", "sync"], "the file, its name, and the folder that holds the name"
    assert path.read_bytes() == b"new" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("bad row"), KeyboardInterrupt(), OSError("full")])
def test_after_an_error_the_old_file_is_kept_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), written_whole(path) as file:
        file.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_nobody_renames_a_file_by_hand() -> None:
    for package in ("harness", "tasks", "baselines", "ddt_llama", "reports"):
        for path in (ROOT / package).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr in ("replace", "rename", "fsync"):
                    by_hand = isinstance(node.value, ast.Name) and node.value.id == "os"
                    append = name == "ddt_llama/training/journal.py"  # a line at the end of a log
                    assert not by_hand or name in WHOLE_FOLDERS | {"harness/writing.py"} or append, name
