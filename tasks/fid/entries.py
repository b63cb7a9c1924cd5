"""FID's line of the catalogue."""

from __future__ import annotations

from harness.contracts import Entry

FID_ENTRIES: tuple[Entry, ...] = (
    Entry(
        "task",
        "fid",
        "tasks.fid.task:build",
        "generated pictures against a folder by class or with captions, or statistics: fid@[PROTOCOL@]FOLDER|FILE.npz",
        paper="arXiv 1706.08500",
    ),
)
