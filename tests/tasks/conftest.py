"""The fakes, the miniatures and tiny encoders, loaded by path: our tests are never imported by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
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


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """CLIP's and DINO's."""
    module, folder = load("tiny_encoders"), tmp_path_factory.mktemp("encoders")
    return module.save_clip(folder / "clip"), module.save_dino(folder / "dino")


@pytest.fixture
def encoders(tiny_folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiny networks in the place of the published ones, for instruments that the catalogue makes."""
    from harness import commands
    from harness.instruments import clip, dino

    for module, folder in zip((clip, dino), tiny_folders, strict=True):
        monkeypatch.setenv(module.FOLDER.variable, str(folder))
        monkeypatch.setattr(module, "FOLDER", replace(module.FOLDER, shape={}))
    commands._instrument.cache_clear()
    yield
    commands._instrument.cache_clear()
