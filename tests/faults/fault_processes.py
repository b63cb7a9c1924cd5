"""Faults of processes: killed workers and drivers, two drivers, a clock that jumps, a checkpoint that is replaced."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fault_bench import Bench, Row, Started, content_of, finished_parts, let_go

STARTING = 2.5
"""How often as long a run of two workers takes, which have to start."""
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static int (*real)(clockid_t, struct timespec *);
static long jump(void) {  /* back by a year, or on by ten, anew every twentieth of a second */
  struct timespec now;
  real(CLOCK_MONOTONIC, &now);
  long turn = (now.tv_sec * 20 + now.tv_nsec / 50000000) % 3;
  return turn == 0 ? 0 : turn == 1 ? -31536000L : 315360000L;
}
int clock_gettime(clockid_t clock, struct timespec *at) {
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(clock, at);
  if (clock == CLOCK_REALTIME) at->tv_sec += jump();
  return failed;
}
int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec, at->tv_usec = now.tv_nsec / 1000;
  return failed;
}
time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
"""


def driver_killed(bench: Bench, times: int) -> Row:
    """The process that the user started, which computes nothing, and everything ends with it."""
    return _killed(bench, times, "SIGKILL of the driver", lambda started: started.pid)


def computing_killed(bench: Bench, times: int) -> Row:
    """Its child, which computes: another one continues, or the command says how far it came."""
    return _killed(bench, times, "SIGKILL of the driver's computing child", lambda started: first(started.children()))


def first(pids: list[int]) -> int | None:
    return pids[0] if pids else None


def _killed(bench: Bench, times: int, fault: str, victim: Callable[[Started], int | None]) -> Row:
    row = Row(fault)
    _, seconds = bench.undisturbed()
    for _ in range(times):
        out = bench.place()
        started = bench.start(bench.words(out))
        time.sleep(bench.random.uniform(0.0, seconds))
        pid = victim(started)
        if pid and started.going:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended = started.end()
        wrong = "" if let_go(out) else "the folder is still held"
        if ended.code in (2, 4):
            wrong = wrong or ended.one_clear_error()
        elif ended.code not in (0, -signal.SIGKILL):
            wrong = wrong or f"ended with {ended.code}: {ended.err[-300:]}"
        kept = finished_parts(out)
        what = {0: "went on by itself", -signal.SIGKILL: "resumed"}.get(ended.code, "said so, resumed")
        if ended.code == 0 and "died" not in ended.err:
            what = "had ended before"
        row.note(what, wrong or bench.resumed(out, kept))
    return row


def worker_killed(bench: Bench, times: int) -> Row:
    """One of two workers: its unit is asked again, and the command ends as if nothing had been."""
    row = Row("SIGKILL of a worker")
    bench.undisturbed()
    seconds = bench.do(bench.words(bench.place(), workers=2)).seconds
    for _ in range(times):
        out = bench.place()
        started = bench.start(bench.words(out, workers=2))
        time.sleep(bench.random.uniform(0.0, seconds))
        workers = started.workers()
        while started.going and not workers:  # the instant was before they were there
            time.sleep(0.005)
            workers = started.workers()
        if workers:
            with suppress(ProcessLookupError):
                os.kill(bench.random.choice(workers), signal.SIGKILL)
        ended = started.end()
        if ended.code:
            row.note("ended early", f"ended with {ended.code}: {ended.err[-300:]}")
        else:
            row.note("went on by itself" if workers else "had ended before", bench.judged(out, {}))
    return row


def two_drivers(bench: Bench, times: int) -> Row:
    """The same command twice at once: one goes on, the other waits its turn or says who holds the folder."""
    row = Row("two drivers on one folder")
    _, seconds = bench.undisturbed()
    for _ in range(times):
        out = bench.place()
        one = bench.start(bench.words(out))
        time.sleep(bench.random.uniform(0.0, seconds))
        ended = [started.end() for started in (one, bench.start(bench.words(out)))]
        refused = [item for item in ended if item.code]
        wrong = next(
            (item.one_clear_error() or ("" if "in use by" in item.err else f"said {item.error}") for item in refused),
            "",
        )
        kept = finished_parts(out)
        said = "where one was refused, since the folder was in use" if refused else "where one came after the other"
        row.note(said, wrong or bench.resumed(out, kept))
    return row


def clock_jumps(bench: Bench, times: int) -> Row:
    """The clock of all processes goes back by a year, or on by ten, every twentieth of a second."""
    row = Row("clock jumps")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        row.seen["not tried here: no C compiler for a clock that jumps"] += 1
        return row
    library = bench.folder / "clock.so"
    (bench.folder / "clock.c").write_text(CLOCK)
    made = ["-shared", "-fPIC", "-O1", "-o", str(library), str(bench.folder / "clock.c"), "-ldl"]
    subprocess.run([compiler, *made], check=True)
    for turn in range(times):
        out = bench.place()
        ended = bench.do(bench.words(out, workers=1 + turn % 2), fresh=True, LD_PRELOAD=str(library))
        if ended.code:
            row.note("ended early", f"ended with {ended.code}: {ended.err[-300:]}")
        else:
            row.note("nothing of it is seen", bench.judged(out, {}))
    return row


def times_of_files(bench: Bench, times: int) -> Row:
    """Half a run, whose files are then of 1980 and of 2100."""
    row = Row("files from the past and the future")
    bench.undisturbed()
    for _ in range(times):
        out = bench.place()
        bench.half_run(out)
        for path in out.rglob("*"):
            at = bench.random.choice([315532800, 4102444800])
            os.utime(path, (at, at))
        row.note("resumed", bench.resumed(out, finished_parts(out)))
    return row


def checkpoint_replaced(bench: Bench, times: int) -> Row:
    """Other weights under the same name, at a random instant; what was made with the first ones stays theirs."""
    row = Row("a checkpoint replaced under the run")
    weights = bench.folder / "weights.txt"
    model = f"weighed@{weights}"
    parts: dict[str, bytes] = {}
    for shade in ("90", "8"):
        weights.write_text(shade)
        out = bench.place()
        bench.do(bench.words(out, model))
        parts |= _parts(out)
    first, (_, seconds) = _parts(out), bench.undisturbed()
    for _ in range(times):
        out = bench.place()
        weights.write_text("8")
        started = bench.start(bench.words(out, model, 2))
        time.sleep(bench.random.uniform(0.0, STARTING * seconds))
        other = weights.with_suffix(".new")
        other.write_text("90")
        other.replace(weights)
        ended = started.end()
        wrong = "" if ended.code == 0 else ended.one_clear_error()
        if ended.code and "have changed since" not in ended.err:
            wrong = wrong or f"said {ended.error}"
        weights.write_text("8")
        kept = finished_parts(out)
        again = bench.do(bench.words(out, model))
        found, stamps = _parts(out), finished_parts(out)
        if again.code or not first.items() <= found.items():
            wrong = wrong or f"the first weights' run is not whole: {again.err[-300:]}"
        if not found.items() <= parts.items() or any(stamps.get(name) != stamp for name, stamp in kept.items()):
            wrong = wrong or "parts of both weights are in one run, or some were made again"
        row.note("said so, resumed with the first" if ended.code else "went on with what it had read", wrong)
    return row


def _parts(out: Path) -> dict[str, bytes]:
    return {name: data for name, data in content_of(out).items() if name.endswith(".parquet")}
