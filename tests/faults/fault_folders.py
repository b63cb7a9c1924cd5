"""Faults of folders: a disk that is full, one that may not be written to, and damaged files of every kind."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from fault_bench import Bench, Ended, Row, finished_parts

LARGEST = 4096
"""Bytes of the largest file where the disk is made full by a limit: a part of samples has 6 kB, all else less."""
KINDS = {
    "spec.json": "*/*/*/spec.json",
    "environment.json": "*/*/*/environment.json",
    "cost.json": "*/*/*/cost.json",
    "manifest.json": "*/*/*/manifest.json",
    "lock": "*/*/*/lock",
    "a part of samples": "*/*/*/samples/*.parquet",
    "a part of observations": "*/*/*/observations/*/*.parquet",
    "scores.parquet": "*/*/*/measures/*/scores.parquet",
    "estimates.json": "*/*/*/measures/*/estimates.json",
    "reasons.parquet": "*/*/*/measures/*/reasons.parquet",
    "the suite's index": "suites/*.json",
}


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))


def no_large_files(bench: Bench, times: int) -> Row:
    """From a random instant on nothing above 4 kB can be written (RLIMIT_FSIZE): what was begun is not half there."""
    row = Row("no room for a part, from an instant on (RLIMIT_FSIZE)")
    _, seconds = bench.undisturbed()
    for turn in range(times):
        out = bench.place()
        if turn == 0:
            ended = bench.do(bench.words(out), before=limit_files)
        else:
            started = bench.start(bench.words(out))
            time.sleep(bench.random.uniform(0.0, seconds))
            for pid in (started.pid, *started.children()):
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
            ended = started.end()
        kept = finished_parts(out)
        row.note(*_said(ended, "cannot write", bench.resumed(out, kept)))
    return row


def _said(ended: Ended, words: str, later: str) -> tuple[str, str]:
    """(what happened, what is wrong with it) of a command that could not write."""
    if ended.code == 0:
        return "had ended before", later
    wrong = ended.one_clear_error() or ("" if words in ended.err else f"said {ended.error}")
    return "said so in one line, resumed", wrong or later


def full_disk(bench: Bench, times: int) -> Row:
    """A disk of random size (tmpfs) fills up; then there is room."""
    row = Row("full disk (tmpfs of a random size)")
    if os.geteuid() != 0:
        row.seen["not tried here: mounting a small disk needs root"] += 1
        return row
    content, _ = bench.undisturbed()
    pages = sum(-(-len(data) // 4096) for data in content.values()) + 4
    for _ in range(times):
        out = bench.place()
        out.mkdir()
        size = 4 * bench.random.randint(2, pages)
        made = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(out)]
        if subprocess.run(made, capture_output=True).returncode:
            row.seen["not tried here: a small disk cannot be mounted"] += 1
            return row
        try:
            ended = bench.do(bench.words(out))
            kept = finished_parts(out)
            subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
            row.note(*_said(ended, "full", bench.resumed(out, kept)))
        finally:
            subprocess.run(["umount", str(out)], check=True)
    return row


def as_anybody() -> None:
    """Root may write where nobody may: give that up (CAP_DAC_OVERRIDE)."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        head = (ctypes.c_uint32 * 2)(0x20080522, 0)
        data = (ctypes.c_uint32 * 6)()
        if libc.capget(head, data) or (data.__setitem__(0, data[0] & ~0b10) or libc.capset(head, data)):
            raise OSError(ctypes.get_errno(), "capset")


def read_only(bench: Bench, times: int) -> Row:
    """The folder may not be written to: from the start, after half a run, or from a random instant on."""
    row = Row("read-only folder")
    _, seconds = bench.undisturbed()
    for turn in range(times):
        out = bench.place()
        out.mkdir()
        if turn % 3 == 1:
            bench.half_run(out)
        if turn % 3 < 2:
            _may_write(out, False)
        started = bench.start(bench.words(out), before=as_anybody)
        if turn % 3 == 2:
            time.sleep(bench.random.uniform(0.0, seconds))
            _may_write(out, False)
        ended = started.end()
        _may_write(out, True)
        row.note(*_said(ended, "cannot", bench.resumed(out, finished_parts(out))))
    return row


def _may_write(out: Path, may: bool) -> None:
    for folder in [out, *(path for path in out.rglob("*") if path.is_dir())]:
        folder.chmod(0o755 if may else 0o555)


def truncated(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def flipped(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


WAYS: dict[str, Callable[[bytes, random.Random], bytes] | None] = {
    "truncated": truncated,
    "a bit flipped": flipped,
    "missing": None,
}


def damaged(kind: str, bench: Bench, times: int, ways: Sequence[str] = tuple(WAYS)) -> Row:
    """A file of a finished run is damaged, and the same command is given again: it makes the file again, or says in one
    line what is damaged. Then the file is removed, as the line says, and the command makes it again."""
    row = Row(f"{kind}: {', '.join(ways)}")
    bench.undisturbed()
    for way in ways * times:
        out = bench.place()
        copy_of_finished(bench, out)
        path = bench.random.choice(sorted(out.glob(KINDS[kind])))
        kept = finished_parts(out)
        kept.pop(str(path.relative_to(out)), None)
        change = WAYS[way]
        if change is None:
            path.unlink()
        else:
            path.write_bytes(change(path.read_bytes(), bench.random))
        ended = bench.do(bench.words(out))
        if ended.code == 0:
            row.note("made again", bench.judged(out, kept))
            continue
        wrong = ended.one_clear_error() or ("" if path.name in ended.err else f"does not name it: {ended.error}")
        path.unlink(missing_ok=True)
        row.note("named in one line, made again once deleted", wrong or bench.resumed(out, kept))
    return row


def copy_of_finished(bench: Bench, out: Path) -> None:
    """A run that nothing disturbed, at another place."""
    shutil.copytree(bench.whole, out)


def all_damages() -> dict[str, Callable[[Bench, int], Row]]:
    """Every kind of file, damaged in every way."""
    return {kind: partial(damaged, kind) for kind in KINDS}
