"""Models that need a path get a miniature in the format that is published (one behind a server: a small server on
loopback), so that none is left out of the contracts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from harness.catalog import open_model

TESTS = Path(__file__).parents[1]


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"ddtbench_{name}", TESTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def builders() -> dict[str, Callable[[Path], str]]:
    """By the entry's name."""
    files, libraries = load("miniatures_of_files"), load("miniatures_of_libraries")
    return {
        "chameleon": libraries.chameleon,
        "diffusers": libraries.stable_diffusion,
        "emu3": libraries.emu3,
        "hf-lm": libraries.causal_lm,
        "instruct-pix2pix": libraries.instruct_pix2pix,
        "janus": libraries.janus,
        "llamagen-gpt": files.llamagen_gpt,
        "llamagen-vq": files.llamagen_vq,
        "mllm": libraries.mllm,
        "openai": load("small_server").served,
        "selftok": files.selftok,
        "selftok-renderer": files.selftok_renderer,
        "taming-vqgan": files.taming_vqgan,
        "var-vae": files.var_vae,
        **{f"var-d{depth}": partial(files.var_transformer, depth=depth) for depth in (16, 20, 24, 30)},
    }


@pytest.fixture(scope="session")
def miniatures() -> dict[str, Callable[[Path], str]]:
    return builders()


@pytest.fixture(scope="session")
def open_miniature(
    miniatures: dict[str, Callable[[Path], str]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Any]:
    """``open_miniature(name)``: the subject of a fresh miniature, made and opened once."""

    @cache
    def opened(name: str) -> Any:
        folder = tmp_path_factory.mktemp(name)
        return open_model(f"{name}@{miniatures[name](folder)}")

    return opened
