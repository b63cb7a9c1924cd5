"""The isolation boundary: one broad ``except``, which turns what a subject or an instrument raises into a reason.

Everything that is raised about a case is that case's failure: an error of ours that a user could read, an exit that a
library asks for (``SystemExit``), an exception whose message cannot be printed. What is not the case's fault passes
through: an interrupt, a full disk, memory that ran out, a subject that cannot be asked any more.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from harness.errors import UserError
from harness.redaction import redacted

Value = TypeVar("Value")

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
REASON_LENGTH = 300
_ALLOCATOR = re.compile(r"DefaultCPUAllocator: (can't allocate|not enough) memory|CUDA out of memory|_ALLOC_FAILED")
"""How torch says that memory ran out where it raises a plain RuntimeError."""


class OutOfMemory(UserError):
    """Memory ran out: not the fault of a case. A run tries half the batch once."""


class SubjectGone(UserError):
    """Nobody is there to be asked (a server that went away, a key that it refuses): not the fault of a case. The run
    stops, what is finished is kept, and the same command goes on."""


def storable(text: object) -> str:
    """``text`` as UTF-8 can hold it: half of a surrogate pair (a file name in another encoding, a broken escape of
    JSON) is written as its escape. What is no string is shown as Python would."""
    shown = text if isinstance(text, str) else repr(text)
    return shown.encode("utf-8", "backslashreplace").decode()


def reason_of(error: BaseException) -> str:
    """The type and the first line of an error, without what differs between equal runs (memory addresses); of a
    UserError the line alone, which was written to be read."""
    try:
        said = str(error)
    except Exception:  # the isolation boundary too: a message is code of another package
        said = "its message cannot be shown"
    line = storable((said.strip().splitlines() or [""])[0])
    kind = "" if isinstance(error, UserError) and line else type(error).__name__
    text = f"{kind}: {line}" if kind and line else kind or line
    return redacted(re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text))[:REASON_LENGTH]


def attempt(call: Callable[[], Value]) -> tuple[Value | None, str]:
    """(what ``call`` returned, ""), or (None, the reason why it failed). Raises UserError for a full disk,
    and its kinds OutOfMemory and SubjectGone."""
    value, error = caught(call)
    return value, "" if error is None else reason_of(error)


def tried(call: Callable[[], Value]) -> tuple[Value | None, str]:
    """As ``attempt``, of something that others come after: a full disk and memory that ran out are reasons too."""
    try:
        return attempt(call)
    except UserError as error:
        return None, str(error)


def caught(call: Callable[[], Value]) -> tuple[Value | None, BaseException | None]:
    """As ``attempt``, with the error itself."""
    try:
        return call(), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the isolation boundary of the run loop
        for cause in _causes(error):
            if isinstance(cause, OSError) and cause.errno in DISK_FULL:
                raise UserError(
                    f"the disk is full ({cause.filename or 'a file of the task'}): free some and run again"
                ) from error
            if isinstance(cause, SubjectGone):
                raise cause from None
            if _is_memory(cause):
                raise OutOfMemory(
                    f"memory ran out: try a smaller batch or fewer workers ({reason_of(cause)})"
                ) from error
        return None, error


def _is_memory(error: BaseException) -> bool:
    # torch's own class is told by its name, since torch is not imported here
    if isinstance(error, (MemoryError, OutOfMemory)) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_ALLOCATOR.search(reason_of(error)))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from or while handling: a library may wrap a full disk in an error of its
    own."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
