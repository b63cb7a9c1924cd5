"""MME through us and through lmms-eval: the same small model, 2,374 synthetic questions in the official schema.

    python benchmarks/mme.py

Both ask ``ddt-llama`` in the same words and in batches of the same size, in one process with all cores, by their
commands as a user gives them: ``ddtbench run mme-lmms-eval@FILE`` and ``lmms_eval --tasks mme``. The total that
lmms-eval states must be ours. Seconds per question are those of all questions less those of the first tenth, so that
start-up, loading and the model's opening fall away; the start-up is told beside it.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.claims import THREADS, Bench, Claim
from benchmarks.machine import cores
from benchmarks.turns import Ratio
from harness.environment import package_version
from harness.store.run_folder import RunFolder, find_run_folders
from tasks.lmms.call import Call, ask
from tasks.lmms.definition import definition_of
from tasks.mme.world import world_parquet

QUESTION = Claim("mme-question", "MME: seconds per question beside lmms-eval, start-up apart", most=0.7)
STARTUP = Claim("mme-startup", "MME: start-up of the command beside lmms-eval's")
QUESTIONS, MODEL, BATCH = 2374, "ddt-llama", 64
TOTAL = "mme-total-lmms-eval"
PLACE = "lmms/lmms-lab-encoder/MME/data/test-00000-of-00001.parquet"
EQUAL = 1e-9


@dataclass(frozen=True)
class Asked:
    """What a command took, and the total that it states."""

    seconds: float
    total: float


Program = Callable[[Path, Path, int], Asked]


def write_questions(path: Path, count: int) -> None:
    """On scenes of the embedded world, half of them with the answer yes."""
    path.parent.mkdir(parents=True)
    whole = pq.read_table(io.BytesIO(world_parquet("seen", -(-count // 8))))
    pq.write_table(whole.slice(0, count), path)


def through_us(data: Path, scratch: Path, count: int) -> Asked:
    """The first ``count`` questions, which are half as many cases."""
    words = ["run", f"mme-lmms-eval@{data / PLACE}", "--model", MODEL, "--limit", str(count // 2)]
    words += [
        "--out",
        str(scratch),
        "--batch",
        str(BATCH),
        "--workers",
        "1",
        "--threads",
        str(cores()),
        "--device",
        "cpu",
    ]
    begun = time.perf_counter()
    told = {**os.environ, **dict.fromkeys(THREADS, str(cores()))}
    command = [sys.executable, "-m", "harness.cli", *words]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"ddtbench run ended with {done.returncode}: {done.stderr[-500:]}")
    (folder,) = find_run_folders(scratch)
    return Asked(seconds, total_of(folder))


def total_of(folder: RunFolder) -> float:
    """Over all subtasks, as lmms-eval reads the answers."""
    found = [item.value for item in folder.read_estimates() if item.metric == TOTAL and not item.stratum]
    assert len(found) == 1 and found[0] is not None
    return found[0]


def through_lmms_eval(data: Path, scratch: Path, count: int) -> Asked:
    call = Call(definition_of("mme"), MODEL, "cpu", count, BATCH, cores(), scratch / "work")
    begun = time.perf_counter()
    result = ask(call, lambda row, failed: None)
    return Asked(time.perf_counter() - begun, result.stated["mme_perception_score"])


@dataclass
class Measured:
    """Of one program, a number for each round."""

    each: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)

    def add(self, program: Program, data: Path, scratch: Path, counts: tuple[int, int]) -> float:
        """Ask twice; the total of the larger count."""
        few, many = (program(data, scratch / str(count), count) for count in counts)
        self.each.append((many.seconds - few.seconds) / (counts[1] - counts[0]))
        self.start.append(few.seconds - counts[0] * self.each[-1])
        return many.total


def main() -> None:
    bench = Bench.begin(__doc__)
    counts, rounds = bench.sized(((236, QUESTIONS), 2), ((8, 24), 1))
    ours, theirs = Measured(), Measured()
    with tempfile.TemporaryDirectory() as place:
        data = Path(place, "data")
        os.environ |= {"DDTBENCH_DATA": str(data), "HF_DATASETS_CACHE": str(Path(place, "cache"))}
        write_questions(data / PLACE, counts[1])
        for number in range(rounds):
            totals = (
                ours.add(through_us, data, Path(place, f"ours-{number}"), counts),
                theirs.add(through_lmms_eval, data, Path(place, f"theirs-{number}"), counts),
            )
            bench.require(abs(totals[0] - totals[1]) <= EQUAL, f"totals {totals}")
            for name, found in (("ours", ours), ("lmms-eval", theirs)):
                print(f"    {name}: {1000 * found.each[-1]:.2f} ms a question, start-up {found.start[-1]:.1f} s")
    release = package_version("lmms-eval")
    told = f"lmms-eval {release}; {counts[1]:,} questions in batches of {BATCH}, total {totals[0]:.2f}"
    pairs = list(zip(ours.each, theirs.each, strict=True))
    took = f"{1000 * pairs[-1][0]:.3g} ms and {1000 * pairs[-1][1]:.3g} ms a question"
    bench.state(QUESTION, Ratio.of([one / two for one, two in pairs]), f"{took}; {told}")
    starts = list(zip(ours.start, theirs.start, strict=True))
    took = f"{starts[-1][0]:.3g} s and {starts[-1][1]:.3g} s"
    bench.state(STARTUP, Ratio.of([one / two for one, two in starts]), took)
    bench.end()


if __name__ == "__main__":
    main()
