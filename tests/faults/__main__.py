"""``python tests/faults``: every fault many times, each followed by a resume, and a table of what came of it.

The exit code is 1 if anything was lost, or other than an undisturbed run's. ``--quick`` tries each a few times,
``--only WORD`` those whose name holds the word, ``--draws N`` draws other instants.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import fault_folders  # noqa: E402 (files beside this one)
import fault_processes  # noqa: E402
import fault_subjects  # noqa: E402
from fault_bench import Bench, Row, bench_folder  # noqa: E402

Fault = Callable[[Bench, int], Row]


def faults() -> list[tuple[str, Fault, int, int]]:
    """(name, how it is tried, how often in all, how often quickly)."""
    damages = [(name, fault, 6, 1) for name, fault in fault_folders.all_damages().items()]
    subjects = [(name, fault, 2, 1) for name, fault in fault_subjects.all_subjects().items()]
    return [
        ("SIGKILL of a worker", fault_processes.worker_killed, 50, 4),
        ("SIGKILL of the driver", fault_processes.driver_killed, 50, 6),
        ("SIGKILL of the driver's computing child", fault_processes.computing_killed, 50, 6),
        ("two drivers on one folder", fault_processes.two_drivers, 12, 3),
        ("full disk", fault_folders.full_disk, 20, 4),
        ("no room for a part", fault_folders.no_large_files, 12, 3),
        ("read-only folder", fault_folders.read_only, 12, 3),
        ("clock jumps", fault_processes.clock_jumps, 6, 2),
        ("files from the past and the future", fault_processes.times_of_files, 4, 1),
        ("a checkpoint replaced under the run", fault_processes.checkpoint_replaced, 12, 3),
        *subjects,
        *damages,
    ]


def main() -> int:
    words = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    words.add_argument("--quick", action="store_true", help="each fault a few times")
    words.add_argument("--only", default="", help="faults whose name holds this")
    words.add_argument("--draws", type=int, default=0, help="another number, other instants")
    asked = words.parse_args()
    rows: list[Row] = []
    begun = time.monotonic()
    with bench_folder() as folder:
        bench = Bench(Path(folder), asked.draws)
        for name, fault, often, quickly in faults():
            if asked.only in name:
                rows.append(fault(bench, quickly if asked.quick else often))
                print(f"{time.monotonic() - begun:5.0f} s  {rows[-1].fault}: {rows[-1].happened}", flush=True)
                for wrong in rows[-1].wrong:
                    print(f"         WRONG {wrong}", flush=True)
    print(f"\n{table(rows)}")
    broken = [row for row in rows if row.wrong]
    tried, took = sum(row.times for row in rows), time.monotonic() - begun
    print(f"\n{tried} faults of {len(rows)} kinds in {took:.0f} s; {len(broken)} kinds broke something")
    return 1 if broken or not rows else 0


def table(rows: list[Row]) -> str:
    """Markdown, as the guide has it."""
    lines = ["| fault | times | what happened | verdict |", "|---|---:|---|---|"]
    for row in rows:
        verdict = f"BROKEN: {row.wrong[0]}" if row.wrong else "holds" if row.times else "not tried"
        lines.append(f"| {row.fault} | {row.times} | {row.happened} | {verdict} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
