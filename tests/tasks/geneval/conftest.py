"""Prompts and detections in the official schema, small."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from tasks.geneval.names import OBJECTS
from tasks.geneval.official.weights import CLASSIFIER_WEIGHTS

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
def tiny_detector(tmp_path_factory) -> Path:
    """Mask2Former of random weights in transformers' format that sees a bench and an orange wherever it looks."""
    import torch
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    swin = SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=swin,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        num_attention_heads=2,
        encoder_layers=1,
        decoder_layers=2,
        num_queries=6,
        num_labels=80,
    )
    torch.manual_seed(0)
    model = Mask2FormerForUniversalSegmentation(config)
    with torch.no_grad():
        model.class_predictor.weight.normal_(0, 0.1)
        model.class_predictor.bias[:] = -4.0
        model.class_predictor.bias[[OBJECTS.index("bench"), OBJECTS.index("orange")]] = torch.tensor([6.0, 6.0])
    folder = tmp_path_factory.mktemp("detector")
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory) -> Path:
    """A CLIP of random weights, as a folder in open_clip's format."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = {
        "embed_dim": 16,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    torch.manual_seed(0)
    model = open_clip.CLIP(**config)
    folder = tmp_path_factory.mktemp("clip")
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / CLASSIFIER_WEIGHTS)
    preprocess = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    return folder


@pytest.fixture
def eyes(tiny_detector, tiny_clip, monkeypatch) -> None:
    """Both are named, and pictures are looked at small."""
    monkeypatch.setenv("DDTBENCH_DETECTOR", str(tiny_detector))
    monkeypatch.setenv("DDTBENCH_COLOUR_CLIP", str(tiny_clip))
    monkeypatch.setattr("tasks.geneval.official.mask2former.LONG_SIDE", 96)
    monkeypatch.setattr("tasks.geneval.official.mask2former.SHORT_SIDE", 96)


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """Subjects that draw what a prompt of the world says, loaded by path."""
    spec = importlib.util.spec_from_file_location("geneval_oracle", Path(__file__).with_name("oracle.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
