"""Two workers beside one, each with one thread: ``ddtbench run`` on generated pictures, asked, observed and measured.

    python benchmarks/workers.py

The whole command is timed on 400 pictures. The steady state is that of a longer run: what its parts say between the
first that each worker stored and the last, of asking and of each instrument, so that starting is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.claims import Bench, Claim
from benchmarks.turns import Ratio

MODEL, TASK = "ddt-llama", "generation@world"
PICTURES, LONG, UNIT = 400, 1600, 32
WHOLE = Claim("workers-whole", "the whole command on 400 pictures, two workers beside one", least=1.5)
STEADY = Claim("workers-steady", "the steady state of a longer run, two workers beside one", least=1.7)


def run(workers: int, pictures: int, unit: int, out: Path) -> float:
    """Seconds of the command. Raises SystemExit where it fails."""
    words = ["run", TASK, "--model", MODEL, "--limit", str(pictures), "--unit-size", str(unit), "--device", "cpu"]
    words += ["--batch", str(unit), "--workers", str(workers), "--out", str(out)]
    told = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "harness.cli", *words], env=told, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"ddtbench {' '.join(words)} ended with {done.returncode}")
    return time.monotonic() - began


def steady(out: Path, workers: int) -> float:
    """Seconds that all parts would take at the rate of those after the first of each worker: asking, then looking."""
    [folder] = out.glob("*/*/*/samples")
    asked = stamps(folder)
    # an instrument looks at a part as soon as the one before it has: their files stand in one row
    looked = sorted(stamp for place in folder.parent.glob("observations/*") for stamp in stamps(place))
    return sum(len(times) * per_part(times, workers) for times in (asked, looked))


def stamps(folder: Path) -> list[float]:
    """When its parts were stored, in order."""
    return sorted(path.stat().st_mtime for path in folder.glob("*.parquet"))


def per_part(times: Sequence[float], workers: int) -> float:
    """Seconds a part, without the first of each worker.

    Examples:
        >>> per_part([10.0, 10.5, 11.0, 11.5, 12.0], 2)
        0.5
    """
    return (times[-1] - times[workers - 1]) / (len(times) - workers)


def main() -> None:
    bench = Bench.begin(__doc__, threads=1)
    pictures, long, unit = bench.sized(PICTURES, 16), bench.sized(LONG, 32), bench.sized(UNIT, 4)
    with tempfile.TemporaryDirectory() as scratch:
        whole = {count: run(count, pictures, unit, Path(scratch) / f"whole-{count}") for count in (1, 2)}
        told = f"{MODEL} on {TASK}, units of {unit}; one: {whole[1]:.1f} s, two: {whole[2]:.1f} s"
        bench.state(WHOLE, Ratio.of([whole[1] / whole[2]]), told)
        seconds = {}
        for count in (1, 2):
            out = Path(scratch) / f"long-{count}"
            run(count, long, unit, out)
            seconds[count] = steady(out, count)
        told = f"{long:,} pictures, units of {unit}; one: {seconds[1]:.1f} s, two: {seconds[2]:.1f} s"
        bench.state(STEADY, Ratio.of([seconds[1] / seconds[2]]), told)
    bench.end()


if __name__ == "__main__":
    main()
