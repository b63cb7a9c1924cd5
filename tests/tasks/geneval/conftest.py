"""Prompts and detections in the official schema, small."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

MINIATURE = (
    '{"tag": "single_object", "include": [{"class": "bench", "count": 1}], "prompt": "a photo of a bench"}',
    '{"tag": "two_object", "include": [{"class": "cup", "count": 1}, {"class": "fork", "count": 1}], '
    '"prompt": "a photo of a cup and a fork"}',
    '{"tag": "counting", "include": [{"class": "clock", "count": 2}], "exclude": [{"class": "clock", "count": 3}], '
    '"prompt": "a photo of two clocks"}',
    '{"tag": "colors", "include": [{"class": "orange", "count": 1, "color": "blue"}], '
    '"prompt": "a photo of a blue orange"}',
    '{"tag": "position", "include": [{"class": "dog", "count": 1}, {"class": "tv remote", "count": 1, '
    '"position": ["left of", 0]}], "prompt": "a photo of a tv remote left of a dog"}',
    '{"tag": "color_attr", "include": [{"class": "cow", "count": 1, "color": "red"}, {"class": "tie", "count": 1, '
    '"color": "white"}], "prompt": "a photo of a red cow and a white tie"}',
)
"""One prompt of each tag, made up here."""


@pytest.fixture(scope="session")
def records():
    return [json.loads(line) for line in MINIATURE]


@pytest.fixture
def prompt_file(tmp_path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(MINIATURE) + "\n")
    return path


@pytest.fixture
def image_folder(tmp_path, records) -> Path:
    """Two images of 8x6 pixels for each prompt of the miniature, each another grey."""
    root = tmp_path / "images"
    for i, record in enumerate(records):
        samples = root / f"{i:05d}" / "samples"
        samples.mkdir(parents=True)
        (root / f"{i:05d}" / "metadata.jsonl").write_text(json.dumps(record))
        (root / f"{i:05d}" / "grid.png").write_bytes(b"not looked at")
        for j in range(2):
            Image.new("RGB", (8, 6), (i, j, 0)).save(samples / f"{j:04d}.png")
    return root


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """Subjects that draw what a prompt of the world says, loaded by path."""
    spec = importlib.util.spec_from_file_location("geneval_oracle", Path(__file__).with_name("oracle.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
