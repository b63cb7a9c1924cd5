"""'ddtbench view' itself, in a child: one line with the address, and an end that leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slow_runs import SlowRun, eventually

from reports.viewing import command

LINE = re.compile(r"view: (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)\n")


class Viewing:
    """'ddtbench view' in a child whose temporary files lie in a folder of their own."""

    def __init__(self, temporary: Path, *words: str) -> None:
        self.temporary = temporary
        temporary.mkdir()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", "view", *words],
            env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self) -> str:
        assert self.child.stdout
        found = LINE.fullmatch(self.child.stdout.readline())
        assert found, self.child.communicate()
        return found[1]

    def end(self, number: int) -> tuple[int, str, str]:
        self.child.send_signal(number)
        out, err = self.child.communicate(timeout=60)
        return self.child.returncode, out, err


@pytest.fixture
def view(tmp_path: Path) -> Iterator[Callable[..., Viewing]]:
    made: list[Viewing] = []

    def begin(*words: object) -> Viewing:
        made.append(Viewing(tmp_path / f"temporary-{len(made)}", *map(str, words)))
        return made[-1]

    yield begin
    for viewing in made:
        viewing.child.kill()
        viewing.child.communicate()


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def test_an_empty_folder_is_served_and_shows_a_run_from_its_begin_to_its_end(
    view: Callable[..., Viewing], tmp_path: Path
) -> None:
    """Once without a browser and without pictures drawn: the rest of these tests makes no report."""
    viewing = view(tmp_path / "slow" / "runs", "--suite", "slow")
    address = viewing.address()
    assert "The report could not be made" in read(address)
    slow = SlowRun(tmp_path / "slow")
    try:
        slow.open_until(8)
        assert eventually(lambda: "number five" in read(address))
        page = read(address)
        assert "a wall in colour 00 &lt;b&gt;" in page
        assert "painter" in page and "&lt;i&gt;number five&lt;/i&gt; is not painted" in page and "of 24 samples" in page
        state = json.loads(read(address + "live/state.json"))
        assert state["runs"][0]["failures"] == [
            {"case": "wall-05", "reason": "ValueError: <i>number five</i> is not painted"}
        ]
        slow.open_until(24)
        assert slow.child.wait(60) == 0
        assert eventually(lambda: "slow-painting.html" in read(address)), "the report is there"
        assert "painted" in read(address + "tasks/slow-painting.html")
        assert eventually(lambda: json.loads(read(address + "live/state.json"))["headline"] == "")
    finally:
        slow.end()
    code, out, err = viewing.end(signal.SIGINT)
    assert (code, out) == (0, "") and "Traceback" not in err
    assert err.splitlines()[0].startswith("ddtbench: there is no folder")
    assert "suite 'slow' was not run" in err.splitlines()[1] and list(viewing.temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    """In this process, ended while its first report is being made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "_wait", lambda tried, over: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    (tmp_path / "runs").mkdir()
    began = time.monotonic()
    command.view(str(tmp_path / "runs"))
    assert time.monotonic() - began < 20 and signal.getsignal(number) is before
    assert [item.name for item in tmp_path.iterdir()] == ["runs"] and list((tmp_path / "runs").iterdir()) == []
    assert "Traceback" not in capsys.readouterr().err


def test_a_port_in_use_ends_it_in_one_line(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = call("view", tmp_path, "--port", port)
    assert (code, out) == (2, "") and err == (
        f"ddtbench: port {port} is in use: name another with --port, or leave --port out for one that is free\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--port", "70000"], ["--port", "x"], ["--prot", "1"], []])
def test_a_bad_command_line_is_refused(call: Callable[..., tuple[int, str, str]], words: list[str]) -> None:
    code, out, err = call("view", *(["runs"] if words else []), *words)
    assert code == 2 and out == "" and "Traceback" not in err


def test_the_browser_is_opened_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    opened: list[Any] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    command._open("")
    command._open("http://127.0.0.1:1/")
    assert opened == ["http://127.0.0.1:1/"]
