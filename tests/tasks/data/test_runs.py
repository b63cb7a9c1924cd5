"""ImageNet as reconstruction and COCO as generation, from the official schema to the table."""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from baselines.controls.tokenizers import Identity
from harness import run_suite
from harness.errors import UserError
from harness.images import centre_crop_resize
from harness.instruments.pixels import open_pixels
from harness.plan import suite_for
from tasks.data.imagenet_val import SIDE, ImageNetVal
from tasks.generation.task import FromCocoCaptions
from tasks.generation.task import build as build_generation
from tasks.tokenizing.reconstruction import build as build_reconstruction
from tasks.tokenizing.sources import open_source


def whole(frame: Any) -> Any:
    return frame[frame["stratum"] == ""].set_index("metric")


def pixels(cell: dict[str, Any]) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(cell["bytes"])).convert("RGB"))


def test_imagenet_is_cropped_as_tokenizer_papers_crop(miniatures: ModuleType, tmp_path: Path) -> None:
    rows = miniatures.imagenet_rows()
    path = miniatures.write(tmp_path / "validation-0.parquet", rows)
    source = open_source(f"imagenet-val:{path}")
    assert isinstance(source, ImageNetVal) and source.native_size == SIDE == 256
    cases = source.cases()
    assert [case.facts["label"] for case in cases] == [row["label"] for row in rows]
    for case, row in zip(cases, rows, strict=True):
        assert np.array_equal(source.image(case), centre_crop_resize(pixels(row["image"]), 256))
    assert "6 validation images, short side 256 (bicubic-antialias), centre crop" in source.about
    with pytest.raises(UserError, match="ImageNet's validation split is not prepared"):
        build_reconstruction("imagenet-val", Identity(256)).cases()


def test_imagenet_is_compared_at_256_whatever_the_tokenizers_size(miniatures: ModuleType, tmp_path: Path) -> None:
    path = miniatures.write(tmp_path / "validation-0.parquet", miniatures.imagenet_rows(2))
    small, large = (build_reconstruction(f"imagenet-val:{path}", Identity(side)) for side in (32, 256))
    assert small.fingerprint["compared"] == large.fingerprint["compared"] == "256x256"
    assert small.fingerprint["resize"] == "short-side-32" and large.fingerprint["resize"] == "none"
    assert "kid-efficientnet-lite0-paired" in small.metrics and "fd-world" not in small.metrics
    errors = []
    for task in (small, large):
        cases = task.cases()
        samples = task.ask(Identity(task.shown_size), cases, [task.load(case) for case in cases], [0, 1])
        assert {picture.shape for sample in samples for picture in sample.images.values()} == {(256, 256, 3)}
        errors.append(open_pixels().observe(samples)["mse"])
    assert min(errors[0]) > 0 == max(errors[1]), "32 pixels lose what 32 pixels lose; the crop itself loses nothing"


def test_a_run_on_imagenet(miniatures: ModuleType, tmp_path: Path) -> None:
    path = miniatures.write(tmp_path / "validation-0.parquet", miniatures.imagenet_rows(3))
    suite = suite_for(f"reconstruction@imagenet-val:{path}", models=["identity"], limit=2, batch=2)
    found = whole(run_suite(suite, str(tmp_path / "runs")))
    assert found["scored"]["psnr"] == 2 and 20 < found["value"]["psnr"] < 58


def test_coco_asks_for_captions_and_carries_their_pictures(
    miniatures: ModuleType, tmp_path: Path, fakes: ModuleType, encoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = miniatures.coco_rows()
    argument = f"coco-captions-30k:{miniatures.write(tmp_path / 'train-0.parquet', rows)}"
    task = build_generation(argument, fakes.Speaker())
    assert isinstance(task, FromCocoCaptions) and task.name == "generation-coco-captions-30k"
    assert [case.facts["caption"] for case in task.cases()] == [row["caption"] for row in rows]
    for case, row in zip(task.cases(), rows, strict=True):
        assert np.array_equal(task.load(case), centre_crop_resize(pixels(row["image"]), 32))
    monkeypatch.setattr(FromCocoCaptions, "instruments", ("clip-vit-b32",))  # EfficientNet-Lite0 is slow, and tested
    frame = run_suite(suite_for(f"generation@{argument}", models=["real"], limit=8), str(tmp_path / "runs"))
    found = whole(frame)
    assert list(found.index) == ["kid-efficientnet-lite0", "clip-t"] and np.isfinite(found["value"]["clip-t"])
    with pytest.raises(UserError, match="COCO's captions is not prepared"):
        build_generation("coco-captions-30k", fakes.Speaker()).cases()
