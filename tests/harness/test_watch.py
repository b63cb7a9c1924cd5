"""``ddtbench run`` as a program: what ends or hangs its process, stops it, or stops reading it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_packages import TOY, install, write_plugin

import harness
from harness.store.files import Folder
from harness.store.run_folder import find_run_folders

ODD = """
import os, signal, sys, time
from harness.contracts import Entry

class Odd:
    def __init__(self, how):
        self.how = how

    def add(self, left, right):
        if self.how == "slow":
            time.sleep(0.05)
        elif self.how != "plain" and (left == 13 or self.how.endswith("-always")):
            {
                "exit": lambda: os._exit(0),
                "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
                "system-exit-always": lambda: sys.exit(0),
                "hang": lambda: time.sleep(600),
            }[self.how]()
        return left + right

def open_odd(source, device):
    if source == "never-opens":
        os._exit(0)
    if source == "gives-up":
        sys.exit(0)
    return Odd(source)

class Deadly:
    name, digest = "odd-parity", "1"

    def unavailable(self):
        return ""

    def observe(self, samples):
        os._exit(0)

ENTRIES = (
    Entry("model", "odd", "odd_catalog:open_odd", "adds in odd ways", provides=("Adds",)),
    Entry("instrument", "odd-parity", "odd_catalog:Deadly", "ends the process"),
)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A command line of its own, in a folder of its own: CASES sums asked of ``odd@HOW``."""
    site = write_plugin(install(TOY, tmp_path / "site"), "odd", ODD)
    paths = os.pathsep.join([str(Path(harness.__file__).parents[1]), str(site)])

    def begin(how: str, *words: str, cases: int = 15, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "harness.cli", "run", f"toy-sums@{cases}", "--model", f"odd@{how}"]
        return subprocess.Popen(
            [*command, "--device", "cpu", "--batch", "4", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def failures(tmp_path: Path) -> dict[str, str]:
    (folder,) = find_run_folders(tmp_path / "runs")
    samples = [sample for unit in folder.samples() for sample in unit]
    return {sample.case.id: sample.reason for sample in samples if sample.outcome == "failed"}


@pytest.mark.parametrize(
    ("how", "words", "reason"),
    [
        ("exit", ("--workers", "1"), "the worker died: exit code 0"),
        ("kill", ("--workers", "2"), "the worker died: SIGKILL"),
        ("hang", ("--batch-timeout", "2"), "no answer in 2 s"),
    ],
)
def test_a_case_that_ends_or_hangs_its_process_fails_alone(start: Start, tmp_path: Path, how, words, reason):
    process = start(how, *words)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert failures(tmp_path) == {"sum-013": reason}
    assert "toy exact" in out and "1 of 15 cases failed" in err


def test_a_program_that_a_library_ends_is_no_success(start: Start, tmp_path: Path):
    process = start("system-exit-always", cases=3)
    _, err = process.communicate()
    assert process.returncode == 4 and "all 3 cases failed" in err
    assert set(failures(tmp_path).values()) == {"SystemExit: 0"}


@pytest.mark.parametrize(
    ("how", "said"), [("never-opens", "the process died at opening odd@never-opens: exit code 0"), ("gives-up", "ends")]
)
def test_a_model_that_ends_the_program_when_it_is_opened_is_bad_input(start: Start, how, said):
    process = start(how)
    out, err = process.communicate()
    assert process.returncode == 2 and said in err and out == "" and err.count("\n") == 1


def first_sample(tmp_path: Path, process: subprocess.Popen[str]) -> None:
    while not list(tmp_path.rglob("samples/*.parquet")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_says_how_to_go_on_and_goes_on(start: Start, tmp_path: Path, number: signal.Signals):
    process = start("slow", "--workers", "1", cases=400)
    first_sample(tmp_path, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command continues from there" in err and "Traceback" not in err
    (folder,) = find_run_folders(tmp_path / "runs")
    with Folder(folder.path).lock():  # nobody holds it any more
        pass


def test_nothing_goes_on_once_the_parent_is_killed(start: Start, tmp_path: Path):
    process = start("slow", "--workers", "2", cases=400)
    first_sample(tmp_path, process)
    process.kill()
    process.communicate(timeout=60)  # also waits for whoever else holds the pipes
    (folder,) = find_run_folders(tmp_path / "runs")
    with Folder(folder.path).lock():
        pass


def test_neither_an_ascii_terminal_nor_a_closed_pipe_loses_the_exit_code(start: Start, tmp_path: Path):
    process = start("plain", PYTHONIOENCODING="ascii")
    out, err = process.communicate()
    assert process.returncode == 0 and "toy exact" in out and out.isascii() and "Error" not in err
    process = start("plain")
    assert process.stdout and process.stderr
    process.stdout.close()
    process.stderr.close()
    assert process.wait() == 0


def test_an_instrument_that_ends_the_process_is_not_asked_for_ever(start: Start, tmp_path: Path):
    start("plain").communicate()
    (folder,) = find_run_folders(tmp_path / "runs")
    watch = [sys.executable, "-c", WATCHED.format(path=folder.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(harness.__file__).parents[1]), "site"])}
    done = subprocess.run(watch, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("another one continues") == 2
    assert json.loads(done.stdout) == {"odd-parity": "it ended the process twice (exit code 0)"}


WATCHED = """
import json, sys
from harness.errors import Exit
from harness.observe import observe
from harness.store.run_folder import RunFolder
from harness.watch import watched
from odd_catalog import Deadly

def work():
    print(json.dumps(observe(RunFolder.open({path!r}), [Deadly()], batch=4)))
    return Exit.IN_PART

sys.exit(watched(work, lambda line: print(line, file=sys.stderr)))
"""
