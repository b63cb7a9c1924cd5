"""The isolation boundary: one broad ``except``, which turns an exception of a subject or an instrument into a reason.

What is not the case's fault passes through: a UserError, an interrupt, a full disk, memory that ran out.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import TypeVar

from harness.errors import UserError

Value = TypeVar("Value")

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
REASON_LENGTH = 300


def reason_of(error: BaseException) -> str:
    """The type and the first line of an error, without what differs between equal runs (memory addresses)."""
    line = (str(error).strip().splitlines() or [""])[0]
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text)[:REASON_LENGTH]


def attempt(call: Callable[[], Value]) -> tuple[Value | None, str]:
    """(what ``call`` returned, ""), or (None, the reason why it failed)."""
    try:
        return call(), ""
    except UserError:
        raise
    except Exception as error:  # the isolation boundary of the run loop
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise UserError(
                f"the disk is full ({error.filename or 'a file of the task'}): free some and run again"
            ) from error
        # torch's own class is told by its name, since torch is not imported here
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise UserError(f"memory ran out: try a smaller batch or fewer workers ({reason_of(error)})") from error
        return None, reason_of(error)
