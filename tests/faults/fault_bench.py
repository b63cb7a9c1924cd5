"""Commands as a user types them, in processes of their own; what they leave behind, and whether it is as it should be.

A command is forked from a process that has imported what commands import, so that fifty of them take a minute and not
five. One that must be started anew (``fresh``) is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
ENTRY_POINTS = "[ddtbench.catalog]\nfaults = fault_catalog:ENTRIES\n"
IMPORTED = [
    *("harness.cli", "harness.commands", "harness.asking", "harness.measure", "reports.tables.terminal"),
    *("numpy.random", "pandas", "PIL.Image", "scipy.stats"),
]
PATIENCE = 120.0
"""Seconds after which a command hangs: none here takes a fifth of that."""


@dataclass
class Row:
    """What came of one fault: a line of the table. ``wrong``: what should not have been."""

    fault: str
    times: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def note(self, seen: str, wrong: str = "") -> None:
        self.times += 1
        self.seen[seen] += 1
        if wrong:
            self.wrong.append(f"{seen}: {wrong}")

    @property
    def happened(self) -> str:
        return "; ".join(f"{count} {text}" for text, count in self.seen.most_common())


@dataclass
class Ended:
    """A command that came to its end. ``code`` is negative where a signal ended it."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def error(self) -> str:
        """The one line that says what is wrong; what is more than that is shown as a fault."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def one_clear_error(self) -> str:
        """Why this is not an end with one clear error, or ""."""
        if self.code not in (2, 4):
            return f"ended with {self.code}: {self.err[-300:]}"
        if "Traceback" in self.err or "defect" in self.err:
            return f"a traceback: {self.err[-300:]}"
        return "" if self.error else "ended without a word"


class Started:
    """A command on its way."""

    def __init__(self, process: Any, said: Path) -> None:
        self._process, self._said = process, said
        self._begun = time.monotonic()
        self.pid = int(process.pid)

    @property
    def going(self) -> bool:
        return self._code() is None

    def _code(self) -> int | None:
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        code: int | None = self._process.exitcode
        return code

    def children(self) -> list[int]:
        """Who computes."""
        return children_of(self.pid)

    def workers(self) -> list[int]:
        """The children of who computes that compute for it."""
        return [pid for child in self.children() for pid in children_of(child) if "spawn_main" in command_of(pid)]

    def end(self) -> Ended:
        """Wait for it. One that does not come to its end is killed, and its code is that of a kill."""
        due = self._begun + PATIENCE
        while self.going and time.monotonic() < due:
            time.sleep(0.005)
        if self.going:
            os.kill(self.pid, signal.SIGKILL)
        if isinstance(self._process, subprocess.Popen):
            self._process.wait()
        else:
            self._process.join()
        out, err = (self._said.with_suffix(f".{name}").read_text(errors="replace") for name in ("out", "err"))
        return Ended(int(self._code() or 0), out, err, time.monotonic() - self._begun)


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _command(
    words: Sequence[str], cwd: str, environment: Mapping[str, str], said: str, site: str, before: Callable[[], None]
) -> None:
    """In the new process: what the program ``ddtbench`` does."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(f"{said}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        os.dup2(file, number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    sys.path.insert(0, site)
    sys.argv = ["ddtbench", *words]
    before()
    from harness.cli import main

    main()


def nothing() -> None:
    """What is done before a command, as a rule."""


class Bench:
    """A folder in which faults are tried, with the package installed. ``draws``: which instants are drawn."""

    def __init__(self, folder: Path, draws: int = 0) -> None:
        self.folder = folder
        self.random = random.Random(draws)
        self._site = folder / "site"
        info = self._site / "faults-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faults\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(ENTRY_POINTS)
        (self._site / "fault_catalog.py").write_bytes((HERE / "fault_catalog.py").read_bytes())
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FAULTS_")},
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(self._site)]),
            "DDTBENCH_DATA": str(folder / "data"),
            "COLUMNS": "100",
        }
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(IMPORTED)
        self._count = 0
        self.whole = folder / "undisturbed"
        self._whole: tuple[dict[str, bytes], float] | None = None

    def place(self, name: str = "runs") -> Path:
        """A folder of runs that is not there yet."""
        self._count += 1
        return self.folder / f"{name}-{self._count}"

    def words(self, out: Path, model: str = "faulty", workers: int = 1, *more: str) -> list[str]:
        """The command: 24 cases in units of four and batches of two."""
        sizes = ["--batch", "2", "--unit-size", "4", "--workers", str(workers)]
        return ["run", "faults@24", "--model", model, "--device", "cpu", "--out", str(out), *sizes, *more]

    def start(
        self,
        words: Sequence[str],
        *,
        fresh: bool = False,
        before: Callable[[], None] = nothing,
        **environment: str,
    ) -> Started:
        """Begin a command. ``before`` is done in its process first; only where it is not ``fresh``."""
        self._count += 1
        said = self.folder / f"said-{self._count}"
        everything = {**self._environment, **environment}
        if fresh:
            with open(f"{said}.out", "wb") as out, open(f"{said}.err", "wb") as err:
                command = [sys.executable, "-m", "harness.cli", *words]
                process = subprocess.Popen(command, cwd=self.folder, env=everything, stdout=out, stderr=err)
            return Started(process, said)
        for name in ("out", "err"):
            Path(f"{said}.{name}").touch()  # it may be killed before it says a word
        target = partial(_command, list(words), str(self.folder), everything, str(said), str(self._site), before)
        forked = self._context.Process(target=target)
        forked.start()
        return Started(forked, said)

    def do(self, words: Sequence[str], **how: Any) -> Ended:
        return self.start(words, **how).end()

    def undisturbed(self) -> tuple[dict[str, bytes], float]:
        """(what a run leaves that nothing disturbs, its seconds); made once."""
        if self._whole is None:
            self.do(["list", "models"])  # who forks has to import first
            ended = self.do(self.words(self.whole))
            if ended.code:
                raise SystemExit(f"a run that nothing disturbs ended with {ended.code}: {ended.err}")
            self._whole = content_of(self.whole), ended.seconds
        return self._whole

    def half_run(self, out: Path) -> None:
        """A run whose driver was killed when half of its parts were there."""
        started = self.start(self.words(out))
        while started.going and len(list(out.rglob("samples/*.parquet"))) < 3:
            time.sleep(0.005)
        if started.going:
            os.kill(started.pid, signal.SIGKILL)
        started.end()
        let_go(out)

    def resumed(self, out: Path, finished: Mapping[str, tuple[int, int]]) -> str:
        """Give the command again, undisturbed: why what lies there then is not what it should be, or "".

        ``finished``: the whole parts that were there before (``finished_parts``), which must not be made again.
        """
        ended = self.do(self.words(out))
        if ended.code:
            return f"the same command ended with {ended.code}: {ended.err[-300:]}"
        return self.judged(out, finished)

    def judged(self, out: Path, finished: Mapping[str, tuple[int, int]]) -> str:
        """As ``resumed``, of what lies there now."""
        expected, _ = self.undisturbed()
        found = content_of(out)
        if found != expected:
            names = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
            return f"other bytes than undisturbed: {', '.join(names[:3])}"
        if left := [path.name for path in out.rglob(".tmp-*")]:
            return f"temporary files are left: {left[0]}"
        stamps = finished_parts(out)
        again = [name for name, stamp in finished.items() if stamps.get(name) != stamp]
        return f"{len(again)} finished parts were made again, first {again[0]}" if again else ""


