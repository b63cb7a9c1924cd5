"""FID end to end on miniatures of each kind of reference, with drawn features in the place of Inception's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness import catalog
from harness.errors import UserError
from harness.instruments.picture_features import PictureFeatures
from harness.measure import measure
from harness.metrics.frechet import between
from harness.metrics.moments import Moments
from harness.metrics.statistics_files import write_statistics
from harness.observe import observe
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder
from tasks.fid.sources import labels_of
from tasks.fid.task import build
from tasks.tokenizing.reconstruction import build as build_reconstruction


class Painter:
    """One shade per picture, with a pattern of its own."""

    image_size, class_count = 16, 3

    def generate(self, prompts: Sequence[Any], seeds: Sequence[int]) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return torch.stack([torch.rand(3, 16, 16, generator=generator) for generator in generators])

    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> torch.Tensor:
        return self.generate(labels, seeds)


class Drawn:
    """Linear features of pixels, so that a set of pictures has a known mean and covariance."""

    digest = "drawn"

    def unavailable(self) -> str:
        return ""

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[dict[str, np.ndarray]]:
        mixing = np.random.default_rng(0).normal(size=(16 * 16 * 3, 6)).astype(np.float32)
        rows = [picture.reshape(-1).astype(np.float32) / 255 @ mixing for picture in pictures]
        return [{"pool3": row, "spatial": row[:4] + 1, "logits_unbiased": row[:3]} for row in rows]


def pictures(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def by_class(tmp_path: Path) -> Path:
    folder = tmp_path / "val"
    for number, picture in enumerate(pictures(45)):
        name = folder / f"n{number % 3:02d}" / f"{number}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(name)
    return folder


@pytest.fixture
def with_captions(tmp_path: Path) -> Path:
    folder = tmp_path / "coco"
    folder.mkdir()
    rows = []
    for number, picture in enumerate(pictures(24)):
        Image.fromarray(picture).save(folder / f"{number}.png")
        rows.append(json.dumps({"file_name": f"{number}.png", "text": f"picture {number}"}))
    (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def adm(tmp_path: Path) -> Path:
    """A reference batch in ADM's schema."""
    references = pictures(30)
    rows = Drawn().look(references)
    moments = (Moments.of(np.stack([row[layer] for row in rows])) for layer in ("pool3", "spatial"))
    return write_statistics(tmp_path / "VIRTUAL_mini.npz", *moments, references)


def measured(
    task: Any, out: Path, limit: int | None = None, seen: bool = True, subject: Callable[[], Any] = Painter
) -> dict[str, Any]:
    spec = RunSpec("painter", 1, "", task.name, task.version, task.data_revision, batch=8, unit_size=16)
    folder = RunFolder.create_or_open(out, spec)
    run(spec, task, subject, folder, limit=limit)
    if seen:
        instrument = PictureFeatures("inception-adm", Drawn(), "pool3", ["spatial"], ["logits_unbiased"])
    else:
        instrument = catalog.make("instrument", "inception-adm@/nowhere")
    observe(folder, [instrument], batch=8)
    metrics = [catalog.make("metric", name) for name in task.metrics]
    return {found.metric: found for found in measure(folder, metrics, task.fingerprint)}


def test_a_folder_by_class_asks_for_the_class_of_each_reference(by_class: Path, tmp_path: Path) -> None:
    task = build(str(by_class), Painter())
    labels = [case.facts["label"] for case in task.cases()]
    assert task.name == "fid-val" and task.examines == "GeneratesClasses"
    assert labels[:6] == [0, 1, 2, 0, 1, 2] and np.bincount(labels).tolist() == [15] * 3
    assert all(case.id.startswith(f"n{case.facts['label']:02d}/") for case in task.cases())
    found = measured(task, tmp_path / "runs")
    fid = found["fid@adm"]
    assert fid.value is not None and fid.value > 0 and fid.low is not None
    assert fid.fingerprint["reference"] == "image folder val" and fid.fingerprint["n"] == 45
    assert fid.fingerprint["revision"].startswith("files-") and fid.fingerprint["rounding"] == "nearest"
    assert fid.fingerprint["features"]["resize"] == "bilinear_tensorflow1-299"
    assert found["kid@adm"].value is not None and 0 <= found["precision@adm"].value <= 1
    assert found["sfid@adm"].value is not None and found["inception-score@adm"].value >= 1
    assert found["cmmd"].value is None and found["fd@dinov2-vitl14"].value is None


