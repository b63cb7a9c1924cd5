"""The instrument for the official prompts, with tiny networks of random weights opened from disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.contracts import Case, Sample
from harness.errors import UserError
from tasks.geneval.detections import from_rows, loads
from tasks.geneval.judges import DetectorJudge
from tasks.geneval.names import COLOURS
from tasks.geneval.official.coco import STORED_FROM, CocoObjects, open_coco, published_note, stored
from tasks.geneval.official.colours import GREY, ColourClassifier, cut_out
from tasks.geneval.official.mask2former import Mask2Former
from tasks.geneval.official.masks import decode_mask
from tasks.geneval.official.mmdet_pipeline import Instance, box_of, fitted_size
from tasks.judging import Asked


def samples(records, number=3):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (number, 40, 64, 3), dtype=np.uint8)
    cases = [Case(f"{record['prompt']}/0", record["prompt"], record["tag"], {"geneval": record}) for record in records]
    return [Sample(case, images={"output": picture}) for case, picture in zip(cases[-number:], pictures, strict=True)]


def test_what_is_stored_is_judged_again_without_a_network(eyes, records):
    asked = samples(records)  # blue orange, position, color_attr
    columns = open_coco().observe([*asked, asked[-1]])
    assert {len(values) for values in columns.values()} == {4}
    assert columns["detections"][2] == columns["detections"][3]
    found = [loads(text) for text in columns["detections"]]
    assert all(seen.keys() == {"bench", "orange"} for seen in found)
    assert all(item.colour in COLOURS for item in found[0]["orange"])
    assert all(item.colour is None for item in found[0]["bench"])  # the prompt asks for no bench
    assert all(item.colour is None for items in found[1].values() for item in items)
    for text, masks in zip(columns["detections"], columns["masks"], strict=True):
        boxes, shapes = json.loads(text)["boxes"], json.loads(masks)
        for name, rows in boxes.items():
            assert [tuple(row[:4]) for row in rows] == [box_of(decode_mask(mask)) for mask in shapes[name]]
            assert all(row[4] > STORED_FROM for row in rows)
            assert all(mask["size"] == [40, 64] for mask in shapes[name])
    kept = stored(columns, [sample.case.id for sample in asked] + ["again"])
    (one,) = DetectorJudge(kept, kept.detector).judge([Asked(asked[0].case.id, records[3])])
    assert one.score in (0.0, 1.0)


def test_a_picture_is_seen_alike_alone_and_among_others(eyes, records):
    looks, asked = open_coco(), samples(records, 5)
    together = looks.observe(asked)
    for row in (0, 4):
        alone = looks.observe([asked[row]])
        assert all(alone[name][0] == values[row] for name, values in together.items())


def test_the_digest_names_both_files_and_a_comparison_says_that_the_detector_differs(eyes, tiny_detector, tmp_path):
    looks = open_coco()
    detector, clip = looks.detector.digest, looks.colours.digest
    assert looks.digest == f"detector-{detector[:16]}+colours-{clip[:16]}+1"
    note = published_note({"geneval-coco": looks.digest})
    assert note == f"detector differs: {detector[:16]} is not mmdet's official file"
    assert published_note({}) == "detector differs: not GenEval's"
    official = "detector-743b7d9900000000-official+colours-none+1"
    assert published_note({"geneval-coco": official}) == ""
    without = CocoObjects(looks.detector, ColourClassifier(str(tmp_path / "none")))
    assert without.digest.endswith("+colours-none+1") and without.unavailable() == ""


def test_only_the_published_bytes_are_the_official_detector(tiny_detector, monkeypatch):
    looks = Mask2Former(str(tiny_detector))
    assert not looks.official
    monkeypatch.setattr("harness.weights.located.sha256_of", lambda path: "743b7d99" + "0" * 56)
    assert Mask2Former(str(tiny_detector)).official


def test_images_of_another_detector_are_named():
    columns = {
        "detections": ['{"boxes":{},"colors":{}}'] * 2,
        "detector": ["a" * 64, "b" * 64],
        "classifier": ["", "c"],
    }
    with pytest.raises(
        UserError, match=r"^image y: seen by detector b{16} and colours c, the first image by detector a"
    ):
        stored(columns, ["x", "y"])
    with pytest.raises(UserError, match=r"image x: .*must be a JSON object"):
        stored({"detections": ["{}"], "detector": ["a"], "classifier": [""]}, ["x"])


def test_missing_and_wrong_weights_say_what_to_do(tmp_path, monkeypatch, tiny_clip):
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    monkeypatch.delenv("DDTBENCH_DETECTOR", raising=False)
    assert (
        CocoObjects().unavailable().startswith("judge missing: Mask2Former's weights are missing: set DDTBENCH_DETEC")
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "empty holds no model.safetensors: it must be mask2former_swin-s" in Mask2Former(str(empty)).unavailable()
    bad = tmp_path / "ViT-L-14.pt"
    bad.write_bytes(b"not it")
    assert "ViT-L-14.pt is damaged or another file" in ColourClassifier(str(bad)).unavailable()
    pth = tmp_path / "detector.pth"
    pth.write_bytes(b"not it")
    with pytest.raises(UserError, match=r"detector\.pth is not a checkpoint of mmdet"):
        _ = Mask2Former(str(pth)).network


def test_weights_of_another_number_of_classes_are_refused(tmp_path, tiny_detector):
    from transformers import Mask2FormerForUniversalSegmentation

    model = Mask2FormerForUniversalSegmentation.from_pretrained(tiny_detector)
    config = model.config
    config.num_labels = 133
    Mask2FormerForUniversalSegmentation(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="knows 133 classes, not COCO's 80"):
        _ = Mask2Former(str(tmp_path)).network


def other_weights(folder, to, **changes):
    """A copy whose weights have these values; None: not in the file."""
    copy = Path(shutil.copytree(folder, to))
    (file,) = copy.glob("*.safetensors")
    state = load_file(file) | changes
    save_file({key: value for key, value in state.items() if value is not None}, file, {"format": "pt"})
    return copy


def test_a_detector_without_its_head_is_refused(tiny_detector, tmp_path):
    """It used to be drawn at random, under the file's digest: GenEval 0 for every model."""
    head = {"class_predictor.weight": None, "class_predictor.bias": None}
    lacking = Mask2Former(str(other_weights(tiny_detector, tmp_path / "no_head", **head)))
    wanted = r"no_head does not fit: 2 keys missing \['class_predictor.bias', 'class_predictor.weight'\]"
    with pytest.raises(UserError, match=wanted):
        lacking.detect([np.zeros((8, 8, 3), np.uint8)])
    loss = Mask2Former(str(other_weights(tiny_detector, tmp_path / "no_loss", **{"criterion.empty_weight": None})))
    assert loss.network.config.num_labels == 80
    index = {"model.pixel_level_module.encoder.encoder.layers.0.blocks.0.attention.self.relative_position_index": 0}
    stored = {key: torch.zeros(4, 4, dtype=torch.int64) for key in index}
    assert Mask2Former(str(other_weights(tiny_detector, tmp_path / "older", **stored))).network.config.num_labels == 80