def content_of(out: Path) -> dict[str, bytes]:
    """File -> bytes of all that a resumed run promises: of JSON its content. The lock, and when and where the run was
    (``environment.json``), are left out but for the environments."""
    found = {}
    for path in sorted(out.rglob("*")):
        if not path.is_file() or path.name == "lock" or path.name.startswith(".tmp-"):
            continue
        data = path.read_bytes()
        if path.suffix == ".json" and path.name != "estimates.json":
            value = json.loads(data)
            if path.name == "environment.json":
                value = {name: value.get(name) for name in ("schema", "environments", "observed")}
            data = json.dumps(value, sort_keys=True).encode()
        found[str(path.relative_to(out))] = data
    return found


def finished_parts(out: Path) -> dict[str, tuple[int, int]]:
    """Whole parts of samples and observations, with inode and time: what tells that one was not made again."""
    found = {}
    for path in out.rglob("*.parquet"):
        _, _, digest = path.stem.partition("-")
        if digest and hashlib.sha256(path.read_bytes()).hexdigest().startswith(digest):
            stat = path.stat()
            found[str(path.relative_to(out))] = (stat.st_ino, stat.st_mtime_ns)
    return found


def let_go(out: Path, seconds: float = 20.0) -> bool:
    """Wait until nobody holds a run folder any more."""
    due = time.monotonic() + seconds
    while time.monotonic() < due:
        if not any(held(path) for path in out.rglob("lock")):
            return True
        time.sleep(0.01)
    return False


def held(lock: Path) -> bool:
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def bench_folder() -> tempfile.TemporaryDirectory[str]:
    """Where a series of faults is tried."""
    return tempfile.TemporaryDirectory(prefix="ddtbench-faults-")
