"""The Inception instruments without their weights: what is missing is named, digests carry protocol and file, rounding
and regions are as stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.images import to_bytes
from harness.instruments import weights
from harness.instruments.feature_protocols import PROTOCOLS, protocol_of
from harness.instruments.inception import InceptionExtractor, open_adm, open_clean, open_inception
from harness.instruments.picture_features import PictureFeatures
from harness.weights import caches
from harness.weights.digests import sha256_of

VARIABLE = weights.INCEPTION.variable


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights in any place that is searched."""
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(caches, "CLEAN_FID", tmp_path / "clean-fid")
    return tmp_path


def published_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of the state dict is that of this file."""
    digest = sha256_of(file)
    for name in ("INCEPTION", "INCEPTION_EITHER"):
        known = getattr(weights, name)
        files = tuple((one, due if due == weights.TORCHSCRIPT_SHA256 else digest) for one, due in known.files)
        monkeypatch.setattr(weights, name, replace(known, files=files))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_without_weights_it_says_which_file_goes_where(name: str, nowhere: Path) -> None:
    instrument = open_inception(name)
    reason = instrument.unavailable()
    wanted = "inception-2015-12-05.pt" if PROTOCOLS[name].torchscript else "pt_inception-2015-12-05-6726825d.pth"
    assert f"put {wanted} into backbones/ in $DDTBENCH_DATA" in reason and f"set {VARIABLE} to" in reason
    assert "\n" not in reason and str(nowhere) not in reason
    with pytest.raises(UserError, match=f"inception-{name}: its weights are missing"):
        _ = instrument.digest
    with pytest.raises(UserError, match="its weights are missing"):
        instrument.embed([np.zeros((8, 8, 3), np.uint8)])


def test_files_are_found_where_libraries_put_them_and_checked(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = nowhere / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / "weights-inception-2015-12-05-6726825d.pth").write_bytes(b"another")
    assert "its SHA-256 does not start with 6726825d0af5f729" in open_adm().unavailable()
    published_is(hub / "weights-inception-2015-12-05-6726825d.pth", monkeypatch)
    assert open_adm().unavailable() == "" and open_clean().unavailable() == ""
    scripted = nowhere / "clean-fid"
    scripted.mkdir()
    (scripted / "inception-2015-12-05.pt").write_bytes(b"not NVIDIA's")  # clean-fid's own file comes first
    assert "inception-2015-12-05.pt is damaged" in open_clean().unavailable()


def test_the_users_path_comes_first(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = nowhere / "mine.pth"
    mine.write_bytes(b"weights")
    published_is(mine, monkeypatch)
    assert open_adm(str(mine)).unavailable() == ""
    monkeypatch.setenv(VARIABLE, str(mine))
    assert open_adm().unavailable() == "" and "@PATH points to nothing" in open_adm("/nowhere").unavailable()
    digests = {open_inception(name).digest for name in PROTOCOLS}
    assert len(digests) == len(PROTOCOLS)  # one file, six protocols


def test_an_unknown_protocol_names_the_nearest() -> None:
    with pytest.raises(UserError, match="no feature protocol 'legacy_pytorch'; did you mean 'legacy-pytorch'"):
        protocol_of("legacy_pytorch")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_flat_picture_stays_flat_and_scales_as_stated(name: str) -> None:
    flat = np.full((24, 40, 3), (0, 128, 255), np.uint8)
    pixels = InceptionExtractor(PROTOCOLS[name]).pixels(flat)
    last = 127 / 128 if PROTOCOLS[name].scale == "(x-128)/128" else 1.0
    middle = 0.0 if PROTOCOLS[name].scale == "(x-128)/128" else 2 * 128 / 255 - 1
    assert pixels.shape == (3, 299, 299) and pixels.dtype == torch.float32
    for channel, wanted in enumerate((-1.0, middle, last)):
        assert torch.allclose(pixels[channel], torch.tensor(wanted), atol=1e-5)


def test_rounding_is_part_of_the_protocol() -> None:
    """LlamaGen and ADM write clamp(127.5 x + 128) as bytes, which is to nearest; torchmetrics cuts the fraction off."""
    x = torch.linspace(-1.1, 1.1, 3 * 50 * 50).reshape(3, 50, 50)
    published = (127.5 * x + 128).clamp(0, 255).to(torch.uint8)
    nearest, cut = (to_bytes((x + 1) / 2, rounding=PROTOCOLS[name].rounding) for name in ("adm", "torchmetrics"))
    gap = torch.from_numpy(nearest).permute(2, 0, 1).int() - published.int()
    assert (gap != 0).sum() <= 3  # a tie is rounded either way in float32
    theirs = (((x + 1) / 2).clamp(0, 1) * 255).byte()
    assert torch.equal(torch.from_numpy(cut).permute(2, 0, 1), theirs) and not np.array_equal(nearest, cut)
    described = {name: protocol.describe()["rounding_of_floats"] for name, protocol in PROTOCOLS.items()}
    assert described["torchmetrics"] == "truncate" and described["adm"] == "nearest"


class Mean:
    """An extractor of two numbers."""

    digest = "d"

    def unavailable(self) -> str:
        return ""

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[dict[str, np.ndarray]]:
        return [{"main": p.mean((0, 1)), "spatial": p[0, 0] * 1.0, "logits": p[0, 0] + 1.0} for p in pictures]


def sample(images: dict[str, np.ndarray], **facts: Any) -> Sample:
    return Sample(Case("case-7", "g", facts=facts), images=images)


def test_columns_are_the_layers_of_outputs_and_references() -> None:
    instrument = PictureFeatures("mean", Mean(), "main", ["spatial"], ["logits"])
    dark, light = np.zeros((6, 6, 3), np.uint8), np.full((6, 6, 3), 200, np.uint8)
    found = instrument.observe([sample({"output": dark, "reference": light})])
    assert list(found) == ["output", "output_spatial", "output_logits", "reference", "reference_spatial"]
    assert found["output"][0].tolist() == [0] * 3 and found["reference"][0].tolist() == [200] * 3
    assert set(instrument.observe([sample({"output": dark})])) == {"output", "output_spatial", "output_logits"}
    assert instrument.observe([]) == {}


def test_crop_and_grey_are_those_of_the_facts() -> None:
    instrument = PictureFeatures("mean", Mean(), "main")
    framed = np.full((6, 6, 3), 255, np.uint8)
    framed[2:4, 2:4] = (0, 30, 90)
    assert instrument.observe([sample({"output": framed}, crop=[2, 2, 2, 2])])["output"][0].tolist() == [0, 30, 90]
    grey = instrument.observe([sample({"output": framed}, crop=[2, 2, 2, 2], grey=True)])
    assert grey["output"][0].tolist() == [40] * 3
    with pytest.raises(ValueError, match=r"case-7.*lies outside"):
        instrument.observe([sample({"output": framed}, crop=[2, 2, 5, 2])])
