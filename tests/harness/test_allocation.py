"""Memory that is freed stays with a process that computes; a caller's process is left as it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

PAGES = """
import ctypes, resource, sys
from harness.allocation import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "kept" else True
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def use():
    piece = libc.malloc(40 << 20)
    ctypes.memset(piece, 1, 40 << 20)
    libc.free(piece)
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has these settings")
def test_a_process_that_keeps_its_memory_is_given_pages_once() -> None:
    faults = {}
    for how in ("kept", "given back"):
        said = subprocess.run([sys.executable, "-c", PAGES, how], capture_output=True, text=True, check=True).stdout
        worked, count = said.split()
        assert worked == "True"
        faults[how] = int(count)
    # 40 MB are 10,240 pages of 4 kB; a kernel that gives out larger ones counts fewer
    assert faults["kept"] < faults["given back"] / 10
