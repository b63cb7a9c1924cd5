"""Prepared data go where no other test looks."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"
