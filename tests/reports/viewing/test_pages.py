"""Reports are made behind the scenes and swapped whole; one that fails leaves the pages as they are and says why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from served_pages import Maker
from slow_runs import eventually

from reports.reading.going import Look
from reports.viewing import building
from reports.viewing.building import Building, Outcome
from reports.viewing.pages import LEAST, LONGER, Shelf

LOOK = Look(results="a", parts="a")


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def shelf(tmp_path: Path, maker: Maker, lines: list[str]) -> Shelf:
    return Shelf(tmp_path, maker, lines.append)


def text(shelf: Shelf, name: str = "data/sums.js") -> bytes | None:
    return shelf.state.pages.read(name) if shelf.state.pages else None


def test_another_report_is_made_where_results_changed_and_later_where_samples_came(shelf: Shelf) -> None:
    assert shelf.due(LOOK, time.monotonic())
    shelf.make(LOOK)
    now = time.monotonic()
    assert not shelf.due(LOOK, now + 10_000), "nothing changed"
    results, parts = Look(results="b", parts="a"), Look(results="a", parts="b")
    assert not shelf.due(results, now) and shelf.due(results, now + LEAST + 0.1)
    assert not shelf.due(parts, now + LEAST + 1) and shelf.due(parts, now + LONGER + 0.1)
    assert not shelf.due(Look(trouble="it cannot be read"), now + 10_000)


def test_one_that_takes_long_is_made_seldom(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("reports.viewing.pages.time.monotonic", lambda: clock.__setitem__(0, clock[0] + 60) or clock[0])
    shelf.make(LOOK)
    assert not shelf.due(Look(results="b"), clock[0] + 50) and shelf.due(Look(results="b"), clock[0] + 61)


def test_who_reads_an_older_report_is_given_its_files_until_another_is_made(shelf: Shelf, tmp_path: Path) -> None:
    shelf.make(LOOK)
    shelf.make(LOOK)
    older = shelf.of(1)
    assert older is not None and older.read("data/sums.js") == b"// 1" and text(shelf) == b"// 2"
    shelf.make(LOOK)
    assert shelf.of(1) is None and older.read("data/sums.js") is None
    assert sorted(item.name for item in tmp_path.iterdir()) == ["2", "3"]


def test_one_that_fails_leaves_the_pages_and_says_why_once(
    shelf: Shelf, maker: Maker, lines: list[str], tmp_path: Path
) -> None:
    shelf.make(LOOK)
    maker.outcome = Outcome("the disk is full", ("not shown: a/b: damaged",))
    shelf.make(LOOK)
    shelf.make(LOOK)
    assert text(shelf) == b"// 1" and shelf.state.problem == "the disk is full" and not shelf.state.making
    assert lines == ["not shown: a/b: damaged", "the report could not be made: the disk is full"]
    assert [item.name for item in tmp_path.iterdir()] == ["1"], "nothing is left of those that failed"
    maker.outcome = Outcome()
    shelf.make(LOOK)
    assert text(shelf) == b"// 4" and shelf.state.problem == ""


def test_a_first_one_that_fails_is_said_too(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Maker, "__call__", lambda self, to: Outcome("suite 'x' was not run <here>"))
    served = serve()
    code, headers, body = served.ask("/")
    assert code == 200 and b"The report could not be made" in body
    assert b"suite &#39;x&#39; was not run &lt;here&gt;" in body
    assert "connect-src 'self'" in headers["content-security-policy"]
    assert served.ask("/tasks/sums.html")[0] == 404 and served.ask("/live/report.css")[0] == 200
    assert served.lines == ["the report could not be made: suite 'x' was not run <here>"]


def test_pages_wait_for_no_report(serve: Callable[..., Any], tmp_path: Path) -> None:
    """While one is made the others are answered: from a request's point of view it does not take any time."""
    served = serve()
    going, let = threading.Event(), threading.Event()
    real = served.maker.__call__

    def slow(to: Path) -> Outcome:
        outcome: Outcome = real(to)
        going.set()
        let.wait(20)
        return outcome

    served.watching.shelf._build = slow
    (served.runs / "suites").mkdir()
    (served.runs / "suites" / "new.json").write_text("{}")
    try:
        assert going.wait(20)
        assert b"report 1" in served.ask("/")[2], "half a report is not shown"
        assert b'"making": true' in served.ask("/live/state.json")[2]
    finally:
        let.set()
    assert eventually(lambda: b"report 2" in served.ask("/")[2])
    assert served.ask("/v1/data/sums.js")[2] == b"// 1" and served.ask("/data/sums.js")[2] == b"// 2"


