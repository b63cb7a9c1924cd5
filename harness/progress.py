"""Progress of long work: on a terminal a bar with rate and time left, elsewhere a line every 10 s at most, or silence.

Notes (a damaged part, a failing case) are printed in every mode, above the bar.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal, TextIO

from harness.redaction import redacted

Mode = Literal["auto", "bar", "plain", "quiet"]
PLAIN_SECONDS = 10.0
SLOW_SECONDS = 5.0


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s`` or ``2 h 05 min``.

    Examples:
        >>> duration(42), duration(200), duration(7500)
        ('42 s', '3 min 20 s', '2 h 05 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def in_bytes(size: float) -> str:
    """``512 bytes``, ``1.5 kB``, ``820 MB`` ...: of a thousand, as disks are sold.

    Examples:
        >>> in_bytes(512), in_bytes(1500), in_bytes(8.2e8)
        ('512 bytes', '1.5 kB', '820 MB')
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def printable(text: str) -> str:
    """One line that steers no terminal."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


@contextlib.contextmanager
def slowly(text: str) -> Iterator[None]:
    """Say what is being done once it takes long: what opens at once needs no line."""
    timer = threading.Timer(SLOW_SECONDS, lambda: Progress().note(f"{text} ..."))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Tally:
    """One piece of work with a known total. ``advance`` is called as items are done."""

    def __init__(self, label: str, total: int, show: Callable[[Tally], None], clock: Callable[[], float]) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self.failed = 0
        self._show = show
        self._clock = clock
        self._start = clock()

    def advance(self, count: int = 1, failed: int = 0) -> None:
        """``count`` more are done, ``failed`` of them failed."""
        self.done += count
        self.failed += failed
        self._show(self)

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return self._clock() - self._start

    @property
    def rate(self) -> float:
        """Items per second since the stage began."""
        elapsed = self.seconds
        return self.done / elapsed if elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None before the first item is done."""
        return (self.total - self.done) / self.rate if self.done and self.rate else None

    def line(self) -> str:
        """The stage in one line."""
        left = f", {duration(self.seconds_left)} left" if self.seconds_left and self.done < self.total else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.label}: {self.done}/{self.total}, {self.rate:.1f}/s{left}{failed}"


class Progress:
    """Where progress goes (stderr unless given). ``auto`` is a bar on a terminal and plain lines elsewhere."""

    def __init__(
        self, mode: Mode = "auto", stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self.mode: Mode = ("bar" if self._stream.isatty() else "plain") if mode == "auto" else mode
        self._clock = clock
        self._bar: Any = None
        self._printed = 0.0

    def note(self, text: str) -> None:
        """One line that must be seen. Line ends and control characters, of a file's name say, become spaces."""
        text = redacted(printable(text))
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    @contextlib.contextmanager
    def stage(self, label: str, total: int, also: Callable[[Tally], None] | None = None) -> Iterator[Tally]:
        """Show a stage while the block runs; the last state stays visible. ``also`` is shown it, too, from its begin
        on."""
        if self.mode == "bar":
            with self._rich(label, total) as show:
                yield _begun(label, total, show, self._clock, also)
            return
        stage = _begun(label, total, self._plain if self.mode == "plain" else _silent, self._clock, also)
        self._printed, over = self._clock(), threading.Event()
        if self.mode == "plain":
            threading.Thread(target=self._beat, args=(stage, over), daemon=True).start()
        try:
            yield stage
        finally:
            over.set()
            if self.mode == "plain":
                print(stage.line(), file=self._stream, flush=True)

    def _beat(self, stage: Tally, over: threading.Event) -> None:
        """A line every now and then also while one batch takes long."""
        while not over.wait(PLAIN_SECONDS):
            self._plain(stage)

    def _plain(self, stage: Tally) -> None:
        now = self._clock()
        if now - self._printed >= PLAIN_SECONDS and stage.done < stage.total:
            self._printed = now
            print(stage.line(), file=self._stream, flush=True)

    @contextlib.contextmanager
    def _rich(self, label: str, total: int) -> Iterator[Callable[[Tally], None]]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}"),
        )
        with Bar(*columns, console=Console(file=self._stream)) as bar:
            row = bar.add_task(label, total=total, rate="", failed="")

            def show(stage: Tally) -> None:
                failed = f"{stage.failed} failed" if stage.failed else ""
                bar.update(row, completed=stage.done, rate=f"{stage.rate:.1f}/s", failed=failed)

            self._bar = bar
            try:
                yield show
            finally:
                self._bar = None


def _silent(_: Tally) -> None:
    return


def _begun(
    label: str,
    total: int,
    show: Callable[[Tally], None],
    clock: Callable[[], float],
    also: Callable[[Tally], None] | None,
) -> Tally:
    if also is None:
        return Tally(label, total, show, clock)

    def both(stage: Tally) -> None:
        show(stage)
        also(stage)

    stage = Tally(label, total, both, clock)
    also(stage)
    return stage


@cache
def note_once(text: str) -> None:
    """A line on stderr that must be seen, once in a process, whatever number of tasks have it to say."""
    Progress("plain").note(text)
