"""Some of ``make faults`` in every run of the tests: an instant or a file each, by the command that a user types."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from harness.paths import checkout_root

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import fault_folders  # noqa: E402 (files beside this one)
import fault_processes  # noqa: E402
import fault_subjects  # noqa: E402
from fault_bench import Bench, Row, bench_folder  # noqa: E402


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with bench_folder() as folder:
        yield Bench(Path(folder))


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (fault_processes.worker_killed, 1),
        (fault_processes.driver_killed, 1),
        (fault_processes.computing_killed, 1),
        (fault_processes.two_drivers, 1),
        (fault_folders.no_large_files, 1),
        (fault_folders.read_only, 1),
        (partial(fault_folders.damaged, "a part of samples", ways=("truncated",)), 1),
        (partial(fault_folders.damaged, "spec.json", ways=("missing",)), 1),
        (partial(fault_folders.damaged, "manifest.json", ways=("a bit flipped",)), 1),
        pytest.param(fault_processes.checkpoint_replaced, 3, marks=pytest.mark.slow),
        pytest.param(fault_processes.clock_jumps, 2, marks=pytest.mark.slow),
        pytest.param(fault_folders.full_disk, 3, marks=pytest.mark.slow),
        pytest.param(fault_subjects.eats_memory, 1, marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "__name__", None) or " ".join(map(str, getattr(value, "args", [value]))),
)
def test_a_resume_after_it_gives_the_undisturbed_bytes(bench: Bench, fault, times: int) -> None:
    row = fault(bench, times)
    assert row.times == times and not row.wrong, row


def test_what_is_lost_is_seen(bench: Bench) -> None:
    """The judge itself: a part that was made again, one that is other than it should be, and a file left half-made."""
    expected, _ = bench.undisturbed()
    out = bench.place()
    fault_folders.copy_of_finished(bench, out)
    assert bench.judged(out, {}) == ""
    gone = next(name for name in expected if "/samples/" in name)
    assert "parts were made again" in bench.judged(out, {gone: (0, 0)})
    (out / gone).with_name(".tmp-1-x").touch()
    assert "temporary files are left" in bench.judged(out, {})
    (out / gone).with_name(".tmp-1-x").unlink()
    (out / gone).write_bytes(b"other")
    assert gone in bench.judged(out, {})


def test_the_table_ends_with_an_error_where_anything_broke(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    main = runpy.run_path(str(HERE / "__main__.py"))["main"]
    holds, breaks = Row("one"), Row("another")
    holds.note("resumed")
    breaks.note("resumed", "other bytes")
    made = {"one": lambda bench, times: holds, "another": lambda bench, times: breaks}
    monkeypatch.setitem(main.__globals__, "faults", lambda: [(name, made[name], 1, 1) for name in made])
    for words, code in ((["--only", "one"], 0), ([], 1), (["--only", "nothing of that name"], 1)):
        monkeypatch.setattr(sys, "argv", ["faults", *words])
        assert main() == code
    assert "| another | 1 | 1 resumed | BROKEN: resumed: other bytes |" in capsys.readouterr().out


def test_one_command_does_all_of_it() -> None:
    said = subprocess.run(
        ["make", "-n", "-C", str(checkout_root()), "faults", "FAULTS=--quick"], capture_output=True, text=True
    )
    assert "python tests/faults --quick" in said.stdout
