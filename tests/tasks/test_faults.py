"""Through the command line: folders and files that are not quite what they seem, each with the right outcome.

Miniatures of public bug reports: links, endings, line ends, captions that are no text.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import cli
from harness.store.run_folder import RunFolder, find_run_folders

Call = Callable[..., tuple[int, str]]
PROMPTS = ("bench", "cow")
TEXT = "a red circle on a blue background\ntwo green squares\nThe river rises in the hills and flows to the sea.\n"


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """``call(words)``: a command line, with a folder of runs of its own: (exit code, stderr)."""
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))

    def run(*words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([*map(str, words), "--out", str(tmp_path / "runs"), "--device", "cpu"])
        return int(ended.value.code or 0), capfd.readouterr().err

    return run


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], list[RunFolder]]:
    return lambda: list(find_run_folders(str(tmp_path / "runs")))


def picture(path: Path, seed: int = 0, side: int = 16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
    return path


def cases(folder: RunFolder) -> list[str]:
    return sorted(sample.case.id for unit in folder.samples() for sample in unit)


def test_class_folders_behind_links_are_classes(
    tmp_path: Path, call: Call, runs: Callable[[], list[RunFolder]]
) -> None:
    view = tmp_path / "view"
    for name in "abc":
        for number in range(2):
            picture(tmp_path / ("store" if name == "c" else "view") / name / f"{number}.png", ord(name) + number)
    (view / "c").symlink_to(tmp_path / "store" / "c", target_is_directory=True)
    code, said = call("run", f"reconstruction@{view}", "--model", "jpeg", "--batch", 2)
    assert code == 0, said
    (folder,) = runs()
    assert cases(folder) == [f"{name}/{number}.png" for name in "abc" for number in range(2)]


def test_every_ending_that_pillow_reads_is_read_and_the_rest_is_counted(
    tmp_path: Path, call: Call, runs: Callable[[], list[RunFolder]]
) -> None:
    folder = tmp_path / "extensions"
    for ending in ("jpg", "jpeg", "JPEG", "jpe", "jfif", "png", "webp", "bmp", "gif", "tif", "ppm", "pgm", "jp2"):
        grey = Image.open(picture(tmp_path / "one.png")).convert("L" if ending == "pgm" else "RGB")
        folder.mkdir(exist_ok=True)
        grey.save(folder / f"a_{ending}.{ending}", {"jfif": "JPEG", "jpe": "JPEG"}.get(ending))
    np.save(folder / "b.npy", np.zeros((4, 4, 3), np.uint8))
    (folder / ".hidden.png").write_bytes(b"")
    code, said = call("run", f"reconstruction@{folder}", "--model", "jpeg", "--batch", 2)
    assert code == 0, said
    assert f"{folder}: 13 files read, 2 left out (1 .npy, 1 hidden)" in said
    (run,) = runs()
    assert len(cases(run)) == 13
    assert [sample.reason for unit in run.samples() for sample in unit if sample.outcome != "ok"] == []


def prompt_folder(root: Path) -> Path:
    """Two prompts in GenEval's layout, four pictures each."""
    for number, name in enumerate(PROMPTS):
        for image in range(4):
            picture(root / f"{number:05d}" / "samples" / f"{image:04d}.png", 10 * number + image, 32)
        (root / f"{number:05d}" / "metadata.jsonl").write_text(json.dumps(record(name)))
    return root


def record(name: str) -> dict[str, object]:
    return {"tag": "single_object", "include": [{"class": name, "count": 1}], "prompt": f"a photo of a {name}"}