# ------------------------------------------------------------------------------------------------ its process


def test_a_report_is_made_in_a_process_of_its_own(make_runs: Callable[[Path], Any], tmp_path: Path) -> None:
    runs = make_runs(tmp_path / "runs")
    runs.task(subjects=runs.ZOO[:1], cases=4)
    damaged = next(runs.root.glob("*/*/*/samples/*"))
    (tmp_path / "runs" / "newer" / "task" / "key").mkdir(parents=True)
    (tmp_path / "runs" / "newer" / "task" / "key" / "spec.json").write_text('{"schema": 99}')
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    outcome = Building(str(runs.root), None)(tmp_path / "report")
    assert outcome.problem == "" and (tmp_path / "report" / "index.html").is_file()
    assert len(outcome.notes) == 2 and "newer" in " ".join(outcome.notes) and "damaged" in " ".join(outcome.notes)


def test_what_cannot_be_made_says_why(tmp_path: Path) -> None:
    outcome = Building(str(tmp_path), "demo")(tmp_path / "report")
    assert outcome.problem.startswith("suite 'demo' was not run in")


def test_one_whose_process_is_killed_is_an_outcome(tmp_path: Path) -> None:
    build = Building(str(tmp_path), None)
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(build(tmp_path / "report")))
    thread.start()
    assert eventually(lambda: build._child is not None)
    build.end()
    thread.join(20)
    assert found == [Outcome("its process died (SIGKILL)")]
    assert build(tmp_path / "again").problem == "its process died (SIGKILL)", "after the end nothing is begun"


def test_one_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "PATIENCE", 0.05)
    assert Building(str(tmp_path), None)(tmp_path / "report").problem == "it was not done in 0 s"


def test_its_process_does_not_outlive_ours(tmp_path: Path) -> None:
    """Whatever ends this one; the folder of pages is another's to remove then."""
    code = (
        "import os, subprocess, sys\n"
        "from harness.watch import die_with_parent\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import os, sys, time\\n"
        "from harness.watch import die_with_parent\\ndie_with_parent(int(sys.argv[1])); print(1, flush=True)\\n"
        "time.sleep(60)', str(os.getpid())], stdout=subprocess.PIPE)\n"
        "child.stdout.read(1); print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    def gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"

    assert eventually(gone, 10)


# ------------------------------------------------------------------------------------------------ defects of ours


def test_a_defect_of_ours_is_said_and_ends_nothing(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve()

    def broken(*_: object) -> Look:
        raise RuntimeError("odd")

    monkeypatch.setattr(served.watching._onlooker, "look", broken)
    assert eventually(lambda: b"a defect of ours: RuntimeError: odd" in served.ask("/live/state.json")[2])
    monkeypatch.undo()
    monkeypatch.setattr(served.watching.shelf, "_build", broken)
    (served.runs / "suites").mkdir()
    (served.runs / "suites" / "new.json").write_text("{}")
    assert eventually(lambda: b"These pages are those of before: RuntimeError: odd" in served.ask("/")[2])
    assert served.ask("/data/sums.js")[2] == b"// 1"


def test_every_page_of_a_report_has_the_places_where_a_view_puts_its_own() -> None:
    """A template that is written another way must not lose what goes on."""
    from reports.page.rendering import TEMPLATES
    from reports.viewing.site import CHARSET, HERE, MAIN, META

    base = (TEMPLATES / "base.html").read_bytes()
    assert all(len(mark.findall(base)) == 1 for mark in (CHARSET, MAIN, META)) and base.count(b"</head>") == 1
    waiting = (HERE / "templates" / "waiting.html").read_bytes()
    assert len(MAIN.findall(waiting)) == len(CHARSET.findall(waiting)) == waiting.count(b"</head>") == 1
