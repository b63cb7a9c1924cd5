"""How the C library gives memory back, which decides half of the time of a convolution on a CPU.

By glibc's defaults every large tensor is mapped anew and given back at once, and the kernel clears its pages each time:
a batch of 16 pictures of 224 pixels through EfficientNet-Lite0 took 22 to 32 ms a picture, and 15 ms where the process
keeps what it frees (one thread, one machine; docs/log.md, 2026-12-01). What is larger than ``MAPPED`` still goes back
at once, so that the weights of a large model do.
"""

from __future__ import annotations

import ctypes
import sys

MAPPED = 256 << 20
"""Bytes from which a piece of memory is the system's again as soon as it is freed."""
KEPT = 1 << 30
"""Bytes of freed memory that a process keeps."""
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_PAD = 64 << 20


def keep_freed_memory() -> bool:
    """For processes of our own, which are there to compute. False where the C library is another."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return False
    wanted = {_MMAP_THRESHOLD: MAPPED, _TRIM_THRESHOLD: KEPT, _TOP_PAD: _PAD}
    return all(libc.mallopt(parameter, value) == 1 for parameter, value in wanted.items())