def test_a_picture_replaced_behind_a_link_is_another_run(
    tmp_path: Path, call: Call, runs: Callable[[], list[RunFolder]]
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(record(name)) + "\n" for name in PROMPTS))
    store = prompt_folder(tmp_path / "store")
    linked = tmp_path / "linked"
    shutil.copytree(store / "00000", linked / "00000")
    (linked / "00001").symlink_to(store / "00001", target_is_directory=True)
    words = ("run", f"geneval@{prompts}", "--model", f"image-folder@{linked}", "--batch", 4)
    (linked / "00000" / "b.npy").write_bytes(b"")
    _, said = call(*words)
    assert f"{linked}: 8 files read, 1 left out (1 .npy)" in said
    (before,) = runs()
    picture(store / "00001" / "samples" / "0002.png", 99, 32)
    call(*words)
    (after,) = [run for run in runs() if run.path != before.path]
    shown = {
        run.path: next(
            sample.images["output"] for unit in run.samples() for sample in unit if sample.case.id.endswith("cow/2")
        )
        for run in (before, after)
    }
    assert not np.array_equal(shown[before.path], shown[after.path])
    assert np.array_equal(shown[after.path], np.asarray(Image.open(linked / "00001" / "samples" / "0002.png")))


def test_line_ends_and_a_byte_order_mark_change_no_perplexity(
    tmp_path: Path, call: Call, runs: Callable[[], list[RunFolder]]
) -> None:
    plain = TEXT.encode()
    found = []
    for name, content in (("lf", plain), ("crlf", plain.replace(b"\n", b"\r\n")), ("bom", b"\xef\xbb\xbf" + plain)):
        path = tmp_path / name / "text.txt"
        path.parent.mkdir()
        path.write_bytes(content)
        code, said = call("run", f"perplexity@{path}", "--model", "ddt-llama")
        assert code == 0, said
        (folder,) = runs()
        (bits,) = [item for item in folder.read_estimates() if item.metric == "bits-per-byte" and not item.stratum]
        assert bits.fingerprint["first_context"] == "begin marker"
        found.append(bits.value)
        shutil.rmtree(tmp_path / "runs")
    assert found[0] == found[1] == found[2] and round(float(found[0]), 3) == 1.813
    (tmp_path / "utf16.txt").write_text(TEXT, encoding="utf-16")
    code, said = call("run", f"perplexity@{tmp_path / 'utf16.txt'}", "--model", "ddt-llama")
    assert code == 2 and "utf16.txt, line 1: not UTF-8 at byte 0, but UTF-16" in said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (b'{"file_name": "a.png", "text": null}', "metadata.jsonl, line 1: 'text' must be text, is null"),
        (b'{"file_name": "a.png", "text": ["one", "two"]}', "metadata.jsonl, line 1: 'text' must be text, is ['one'"),
        ('{"file_name": "caf\xe9.png", "text": "\xe9"}'.encode("latin-1"), "metadata.jsonl, line 1: not UTF-8"),
        (b"[" * 100_000, "metadata.jsonl, line 1: not JSON that can be read"),
        (b'{"file_name": "a.png", "text": ' + b"7" * 400 + b"}", "a whole number of 400 digits"),
    ],
    ids=["null", "list", "latin1", "deep", "digits"],
)
def test_captions_that_are_no_text_are_refused_by_file_and_line(
    tmp_path: Path, call: Call, rows: bytes, said: str
) -> None:
    folder = picture(tmp_path / "captions" / "a.png").parent
    (folder / "metadata.jsonl").write_bytes(rows)
    code, told = call("run", f"fid@{folder}", "--model", "real")
    assert (code, said in told) == (2, True), told
    assert not (tmp_path / "runs").exists()


def test_a_separator_inside_a_caption_ends_no_line(
    tmp_path: Path, call: Call, runs: Callable[[], list[RunFolder]]
) -> None:
    texts = ["first\u2028second", "y\u0085z", "plain"]
    folder = tmp_path / "captions"
    rows = []
    for number, text in enumerate(texts):
        picture(folder / f"{number}.png", number)
        rows.append(json.dumps({"file_name": f"{number}.png", "text": text}, ensure_ascii=False))
    (folder / "metadata.jsonl").write_text("\n".join(rows), encoding="utf-8")
    call("run", f"fid@{folder}", "--model", "real", "--batch", 3)
    (run,) = runs()
    asked = {sample.case.id: sample.case.facts["caption"] for unit in run.samples() for sample in unit}
    assert asked == {f"{number}.png": text for number, text in enumerate(texts)}
