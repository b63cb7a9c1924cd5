"""Runs that somebody is at, and runs that were left unfinished: how far they are, what failed, their first samples.

Nothing is locked, written or touched: who holds a run folder says so in its lock, and what is finished appears whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.contracts import ShownTask
from harness.display import SHOWING, read_shown
from harness.store.contents import SAMPLES
from harness.store.files import LOCK, Folder
from harness.store.holder import held_locks
from harness.store.parts import Part
from harness.store.run_folder import RunFolder, run_paths
from reports.reading.index import COLUMNS
from reports.reading.samples import UNREADABLE, Failure, StoredSample
from reports.reading.seen import Seen, Stamps, State, state_of

FIRST = 6
"""Samples that are shown of a run before it is measured."""
READING = 1.0
"""Seconds that one look spends on parts; the others are read by the next."""
MOST, WITH_SAMPLES = 40, 12
"""Runs that are looked into, and whose samples are kept; of more, those that somebody was at last."""
PICTURES, LARGEST = 3, 2_000_000
"""Pictures of a sample that are kept, and their bytes."""
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Going:
    """A run that somebody is at, or that is not measured.

    ``done`` of ``wanted`` pieces (samples; parts where instruments look at them; None: not known) are there, ``failed``
    samples failed. ``rate``: pieces in a second (0: not known). ``host``: another machine, and ``heard`` how many
    seconds ago it said so. ``unit``: samples that are stored at a time. ``unread``: parts in which no failures were
    looked for yet.
    """

    path: str
    subject: str
    task: str
    state: State
    done: int
    wanted: int | None
    failed: int
    rate: float
    host: str
    heard: float
    unit: int
    unread: int
    shown: ShownTask = field(hash=False)
    failures: tuple[Failure, ...] = ()
    samples: tuple[StoredSample, ...] = ()

    @property
    def seconds_left(self) -> float | None:
        """None where it cannot be told."""
        if not self.rate or self.wanted is None or self.state == "left":
            return None
        return max(0, self.wanted - self.done) / self.rate


@dataclass(frozen=True)
class Look:
    """What one look saw. ``results`` changes when a file of results does, ``parts`` when samples or observations do;
    ``measured``: the runs that are done and that nobody is at."""

    going: tuple[Going, ...] = ()
    results: str = ""
    parts: str = ""
    measured: int = 0
    trouble: str = ""


@dataclass
class _Known:
    """What is known of one run folder already."""

    folder: RunFolder
    spec: tuple[int, float]
    parts: dict[str, tuple[int, tuple[Failure, ...]]] = field(default_factory=dict)
    first: str = ""
    samples: tuple[StoredSample, ...] = ()


class Onlooker:
    """Looks at a root of runs again and again, and reads no part twice."""

    def __init__(self, runs_root: str) -> None:
        self._root = runs_root
        self._known: dict[str, _Known] = {}

    def look(self) -> Look:
        """The state now; what cannot be read is left to the report, which says why."""
        top = Folder(self._root)
        try:
            stamps = {path: top.stamps(path) for path in run_paths(self._root)}
            locks = held_locks()
            files = {**stamps, "suites": top.stamps("suites")}
            seen = [Seen.of(top, path, found, locks) for path, found in stamps.items()]
        except UNREADABLE as error:
            return Look(trouble=str(error).splitlines()[0] if str(error) else type(error).__name__)
        last = {seen.process: seen.said for seen in sorted(seen, key=lambda item: item.said)}
        open_ = [item for item in seen if item.held or not item.measured]
        open_.sort(key=lambda item: (not item.held, -item.said))
        self._known = {path: known for path, known in self._known.items() if path in stamps}
        until = time.monotonic() + READING
        going: list[Going] = []
        for place, item in enumerate(open_[:MOST]):
            with contextlib.suppress(*UNREADABLE):
                known = self._known_of(top, item, place < WITH_SAMPLES, until)
                going.append(_going(known, item, item.said == last.get(item.process)))
        return Look(tuple(going), _digest(files, False), _digest(files, True), len(seen) - len(open_))

    def _known_of(self, top: Folder, seen: Seen, samples: bool, until: float) -> _Known:
        known = self._known.get(seen.path)
        if known is None or known.spec != seen.stamps["spec.json"]:
            folder = RunFolder.open(f"{top.url}/{seen.path}".rstrip("/"))
            known = self._known[seen.path] = _Known(folder, seen.stamps["spec.json"])
        _read(known, seen.parts, until, samples)
        return known


def _going(known: _Known, seen: Seen, latest: bool) -> Going:
    folder, holder, parts = known.folder, seen.holder, seen.parts
    manifest = _manifest(folder)
    read = [known.parts[part.file] for part in parts if part.file in known.parts]
    rows = sum(count for count, _ in read) + folder.spec.unit_size * (len(parts) - len(read))
    failures = tuple(failure for _, found in read for failure in found)
    state, showing, named = state_of(seen, latest, manifest), manifest.get(SHOWING), manifest.get("shown")
    told = holder if holder and holder.doing and state != "measuring" else None
    live = told if told and state != "left" else None
    asking = not told or told.doing == "asking"
    return Going(
        seen.path,
        named if isinstance(named, str) and named.isprintable() and named else folder.spec.model,
        folder.spec.task,
        state,
        done=max(rows, live.stored + live.made) if live and asking else live.made if live else rows,
        wanted=told.wanted if told and (live or asking) else _count(manifest.get("stored")),
        failed=max(len(failures), live.failed if live and asking else 0),
        rate=live.made / live.seconds if live and live.seconds else 0.0,
        host="" if holder is None or holder.here or state == "left" else holder.host,
        heard=max(0.0, time.time() - seen.said),
        unit=folder.spec.unit_size,
        unread=len(parts) - len(read),
        shown=read_shown(ShownTask, showing.get("task") if isinstance(showing, Mapping) else None),
        failures=failures,
        samples=known.samples,
    )


def _read(known: _Known, parts: Sequence[Part], until: float, samples: bool) -> None:
    """Rows and failures of parts that were not read yet, until the time is over (of one at least); the samples of the
    first, where they are wanted."""
    if not samples:
        known.first, known.samples = "", ()
    for place, part in enumerate(parts):
        first = samples and place == 0
        if part.file in known.parts and not (first and known.first != part.file):
            continue
        known.first = part.file if first else known.first
        try:
            table = known.folder.read(part)
            table = None if table is None else table.select(list(COLUMNS))
            rows = [] if table is None else table.select(["case", "outcome", "reason"]).to_pylist()
            found = tuple(Failure(row["case"], row["reason"] or "") for row in rows if row["outcome"] != "ok")
            if first:
                shown = [] if table is None else table.slice(0, FIRST).to_pylist()
                known.samples = tuple(_sample(row, part.file) for row in shown)
        except UNREADABLE:
            rows, found = [], ()
        known.parts[part.file] = len(rows), found
        if time.monotonic() > until:
            return


def _sample(row: Mapping[str, Any], part: str) -> StoredSample:
    facts = json.loads(row["facts"] or "{}")
    return StoredSample(
        row["case"],
        row["outcome"] == "ok",
        row["reason"] or "",
        row["text"] or "",
        facts if isinstance(facts, dict) else {},
        _kept({item["name"]: item["image"]["bytes"] for item in row["images"] or []}),
        part,
    )


def _kept(images: Mapping[str, bytes]) -> dict[str, bytes]:
    """The pictures to show: of a series only where there are no others."""
    good = {name: data for name, data in images.items() if data.startswith(PNG) and len(data) <= LARGEST}
    alone = [name for name in good if not name[-1:].isdigit()]
    return {name: good[name] for name in (alone or list(good))[:PICTURES]}


def _manifest(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return folder.manifest()
    except UNREADABLE:
        return {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _digest(stamps: Mapping[str, Stamps], of_parts: bool) -> str:
    """Of the files of results, or of samples and observations; locks say nothing of either."""
    found = sorted(
        (path, name, stamp)
        for path, files in stamps.items()
        for name, stamp in files.items()
        if name != LOCK and name.startswith((f"{SAMPLES}/", "observations/")) is of_parts
    )
    return hashlib.sha256(repr(found).encode("utf-8", "surrogatepass")).hexdigest()
