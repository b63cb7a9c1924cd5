"""A package with a task that takes its time, for 'ddtbench run' in a child: what goes on can be looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "harness"))

from plugin_packages import write_plugin

CATALOG = """
import os
import time
from pathlib import Path

import numpy as np

from harness.contracts import Case, MetricEntry, ModelEntry, Sample, ShownTask, SuiteEntry, TaskEntry
from harness.spec import SuiteSpec

COLOURS = np.array([[208, 48, 48], [47, 125, 58], [47, 85, 196], [217, 177, 30]], np.uint8)


class Painting:
    version, data_revision, examines, instruments, metrics = 1, "1", "Paints", (), ("painted",)
    name, fingerprint = "slow-painting", {}

    def cases(self):
        names = [f"wall-{n:02d}" for n in range(24)]
        return [Case(name, name, facts={"prompt": f"a wall in colour {name[-2:]} <b>"}) for name in names]

    def load(self, case):
        return int(case.id[-2:])

    def ask(self, subject, cases, inputs, seeds):
        until = time.monotonic() + 60
        gate = Path(os.environ["GATE"], f"wall-{inputs[0] // 2 * 2:02d}")
        while not gate.exists() and time.monotonic() < until:
            time.sleep(0.01)
        if 5 in inputs:
            raise ValueError("<i>number five</i> is not painted")
        return [
            Sample(case, images={"output": np.broadcast_to(COLOURS[n % 4], (8, 8, 3)).copy()}, text=f"wall {n}",
                   numbers={"good": float(n % 2)})
            for case, n in zip(cases, inputs)
        ]

    def probe(self, subject):
        return {}


class Painted:
    name, version, direction, unit, worst, needs = "painted", 1, "higher", "", 0.0, ("number.good",)

    def parts(self, columns):
        good = np.asarray(columns["number.good"], dtype=np.float64)
        return good, np.ones_like(good)


def build(argument, subject):
    return Painting()


def painter(source, device):
    return object()


def suite():
    return SuiteSpec.of("slow", ["painter"], ["slow-painting"], batch=2, unit_size=4)


HERE = "slow_catalog"
ENTRIES = (
    ModelEntry("painter", f"{HERE}:painter", "paints", provides=("Paints",)),
    TaskEntry("slow-painting", f"{HERE}:build", "walls", shown=ShownTask("walls", ("painted",), asked=("{prompt}",))),
    MetricEntry("painted", f"{HERE}:Painted", "share of walls that are painted"),
    SuiteEntry("slow", f"{HERE}:suite", "one painter"),
)
"""


class SlowRun:
    """'ddtbench run slow' in a child; ``open_until`` lets it paint so many walls (two at a time)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.gate = folder, folder / "gate"
        self.gate.mkdir(parents=True)
        write_plugin(folder / "site", "slow", CATALOG)
        paths = os.pathsep.join([str(folder / "site"), *filter(None, sys.path)])
        self.child = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", "run", "slow", "--out", str(folder / "runs")],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths, "GATE": str(self.gate)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def open_until(self, walls: int) -> None:
        for number in range(0, walls, 2):
            (self.gate / f"wall-{number:02d}").touch()

    def end(self) -> None:
        self.child.kill()
        self.child.wait()


def eventually(found: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it is so before the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found():
            return True
        time.sleep(0.05)
    return found()
