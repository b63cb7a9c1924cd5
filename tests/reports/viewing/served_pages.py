"""A server in this process, with pages that a test makes itself: nothing is drawn, so that a test takes no time."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from pathlib import Path

from reports.viewing.building import Outcome
from reports.viewing.serving import Server
from reports.viewing.site import Site
from reports.viewing.watching import Watching

POLICY = "default-src 'none'; script-src 'self'"
PAGE = f"""<!doctype html>
<html lang="en"><head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>NUMBER</title></head><body><main id="main" data-root="">report NUMBER</main></body></html>
"""


class Maker:
    """Makes small reports; ``outcome`` is what comes of the next one, ``number`` how many were asked for."""

    def __init__(self) -> None:
        self.number = 0
        self.outcome = Outcome()

    def __call__(self, to: Path) -> Outcome:
        self.number += 1
        files = {"index.html": PAGE, "tasks/sums.html": PAGE, "data/sums.js": "// NUMBER", "tables/a b.csv": "a,b"}
        files |= {"figures/one.svg": "<svg/>", "figures/one.pdf": "%PDF", "ddtbench-report.json": "{}", ".hidden": "x"}
        for name, text in files.items():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_text(text.replace("NUMBER", str(self.number)))
        (to / "tables" / "link.csv").symlink_to("/etc/passwd")
        (to / "elsewhere").symlink_to("/etc")
        return self.outcome


class Served:
    """A root of runs that is looked at and served."""

    def __init__(self, runs: Path, place: Path, build: Callable[[Path], Outcome] | None = None) -> None:
        self.runs, self.place, self.maker = runs, place, Maker()
        self.lines: list[str] = []
        self.watching = Watching(str(runs), place, build or self.maker, self.lines.append, pause=0.05)
        self.server = Server(0, Site(self.watching))
        self.port = self.server.server_port
        self._threads = [threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)]
        self._threads[0].start()
        self.watching.start()
        assert self.watching.shelf.tried.wait(20)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """(status, headers by small names, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def end(self) -> None:
        self.watching.stop()
        self.server.shutdown()
        self.server.server_close()
        self.watching.join(5)
