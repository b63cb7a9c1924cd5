"""A report, made in a process of its own: it takes no time from who is answering, and can be ended or die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.progress import duration
from harness.watch import cause_of, die_with_parent

POLITE = 10
"""How much its priority is lowered: a run that goes on beside it comes first."""
PATIENCE = 3600.0
"""Seconds after which a report that is not done never will be."""


@dataclass(frozen=True)
class Outcome:
    """What came of it: why there is no report ("": there is one), and a line for all that is not shown in it."""

    problem: str = ""
    notes: tuple[str, ...] = ()


class Building:
    """Makes reports of one root, one at a time."""

    def __init__(self, runs: str, suite: str | None) -> None:
        self._runs, self._suite = runs, suite
        self._child: subprocess.Popen[bytes] | None = None
        self._over = False

    def __call__(self, to: Path) -> Outcome:
        """Make one in ``to``; whatever happens there is an outcome."""
        code = "from reports.viewing.building import main; main()"
        words = [sys.executable, "-P", "-c", code, self._runs, str(to), self._suite or "", str(os.getpid())]
        paths = os.pathsep.join(filter(None, sys.path))
        try:
            self._child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this process
                env={**os.environ, "PYTHONPATH": paths},
            )
        except OSError as error:
            return Outcome(f"no process could be started for it: {error.strerror or error}")
        if self._over:
            self.end()
        try:
            said, errors = self._child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._kill()
            self._child.communicate()
            return Outcome(f"it was not done in {duration(PATIENCE)}")
        try:
            found = json.loads(said)
            return Outcome(str(found["problem"]), tuple(map(str, found["notes"])))
        except (ValueError, KeyError, TypeError):
            last = errors.decode(errors="replace").strip().splitlines()[-1:]
            return Outcome(": ".join([f"its process died ({cause_of(self._child.returncode)})", *last]))

    def end(self) -> None:
        """End what goes on, and begin nothing more."""
        self._over = True
        self._kill()

    def _kill(self) -> None:
        child = self._child
        if child is not None and child.poll() is None:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                return


def main() -> None:
    """The process: RUNS, TO, SUITE and the process that asked for it."""
    from harness.isolation import tried
    from reports.page.build import build_report

    runs, to, suite, parent = sys.argv[1:]
    die_with_parent(int(parent))
    os.nice(POLITE)
    notes: list[str] = []
    # whatever it is, the pages of before are kept and it is said
    _, problem = tried(lambda: build_report(runs, Path(to), suite or None, tell=notes.append))
    sys.stdout.write(json.dumps({"problem": problem, "notes": notes}))
