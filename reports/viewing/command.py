"""``ddtbench view``."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from harness.command_line import Debug, Runs, Suite, say

FIRST = 30.0
"""Seconds that the first report may take before the address is told without it."""
ENDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP"))


def view(
    runs: Runs,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0: one that is free.")] = 0,
    suite: Suite = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the browser, too.")] = False,
    debug: Debug = False,
) -> None:
    """The report of stored runs in a browser, live while runs go on.

    It is served to this machine alone, and nothing is written. Ctrl-C ends it.
    """
    from harness.store.files import Folder
    from reports.viewing.building import Building
    from reports.viewing.serving import Server
    from reports.viewing.site import Site
    from reports.viewing.watching import Watching

    if not Folder(runs).exists():
        say(f"there is no folder {runs} yet: its runs are shown as soon as 'ddtbench run' makes them")
    with _ended() as over, tempfile.TemporaryDirectory(prefix="ddtbench-view-", ignore_cleanup_errors=True) as folder:
        build = Building(runs, suite)
        watching = Watching(runs, Path(folder), build, say)
        with Server(port, Site(watching), debug) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            watching.start()
            try:
                _wait(watching.shelf.tried, over)
                if not over.is_set():
                    print(f"view: {server.address} (Ctrl-C ends it)", flush=True)
                    _open(server.address if open_it else "")
                over.wait()
            finally:
                watching.stop()
                build.end()
                server.shutdown()
                watching.join(5.0)  # else it could write into the folder that is removed now


def _wait(tried: threading.Event, over: threading.Event) -> None:
    """For a first report, or the end."""
    for _ in range(int(FIRST / 0.1)):
        if over.is_set() or tried.wait(0.1):
            return


def _open(address: str) -> None:
    if address:
        import webbrowser

        webbrowser.open(address)


@contextmanager
def _ended() -> Iterator[threading.Event]:
    """Set once somebody asks for the end: by Ctrl-C, by a signal, or by closing the terminal."""
    over = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        over.set()

    before = {number: signal.signal(number, end) for number in ENDS}
    try:
        yield over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
