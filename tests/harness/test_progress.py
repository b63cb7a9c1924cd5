from __future__ import annotations

import io
import time

import pytest

from harness.progress import PLAIN_SECONDS, Progress, duration, slowly


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_come_at_most_every_ten_seconds_and_at_the_end():
    clock, stream = Clock(), io.StringIO()
    with Progress("auto", stream, clock).stage("ddt on world", 400) as stage:
        for _ in range(400):
            clock.now += 0.125  # exact in binary
            stage.advance(1, failed=stage.done == 0)
    lines = stream.getvalue().splitlines()
    assert len(lines) == int(400 * 0.125 / PLAIN_SECONDS)
    assert lines[0] == "ddt on world: 80/400, 8.0/s, 40 s left, 1 failed"
    assert lines[-1] == "ddt on world: 400/400, 8.0/s, 1 failed"


def test_one_batch_that_takes_long_is_said_too(monkeypatch: pytest.MonkeyPatch):
    """And what opens slowly, where there is no terminal."""
    monkeypatch.setattr("harness.progress.PLAIN_SECONDS", 0.02)
    monkeypatch.setattr("harness.progress.SLOW_SECONDS", 0.02)
    stream = io.StringIO()
    with Progress("plain", stream).stage("ddt on world", 2):
        until = time.monotonic() + 10
        while stream.getvalue().count("ddt on world: 0/2") < 2 and time.monotonic() < until:
            time.sleep(0.01)
    assert stream.getvalue().count("\n") >= 3
    monkeypatch.setattr("sys.stderr", stream)
    with slowly("opening ddt"):
        while "opening ddt ..." not in stream.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    assert "opening ddt ...\n" in stream.getvalue()


def test_quiet_shows_notes_alone():
    stream = io.StringIO()
    progress = Progress("quiet", stream)
    with progress.stage("work", 2) as stage:
        stage.advance(2)
        progress.note("one part is damaged")
    assert stream.getvalue() == "one part is damaged\n"


def test_a_note_is_one_line_that_steers_no_terminal():
    stream = io.StringIO()
    Progress("quiet", stream).note("case 'new\nline\x1b[2J.png' failed")
    assert stream.getvalue() == "case 'new line [2J.png' failed\n"


def test_a_terminal_gets_a_bar_with_rate_and_count(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    clock = Clock()
    progress = Progress("auto", stream, clock)
    with progress.stage("ddt on [world]", 4) as stage:
        clock.now = 2.0
        stage.advance(4, failed=1)
        progress.note("a note")
    shown = stream.getvalue()
    assert (
        progress.mode == "bar"
        and "4/4" in shown
        and "2.0/s" in shown
        and "1 failed" in shown
        and "a note" in shown
        and "[world]" in shown
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations_read_as_words(seconds: float, words: str):
    assert duration(seconds) == words
