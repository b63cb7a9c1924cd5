"""DINOv2 and CLIP from a folder: a small network of the real class, saved and opened from disk; what is missing is
named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.errors import UserError
from harness.instruments import clip_cmmd, dinov2
from harness.instruments.picture_features import PictureFeatures
from harness.weights.places import Weights

OPEN = {dinov2: dinov2.open_dinov2, clip_cmmd: clip_cmmd.open_clip_vitl14}
WEIGHTS = {dinov2: "DINOV2_LARGE", clip_cmmd: "CLIP_VIT_L14_336"}


def weights_of(module: ModuleType) -> Weights:
    return getattr(module, WEIGHTS[module])


def picture(seed: int, height: int = 30, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def small(module: ModuleType) -> Any:
    """The real class; its sizes are those that keep a test short."""
    from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    if module is dinov2:
        return Dinov2Model(Dinov2Config(**shape, image_size=56, patch_size=28, mlp_ratio=1)).eval()
    vision = {**shape, "image_size": 336, "patch_size": 84, "projection_dim": 24}
    text = {**shape, "vocab_size": 50, "max_position_embeddings": 8}
    return CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=24)).eval()


@pytest.fixture(params=[dinov2, clip_cmmd], ids=lambda module: module.NAME)
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    found: ModuleType = request.param
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv(weights_of(found).variable, raising=False)
    return found


def opened(module: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PictureFeatures, Any]:
    net = small(module)
    net.save_pretrained(folder)
    monkeypatch.setattr(module, WEIGHTS[module], replace(weights_of(module), shape=()))
    return OPEN[module](str(folder)), net


def test_without_weights_it_says_what_goes_where(module: ModuleType, tmp_path: Path) -> None:
    instrument = OPEN[module]()
    reason = instrument.unavailable()
    weights = weights_of(module)
    assert weights.hub in reason and f"set {weights.variable} to" in reason and "\n" not in reason
    assert str(tmp_path) not in reason
    with pytest.raises(UserError, match=r"config\.json is missing"):
        _ = instrument.digest
    assert "holds no config.json: it must be a folder" in OPEN[module](str(tmp_path)).unavailable()


def test_another_model_is_refused(module: ModuleType, tmp_path: Path) -> None:
    small(module).save_pretrained(tmp_path)
    assert f"a different network from {weights_of(module).hub}: its" in OPEN[module](str(tmp_path)).unavailable()


def test_a_folder_that_lacks_weights_is_refused(module: ModuleType, tmp_path: Path, monkeypatch: Any) -> None:
    from safetensors.torch import load_file, save_file

    instrument, _ = opened(module, tmp_path, monkeypatch)
    state = load_file(tmp_path / "model.safetensors")
    lost = next(key for key in sorted(state) if "vision" in key or module is dinov2)
    save_file({key: value for key, value in state.items() if key != lost}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=rf"as {weights_of(module).hub} does not fit: 1 keys missing \['{lost}'\]"):
        instrument.embed([picture(0)])


def test_the_prepared_folder_is_found(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "backbones" / weights_of(module).hub.rpartition("/")[2]
    given, _ = opened(module, folder, monkeypatch)
    assert OPEN[module]().unavailable() == "" and OPEN[module]().digest == given.digest
    monkeypatch.setenv(weights_of(module).variable, str(folder))
    assert OPEN[module]().digest == given.digest


def test_dinov2_gives_the_class_token_of_a_resized_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import transforms

    instrument, net = opened(dinov2, tmp_path, monkeypatch)
    steps = transforms.Compose(  # those of dgm-eval
        [
            transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    shown = picture(1)
    with torch.inference_mode():
        wanted = net(steps(Image.fromarray(shown))[None]).last_hidden_state[0, 0].numpy()
    (found,) = instrument.embed([shown])
    assert found["class-token"] == pytest.approx(wanted, abs=1e-5)


def test_clip_gives_projected_embeddings_of_unit_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import CLIPImageProcessor

    instrument, net = opened(clip_cmmd, tmp_path, monkeypatch)
    shown = picture(2, 30, 30)
    processor = CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    pixels = processor(images=Image.fromarray(shown), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        wanted = net.get_image_features(pixel_values=pixels)
        wanted = getattr(wanted, "pooler_output", wanted)[0]
    (found,) = instrument.embed([shown])
    assert np.linalg.norm(found["embedding"]) == pytest.approx(1, abs=1e-6)
    # The processor resizes by torchvision on 8-bit pixels, which differs from Pillow by a rounding here and there.
    assert found["embedding"] == pytest.approx((wanted / wanted.norm()).numpy(), abs=2e-3)


def test_the_middle_square_is_what_clip_sees() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert (clip_cmmd.centre_square(wide, 20) == 255).all()
