"""``ddtbench view``."""

from __future__ import annotations

import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer

from harness.command_line import Debug

HOST = "127.0.0.1"


def view(
    runs: Annotated[str, typer.Argument(metavar="RUNS", help="Folder that 'run' wrote.")],
    port: Annotated[int, typer.Option("--port", metavar="N", help="0: one that is free.")] = 0,
    debug: Debug = False,
) -> None:
    """The report of stored runs in a browser, served to this machine alone."""
    from reports.page.build import build_report

    with tempfile.TemporaryDirectory() as folder:
        build_report(runs, Path(folder) / "report")
        handler = partial(SimpleHTTPRequestHandler, directory=str(Path(folder) / "report"))
        with ThreadingHTTPServer((HOST, port), handler) as server:
            print(f"view: http://{HOST}:{server.server_port}/ (Ctrl-C ends it)", flush=True)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return
