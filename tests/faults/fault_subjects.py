"""Faults of subjects: what a model does to the one case, or to its process, costs no other case anything."""

from __future__ import annotations

import resource
from functools import partial
from pathlib import Path
from typing import Any

from fault_bench import Bench, Row, finished_parts

ROOM = 2 << 30
"""Bytes of address space for one that eats memory."""
REASONS = {
    "raises": ("raises", "RuntimeError: a fault of the model"),
    "hangs": ("hangs", "no answer in 2 s"),
    "ends": ("ends the process with code 0", "the worker died: exit code 0"),
    "crashes": ("crashes in native code", "the worker died: SIGSEGV"),
    "is-killed": ("is killed, as when memory ends", "the worker died: SIGKILL"),
    "makes-nan": ("returns NaN", "values that are not finite"),
    "wrong-shape": ("returns a wrong shape", "must be 8x8"),
    "wrong-count": ("returns a wrong count", "images for 2 cases"),
}
"""What the model does at one case -> that in words, and why that case fails."""


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))


def samples_of(out: Path) -> dict[str, Any]:
    """Case -> (outcome, reason, pictures as bytes, numbers) of the one run under a root."""
    from harness.store.run_folder import find_run_folders

    (folder,) = find_run_folders(out)
    return {
        sample.case.id: (
            sample.outcome,
            sample.reason,
            {name: picture.tobytes() for name, picture in sample.images.items()},
            dict(sample.numbers),
        )
        for unit in folder.samples()
        for sample in unit
    }


def subject_fault(how: str, bench: Bench, times: int) -> Row:
    """One case fails and says why, all others are as an undisturbed model's; the same command again changes nothing."""
    row = Row(f"a subject that {REASONS[how][0]}")
    bench.undisturbed()
    well = samples_of(bench.whole)
    for turn in range(times):
        out = bench.place()
        words = bench.words(out, f"faulty@{how}", 1 + turn % 2, "--batch-timeout", "2")
        ended = bench.do(words)
        if ended.code:
            row.note("ended early", f"ended with {ended.code}: {ended.err[-300:]}")
            continue
        found = samples_of(out)
        failed = {case: reason for case, (outcome, reason, *_) in found.items() if outcome == "failed"}
        others = {case: value for case, value in well.items() if case not in failed}
        wrong = ""
        if list(failed) != ["case-0005"] or REASONS[how][1] not in failed["case-0005"]:
            wrong = f"failed: {failed}"
        elif {case: found[case] for case in others} != others:
            wrong = "other cases are not what they would have been"
        kept = finished_parts(out)
        again = bench.do(words)
        if again.code or finished_parts(out) != kept or samples_of(out) != found:
            wrong = wrong or f"the same command again changed something: {again.err[-300:]}"
        row.note(f"one case failed: {next(iter(failed.values()), '')}", wrong)
    return row


def eats_memory(bench: Bench, times: int) -> Row:
    """Memory ends (RLIMIT_AS): half the batch is tried, then one line says so. What is finished is kept."""
    row = Row("a subject that eats memory")
    for _ in range(times):
        out = bench.place()
        words = bench.words(out, "faulty@eats-memory")
        ended = bench.do(words, before=limit_memory)
        wrong = "went on" if ended.code == 0 else ended.one_clear_error()
        if "memory ran out" not in ended.error or ("half" not in ended.err and "batch of 1" not in ended.err):
            wrong = wrong or f"said {ended.err[-300:]}"
        kept = finished_parts(out)
        again = bench.do(words, before=limit_memory)
        stamps = finished_parts(out)
        if again.code != ended.code or not kept or any(stamps.get(name) != stamp for name, stamp in kept.items()):
            wrong = wrong or f"what was finished is not kept: {again.err[-300:]}"
        row.note("half the batch was tried, then one line said so; finished parts kept", wrong)
    return row


def all_subjects() -> dict[str, Any]:
    """Every way in which a subject misbehaves."""
    known = {f"a subject that {words}": partial(subject_fault, how) for how, (words, _) in REASONS.items()}
    return {**known, "a subject that eats memory": eats_memory}
