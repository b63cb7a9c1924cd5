"""How long a report on N samples takes, and how much memory, by a run that is made up.

    python benchmarks/large_report.py [1000000] [--models 2] [--runs FOLDER] [--unit-size 64] [--pictures]

Two models (or ``--models``) share the N samples: each was asked N / 2 questions of one task, in four strata, is right
on some of them, and failed on a few. The two are close, so that a paired test has to resample. They are written part by
part as ``ddtbench run`` and ``ddtbench measure`` write them, into FOLDER (kept, and not made again), else into a
temporary folder. With ``--pictures`` every sample holds two pictures. Then ``ddtbench report`` runs in a process of its
own. Printed are its seconds and its peak memory (of a million: at most 60 s and 2,000 MB), and the largest files.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.children import answer, ask_child, asked_of_child
from benchmarks.claims import Bench, Claim
from benchmarks.turns import Ratio
from harness.contracts import Estimate
from harness.spec import RunSpec
from harness.statistics import ratio_interval
from harness.store.parts import encode_samples
from harness.store.run_folder import RunFolder, case_set_digest

CLAIMED = 1_000_000
SECONDS = Claim("report-seconds", "report over 1,000,000 records, seconds", most=60.0, unit=" s")
MEMORY = Claim("report-memory", "report over 1,000,000 records, peak memory", most=2000.0, unit=" MB")
TASK, METRIC = "questions", "correct"
STRATA = ("colour", "count", "position", "shape")
FAILS_EACH = 5000
PICTURES = 64
FEW = 20
"""Resamples of the intervals that are stored: nobody reads them."""


def picture(seed: int, side: int = 32) -> bytes:
    """A PNG of blocks in some colours."""
    from PIL import Image

    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks.repeat(side // 4, 0).repeat(side // 4, 1)).save(buffer, "PNG")
    return buffer.getvalue()


def write_run(root: Path, model: str, count: int, seed: int, unit_size: int, pictures: bool) -> None:
    """One run of ``count`` cases, measured."""
    rng = np.random.default_rng(seed)
    right = rng.random(count) < 0.6 + 0.002 * seed
    ok = np.arange(count) % FAILS_EACH != FAILS_EACH - 1 - seed
    spec = RunSpec(model, 1, f"weights of {model}", TASK, 1, "made", unit_size=unit_size)
    folder = RunFolder.create_or_open(root, spec)
    drawn = [picture(number) for number in range(PICTURES)] if pictures else []
    names = [f"question-{number:07d}" for number in range(count)]
    with folder.writing():
        for unit, start in enumerate(range(0, count, unit_size)):
            places = range(start, min(start + unit_size, count))
            rows = [row(names[place], place, bool(ok[place]), bool(right[place]), drawn) for place in places]
            folder.folder.write(*part(f"{unit:05d}", encode_samples(rows, {"key": folder.key, "unit": f"{unit:05d}"})))
        measure(folder, names, ok, right)
        folder.write_manifest(
            parts=[item.file for item in folder.parts()],
            showing=showing(model, pictures),
            protocol={"request": {"model": model, "task": TASK}},
        )


def part(unit: str, data: bytes) -> tuple[str, bytes]:
    from harness.store.parts import Part

    return f"samples/{Part.of(unit, data).file}", data


def row(name: str, place: int, ok: bool, right: bool, drawn: list[bytes]) -> dict[str, Any]:
    images = {"reference": drawn[place % PICTURES], "output": drawn[(place * 7 + right) % PICTURES]} if drawn else {}
    return {
        "case": name,
        "group": f"scene-{place // 4:07d}",
        "stratum": STRATA[place % 4],
        "facts": json.dumps({"question": f"Which {STRATA[place % 4]} has thing {place}?", "answer": str(place % 9)}),
        "outcome": "ok" if ok else "failed",
        "reason": "" if ok else "ValueError: the model gave up",
        "images": [{"name": key, "image": {"bytes": png, "path": None}} for key, png in images.items() if ok],
        "codes": list(range(16)) if ok else [],
        "text": f"It is {place % 9 if right else place % 9 + 1}." if ok else "",
        "numbers": "{}",
    }


def measure(folder: RunFolder, names: list[str], ok: np.ndarray, right: np.ndarray) -> None:
    places = np.flatnonzero(ok)
    cases, scores = [names[place] for place in places], right[ok].astype(np.float64)
    groups, strata = [f"scene-{place // 4:07d}" for place in places], [STRATA[place % 4] for place in places]
    ones, failed = np.ones(len(cases)), int((~ok).sum())
    estimates = []
    for stratum in ("", *STRATA):
        mine = np.flatnonzero([stratum in ("", name) for name in strata])
        found = ratio_interval(scores[mine], ones[mine], [groups[place] for place in mine], resamples=FEW)
        ends = (found.value, found.low, found.high, found.method, len(mine), 0 if stratum else failed, "higher", "")
        estimates.append(Estimate(METRIC, 1, *ends, stratum=stratum, fingerprint={"reference": "made up"}))  # type: ignore[arg-type]
    table = {"metric": [METRIC] * len(cases), "case": cases, "group": groups, "stratum": strata}
    folder.write_measures(
        case_set_digest(names), pa.table({**table, "numerator": scores, "denominator": ones}), estimates
    )


def showing(model: str, pictures: bool) -> dict[str, Any]:
    task = {"title": TASK, "headline": [METRIC], "asked": ["{question}"], "verdict": METRIC}
    if pictures:
        task["pictures"] = [["picture", "reference"]]
    return {"task": task, "model": {"label": model}, "metrics": {METRIC: {"label": METRIC}}}


def report(runs: Path, to: Path) -> tuple[float, float]:
    """(seconds, peak MB) of ``ddtbench report``; whatever it says goes to the terminal."""
    began = time.monotonic()
    command = [sys.executable, "-m", "harness.cli", "report", str(runs), "--to", str(to)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"ddtbench report ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def main() -> None:
    if (request := asked_of_child()) is not None:
        write_run(**{**request, "root": Path(request["root"])})
        answer("written")
        return

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("samples", type=int, nargs="?", default=CLAIMED)
        parser.add_argument("--models", type=int, default=2)
        parser.add_argument("--runs", type=Path, help="where the runs are made and kept (default: a temporary folder)")
        parser.add_argument("--unit-size", type=int, default=128)
        parser.add_argument("--pictures", action="store_true")

    bench = Bench.begin(__doc__, add)
    given = bench.options
    samples = bench.sized(given.samples, 2_000)
    with tempfile.TemporaryDirectory() as scratch:
        runs = given.runs or Path(scratch) / "runs"
        if not runs.exists():
            each = {"count": samples // given.models, "unit_size": given.unit_size, "pictures": given.pictures}
            # in processes of their own: the peak of the one that reports begins with the memory of this one
            for seed in range(given.models):
                ask_child(__file__, {**each, "root": str(runs), "model": f"model-{seed + 1}", "seed": seed}, 1)
        seconds, peak = report(runs, Path(scratch) / "report")
        sizes = [(path.stat().st_size, path) for path in (Path(scratch) / "report").rglob("*") if path.is_file()]
        for size, path in sorted(sizes, reverse=True)[:5]:
            print(f"{size / 1e6:8.2f} MB  {path.relative_to(Path(scratch) / 'report')}")
        print(f"{sum(size for size, _ in sizes) / 1e6:8.2f} MB  in all, {len(sizes)} files")
    told = f"{samples:,} samples of {given.models} models{', with pictures' if given.pictures else ''}"
    for claim, found in ((SECONDS, seconds), (MEMORY, peak)):
        if samples != CLAIMED or given.pictures:  # another claim, of which nothing is asked
            name, what = (
                f"{claim.name}-{samples}{'-pictures' * given.pictures}",
                claim.what.replace(f"{CLAIMED:,}", f"{samples:,}"),
            )
            claim = Claim(name, what, unit=claim.unit)
        bench.state(claim, Ratio.of([found]), told)
    bench.end()


if __name__ == "__main__":
    main()
