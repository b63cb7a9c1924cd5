"""What the harness itself costs: a model that answers at once, asked many questions by ``ddtbench run``.

    python benchmarks/engine.py [--samples 1000000]

The whole command is timed, from its start to its estimates: asking, storing, reading back, measuring. What a sample
costs is the difference between a long run and a short one, over the samples between them, so that start-up is left out.
Memory is the most that any process of the command held.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.claims import Bench, Claim
from benchmarks.turns import Ratio, take_turns

FEW, SOME, MANY = 100, 10_000, 1_000_000
OVERHEAD = Claim("engine-overhead", "what a sample costs beside its answer, at 10,000", most=1.0, unit=" ms")
MEMORY = Claim("engine-memory", "memory that a sample adds, from 1,000 to 1,000,000", most=1.0, unit=" kB")
PEAK = Claim("engine-peak", "peak memory of a run of 1,000,000 samples", unit=" MB")


def install(site: Path) -> None:
    """``benchmarks.instant`` as a package that was installed."""
    info = site / "instant-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: instant\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ddtbench.catalog]\ninstant = benchmarks.instant:ENTRIES\n")


def ask(site: Path, count: int, out: Path) -> tuple[float, float]:
    """(seconds, peak MB) of one run. Raises SystemExit where it fails."""
    words = ["run", f"instant@{count}", "--model", "instant", "--workers", "1", "--device", "cpu", "--out", str(out)]
    paths = [str(site), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    told = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "harness.cli", *words], env=told, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"ddtbench {' '.join(words)} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--samples", type=int, default=MANY, help="of the longest run (default: %(default)s)")

    bench = Bench.begin(__doc__, add)
    some, many = bench.sized(SOME, 400), bench.sized(bench.options.samples, 1000)
    with tempfile.TemporaryDirectory() as scratch:
        site, number = Path(scratch) / "site", iter(range(1000))
        install(site)

        def run(count: int) -> tuple[float, float]:
            return ask(site, count, Path(scratch) / f"runs-{next(number)}")

        turns = take_turns(
            {"some": lambda: run(some), "few": lambda: run(FEW)}, bench.sized(5, 1), warm=bench.sized(1, 0)
        )
        each = [1000 * (a - b) / (some - FEW) for a, b in zip(turns.seconds["some"], turns.seconds["few"], strict=True)]
        bench.state(OVERHEAD, Ratio.of(each), f"{some:,} samples less {FEW}, one worker, batches of 32")
        least, (seconds, peak) = run(1000)[1], run(many)
        told = f"{many:,} samples in {seconds:.0f} s: {peak:,.0f} MB; 1,000: {least:,.0f} MB"
        if many == MANY:
            bench.state(MEMORY, Ratio.of([1000 * (peak - least) / (many - 1000)]), told)
            bench.state(PEAK, Ratio.of([peak]), told)
        else:
            print(told)
    bench.end()


if __name__ == "__main__":
    main()
