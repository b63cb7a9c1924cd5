"""The package that the faults are tried on, installed as somebody else's: a task, an instrument, a metric, and models
that misbehave as their argument says. Nothing of it is heavy, and every batch takes a moment, so that a random instant
falls into any stage of a run."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.answers import pixels_of
from harness.contracts import Case, InstrumentEntry, MetricEntry, ModelEntry, Sample, ShownTask, TaskEntry
from harness.seeding import rng_for

SIDE = 8
GUILTY = 5
"""The case at which a model misbehaves."""
MOMENT = "FAULTS_MOMENT"
"""Seconds that a batch takes, of asking and of looking."""


def rest() -> None:
    time.sleep(float(os.environ.get(MOMENT, "0.02")))


class Painter:
    """A picture for a picture: darker by ``shade``, with noise that depends on the seed alone. ``how``: what it does
    when it is shown the guilty case."""

    version = 1

    def __init__(self, how: str, shade: int = 0, digest: str | None = None) -> None:
        self.how, self.shade, self.checkpoint_digest = how, shade, digest

    def paint(self, numbers: Sequence[int], images: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        rest()
        noise = np.stack([np.random.default_rng(seed).random((3, SIDE, SIDE)) for seed in seeds])
        made = (np.clip(images - self.shade / 255, 0, 1) * 0.9 + noise * 0.1).astype(np.float32)
        return self.misbehave(made) if GUILTY in numbers else made

    def misbehave(self, made: np.ndarray) -> np.ndarray:
        how = self.how
        if how == "raises":
            raise RuntimeError("a fault of the model")
        if how == "hangs":
            time.sleep(600)
        if how == "ends":
            os._exit(0)
        if how == "is-killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "eats-memory":
            eaten = []
            while True:
                eaten.append(bytearray(64 << 20))
        if how == "makes-nan":
            made[:, 0, 0, 0] = np.nan
        return {"wrong-shape": made[..., : SIDE // 2], "wrong-count": made[:-1]}.get(how, made)


def open_painter(source: str, device: str) -> Painter:
    return Painter(source or "well")


def open_weighed(source: str, device: str) -> Painter:
    """Its weights are a file that says how dark it paints."""
    content = Path(source).read_bytes()
    return Painter("well", int(content), hashlib.sha256(content).hexdigest())


class Pictures:
    """Every case shows a picture and gets one."""

    version, examines, data_revision = 1, "Paints", "1"
    instruments, metrics = ("fault-light",), ("fault-error", "fault-brightness")
    fingerprint: Mapping[str, Any] = {"side": SIDE}

    def __init__(self, count: int) -> None:
        self.count, self.name = count, f"faults-{count}"

    def cases(self) -> list[Case]:
        return [Case(f"case-{n:04d}", group=f"group-{n // 2}", facts={"n": n}) for n in range(self.count)]

    def load(self, case: Case) -> np.ndarray:
        return rng_for("faults", case.id).random((3, SIDE, SIDE)).astype(np.float32)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> list[Sample]:
        shown = np.stack(inputs)
        made = subject.paint([case.facts["n"] for case in cases], shown, seeds)
        reference, output = pixels_of(shown, len(cases), SIDE), pixels_of(made, len(cases), SIDE)
        errors = np.abs(reference.astype(float) - output).mean(axis=(1, 2, 3)).tolist()
        return [
            Sample(case, images={"reference": one, "output": other}, numbers={"error": error})
            for case, one, other, error in zip(cases, reference, output, errors, strict=True)
        ]

    def probe(self, subject: Any) -> Mapping[str, float]:
        return {"parameters": 0.0}


def build(argument: str, subject: Any) -> Pictures:
    return Pictures(int(argument or 40))


class Light:
    name, digest = "fault-light", "light-1"

    def unavailable(self) -> str:
        return ""

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[float]]:
        rest()
        return {"mean": [float(sample.images["output"].mean()) for sample in samples]}


class Error:
    name, version, direction, unit, worst, needs = "fault-error", 1, "lower", "", None, ("number.error",)

    def parts(self, columns: Any) -> tuple[np.ndarray, np.ndarray]:
        errors = np.asarray(columns["number.error"], dtype=np.float64)
        return errors, np.ones_like(errors)

    def reasons(self, columns: Any) -> list[str]:
        return ["dark" if error > 8 else "" for error in columns["number.error"]]


class Brightness:
    name, version, direction, unit, worst, needs = "fault-brightness", 1, "none", "", None, ("fault-light.mean",)

    def parts(self, columns: Any) -> tuple[np.ndarray, np.ndarray]:
        means = np.asarray(columns["fault-light.mean"], dtype=np.float64)
        return means, np.ones_like(means)


PAINTS = {"provides": ("Paints",)}
ENTRIES = (
    ModelEntry("faulty", "fault_catalog:open_painter", "paints, or misbehaves as its argument says", **PAINTS),
    ModelEntry("weighed", "fault_catalog:open_weighed", "paints as dark as a file says", **PAINTS),
    TaskEntry("faults", "fault_catalog:build", "pictures for pictures", shown=ShownTask("faults", ("fault-error",))),
    InstrumentEntry("fault-light", "fault_catalog:Light", "how light is it?"),
    MetricEntry("fault-error", "fault_catalog:Error", "how far from the reference"),
    MetricEntry("fault-brightness", "fault_catalog:Brightness", "mean brightness"),
)