def test_captions_are_asked_in_the_order_of_their_file(with_captions: Path, tmp_path: Path) -> None:
    task = build(f"adm@{with_captions}", Painter())
    rows = with_captions / "metadata.jsonl"
    first, said = task.data_revision, rows.read_text()
    rows.write_text(said.replace("picture 5", "painting 5"))
    assert build(str(with_captions), Painter()).data_revision != first
    rows.write_text(said)
    assert task.examines == "GeneratesImages" and task.fingerprint["asked"] == "a caption per reference"
    assert [case.facts["caption"] for case in task.cases()[:3]] == ["picture 0", "picture 1", "picture 2"]
    assert measured(task, tmp_path / "runs", limit=12)["fid@adm"].value > 0


def test_a_file_of_statistics_is_compared_with_fifty_of_each_class(adm: Path, tmp_path: Path) -> None:
    task = build(str(adm), Painter())
    assert [case.facts["label"] for case in task.cases()[:4]] == [0, 1, 2, 0] and len(task.cases()) == 150
    assert "kid@adm" not in task.metrics and f"sfid@adm@{adm}" in task.metrics
    found = measured(task, tmp_path / "runs", limit=48)
    samples = next(iter(RunFolder.open(next((tmp_path / "runs").glob("*/*/*"))).samples()))
    assert set(samples[0].images) == {"output"}
    outputs = [
        sample.images["output"]
        for batch in RunFolder.open(next((tmp_path / "runs").glob("*/*/*"))).samples()
        for sample in batch
    ]
    rows = (Moments.of(np.stack([row["pool3"] for row in Drawn().look(part)])) for part in (outputs, pictures(30)))
    fid = found["fid@adm@VIRTUAL_mini"]
    assert fid.value == pytest.approx(between(*rows), rel=1e-9)
    assert fid.fingerprint["reference"] == "statistics VIRTUAL_mini.npz" and fid.fingerprint["n"] == 48
    assert str(tmp_path) not in json.dumps(dict(fid.fingerprint))
    assert {found[name].value is not None for name in ("sfid@adm@VIRTUAL_mini", "inception-score@adm")} == {True}


def test_without_weights_nothing_is_measured_and_the_reason_says_what_to_do(adm: Path, tmp_path: Path) -> None:
    found = measured(build(str(adm), Painter()), tmp_path / "runs", limit=16, seen=False)
    assert {estimate.value for estimate in found.values()} == {None}
    assert "inception-adm: its name's @PATH points to nothing" in found["fid@adm@VIRTUAL_mini"].absent


def test_clean_fids_statistics_need_their_own_protocol(tmp_path: Path) -> None:
    path = write_statistics(tmp_path / "cifar10_clean.npz", Moments.of(np.random.default_rng(0).normal(size=(20, 6))))
    task = build(f"clean@{path}", Painter())
    assert task.instruments == ("inception-clean",) and task.metrics == (f"fid@clean@{path}",)


