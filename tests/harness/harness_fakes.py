"""Fakes that are fast and need no torch: a subject, a task and an instrument that fail where they are told to."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.seeding import rng_for
from harness.spec import RunSpec


class FakeSubject:
    """A tokenizer in NumPy: 4 codes, the mean of each quadrant; decoding adds noise that depends on the seed alone."""

    code_count = 4
    codebook_size = 256

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(len(images))
        size = images.shape[1] // 2
        blocks = images.reshape(len(images), 2, size, 2, size, 3)
        return blocks.mean(axis=(2, 4, 5)).reshape(len(images), 4).astype(np.int64)

    def decode(self, codes: np.ndarray, seeds: Sequence[int], size: int) -> np.ndarray:
        flat = np.repeat(np.repeat(codes.reshape(-1, 2, 2), size // 2, 1), size // 2, 2)[..., None]
        noise = np.stack([np.random.default_rng(seed).integers(0, 8, (size, size, 3)) for seed in seeds])
        return np.clip(flat + noise, 0, 255).astype(np.uint8)


class TorchSubject(FakeSubject):
    """The same with a convolution, whose sums torch splits by its threads."""

    def encode(self, images: np.ndarray) -> np.ndarray:
        import torch

        weight = torch.randn(64, 3, 5, 5, generator=torch.Generator().manual_seed(0))
        features = torch.conv2d(torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float(), weight, padding=2)
        return (features.flatten(1) @ features.flatten(1).T).abs().mul(1e6).long().sum(1, keepdim=True).expand(
            -1, 4
        ).numpy() % 256


@dataclass(frozen=True)
class FakeTask:
    """``count`` random images: ``bad_load`` cannot be loaded, ``bad_ask`` break their batch, ``deadly`` kill it all,
    and ``orphaning`` the parent too."""

    count: int = 20
    size: int = 8
    bad_load: tuple[int, ...] = ()
    bad_ask: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()
    hanging: tuple[int, ...] = ()
    orphaning: tuple[int, ...] = ()
    seconds: float = 0.0
    name: str = "fake"
    version: int = 1
    examines: str = "ImageTokenizer"
    data_revision: str = "r1"
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    instruments: tuple[str, ...] = ("brightness",)
    metrics: tuple[str, ...] = ()

    def cases(self) -> list[Case]:
        return [
            Case(f"case-{i:04d}", f"group-{i // 2}", "even" if i % 2 == 0 else "odd", {"n": i})
            for i in range(self.count)
        ]

    def load(self, case: Case) -> np.ndarray:
        if case.facts["n"] in self.bad_load:
            raise ValueError(f"{case.id}.png: the file is empty")
        return rng_for("fake", case.id).integers(0, 256, (self.size, self.size, 3)).astype(np.uint8)

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> list[Sample]:
        time.sleep(self.seconds)
        numbers = [case.facts["n"] for case in cases]
        if set(numbers) & set(self.deadly):
            os.kill(os.getpid(), signal.SIGKILL)
        if set(numbers) & set(self.orphaning):
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        if set(numbers) & set(self.hanging):
            time.sleep(600)
        if set(numbers) & set(self.bad_ask):
            raise RuntimeError(f"cannot ask {len(cases)} cases at <object at 0x7f3a12345678>")
        images = np.stack(inputs)
        codes = subject.encode(images)
        decoded = subject.decode(codes, seeds, self.size)
        return [
            Sample(
                case, images={"reference": images[i], "output": decoded[i]}, codes=codes[i], numbers={"order": float(i)}
            )
            for i, case in enumerate(cases)
        ]

    def probe(self, subject: Any) -> Mapping[str, float]:
        return {"parameters": 0.0}


@dataclass(frozen=True)
class Brightness:
    """The mean of the output, as a float, an int, a string and a vector; it raises on the cases in ``bad``."""

    bad: tuple[str, ...] = ()
    nan: tuple[str, ...] = ()
    digest: str = "d1"
    missing: str = ""
    name: str = "brightness"
    seen: list[int] = field(default_factory=list)

    def unavailable(self) -> str:
        return self.missing

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        self.seen.append(len(samples))
        if any(sample.case.id in self.bad for sample in samples):
            raise RuntimeError("too dark")
        means = [float(sample.images["output"].mean()) for sample in samples]
        return {
            "mean": [float("nan") if s.case.id in self.nan else mean for s, mean in zip(samples, means, strict=True)],
            "level": [int(mean) for mean in means],
            "word": [f"{mean:.0f}" for mean in means],
            "vector": [sample.images["output"].mean(axis=(0, 1)).astype(np.float32) for sample in samples],
        }


@dataclass(frozen=True)
class Odd(Brightness):
    """Does something else than looking, at the cases in ``at`` or with more than ``most`` samples."""

    at: tuple[str, ...] = ()
    does: str = ""
    most: int = 99

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        if len(samples) > self.most:
            raise MemoryError
        if any(sample.case.id in self.at for sample in samples):
            if self.does == "refuse":
                raise UserError("no weights of mine")
            if self.does == "hang":
                time.sleep(60)
            os._exit(3)
        return super().observe(samples)


@dataclass(frozen=True)
class Where(Brightness):
    """Says which process looked."""

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        return {"process": [os.getpid()] * len(samples)}


def spec_for(task: FakeTask, **changes: Any) -> RunSpec:
    """A spec with small batches and units."""
    values: dict[str, Any] = {"batch": 4, "unit_size": 8, **changes}
    return RunSpec("fake-model", 1, "", task.name, task.version, task.data_revision, **values)


def part_bytes(path: str) -> dict[str, str]:
    """File -> SHA-256 of every Parquet file under a local folder."""
    found = {}
    for parent, _, files in os.walk(path):
        for file in files:
            if file.endswith(".parquet"):
                with open(os.path.join(parent, file), "rb") as handle:
                    found[os.path.relpath(os.path.join(parent, file), path)] = hashlib.sha256(handle.read()).hexdigest()
    return found


def open_ahead(folder: str, name: str) -> None:
    """What a worker does before there is a job: leaves a file, says something, and may fail."""
    Path(folder, f"opened-{os.getpid()}").touch()
    print("ahead", file=sys.stderr)
    if name == "raising":
        raise SystemExit("ahead of its time")