def test_a_clip_that_lacks_a_weight_or_has_another_size_is_refused(tiny_clip, tmp_path):
    picture, item = np.zeros((8, 8, 3), np.uint8), Instance(0, 0.9, (0, 0, 8, 8), np.ones((8, 8), bool))
    for name, value, says in (
        ("visual.proj", None, "no CLIP of open_clip can be opened at .*visual.proj"),
        # open_clip stretches these by itself
        ("visual.positional_embedding", torch.zeros(10, 32), r"'visual.positional_embedding' is \(10, 32\), the model"),
    ):
        looks = ColourClassifier(str(other_weights(tiny_clip, tmp_path / name, **{name: value})))
        with pytest.raises(UserError, match=says):
            looks.classify(picture, [item], "bench")
    pickled = tmp_path / "ViT-L-14.bin"
    pickled.write_bytes(b"not it")
    assert "is damaged or another file" in ColourClassifier(str(pickled)).unavailable()


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((256, 256), (800, 800)), ((512, 1024), (667, 1333)), ((1024, 512), (1333, 667)), ((1000, 1200), (800, 960))],
)
def test_sizes_as_mmcv_computes_them(size, fitted):
    """By hand: the smaller of 1333 / long and 800 / short, times the side, rounded half up."""
    assert fitted_size(size, 1333, 800) == fitted


def test_a_crop_is_the_object_on_grey():
    picture = np.full((6, 8, 3), 200, np.uint8)
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:5] = True
    mask[1, 2] = False
    crop = np.array(cut_out(picture, Instance(0, 0.9, box_of(mask), mask)))
    assert crop.shape == (2, 3, 3) and tuple(crop[0, 0]) == GREY
    assert (crop.reshape(-1, 3)[1:] == 200).all()
    with pytest.raises(ValueError, match="an object without a pixel"):
        cut_out(picture, Instance(0, 0.9, (0, 0, 0, 0), np.zeros((6, 8), bool)))


def test_sentences_name_colour_and_class_and_the_nearest_wins(tiny_clip):
    """Independent reference: the same three sentences through the network one by one, in numpy."""
    import open_clip
    import torch

    looks = ColourClassifier(str(tiny_clip))
    network, transform, _ = looks._clip
    columns = []
    for colour in COLOURS:
        texts = [f"a photo of a {colour} cow", f"a photo of a {colour}-colored cow", f"a photo of a {colour} object"]
        with torch.no_grad():
            vectors = network.encode_text(open_clip.get_tokenizer("ViT-L-14")(texts)).numpy()
        mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(0)
        columns.append(mean / np.linalg.norm(mean))
    np.testing.assert_allclose(looks._sentences("cow").numpy(), np.array(columns).T, atol=1e-5)  # float32 sums
    rng = np.random.default_rng(1)
    mask = np.ones((20, 20), bool)
    objects = [Instance(0, 1.0, box_of(mask), mask)] * 3
    picture = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    with torch.no_grad():
        seen = network.encode_image(transform(cut_out(picture, objects[0]))[None]).numpy()
    assert looks.classify(picture, objects, "cow") == [COLOURS[int(np.argmax(seen @ np.array(columns).T))]] * 3


def test_rows_of_the_seeded_pack_survive_the_stored_form(tmp_path: Path):
    rows = {"tv remote": [[0, 0, 4, 5, float(np.float32(0.3))]]}
    columns = {"detections": [json.dumps({"boxes": rows, "colors": {}})], "detector": ["d"], "classifier": [""]}
    assert stored(columns, ["x"]).images["x"] == from_rows(rows)
