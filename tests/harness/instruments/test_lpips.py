"""LPIPS: the arithmetic against the package ``lpips`` on drawn weights; what is missing is named."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.instruments import lpips as module
from harness.instruments.lpips import Lpips, LpipsNet
from harness.instruments.weights import ALEXNET
from harness.weights import caches
from harness.weights.digests import sha256_of

BACKBONE = ALEXNET.files[0][0]


@pytest.fixture(scope="module")
def drawn_backbone() -> dict[str, torch.Tensor]:
    """AlexNet's own shapes; the classifier, which LPIPS does not use, is zero."""
    from torchvision.models import alexnet

    with torch.device("meta"):
        shapes = {key: value.shape for key, value in alexnet(weights=None).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.randn(shape, generator=generator) / max(1, shape[1:].numel()) ** 0.5
        if key.startswith("features")
        else torch.zeros(()).expand(shape)
        for key, shape in shapes.items()
    }


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepared data and torch hub's cache, both empty."""
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "data" / "backbones").mkdir(parents=True)
    return tmp_path / "data" / "backbones"


def sample(seed: int, height: int = 32, width: int = 32) -> Sample:
    rng = np.random.default_rng(seed)
    images = {name: rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for name in ("output", "reference")}
    return Sample(Case(f"case-{seed}", "g"), images=images)


def test_without_backbone_it_says_which_file_goes_where(data_folder: Path) -> None:
    pytest.importorskip("lpips")
    instrument = Lpips()
    assert BACKBONE in instrument.unavailable() and "$DDTBENCH_DATA" in instrument.unavailable()
    assert str(data_folder) not in instrument.unavailable()
    with pytest.raises(UserError, match="AlexNet weights are missing"):
        _ = instrument.digest


def test_without_heads_it_says_what_to_install(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "package_folder", lambda name: Path("/nowhere"))
    assert "install the Python package 'lpips'" in Lpips().unavailable()


def test_a_damaged_backbone_is_refused(data_folder: Path) -> None:
    pytest.importorskip("lpips")
    (data_folder / BACKBONE).write_bytes(b"not the file")
    assert "is damaged" in Lpips().unavailable()


@pytest.mark.filterwarnings("ignore:The parameter 'pretrained'", "ignore:Arguments other than a weight enum")
def test_agrees_with_the_package_on_the_same_weights(
    data_folder: Path, drawn_backbone: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drawn weights stand for the published ones, so the digest that is asked for is theirs."""
    package = pytest.importorskip("lpips")
    torch.save(drawn_backbone, data_folder / BACKBONE)
    drawn = sha256_of(data_folder / BACKBONE)[:8]
    monkeypatch.setattr(module, "ALEXNET", replace(ALEXNET, files=((BACKBONE, drawn),)))
    instrument = Lpips()
    assert instrument.unavailable() == "" and len(instrument.digest) == 64

    with contextlib.redirect_stdout(io.StringIO()):
        theirs = package.LPIPS(net="alex", pnet_rand=True, verbose=False)
    wanted = {f"features.{key.rsplit('.', 2)[1]}.{key.rsplit('.', 1)[1]}": key for key in theirs.net.state_dict()}
    theirs.net.load_state_dict({own: drawn_backbone[drawn] for drawn, own in wanted.items()})
    items = [sample(0), sample(1, 64, 40), sample(2)]
    found = instrument.observe(items)["distance"]
    for item, distance in zip(items, found, strict=True):
        first, second = (
            torch.from_numpy(item.images[name]).permute(2, 0, 1)[None].float() / 127.5 - 1
            for name in ("output", "reference")
        )
        # float32 through five convolutions, in another batch size.
        assert distance == pytest.approx(float(theirs(first, second).detach()), rel=1e-4, abs=1e-7)


def test_zero_for_equal_images_and_symmetric(drawn_backbone: dict[str, torch.Tensor]) -> None:
    heads = {
        f"lin{stage}.model.1.weight": torch.rand(1, width, 1, 1) for stage, width in enumerate((64, 192, 384, 256, 256))
    }
    net = LpipsNet(drawn_backbone, heads)
    images, others = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    assert net(images, images).tolist() == [0.0, 0.0]
    assert torch.allclose(net(images, others), net(others, images)) and bool((net(images, others) > 0).all())


def test_an_image_too_small_for_alexnet_is_named() -> None:
    with pytest.raises(ValueError, match="case-0' is 28 x 28 pixels; LPIPS needs 31"):
        Lpips().observe([sample(0, 28, 28)])


def test_the_smallest_side_is_the_smallest_that_alexnet_takes(drawn_backbone: dict[str, torch.Tensor]) -> None:
    heads = {
        f"lin{stage}.model.1.weight": torch.ones(1, width, 1, 1) for stage, width in enumerate((64, 192, 384, 256, 256))
    }
    net = LpipsNet(drawn_backbone, heads)
    side = module.SMALLEST
    assert net(torch.rand(1, 3, side, side), torch.rand(1, 3, side, side)).shape == (1,)
    with pytest.raises(RuntimeError):
        net(torch.rand(1, 3, side - 1, side - 1), torch.rand(1, 3, side - 1, side - 1))
