"""Features by each protocol equal those of the library that it is named after, run on the same drawn weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.instruments import resizing
from harness.instruments import weights as published
from harness.instruments.feature_protocols import PROTOCOLS
from harness.instruments.inception import InceptionExtractor
from harness.instruments.inception_net import InceptionNet
from harness.weights.digests import sha256_of

TORCHSCRIPT, STATE_DICT = published.INCEPTION_EITHER.files[0][0], published.INCEPTION.files[0][0]
pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),  # torch's, about TorchScript
]


class Scripted(nn.Module):
    """What NVIDIA's file offers: ``layers`` on scaled pixels, and a forward that resizes as TensorFlow 1 does."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, img: Tensor, return_features: bool = False) -> Tensor:
        batch, channels, height, width = img.shape
        theta = torch.eye(2, 3)
        theta[0, 2] += theta[0, 0] / width - theta[0, 0] / 299
        theta[1, 2] += theta[1, 1] / height - theta[1, 1] / 299
        grid = functional.affine_grid(theta[None].repeat(batch, 1, 1), [batch, channels, 299, 299], align_corners=False)
        resized = functional.grid_sample(img, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return self.layers((resized - 128) / 128)


class Pool3(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        return self.net(pixels)["pool3"]


@pytest.fixture(scope="module")
def weights(open_pack: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A folder with the drawn weights under both published names, taken for the published ones in these tests."""
    folder, state = tmp_path_factory.mktemp("weights"), open_pack("fid_inception").state
    torch.save(state, folder / STATE_DICT)
    with torch.no_grad():
        traced = torch.jit.trace(Pool3(InceptionNet(state)), torch.zeros(1, 3, 299, 299), check_trace=False)
        torch.jit.script(Scripted(traced)).save(str(folder / TORCHSCRIPT))
    return {"folder": folder, "state": state}


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peers draw 24 million weights before they load others; that takes most of their time."""
    for layer in (nn.Conv2d, nn.Linear):
        monkeypatch.setattr(layer, "reset_parameters", lambda self: None)


@pytest.fixture
def folder(weights: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    found: Path = weights["folder"]
    scripted = sha256_of(found / TORCHSCRIPT)
    drawn = ((STATE_DICT, sha256_of(found / STATE_DICT)),)
    monkeypatch.setattr(published, "TORCHSCRIPT_SHA256", scripted)
    monkeypatch.setattr(published, "INCEPTION", replace(published.INCEPTION, files=drawn))
    either = replace(published.INCEPTION_EITHER, files=((TORCHSCRIPT, scripted), *drawn))
    monkeypatch.setattr(published, "INCEPTION_EITHER", either)
    return found


def pictures(height: int = 40, width: int = 56) -> list[np.ndarray]:
    """Not square, with edges: each wrong filter shows."""
    rng = np.random.default_rng(0)
    return [
        np.kron(rng.integers(0, 256, (height // 8, width // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        for _ in range(2)
    ]


def batch() -> Tensor:
    return torch.from_numpy(np.stack(pictures())).permute(0, 3, 1, 2)


def ours(name: str, folder: Path, *layers: str) -> dict[str, np.ndarray]:
    extractor = InceptionExtractor(PROTOCOLS[name], str(folder), layers)
    assert extractor.unavailable() == "" and len(extractor.digest) == 64
    rows = extractor.look(pictures())
    return {layer: np.stack([row[layer] for row in rows]) for layer in rows[0]}


def same(found: np.ndarray, theirs: Any) -> None:
    wanted = np.asarray(theirs)
    # 1e-4 is what is promised; float32 in another order of sums reaches 1e-6 here, another filter 1e-2 and more.
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_on_a_cpu_the_channels_of_a_place_lie_side_by_side(folder: Path) -> None:
    net = InceptionExtractor(PROTOCOLS["torch-fidelity"], str(folder))._net.func
    assert net.Mixed_6a.branch3x3.conv.weight.is_contiguous(memory_format=torch.channels_last)


def test_torch_fidelity(folder: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    names = {"64": "64", "192": "192", "768": "768", "pool3": "2048"}
    names |= {name: name for name in ("logits_unbiased", "logits")}
    path = str(folder / STATE_DICT)
    theirs = FeatureExtractorInceptionV3("inception-v3-compat", list(names.values()), path)(batch())
    found = ours("torch-fidelity", folder, *names)
    for layer, wanted in zip(names, theirs, strict=True):
        same(found[layer], wanted)
    # The ADM evaluator runs the same graph in TensorFlow; it looks at one layer more.
    adm = ours("adm", folder)
    assert set(adm) == {"pool3", "spatial", "logits_unbiased"} and np.array_equal(adm["pool3"], found["pool3"])


def test_torchmetrics(folder: Path) -> None:
    from torchmetrics.image.fid import NoTrainInceptionV3

    path = str(folder / STATE_DICT)
    theirs = NoTrainInceptionV3("inception-v3-compat", ["2048"], path)
    same(ours("torchmetrics", folder, "pool3")["pool3"], theirs(batch()))


@pytest.mark.parametrize("name", ["clean", "legacy-tensorflow"])
def test_clean_fid_with_nvidias_file(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cleanfid import features
    from cleanfid.resize import build_resizer

    plain = features.InceptionV3W
    monkeypatch.setattr(
        features, "InceptionV3W", lambda path, download, resize_inside: plain(str(folder), False, resize_inside)
    )
    mode = name.replace("-", "_")
    model = features.build_feature_extractor(mode, torch.device("cpu"), use_dataparallel=False)
    resized = np.stack([build_resizer(mode)(picture) for picture in pictures()])
    with torch.no_grad():
        theirs = model(torch.from_numpy(resized).permute(0, 3, 1, 2).float())
    same(ours(name, folder)["pool3"], theirs)
    # The other published file holds the same network.
    same(ours(name, folder / STATE_DICT)["pool3"], theirs)


def test_clean_fid_with_the_network_of_pytorch_fid(
    folder: Path, weights: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanfid import features, inception_pytorch
    from cleanfid.resize import build_resizer

    monkeypatch.setattr(inception_pytorch, "load_state_dict_from_url", lambda *_, **__: weights["state"])
    model = features.build_feature_extractor("legacy_pytorch", torch.device("cpu"), use_dataparallel=False)
    resized = np.stack([build_resizer("legacy_pytorch")(picture) for picture in pictures()])
    with torch.no_grad():
        theirs = model(torch.from_numpy(resized).permute(0, 3, 1, 2))
    same(ours("legacy-pytorch", folder)["pool3"], theirs)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 48), (299, 299), (512, 400)])
def test_each_resize_is_that_of_its_library(height: int, width: int) -> None:
    from cleanfid.resize import build_resizer
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    values = torch.from_numpy(picture).permute(2, 0, 1).float()
    clean, legacy = (
        torch.from_numpy(build_resizer(mode)(picture)).permute(2, 0, 1) for mode in ("clean", "legacy_pytorch")
    )
    assert torch.equal(resizing.bicubic_pillow(values), clean)
    assert torch.equal(resizing.bilinear_torch(values), legacy)
    tensorflow = interpolate_bilinear_2d_like_tensorflow1x(values[None], (299, 299), align_corners=False)[0]
    assert (resizing.bilinear_tensorflow1(values) - tensorflow).abs().max() <= 1e-3  # of 255, in float32
    smooth = functional.interpolate(values[None], (299, 299), mode="bilinear", align_corners=False, antialias=True)[0]
    assert torch.equal(resizing.bilinear_antialias(values), smooth)
    if (height, width) == (299, 299):
        assert torch.equal(clean, values) and torch.equal(legacy, values) and torch.equal(tensorflow, values)
    else:
        assert (clean - legacy).abs().max() > 1 and (legacy - tensorflow).abs().max() > 1
