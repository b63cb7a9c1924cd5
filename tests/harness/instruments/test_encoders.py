"""CLIP and DINO from folders: against the plain use of their libraries, in any batch; folders that are not theirs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.instruments import clip, dino
from harness.instruments.encoders import CHUNK
from harness.instruments.weights import CLIP_VIT_B32, DINO_VITS16

CAPTIONS = ("a red ring", "two blue squares, no ring", "")


def pictures(count: int, seed: int = 0) -> list[np.ndarray]:
    """Of sizes that differ, with sides that are odd, so that rounding of the crop counts."""
    rng = np.random.default_rng(seed)
    sizes = [(17 + 5 * n, 40 - n) for n in range(count)]
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def samples(outputs: list[np.ndarray], captions: tuple[str, ...] = ()) -> list[Sample]:
    facts = [{"caption": text} for text in captions] or [{}] * len(outputs)
    pairs = enumerate(zip(outputs, facts, strict=True))
    return [
        Sample(Case(str(n), "g", facts=known), images={"output": made, "reference": made}) for n, (made, known) in pairs
    ]


@pytest.fixture
def clip_of(tiny_clip: Path, monkeypatch: pytest.MonkeyPatch) -> clip.ClipEmbeddings:
    monkeypatch.setattr(clip, "CLIP_VIT_B32", replace(CLIP_VIT_B32, shape=(("vision_config.patch_size", 8),)))
    return clip.ClipEmbeddings(str(tiny_clip))


@pytest.fixture
def dino_of(tiny_dino: Path, monkeypatch: pytest.MonkeyPatch) -> dino.DinoEmbeddings:
    monkeypatch.setattr(dino, "DINO_VITS16", replace(DINO_VITS16, shape=(("patch_size", 56),)))
    return dino.DinoEmbeddings(str(tiny_dino))


def torchvision_of(short: int, crop: int, mean: tuple[float, ...], deviation: tuple[float, ...]) -> transforms.Compose:
    bicubic = transforms.InterpolationMode.BICUBIC
    return transforms.Compose(
        [
            transforms.Resize(short, interpolation=bicubic),
            transforms.CenterCrop(crop),
            transforms.ToTensor(),
            transforms.Normalize(mean, deviation),
        ]
    )


def test_clips_pictures_are_those_of_its_library(clip_of: clip.ClipEmbeddings, tiny_clip: Path) -> None:
    from transformers import CLIPModel

    net = CLIPModel.from_pretrained(tiny_clip).eval()
    made = pictures(3)
    prepare = torchvision_of(16, 16, clip.MEAN, clip.DEVIATION)
    shown = torch.stack([prepare(Image.fromarray(picture)) for picture in made])
    with torch.no_grad():
        wanted = net.visual_projection(net.vision_model(shown).pooler_output).numpy()
    seen = clip_of.observe(samples(made))
    assert seen.keys() == {"output", "reference"}
    # float32, batches of 3 and of 16: sums in another order
    np.testing.assert_allclose(np.stack(seen["output"]), wanted, rtol=0, atol=3e-6 * np.abs(wanted).max())


def test_clips_captions_are_those_of_its_library_one_by_one(clip_of: clip.ClipEmbeddings, tiny_clip: Path) -> None:
    """One text at a time without any padding: padding must not be read."""
    from transformers import AutoTokenizer, CLIPModel

    net, words = CLIPModel.from_pretrained(tiny_clip).eval(), AutoTokenizer.from_pretrained(tiny_clip)
    seen = clip_of.observe(samples(pictures(3), CAPTIONS))
    for text, vector in zip(CAPTIONS, seen["caption"], strict=True):
        with torch.no_grad():
            read = net.text_model(input_ids=torch.tensor([words(text)["input_ids"]]))
            wanted = net.text_projection(read.pooler_output)[0].numpy()
        np.testing.assert_allclose(vector, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_dino_is_the_class_token_of_its_library(dino_of: dino.DinoEmbeddings, tiny_dino: Path) -> None:
    from transformers import ViTModel

    net = ViTModel.from_pretrained(tiny_dino, add_pooling_layer=False).eval()
    made = pictures(3)
    prepare = torchvision_of(256, 224, dino.MEAN, dino.DEVIATION)
    with torch.no_grad():
        wanted = (
            net(torch.stack([prepare(Image.fromarray(picture)) for picture in made])).last_hidden_state[:, 0].numpy()
        )
    seen = np.stack(dino_of.observe(samples(made))["output"])
    np.testing.assert_allclose(seen, wanted, rtol=0, atol=3e-6 * np.abs(wanted).max())


def test_bits_do_not_depend_on_the_batch_or_on_what_is_known(clip_of: clip.ClipEmbeddings, tiny_clip: Path) -> None:
    made = pictures(4)
    together = clip_of.observe(samples(made))["output"]
    again = clip_of.observe(samples(made[2:] + pictures(CHUNK, 5)[:3]))["output"]
    fresh = clip.ClipEmbeddings(str(tiny_clip))
    alone = [fresh.observe(samples([picture]))["output"][0] for picture in made]
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    assert np.array_equal(again[0], together[2])


def test_a_caption_that_clip_would_cut_is_refused_by_case(clip_of: clip.ClipEmbeddings) -> None:
    with pytest.raises(ValueError, match="case '0': its caption has 102 tokens, CLIP reads 77"):
        clip_of.observe(samples(pictures(1), ("a" * 100,)))


def test_no_column_where_a_sample_lacks_its_content(clip_of: clip.ClipEmbeddings) -> None:
    both = samples(pictures(2), CAPTIONS[:2])
    bare = Sample(Case("bare", "g"), images={"output": both[0].images["output"]})
    assert clip_of.observe([both[0], bare]).keys() == {"output"}


@pytest.mark.parametrize("instrument", [clip.open_clip_vit_b32, dino.open_dino_vits16])
def test_a_missing_file_is_named_with_its_place(instrument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = CLIP_VIT_B32 if instrument is clip.open_clip_vit_b32 else DINO_VITS16
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv(weights.variable, raising=False)
    reason = instrument().unavailable()
    assert reason.startswith("config.json is missing: put config.json,")
    assert weights.hub in reason and weights.prepared[0] in reason and str(tmp_path) not in reason
    assert f"set {weights.variable} to its path" in reason and reason.endswith("name it by @PATH")
    with pytest.raises(UserError, match=r"config\.json is missing"):
        _ = instrument().digest


def test_a_folder_without_weights_or_of_another_network_is_refused(
    tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CLIP_VIT_B32.variable, str(tiny_clip))
    assert "a different network from openai/clip-vit-base-patch32" in clip.ClipEmbeddings().unavailable()
    copy = shutil.copytree(tiny_clip, tmp_path / "copy")
    monkeypatch.setenv(CLIP_VIT_B32.variable, str(copy))
    (copy / "model.safetensors").unlink()
    assert "copy holds no model.safetensors: it must be a folder that holds" in clip.ClipEmbeddings().unavailable()
    (copy / "model.safetensors").write_bytes(b"")
    (copy / "config.json").write_text("no JSON")
    assert "config.json is not JSON" in clip.ClipEmbeddings().unavailable()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (None, r"1 keys missing \['.*fc1\.bias'\]"),
        (1, r"1 unknown \['.*fc1\.bias\.more'\]"),
        (2, r"fc1\.bias' is \(3,\), the model has"),
    ],
)
@pytest.mark.parametrize("module", [clip, dino])
def test_a_folder_whose_weights_do_not_fit_is_refused(
    module, change, says, tiny_clip: Path, tiny_dino: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(tiny_clip if module is clip else tiny_dino, tmp_path / "copy"))
    state = load_file(copy / "model.safetensors")
    key = next(key for key in sorted(state) if key.endswith("fc1.bias") or key.endswith("intermediate.dense.bias"))
    if change is None:
        del state[key]
    else:
        state[f"{key}.more" if change == 1 else key] = torch.zeros(3)
    save_file(state, copy / "model.safetensors", {"format": "pt"})
    monkeypatch.setattr(clip, "CLIP_VIT_B32", replace(CLIP_VIT_B32, shape=()))
    monkeypatch.setattr(dino, "DINO_VITS16", replace(DINO_VITS16, shape=()))
    kind = clip.ClipEmbeddings if module is clip else dino.DinoEmbeddings
    with pytest.raises(UserError, match=says):
        kind(str(copy)).observe(samples(pictures(1)))


def test_the_digest_is_that_of_the_files(dino_of: dino.DinoEmbeddings, tiny_dino: Path, tmp_path: Path) -> None:
    first = dino_of.digest
    copy = shutil.copytree(tiny_dino, tmp_path / "copy")
    assert dino.DinoEmbeddings(str(copy)).digest == first
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-6}))
    assert dino.DinoEmbeddings(str(copy)).digest != first
