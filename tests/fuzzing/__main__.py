"""``python tests/fuzzing --inputs 100000``: every target in a process of its own, and a table of what came of it.

What an input broke is written to ``tests/fuzzing/corpus/TARGET/``, where the default suite replays it for ever.
``--state FILE`` adds to what earlier calls counted, for a machine on which no command may take long.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import fuzz_oracle  # noqa: E402 (a file beside this one)
import fuzz_targets  # noqa: E402

BATCH = 200
MEMORY = 24 << 30
"""Bytes of address space: an input that asks for more is an error, and no dead machine."""
KEPT = 5
"""Inputs of one kind of fault that are kept."""


def run_target(name: str, inputs: int, start: int, seconds: float, to: str) -> None:
    """Draw and judge; the counts go to the file ``to`` after each batch."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    target = fuzz_targets.TARGETS[name]
    counts: Counter[str] = Counter()
    faults: dict[str, list[str]] = {}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        target.prepare(Path(folder))

        def once(data: bytes) -> None:
            counts["inputs"] += 1
            Path(to).with_suffix(".input").write_bytes(data)
            try:
                counts[fuzz_oracle.judge(target.read, data, Path(folder), target.refusals)] += 1
            except fuzz_oracle.Wrong as error:
                counts["wrong"] += 1
                kind = str(error).partition(": ")[0]
                seen = faults.setdefault(kind, [])
                if len(seen) < KEPT:
                    seen.append(f"{_kept(name, data)} {error}")

        batch = 0
        while counts["inputs"] < inputs and time.monotonic() - begun < seconds:
            size = min(BATCH, inputs - counts["inputs"])
            drawn = given(target.inputs())(once)
            quiet = settings(
                max_examples=size,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            before = counts["inputs"]
            seed(start * 1_000_003 + batch)(quiet(drawn))()
            batch += 1
            content = {"counts": counts, "faults": faults, "seconds": time.monotonic() - begun}
            Path(to).write_text(json.dumps(content))
            if counts["inputs"] == before:  # no other input is left to be drawn
                break


def _kept(name: str, data: bytes) -> str:
    place = HERE / "corpus" / name / hashlib.sha256(data).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place.name


def main() -> int:
    words = argparse.ArgumentParser(prog="python tests/fuzzing", description=__doc__)
    words.add_argument("--inputs", type=int, default=100_000, help="of all targets together")
    words.add_argument("--target", action="append", choices=sorted(fuzz_targets.TARGETS), default=[])
    words.add_argument("--seconds", type=float, default=3600.0, help="after which no further target is begun")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--state", type=Path, help="a file to which counts are added")
    asked = words.parse_args()
    names = asked.target or list(fuzz_targets.TARGETS)
    state: dict[str, Any] = json.loads(asked.state.read_text()) if asked.state and asked.state.is_file() else {}
    weights = {name: fuzz_targets.TARGETS[name].weight for name in names}
    end = time.monotonic() + asked.seconds
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as folder:
        for name in names:
            due = round(asked.inputs * weights[name] / sum(weights.values()))
            known = state.setdefault(name, {"counts": {}, "faults": {}, "seconds": 0.0})
            left = due - known["counts"].get("inputs", 0)
            if left <= 0 or time.monotonic() >= end:
                continue
            to = f"{folder}/{name}.json"
            start = asked.seed + known["counts"].get("inputs", 0)
            child = context.Process(target=run_target, args=(name, left, start, end - time.monotonic(), to))
            child.start()
            child.join()
            if Path(to).is_file():
                made = json.loads(Path(to).read_text())
                known["counts"] = dict(Counter(known["counts"]) + Counter(made["counts"]))
                known["seconds"] += made["seconds"]
                known["faults"] |= made["faults"]
            if child.exitcode:
                data = Path(to).with_suffix(".input").read_bytes()
                known["faults"][f"the process died ({child.exitcode})"] = [_kept(name, data)]
            if asked.state:
                asked.state.write_text(json.dumps(state, indent=1))
            print(_row(name, known), flush=True)
    return _table({name: state[name] for name in names})


def _row(name: str, found: dict[str, Any]) -> str:
    counts = found["counts"]
    numbers = (f"{counts.get(word, 0):>8,}" for word in ("inputs", "read", "refused", "wrong"))
    return f"{name:<28} {' '.join(numbers)} {found['seconds']:>8.0f}"


def _table(state: dict[str, Any]) -> int:
    print(f"\n{'target':<28} {'inputs':>8} {'read':>8} {'refused':>8} {'wrong':>8} {'seconds':>8}")
    for name, found in state.items():
        print(_row(name, found))
    total: Counter[str] = Counter()
    for found in state.values():
        total.update(found["counts"])
    print(_row("all", {"counts": total, "seconds": sum(found["seconds"] for found in state.values())}))
    faults = [(name, kind, seen) for name, found in state.items() for kind, seen in found["faults"].items()]
    for name, kind, seen in faults:
        print(f"{name}: {kind}\n    " + "\n    ".join(seen[:2]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
