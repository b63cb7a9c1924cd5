"""The fakes and the miniatures, loaded by path: our tests are never imported by name."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ddtbench_{name}", Path(__file__).parents[1] / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    return load("fakes")


@pytest.fixture(scope="session")
def miniatures() -> ModuleType:
    return load("miniatures")
