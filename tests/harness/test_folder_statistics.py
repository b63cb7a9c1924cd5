"""``ddtbench data statistics``: what is written is what the published tools read, with drawn features or weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import cli
from harness.instruments.inception import InceptionExtractor
from harness.metrics.statistics_files import StatisticsFile

WIDTH, SPATIAL = 20, 9


def looked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    small = [np.asarray(Image.fromarray(picture).resize((3, 2), Image.Resampling.BOX), float) for picture in pictures]
    return np.stack(small).reshape(len(pictures), -1)[:, :WIDTH].astype(np.float32)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(self: InceptionExtractor, pictures: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        return [{"pool3": row, "spatial": row[:SPATIAL], "logits_unbiased": row} for row in looked(pictures)]

    monkeypatch.setattr(InceptionExtractor, "look", look)
    monkeypatch.setattr(InceptionExtractor, "unavailable", lambda self: "")
    monkeypatch.setattr(InceptionExtractor, "digest", "drawn")


def folder(place: Path, sizes: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """Pictures, in the order of their names."""
    rng, made = np.random.default_rng(0), []
    (place / "deep").mkdir(parents=True)
    for number, size in enumerate(sizes):
        made.append(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
        Image.fromarray(made[-1]).save(place / "deep" / f"{number:02d}.png")
    return made


def statistics(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as done:
        cli.main(["data", "statistics", *map(str, words)])
    return int(done.value.code or 0)


@pytest.mark.parity
@pytest.mark.usefixtures("drawn")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_clean_fid_and_pytorch_fid_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cleanfid
    from cleanfid.features import get_reference_statistics
    from pytorch_fid.fid_score import compute_statistics_of_path

    rows = looked(folder(tmp_path / "A", [(30 + 7 * number, 90) for number in range(40)])).astype(np.float64)
    place = tmp_path / "cleanfid" / "stats" / "mine_clean_custom_na.npz"
    assert statistics(tmp_path / "A", "--protocol", "clean", "--to", place) == 0
    monkeypatch.setattr(cleanfid, "__file__", str(tmp_path / "cleanfid" / "__init__.py"))
    theirs = get_reference_statistics("mine", "na", mode="clean", split="custom")
    for mean, covariance in (theirs, compute_statistics_of_path(str(place), None, 1, WIDTH, "cpu")):
        assert mean == pytest.approx(rows.mean(axis=0)) and covariance == pytest.approx(np.cov(rows, rowvar=False))
    assert StatisticsFile(place).names == ("mu", "sigma")


@pytest.mark.usefixtures("drawn")
def test_adm_finds_spatial_statistics_and_pictures_of_one_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = folder(tmp_path / "A", [(24, 24)] * 33)
    place = tmp_path / "new" / "VIRTUAL_mine.npz"
    assert statistics(tmp_path / "A", "--protocol", "adm", "--to", place) == 0
    assert "statistics of 33 pictures (features 18, spatial 9), and 33 of the pictures themselves" in (
        capsys.readouterr().out
    )
    with np.load(place) as archive:  # as guided-diffusion's evaluations/evaluator.py reads it
        assert {"mu", "sigma", "mu_s", "sigma_s", "arr_0"} == set(archive.files)
        assert (archive["arr_0"] == np.stack(made)).all()
        spatial = looked(made)[:, :SPATIAL].astype(np.float64)
        assert archive["mu_s"] == pytest.approx(spatial.mean(axis=0))
        assert archive["sigma_s"] == pytest.approx(np.cov(spatial, rowvar=False))
    folder(tmp_path / "B", [(24, 24)] * 20 + [(25, 24)])
    assert statistics(tmp_path / "B", "--to", tmp_path / "b.npz") == 0
    assert "arr_0" not in StatisticsFile(tmp_path / "b.npz").names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A", "B", "b.npz", "new"]


@pytest.mark.usefixtures("drawn")
def test_what_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "A", [(9, 9)] * 3)
    (tmp_path / "A" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "one").mkdir()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "one" / "x.png")
    to = tmp_path / "s.npz"
    folder(tmp_path / "many", [(9, 9)] * 60)
    (tmp_path / "many" / "deep" / "49.png").write_bytes(b"no picture")  # read while the network looks at others
    for words, message in (
        ((tmp_path / "A", "--to", to), "broken.png"),
        ((tmp_path / "many", "--to", to), "49.png"),
        ((tmp_path / "one", "--to", to), "1 pictures, and statistics need two or more"),
        ((tmp_path / "none", "--to", to), "there is no folder"),
        ((tmp_path / "A", "--to", tmp_path / "s.txt"), "is not a .npz"),
        ((tmp_path / "A", "--to", to, "--protocol", "clear"), "no feature protocol 'clear': one of clean"),
        ((tmp_path / "A", "--to", to, "--protocol", "pixels"), "makes no features of single pictures"),
    ):
        assert statistics(*words) == 2, message
        assert message in capsys.readouterr().err
    assert not to.exists()


def test_without_weights_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path / "A", [(9, 9)] * 3)
    monkeypatch.setenv("DDTBENCH_INCEPTION", str(tmp_path / "nowhere"))
    assert statistics(tmp_path / "A", "--protocol", "clean", "--to", tmp_path / "s.npz") == 2
    assert "inception-clean: $DDTBENCH_INCEPTION points to nothing" in capsys.readouterr().err
