"""Tiny encoders, loaded by path: our tests are never imported by name."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def tiny_encoders() -> ModuleType:
    path = Path(__file__).parents[2] / "tiny_encoders.py"
    spec = importlib.util.spec_from_file_location("ddtbench_tiny_encoders", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tiny_encoders().save_clip(tmp_path_factory.mktemp("clip"))
    return folder


@pytest.fixture(scope="session")
def tiny_dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tiny_encoders().save_dino(tmp_path_factory.mktemp("dino"))
    return folder