def test_what_is_no_reference_is_named(tmp_path: Path, by_class: Path, with_captions: Path) -> None:
    def refused(argument: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            build(argument, Painter())

    refused("", "fid needs a reference")
    refused("/nowhere/val", "no reference at '/nowhere/val'")
    refused(str(tmp_path / "none.npz"), "there is no file")
    refused(str(by_class / "n00"), r"neither metadata\.jsonl nor a sub-folder per class: 0\.png")
    (by_class / "n03").mkdir()
    Image.fromarray(pictures(1)[0]).save(by_class / "n03" / "x.png")
    refused(str(by_class), "the folder has 4 classes and this model makes 3")
    rows = with_captions / "metadata.jsonl"
    rows.write_text(rows.read_text() + '{"file_name": "lost.png", "text": "gone"}\n')
    refused(str(with_captions), r"metadata\.jsonl names lost\.png and 0 more")
    rows.write_text('{"file_name": "0.png", "text": "a"}\n{"file_name": "0.png", "text": "b"}\n')
    refused(str(with_captions), "line 2: 0.png has a caption already")
    rows.write_text('{"file_name": "0.png"}\n')
    refused(str(with_captions), r"metadata\.jsonl, line 1: it must be .*, is .*0\.png")


def test_folders_that_are_called_by_whole_numbers_are_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "numbered"
    for label in range(12):
        (folder / str(label)).mkdir(parents=True)
        Image.fromarray(pictures(1, label)[0]).save(folder / str(label) / "x.png")
    twelve = Painter()
    twelve.class_count = 12
    task = build(str(folder), twelve)
    assert all(case.id == f"{case.facts['label']}/x.png" for case in task.cases())
    assert [case.facts["class"] for case in task.cases()] == [str(label) for label in range(12)]
    assert task.fingerprint["asked"].endswith("12 classes, folder names are the labels")
    assert f"{folder}: 12 classes, folder names are the labels, 0 to 11" in capsys.readouterr().err
    build(str(folder), twelve)
    assert "classes" not in capsys.readouterr().err, "the mapping is said once"
    ten = Painter()
    ten.class_count = 10
    with pytest.raises(UserError, match="the folder's last class is 11, by its name, and this model makes classes 0"):
        build(str(folder), ten)
    shutil.rmtree(folder / "3")
    assert [case.facts["label"] for case in build(str(folder), twelve).cases()][2:4] == [2, 4]
    (folder / "007").mkdir()
    Image.fromarray(pictures(1)[0]).save(folder / "007" / "y.png")
    with pytest.raises(UserError, match="the folders 007 and 7 are one class"):
        build(str(folder), twelve)


def test_other_names_sort_as_text_and_so_do_mixed_ones() -> None:
    assert labels_of(["b10", "b2", "a"], "") == {"a": 0, "b10": 1, "b2": 2}
    assert labels_of(["10", "2", "cat"], "") == {"10": 0, "2": 1, "cat": 2}
    assert labels_of(["10", "2", "1"], "") == {"1": 1, "2": 2, "10": 10}
    assert labels_of(["\u0662", "1"], "") == {"1": 0, "\u0662": 1}


def test_classes_behind_links_are_classes(tmp_path: Path, by_class: Path) -> None:
    view = tmp_path / "view"
    view.mkdir()
    for name in ("n00", "n01", "n02"):
        (view / name).symlink_to(by_class / name, target_is_directory=True)
    task = build(str(view), Painter())
    assert len(task.cases()) == 45 and {case.facts["label"] for case in task.cases()} == {0, 1, 2}
    before = task.data_revision
    Image.fromarray(pictures(1, 9)[0]).save(by_class / "n01" / "1.png")
    assert build(str(view), Painter()).data_revision != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("null", "'text' must be text, is null"),
        ('["one", "two"]', "'text' must be text, is .'one', 'two'"),
        ('{"a": 1}', "'text' must be text, is "),
        ("7", "'text' must be text, is 7"),
        ("NaN", "not JSON .NaN is not JSON"),
    ],
)
def test_a_caption_that_is_no_text_is_refused_by_file_line_and_key(
    with_captions: Path, text: str, message: str
) -> None:
    rows = with_captions / "metadata.jsonl"
    rows.write_text('{"file_name": "0.png", "text": "a"}\n{"file_name": "1.png", "text": ' + text + "}\n")
    with pytest.raises(UserError, match=rf"metadata\.jsonl, line 2: {message}"):
        build(str(with_captions), Painter())


def test_captions_are_lines_of_json_and_of_nothing_else(with_captions: Path) -> None:
    rows = with_captions / "metadata.jsonl"
    told = '{"file_name": "0.png", "text": "a\u2028b"}\r\n\r\n{"file_name": "1.png", "text": "y\u0085z"}\r\n'
    rows.write_bytes(b"\xef\xbb\xbf" + told.encode())
    assert [case.facts["caption"] for case in build(str(with_captions), Painter()).cases()] == ["a\u2028b", "y\u0085z"]
    rows.write_bytes('{"file_name": "0.png", "text": "é"}'.encode("latin-1"))
    with pytest.raises(UserError, match=r"metadata\.jsonl, line 1: not UTF-8"):
        build(str(with_captions), Painter())


class Keeps:
    """A tokenizer that gives back what it was shown, darker by ``loss``."""

    image_size, code_count, codebook_size = 16, 1, 2

    def __init__(self, loss: float = 0.0) -> None:
        self.loss = loss

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        self.shown = images
        return torch.zeros(len(images), 1, dtype=torch.int64)

    def decode(self, codes: torch.Tensor, visible: Any = None, seeds: Any = None) -> torch.Tensor:
        return self.shown * (1 - self.loss)


def test_rfid_compares_with_the_same_crop_of_the_same_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "val"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for number in range(24):  # not square: an uncropped reference would be another picture
        Image.fromarray(rng.integers(0, 256, (20 + number, 40, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    task = build_reconstruction(str(folder), Keeps())
    assert "inception-adm" in task.instruments and {"fid@adm", "sfid@adm", "kid-paired@adm"} <= set(task.metrics)
    assert "inception-adm" not in build_reconstruction("world", Keeps()).instruments
    exact = measured(task, tmp_path / "exact", subject=Keeps)
    darker = measured(task, tmp_path / "darker", subject=lambda: Keeps(0.1))
    assert exact["fid@adm"].value == pytest.approx(0, abs=1e-9)
    assert exact["kid-paired@adm"].value == pytest.approx(0, abs=1e-9)
    assert darker["fid@adm"].value > 1e-3 and darker["sfid@adm"].value > 1e-3
    protocol = exact["fid@adm"].fingerprint
    assert (protocol["reference"], protocol["n"], protocol["crop"]) == ("image folder val", 24, "centre")
    assert protocol["resize"] == "short-side-16" and protocol["revision"] == task.data_revision
