"""Two sets that exist already, through the command line, with drawn features in the place of Inception's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness import cli
from harness.errors import UserError
from harness.instruments.efficientnet import EfficientNetLite0
from harness.instruments.inception import InceptionExtractor
from harness.metrics.feature_sets import FeaturePair, FeatureSet
from harness.metrics.kernel import kernel_distance
from harness.metrics.moments import Moments
from harness.metrics.statistics_files import write_statistics
from harness.store.run_folder import RunFolder, find_run_folders
from reports.comparing.paired import shared_p
from reports.reading.runs import read_stored
from tasks.fid import features as features_of_fid
from tasks.fid.sources import FidFolder

WIDTH, SPATIAL = 64, 32


def drawn(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """64 features of pictures of any size, of which 12 are not 0."""
    small = [np.asarray(Image.fromarray(picture).resize((2, 2), Image.Resampling.BOX), float) for picture in pictures]
    rows = np.zeros((len(pictures), WIDTH), np.float32)
    rows[:, :12] = np.stack(small).reshape(len(pictures), -1) / 64
    return rows


@pytest.fixture(autouse=True)
def features(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(self: InceptionExtractor, pictures: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        rows = drawn(pictures)
        return [{"pool3": row, "spatial": row[:SPATIAL], "logits_unbiased": row} for row in rows]

    monkeypatch.setattr(InceptionExtractor, "look", look)
    monkeypatch.setattr(InceptionExtractor, "unavailable", lambda self: "")
    monkeypatch.setattr(InceptionExtractor, "digest", "drawn")
    monkeypatch.setattr(features_of_fid, "WIDTHS", {"": WIDTH, "_spatial": SPATIAL})
    monkeypatch.setattr(EfficientNetLite0, "unavailable", lambda self: "not here")


def folder(place: Path, count: int, seed: int, shift: int = 0) -> Path:
    """Pictures of 20 to 90 pixels a side, in no class and without captions."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        size = (*rng.integers(20, 90, 2), 3)
        picture = np.clip(rng.normal(rng.integers(60, 200, 3) + shift, 40, size), 0, 255).astype(np.uint8)
        path = place / ("deep" if number % 3 else "") / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return place


def held(place: Path) -> np.ndarray:
    source = FidFolder(place)
    return drawn([source.image(case) for case in source.cases()])


