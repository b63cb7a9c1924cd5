"""Peak memory of a Frechet distance over 1,000, 10,000 and 50,000 pictures of 32 pixels: it must not grow.

    python benchmarks/fid_memory.py --pictures 1000 --pictures 10000 --pictures 50000

Each count runs in a process of its own, three ways:

* ``moments``: pictures through a small random network, batch by batch, into streaming float64 moments, and the
  distance of two such sets (the real network at 299 pixels would take hours here; the state has the same form);
* ``run``: a run folder that holds stored features of that many pictures, measured with its jackknife interval, as
  ``ddtbench measure`` does;
* ``all-in-memory``: the features are kept and put through ``np.cov``, as clean-fid and pytorch-fid do.

Printed is the rise of the peak resident memory over what the process had before, in MB, and the distance.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from harness.contracts import Case, Sample
from harness.measure import measure
from harness.metrics.feature_sets import Gaussian
from harness.metrics.frechet import Frechet, between
from harness.metrics.moments import Moments
from harness.spec import RunSpec
from harness.store.parts import encode_observations, encode_samples, sample_row
from harness.store.run_folder import RunFolder, observations_folder

BATCH, SIDE = 250, 32
WAYS = ("moments", "run", "all-in-memory")


def make_network(width: int) -> nn.Module:
    """A random network from pictures to ``width`` features."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, width)
    )
    return layers.eval().requires_grad_(False)


def features(network: nn.Module, count: int, seed: int) -> Iterator[np.ndarray]:
    """Of noise pictures, one batch at a time."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(0, count, BATCH):
        pictures: Tensor = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
        contrast = torch.rand((BATCH, 1, 1, 1), generator=generator) * (1 + seed)
        with torch.inference_mode():
            yield network(contrast * (pictures.float() / 127.5 - 1)).numpy()


def by_moments(count: int, width: int) -> float:
    """Streaming."""
    network = make_network(width)
    return between(*(Moments.over(features(network, count, seed)) for seed in (0, 1)))


def in_memory(count: int, width: int) -> float:
    """All features at once."""
    network = make_network(width)
    sets = [np.concatenate(list(features(network, count, seed))).astype(np.float64) for seed in (0, 1)]
    parts = [part for rows in sets for part in (rows.mean(axis=0), np.cov(rows, rowvar=False))]
    return Gaussian(*parts[:2]).distance(Gaussian(*parts[2:]))


def write_run(root: str, count: int, width: int) -> None:
    """A run folder whose instrument has seen ``count`` pictures."""
    folder = RunFolder.create_or_open(
        root, RunSpec("noise", 1, "", "fid-memory", 1, "r1", batch=BATCH, unit_size=BATCH)
    )
    network = make_network(width)
    for unit, (output, reference) in enumerate(zip(*(features(network, count, seed) for seed in (0, 1)), strict=True)):
        names = [f"case-{unit * BATCH + row:06d}" for row in range(BATCH)]
        rows = [sample_row(Sample(Case(name, name))) for name in names]
        part = folder.write_part(f"{unit:05d}", encode_samples(rows, {}))
        columns = {"output": list(output), "reference": list(reference)}
        data = encode_observations(names, columns, [""] * BATCH, {"samples": part.digest})
        folder.write_part(part.unit, data, observations_folder("net", "random"))
    folder.write_manifest(instruments={"net": "random"})


def of_run(root: str) -> float:
    """The stored features, measured."""
    folder = RunFolder.open(next(path.parent for path in Path(root).rglob("spec.json")))
    (estimate,) = measure(folder, [Frechet("fd", "net")], {})
    assert estimate.value is not None
    return estimate.value


def peak() -> float:
    """Of the resident memory of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(way: str, count: int, width: int, root: str) -> None:
    """What a child prints."""
    # What every way needs once: libraries, the network, one batch, and the square matrices of the distance.
    by_moments(BATCH, width)
    before, begun = peak(), time.perf_counter()
    distance = of_run(root) if way == "run" else (by_moments if way == "moments" else in_memory)(count, width)
    seconds = time.perf_counter() - begun
    print(f"{way:>14} {count:>7,} pictures  +{peak() - before:7.1f} MB  {seconds:6.1f} s  distance {distance:.6g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, action="append", help="how many; can be repeated")
    parser.add_argument("--width", type=int, default=512, help="features per picture")
    parser.add_argument("--child", nargs=3, metavar=("WAY", "COUNT", "ROOT"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.child:
        one(told.child[0], int(told.child[1]), told.width, told.child[2])
        return
    for count in told.pictures or (1_000, 10_000, 50_000):
        with tempfile.TemporaryDirectory() as root:
            write_run(root, count, told.width)
            for way in WAYS:
                command = [sys.executable, __file__, "--width", str(told.width), "--child", way, str(count), root]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
