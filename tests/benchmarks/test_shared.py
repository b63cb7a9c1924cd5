"""What the benchmarks share: the guard against other load, turns, claims and rows."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from benchmarks import claims, quiet
from benchmarks.__main__ import SCRIPTS, command
from benchmarks.claims import MISSED, REFUSED, Bench, Claim
from benchmarks.machine import machine_name
from benchmarks.rows import BEGIN, END, NOTHING_YET, PAGE, RESULTS, Row, put, read_rows, show, shown
from benchmarks.turns import Ratio, take_turns

FASTER = Claim("faster", "ours beside theirs", most=0.6)


def process(proc: Path, pid: int, parent: int, ticks: int, ended: int = 0, name: str = "python") -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    words = ["S", parent, *[0] * 9, ticks, 0, ended, 0]
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(map(str, words))}")


def gone(proc: Path, pid: int) -> None:
    (proc / str(pid) / "stat").unlink()
    (proc / str(pid)).rmdir()


def watched(proc: Path) -> quiet.Watch:
    process(proc, 1, 0, 100)
    process(proc, 10, 1, 100)  # ours
    process(proc, 11, 10, 100)
    process(proc, 20, 1, 100, name="a (train) job")
    return quiet.Watch(proc, own=10)


def test_the_time_of_others_counts_and_ours_does_not(tmp_path: Path) -> None:
    watch = watched(tmp_path)
    process(tmp_path, 10, 1, 900)
    process(tmp_path, 11, 10, 900)
    process(tmp_path, 12, 11, 900)  # started by what we started
    assert watch.so_far(5.0).quiet
    process(tmp_path, 20, 1, 160, name="a (train) job")
    found = watch.so_far(5.0)
    assert found.cores == pytest.approx(0.12) and not found.quiet
    assert "a (train) job (process 20)" in str(found)


def test_threads_of_the_kernel_work_for_everybody(tmp_path: Path) -> None:
    process(tmp_path, 2, 0, 0, name="kthreadd")
    process(tmp_path, 30, 2, 0, name="kworker/u8:1")
    watch = watched(tmp_path)
    process(tmp_path, 30, 2, 400, name="kworker/u8:1")
    assert watch.so_far(5.0).quiet


def test_a_process_that_came_and_went_counts(tmp_path: Path) -> None:
    watch = watched(tmp_path)
    process(tmp_path, 20, 1, 100, ended=300, name="a (train) job")
    assert watch.so_far(5.0).cores == pytest.approx(0.6)


def test_a_process_that_ended_does_not_count_with_all_its_life(tmp_path: Path) -> None:
    process(tmp_path, 21, 20, 5000)
    watch = watched(tmp_path)
    gone(tmp_path, 21)
    process(tmp_path, 20, 1, 100, ended=5010, name="a (train) job")
    assert watch.so_far(5.0).cores == pytest.approx(0.02)


def test_a_process_whose_parent_does_not_wait_hides_nobody(tmp_path: Path) -> None:
    process(tmp_path, 21, 20, 5000)
    watch = watched(tmp_path)
    gone(tmp_path, 21)
    process(tmp_path, 20, 1, 200, name="a (train) job")
    assert watch.so_far(5.0).cores == pytest.approx(0.2)


def test_this_process_and_its_children_are_ours() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        seen = quiet._used_by_others(quiet.PROC, os.getpid())
        assert child.pid not in seen and os.getpid() not in seen and os.getppid() in seen
    finally:
        child.communicate()


def begin(monkeypatch: pytest.MonkeyPatch, others: quiet.Others, *options: str) -> Bench:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    monkeypatch.setattr(claims, "look_before", lambda: others)
    monkeypatch.setattr(claims, "_watch", lambda: None)
    return Bench.begin("What it measures.")


def test_a_benchmark_refuses_beside_other_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        begin(monkeypatch, quiet.Others(0.31, "python (process 7)"))
    assert ended.value.code == REFUSED
    said = capsys.readouterr().err
    assert "0.31 of a core" in said and "python (process 7)" in said and "--anyway" in said
    begin(monkeypatch, quiet.Others(0.09))


def test_anyway_marks_the_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    results = tmp_path / "results.md"
    bench = begin(monkeypatch, quiet.Others(0.31), "--anyway", "--results", str(results))
    bench.state(FASTER, Ratio.of([0.5]))
    (line,) = read_rows(results.read_text())[machine_name()].values()
    assert "beside other load: 0.31 of a core before" in line
    quietly = begin(monkeypatch, quiet.Others(0.0), "--results", str(results))
    quietly.state(FASTER, Ratio.of([0.5, 0.4, 0.55]), how="one thread")
    (line,) = read_rows(results.read_text())[machine_name()].values()
    assert "load" not in line and "| 0.5x | 0.4x to 0.55x in 3 | yes | one thread |" in line


def test_a_missed_claim_says_so_and_ends_with_its_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = begin(monkeypatch, quiet.Others(0.0), "--results", str(tmp_path / "results.md"))
    bench.state(FASTER, Ratio.of([0.61]))
    assert "MISSED" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        bench.end()
    assert ended.value.code == MISSED
    assert Claim("a", "", least=2.0).holds(2.0) and not Claim("a", "", least=2.0).holds(1.99)
    assert Claim("a", "").holds(9.0) is None


def test_small_sizes_hold_and_miss_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bench = begin(monkeypatch, quiet.Others(0.0), "--tiny", "--results", str(tmp_path / "results.md"))
    bench.state(FASTER, Ratio.of([0.61]))
    assert bench.sized("large", "small") == "small"
    with pytest.raises(SystemExit) as ended:
        bench.end()
    assert ended.value.code == 0 and "tiny sizes" in (tmp_path / "results.md").read_text()


def row(measured: str, mark: str = "") -> Row:
    return Row("faster", "ours | theirs", "at most 0.6x", measured, "-", "yes", "", "2026-01-01", mark)


def test_a_row_is_replaced_by_a_newer_one_of_its_claim_and_machine_but_not_by_a_marked_one(tmp_path: Path) -> None:
    path = tmp_path / "results.md"
    assert put("one machine", row("0.5x", "beside other load"), path)
    assert put("one machine", row("0.4x"), path) and put("another", row("0.7x"), path)
    assert not put("one machine", row("0.3x", "tiny sizes"), path)
    rows = read_rows(path.read_text())
    assert [list(rows[name]) for name in ("one machine", "another")] == [["faster"], ["faster"]]
    assert "0.4x" in rows["one machine"]["faster"] and "0.7x" in rows["another"]["faster"]
    assert "ours \\| theirs" in path.read_text()


def test_the_page_holds_the_rows_that_were_measured() -> None:
    rows = read_rows(RESULTS.read_text()) if RESULTS.exists() else {}
    assert PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip() == shown(rows)


def test_rows_go_into_the_page_between_its_marks(tmp_path: Path) -> None:
    results, page = tmp_path / "results.md", tmp_path / "page.md"
    page.write_text(f"Before.\n\n{BEGIN}\n{NOTHING_YET}\n{END}\n\nAfter.\n")
    put("one machine", row("0.4x"), results)
    put("one machine", replace(row("2x"), claim="stage-read"), results)
    show(results, page)
    text = page.read_text()
    assert text.startswith(f"Before.\n\n{BEGIN}\none machine:\n\n| What is measured ") and text.endswith(
        f"{END}\n\nAfter.\n"
    )
    claims, stages = text.split("| What is measured |")[1:]
    assert "| 0.4x |" in claims and "| 2x |" in stages and NOTHING_YET not in text
    put("one machine", replace(row("0.3x"), claim="another", mark="tiny sizes", spread="0.2x to 0.5x in 3"), results)
    show(results, page)
    assert "| 0.3x (0.2x to 0.5x), tiny sizes |" in page.read_text()


def test_programs_take_turns_and_a_ratio_is_of_one_round() -> None:
    asked: list[str] = []
    now = [0.0]

    def program(name: str, seconds: float) -> str:
        asked.append(name)
        now[0] += seconds * (10 if len(asked) > 6 else 1)  # the machine is slow in the last round, for all
        return name

    calls = {"ours": lambda: program("ours", 1.0), "theirs": lambda: program("theirs", 2.0)}
    turns = take_turns(calls, 3, clock=lambda: now[0])
    assert turns.time_of("ours", "theirs") == Ratio(0.5, 0.5, 0.5, 3)
    assert turns.speed_of("ours", "theirs").value == 2.0 and turns.fastest(calls) == "ours"
    assert len(asked) == 8 and asked[2:6] == ["ours", "theirs", "theirs", "ours"]
    assert turns.values == {"ours": "ours", "theirs": "theirs"}


def test_who_is_far_behind_takes_part_once() -> None:
    now = [0.0]

    def program(seconds: float) -> None:
        now[0] += seconds

    calls = {"ours": lambda: program(9.0), "near": lambda: program(1.2), "far": lambda: program(3.0)}
    calls["fast"] = lambda: program(1.0)
    turns = take_turns(calls, 3, behind=1.5, clock=lambda: now[0])
    assert {name: len(times) for name, times in turns.seconds.items()} == {"ours": 3, "near": 3, "far": 1, "fast": 3}
    assert turns.fastest(("near", "far", "fast")) == "fast"


def test_no_round_begins_after_the_budget() -> None:
    turns = take_turns({"one": lambda: time.sleep(0.01)}, 50, budget=0.0, fewest=2)
    assert len(turns.seconds["one"]) == 2


def test_the_machine_is_named_with_what_decides_speed(tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text(
        "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\nprocessor: 1"
    )
    (tmp_path / "memory").write_text("MemTotal:       24000000 kB\n")
    name = machine_name(tmp_path / "cpu", tmp_path / "memory")
    assert name.startswith("AMD EPYC (family 25, model 1), ") and "25 GB; Python 3." in name and ", torch 2" in name


def test_every_script_is_there_and_says_what_it_measures(tmp_path: Path) -> None:
    (tmp_path / "Code").mkdir()
    options = argparse.Namespace(anyway=True, tiny=True, results=tmp_path / "r.md", authors=tmp_path)
    for script in SCRIPTS:
        assert Path(command(script, options)[1]).is_file()
    assert sum(script.minutes for script in SCRIPTS) <= 30


@pytest.mark.parametrize("name", [script.name for script in SCRIPTS])
def test_every_script_can_be_imported_and_says_how_it_is_called(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.main) and f"    python benchmarks/{name}.py" in (module.__doc__ or "")


@pytest.mark.parametrize("name", [script.name for script in SCRIPTS if script.authors])
def test_without_the_authors_code_its_rows_are_left_out_with_a_word(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", "--results", str(tmp_path / "results.md")])
    monkeypatch.setattr(claims, "look_before", lambda: quiet.Others(0.0))
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main()
    assert ended.value.code == 0 and "left out: " in capsys.readouterr().out
    assert not (tmp_path / "results.md").exists()


def test_a_floor_counts_the_operations_of_products_convolutions_and_attention() -> None:
    from benchmarks.floors import counted

    one, picture, kernel = torch.ones(2, 3), torch.ones(1, 3, 8, 8), torch.ones(5, 3, 3, 3)
    heads = torch.ones(1, 2, 4, 8)
    with torch.inference_mode():
        assert counted(lambda: one @ one.T) == 2 * 2 * 3 * 2
        assert counted(lambda: functional.conv2d(picture, kernel)) == 2 * 5 * 3 * 9 * 36
        assert counted(lambda: functional.scaled_dot_product_attention(heads, heads, heads)) == 2 * 2 * 2 * 4 * 4 * 8


def test_an_unknown_script_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no script 'nothing'" in done.stderr
