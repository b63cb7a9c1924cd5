"""mmdet's own Mask2Former on seeded weights: the same network in transformers' class, the same instances.

Pack: ``tests/parity/mask2former``. ``manifest.json`` has every key of the official configuration and of the small one
with its fill: mean + deviation times normal numbers drawn from the CRC-32 of the key. Tolerance 3e-5 of the largest
value, as for the other packs: the sums are in another order.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from harness.errors import UserError
from tasks.geneval.official.mask2former import Mask2Former
from tasks.geneval.official.mmdet_pipeline import prepared
from tasks.geneval.official.mmdet_weights import UNUSED, fill_from_mmdet, to_transformers

PACK = Path(__file__).parent / "mask2former"
MANIFEST = json.loads((PACK / "manifest.json").read_text())
TOLERANCE = 3e-5
FIT = tuple(MANIFEST["img_scale"])


def small_config():
    from transformers import Mask2FormerConfig, SwinConfig

    small = MANIFEST["small"]
    backbone = SwinConfig(
        embed_dim=small["embed_dims"],
        depths=small["depths"],
        num_heads=small["num_heads"],
        window_size=small["window_size"],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    return Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=small["feat"],
        mask_feature_size=small["feat"],
        hidden_dim=small["feat"],
        encoder_feedforward_dim=small["encoder_ff"],
        dim_feedforward=small["decoder_ff"],
        num_attention_heads=small["heads"],
        encoder_layers=small["encoder_layers"],
        decoder_layers=small["decoder_layers"] + 1,  # transformers counts the prediction before the first layer
        num_queries=small["queries"],
        num_labels=80,
    )


def seeded_state():
    state = {}
    for key in MANIFEST["keys"]:
        if key["fill"] == "keep":
            state[key["key"]] = torch.zeros(key["shape"], dtype=torch.long)
            continue
        generator = torch.Generator().manual_seed(zlib.crc32(key["key"].encode()))
        mean, deviation = key["fill"]
        state[key["key"]] = mean + deviation * torch.randn(key["shape"], generator=generator)
    return state


@pytest.fixture(scope="module")
def expected():
    return load_file(PACK / "expected.safetensors")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """The small one from a file as mmdet writes it."""
    path = tmp_path_factory.mktemp("mmdet") / "small.pth"
    torch.save({"meta": {"CLASSES": ("a", "b")}, "state_dict": seeded_state()}, path)
    return Mask2Former(str(path), FIT, small_config())


def close(found, wanted):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= TOLERANCE * wanted.abs().max()


def test_every_key_of_the_official_configuration_is_accounted_for():
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation

    with torch.device("meta"):  # names and shapes alone
        theirs = to_transformers({key: torch.empty(shape) for key, shape in MANIFEST["official"].items()})
        ours = Mask2FormerForUniversalSegmentation(Mask2FormerConfig(num_labels=80)).state_dict()
    wanted = {key: value.shape for key, value in ours.items() if not key.startswith(UNUSED)}
    assert {key: value.shape for key, value in theirs.items()} == wanted
    assert len(MANIFEST["official"]) == 649 and len(ours) - len(wanted) == 3


def test_pixels_are_prepared_as_there(expected):
    """The resize bit for bit, the padding, and the division up to its last bit."""
    close(prepared(expected["picture"].numpy(), FIT), expected["prepared"][0])


def test_logits_are_those_of_mmdet(detector, expected):
    with torch.no_grad():
        seen = detector.network(pixel_values=expected["prepared"])
    close(seen.class_queries_logits[0], expected["classes"])
    close(seen.masks_queries_logits[0], expected["masks"])


def test_instances_are_those_of_mmdet(detector, expected):
    (found,) = detector.detect([expected["picture"].numpy()])
    assert len(found) == 100
    best = found[: len(expected["labels"])]
    assert [item.label for item in best] == expected["labels"].tolist()
    scores = torch.tensor([item.score for item in best])
    close(scores, expected["boxes"][:, 4])
    assert [list(item.box) for item in best] == expected["boxes"][:, :4].tolist()
    masks = np.unpackbits(expected["detected"].numpy(), axis=-1, count=110).astype(bool)
    for item, mask in zip(found, masks, strict=False):
        assert (item.mask != mask).mean() < 1e-3  # a logit of 0 within float noise


def test_the_panoptic_file_and_a_strange_key_are_refused(detector):
    state = seeded_state()
    model = detector.network
    panoptic = state | {"panoptic_head.cls_embed.weight": torch.zeros(134, 32)}
    with pytest.raises(UserError, match=r"class_predictor.weight' is \(134, 32\), the model has \(81, 32\)"):
        fill_from_mmdet(model, panoptic, "panoptic.pth")
    with pytest.raises(UserError, match=r"'roi_head\.weight' is not a key of mmdet"):
        fill_from_mmdet(model, state | {"roi_head.weight": torch.zeros(1)}, "other.pth")
    state.pop("backbone.norm3.bias")
    with pytest.raises(UserError, match=r"1 keys missing \['model.pixel_level_module.*stage4.bias'\]"):
        fill_from_mmdet(model, state, "short.pth")