def ddtbench(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return int(done.value.code or 0)


def estimates(run: RunFolder) -> dict[str, Any]:
    return {item.metric: item for item in run.read_estimates()}


def compared(tmp_path: Path, target: str, *models: Path) -> list[dict[str, Any]]:
    """The estimates of each model, in their order."""
    asked = [word for model in models for word in ("--model", f"image-folder@{model}")]
    assert ddtbench("run", target, *asked, "--out", tmp_path / "runs", "--device", "cpu") == 0
    names = [f"image-folder@{model.name}" for model in models]
    runs = sorted(find_run_folders(tmp_path / "runs"), key=lambda run: names.index(run.spec.model.rpartition("-")[0]))
    return [estimates(run) for run in runs]


def test_any_two_folders_are_compared_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = folder(tmp_path / "A", 32, 1), folder(tmp_path / "B", 40, 2, 12)
    (found,) = compared(tmp_path, f"fid@clean@{first}", second)
    output, reference = held(second), held(first)
    fid = found["fid@clean"]
    expected = FeaturePair(FeatureSet.of(output), FeatureSet.of(reference)).distance()
    assert fid.value == pytest.approx(expected, rel=1e-9) and fid.low < fid.value < fid.high
    assert fid.method == "infinitesimal jackknife, 40 and 32 clusters, t" and (fid.scored, fid.failed) == (72, 0)
    assert fid.fingerprint["n"] == {"output": 40, "reference": 32}
    assert fid.fingerprint["sets"] == "two, not paired"
    assert (fid.fingerprint["crop"], fid.fingerprint["resize"]) == ("none", "none")
    kid = found["kid@clean"]
    assert kid.value == pytest.approx(kernel_distance(output, reference), rel=1e-6) and kid.low < kid.value < kid.high
    assert 0 <= found["precision@clean"].value <= 1 and found["precision@clean"].scored == 72
    assert "a half has" in found["fid-infinity@clean"].absent
    assert "(40 outputs and 32 references" in " ".join(capsys.readouterr().out.split())


def test_a_crop_is_another_task_by_its_name(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "A", 24, 1), folder(tmp_path / "B", 24, 2)
    (found,) = compared(tmp_path, f"fid@clean@crop@{first}", second)
    (run,) = find_run_folders(tmp_path / "runs")
    assert run.spec.task == "fid-crop-A" and found["fid@clean"].fingerprint["crop"] == "centre"
    sizes = {
        sample.images["reference"].shape
        for batch in run.samples()
        for sample in batch
        if sample.case.stratum == "reference"
    }
    assert len(sizes) == 1


@pytest.mark.parity
def test_the_network_is_shown_what_clean_fid_shows_it(tmp_path: Path) -> None:
    from cleanfid.utils import ResizeDataset

    from harness.instruments.feature_protocols import PROTOCOLS

    place = folder(tmp_path / "A", 4, 5)
    rgba = np.random.default_rng(0).integers(0, 256, (50, 70, 4), dtype=np.uint8)
    Image.fromarray(rgba).save(place / "see-through.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgba[..., :3]).save(place / "turned.jpg", exif=exif)
    Image.fromarray(rgba[..., 0]).save(place / "grey.png")
    source = FidFolder(place)
    theirs = ResizeDataset([str(place / case.id) for case in source.cases()], "clean")
    extractor = InceptionExtractor(PROTOCOLS["clean"])
    for number, case in enumerate(source.cases()):
        ours = extractor.pixels(source.image(case)).numpy()
        shown = (theirs[number].numpy() - 128) / 128
        assert np.abs(ours - shown).max() < 1e-5, case.id


def test_two_folders_against_one_are_paired_by_place(tmp_path: Path) -> None:
    reference = folder(tmp_path / "A", 60, 1)
    first, second = folder(tmp_path / "B", 45, 2, 12), folder(tmp_path / "C", 45, 2, 26)
    near, far = compared(tmp_path, f"fid@{reference}", first, second)
    assert near["fid@adm"].value < far["fid@adm"].value
    stored = read_stored(str(tmp_path / "runs"))
    ours, theirs = (run.scores["fid@adm"] for run in stored.runs)
    assert ours.numerators.mean() == pytest.approx(near["fid@adm"].value)
    assert set(ours.strata) == {"output", "reference"} and list(ours.cases) == list(theirs.cases)
    # The same pictures, brighter: what they have in common cancels, as it would not in pictures that they do not share.
    names = np.array([f"other-{name}" for name in theirs.cases])
    strangers = replace(theirs, cases=names, groups=names)
    paired, apart = shared_p(ours, theirs), shared_p(ours, strangers)
    assert paired is not None and apart is not None and paired < 0.05 < apart


def test_folders_of_other_sizes_stand_in_one_command(tmp_path: Path) -> None:
    reference = folder(tmp_path / "A", 30, 1)
    found = compared(tmp_path, f"fid@{reference}", folder(tmp_path / "B", 25, 2), folder(tmp_path / "C", 37, 3))
    assert [item["fid@adm"].fingerprint["n"]["output"] for item in found] == [25, 37]


def statistics(place: Path, rows: np.ndarray) -> Path:
    return write_statistics(place, Moments.of(rows))


@pytest.mark.parametrize("which", ["references", "outputs", "both"])
def test_either_side_may_be_statistics_which_stay(which: str, tmp_path: Path) -> None:
    first, second = folder(tmp_path / "A", 30, 1), folder(tmp_path / "B", 26, 2)
    output, reference = held(second), held(first)
    target, model = first, second
    if which in ("references", "both"):
        target = statistics(tmp_path / "a.npz", reference)
    if which in ("outputs", "both"):
        model = statistics(tmp_path / "b.npz", output)
    (found,) = compared(tmp_path, f"fid@clean@{target}", model)
    fid = found["fid@clean@a" if which == "references" else "fid@clean"]
    expected = FeaturePair(FeatureSet.of(output), FeatureSet.of(reference)).distance()
    assert fid.value == pytest.approx(expected, rel=1e-7)
    stays = {"references": "outputs vary, references stay", "outputs": "references vary, outputs stay"}
    assert fid.fingerprint["interval"] == stays.get(which, "both sides stay")
    assert (fid.low is None) == (which == "both") and str(tmp_path) not in json.dumps(dict(fid.fingerprint))


@pytest.mark.parametrize("side", ["reference", "output"])
def test_bad_statistics_are_refused_when_planning(
    side: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, bad = folder(tmp_path / "A", 4, 1), tmp_path / "bad.npz"
    cases = {
        "holds statistics of 12 dimensions and Inception's pool3 has 64": (np.zeros(12), np.eye(12)),
        "has a negative eigenvalue": (np.zeros(3), np.diag([1.0, -1.0, 1.0])),
        "is of complex128": (np.zeros(3), np.eye(3) + 0j),
    }
    for message, (mean, covariance) in cases.items():
        np.savez(bad, mu=mean, sigma=covariance)
        target, model = (bad, pictures) if side == "reference" else (pictures, bad)
        assert ddtbench("run", f"fid@{target}", "--model", f"image-folder@{model}", "--out", tmp_path / "runs") == 2
        assert message in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_a_picture_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "A", 25, 1), folder(tmp_path / "B", 25, 2)
    (second / "broken.png").write_bytes(b"no picture")
    asked = ("run", f"fid@{first}", "--model", f"image-folder@{second}", "--out", tmp_path / "runs")
    ddtbench(*asked)
    (run,) = find_run_folders(tmp_path / "runs")
    fid = estimates(run)["fid@adm"]
    assert (fid.scored, fid.failed) == (50, 1) and fid.value is not None
    assert any("broken.png" in sample.reason for batch in run.samples() for sample in batch)


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    from baselines.image_folder import open_image_folder

    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="holds no image below it"):
        open_image_folder(str(tmp_path / "none"), "cpu")
