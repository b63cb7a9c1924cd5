"""The fakes, the miniatures and tiny encoders, loaded by path: our tests are never imported by name."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ddtbench_{name}", Path(__file__).parents[1] / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def idx(magic: int, *sizes: int) -> bytes:
    return b"".join(n.to_bytes(4, "big") for n in (magic, *sizes))


@pytest.fixture
def small_fashion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """Six images a split in Fashion-MNIST's file format, with the table of digests made to fit."""
    from tasks.data import fashion_mnist as prepare

    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DDTBENCH_SYSTEM_DATA", str(tmp_path / "system"))
    rng, count = np.random.default_rng(0), 6
    files: dict[str, bytes] = {}
    for split, pair in list(prepare.FILES.items()):
        images = idx(0x803, count, 28, 28) + rng.integers(0, 256, count * 784, dtype=np.uint8).tobytes()
        labels = idx(0x801, count) + rng.integers(0, 10, count, dtype=np.uint8).tobytes()
        sums = hashlib.sha256(images).hexdigest(), hashlib.sha256(labels).hexdigest()
        small = replace(pair, count=count, images_sha256=sums[0], labels_sha256=sums[1])
        monkeypatch.setitem(prepare.FILES, split, small)
        files |= {pair.images: images, pair.labels: labels}
    return files


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

    for module, name, folder in zip((clip, dino), ("CLIP_VIT_B32", "DINO_VITS16"), tiny_folders, strict=True):
        weights = getattr(module, name)
        monkeypatch.setenv(weights.variable, str(folder))
        monkeypatch.setattr(module, name, replace(weights, shape=()))
    commands._instrument.cache_clear()
    yield
    commands._instrument.cache_clear()
