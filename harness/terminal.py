"""Standard output and error of a command: what cannot be written ends nothing that was computed.

A terminal of another encoding gets a question mark for what it cannot show. Who stops reading (``ddtbench ... | head``)
is not written to any more. Each line is handed over at once, in a file too: a training of hours is looked at there.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


class _Written(io.FileIO):
    """A file descriptor whose reader may go."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return memoryview(data).nbytes


def lenient(stream: TextIO | None) -> TextIO:
    """A stream to the same place that neither an encoding nor a closed pipe can break; one to nowhere for a closed
    one."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    raw = _Written(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=stream.encoding, errors="replace", line_buffering=True)


def make_lenient() -> None:
    """Both standard streams of this process, where they are its own (a notebook or a test has put others there)."""
    if sys.stdout is sys.__stdout__:
        sys.stdout = lenient(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = lenient(sys.stderr)
