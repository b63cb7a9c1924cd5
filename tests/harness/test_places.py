"""What is passed on names nobody's folders, and can be measured again where it was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import commands
from harness.places import opened_again, passed_on, sentence_without_folders, without_folders
from harness.store.run_folder import RunFolder, run_paths


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ddt", "ddt"),
        ("ddt@zoo/ddt", "ddt@zoo/ddt"),
        ("hf-lm@OWNER/NAME#revision", "hf-lm@OWNER/NAME#revision"),
        ("vqgan@s3://bucket/vqgan", "vqgan@s3://bucket/vqgan"),
        ("served@http://127.0.0.1:8000/v1#tiny", "served@http://127.0.0.1:8000/v1#tiny"),
        ("served@https://[::1]:8000/v1#OWNER/NAME#key=MINE", "served@https://[::1]:8000/v1#OWNER/NAME#key=MINE"),
        ("served@http://127.0.0.1/v1#/home/ada/final", "served@http://127.0.0.1/v1#.../final"),
        ("ddt@/home/ada/my models/final/", "ddt@.../final"),
        ("ddt@~/final#ema", "ddt@.../final#ema"),
        ("ddt@../../ada/final", "ddt@.../final"),
        ("fid@adm@file:///home/ada/r.npz", "fid@adm@.../r.npz"),
        ("editing@magicbrush:/data/ada/dev.parquet", "editing@magicbrush:.../dev.parquet"),
    ],
)
def test_a_name_keeps_the_last_part_of_its_path(name: str, shown: str) -> None:
    assert without_folders(name) == shown


def test_sentences_keep_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDTBENCH_DATA", "/srv/ada/data")
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/ada"))
    said = "put it into /srv/ada/.cache/x or /srv/ada/data/judge, not /srv/team/y.bin: see https://a.org/b/c, 1/255"
    expected = "put it into ~/.cache/x or $DDTBENCH_DATA/judge, not .../y.bin: see https://a.org/b/c, 1/255"
    assert sentence_without_folders(said) == expected
    assert sentence_without_folders("no /home/grace/w/x and /usr/share/doc/x") == "no ~/w/x and /usr/share/doc/x"


def test_two_files_of_one_name_stay_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    protocol = {
        "request": {"model": "m@/a/x", "task": "t", "limit": 3},
        "instruments": ["judge@/w/judge"],
        "metrics": ["fid@/a/r.npz", "fid@/b/r.npz", "psnr"],
        "fingerprint": {},
    }
    shown = passed_on(protocol, "0123")
    assert shown["metrics"] == ["fid@.../r.npz", "fid@.../r.npz-2", "psnr"] and "/a" not in json.dumps(shown)
    assert opened_again(shown, "0123") == protocol
    assert passed_on(shown, "0123") == shown
    assert opened_again(shown, "4567") == shown


def test_no_file_of_a_run_names_a_folder_of_its_maker(toy, call, monkeypatch) -> None:
    from toy_bench import models, sums

    data = toy / "data"
    monkeypatch.setenv("DDTBENCH_DATA", str(data))
    monkeypatch.setattr(sums, "build", lambda argument, subject: sums.Sums(9))
    monkeypatch.setattr(models.Adder, "checkpoint_digest", "f" * 64, raising=False)
    monkeypatch.setattr(sums.Parity, "unavailable", lambda self: f"no weights in {toy}/parity/weights.bin")
    seen = []
    real = sums.Exact

    def exact(argument: str = ""):
        seen.append(argument)
        return real()

    monkeypatch.setattr(sums, "Exact", exact)
    monkeypatch.setattr(sums.Sums, "metrics", (f"toy-exact@{toy}/truth/answers.npz", "toy-even"))
    assert call("run", f"toy-sums@{toy}/sums/list.txt", "-m", f"toy-adder@{toy}/mine/weights.bin")[0] == 0
    for path in Path("runs").rglob("*.json"):
        assert str(toy) not in path.read_text(), path
    (found,) = run_paths("runs")
    protocol = RunFolder.open(Path("runs", found)).manifest()["protocol"]
    assert protocol["request"]["model"] == "toy-adder@.../weights.bin"
    assert protocol["metrics"] == ["toy-exact@.../answers.npz", "toy-even"]
    assert call("measure", "runs")[0] == 0
    # measured again with the file itself; without one, only its version is asked for
    assert [argument for argument in seen if argument] == [f"{toy}/truth/answers.npz"] * 2
    for path in data.rglob("*.json"):
        path.unlink()  # as on another machine
    lines: list[str] = []
    frame = commands.measure_runs("runs", failed=lines)
    assert "is on another machine: name the metric with its path" in lines[0] and set(frame.value.isna()) == {True}
    monkeypatch.setattr(sums.Parity, "unavailable", lambda self: "")
    for _ in range(2):
        frame = commands.measure_runs("runs", metrics=[f"toy-exact@{toy}/truth/answers.npz"], failed=lines)
        assert list(frame.metric) == ["toy-exact", "toy-even"] and len(lines) == 1
