"""What a Frechet distance costs beside torchmetrics, torch-fidelity and pytorch-fid, on one thread, side by side.

    python benchmarks/fid_speed.py                 # 2,048 dimensions, best of 3; on an idle machine, about 3 minutes
    python benchmarks/fid_speed.py --width 512 --repeats 1

Three questions, on drawn features with a spread of scales:

* **from statistics**: two means and covariances are there (of 5,000 vectors each). To reach: 0.6 times the fastest;
* **500 pictures**: two times 500 vectors are there, their statistics are not. To reach: 0.1 times the fastest;
* **with its interval**: the value of two times 5,000 vectors and its 95 % interval, against the value alone, both from
  the vectors. To reach: 3 times the value alone.

Tools take turns, so that what else the machine does falls on all of them. Printed are the best time of each in seconds,
the ratio, and how far the values lie apart. Exit code 1 where a ratio is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import torch

from harness.influences import Shares, share_interval
from harness.metrics.feature_sets import Gaussian
from tasks.world.measures import fd_world

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SEVERAL, FEW = 5000, 500
LIMITS = {"from statistics": 0.6, "500 pictures": 0.1, "with its interval": 3.0}

Statistics = tuple[np.ndarray, np.ndarray]


def features(count: int, width: int, seed: int) -> np.ndarray:
    """Float32, correlated, standard deviations over a factor of about 20."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(width) + rng.normal(size=(width, width)) / (2 * np.sqrt(width))
    scaled = rng.normal(size=(count, width)) * np.exp(rng.normal(size=width) * 0.7)
    return (scaled @ mixing + 0.1 * rng.normal(size=width)).astype(np.float32)


def statistics(rows: np.ndarray) -> Statistics:
    """As the tools make them."""
    return rows.mean(axis=0, dtype=np.float64), np.cov(rows.astype(np.float64), rowvar=False)


def peers() -> dict[str, Callable[[Statistics, Statistics], float]]:
    """Name -> distance of two (mean, covariance)."""
    from torch_fidelity.metric_fid import fid_statistics_to_metric
    from torchmetrics.image.fid import _compute_fid

    def fidelity(one: Statistics, two: Statistics) -> float:
        first, second = ({"mu": mean, "sigma": covariance} for mean, covariance in (one, two))
        return float(fid_statistics_to_metric(first, second, verbose=False)["frechet_inception_distance"])

    def metrics(one: Statistics, two: Statistics) -> float:
        return float(_compute_fid(*(torch.from_numpy(part) for part in (*one, *two))))

    def pytorch(one: Statistics, two: Statistics) -> float:
        return float(calculate_Gaussian(*one).distance(Gaussian(*two)))

    return {"torchmetrics": metrics, "torch-fidelity": fidelity, "pytorch-fid": pytorch}


def value(output: np.ndarray, reference: np.ndarray) -> float:
    """Ours, from vectors."""
    metric = fd_world()
    return metric.value(metric.state(dict(zip(metric.needs, (output, reference), strict=True))))


def value_with_interval(output: np.ndarray, reference: np.ndarray) -> float:
    """The same, with the interval of two sets that are not paired."""
    metric = fd_world()
    needs = dict(zip(metric.needs, (output, reference), strict=True))
    sides = [{**needs, metric.needs[1]: reference[:0]}, {**needs, metric.needs[0]: output[:0]}]
    found = metric.influences(metric.state(needs), lambda: iter(sides))
    assert found is not None
    of = ["output"] * len(output) + ["reference"] * len(reference)
    shares = Shares.of(found.shares, [f"{place:06d}" for place in range(len(of))], of)
    interval = share_interval(found.value, shares, found.twice)
    assert interval.low is not None
    return interval.value


def best_of(repeats: int, calls: Mapping[str, Callable[[], float]]) -> tuple[dict[str, float], dict[str, float]]:
    """(seconds, value) of each call; the calls take turns."""
    times, values = dict.fromkeys(calls, float("inf")), {}
    for _ in range(repeats):
        for name, call in calls.items():
            begun = time.perf_counter()
            values[name] = call()
            times[name] = min(times[name], time.perf_counter() - begun)
    return times, values


def told(question: str, times: Mapping[str, float], values: Mapping[str, float]) -> bool:
    """Print a block; whether the first is fast enough beside the fastest of the others."""
    ours, *others = times
    ratio = times[ours] / min(times[name] for name in others)
    apart = max(abs(values[name] - values[ours]) for name in others) / abs(values[ours])
    print(f"{question}: {ratio:.3f} of the fastest other (to reach: {LIMITS[question]}); values within {apart:.1e}")
    for name, seconds in times.items():
        print(f"    {name:<16}{seconds:8.3f} s", flush=True)
    return ratio <= LIMITS[question]


def main() -> None:
    """Ask the three questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # SciPy's, about the peers' matrix square roots
    x, y = (features(SEVERAL, options.width, seed) for seed in (1, 2))
    one, two = statistics(x), statistics(y)
    of_statistics = {"ours": lambda: Gaussian(*one).distance(Gaussian(*two))}
    of_statistics |= {name: lambda call=call: call(one, two) for name, call in peers().items()}  # type: ignore[misc]
    few = {"ours": lambda: value(x[:FEW], y[:FEW])}
    few |= {
        name: lambda call=call: call(statistics(x[:FEW]), statistics(y[:FEW]))  # type: ignore[misc]
        for name, call in peers().items()
    }
    both = {"with interval": lambda: value_with_interval(x, y), "value alone": lambda: value(x, y)}
    torch.set_num_threads(1)
    held = [
        told(question, *best_of(options.repeats, calls))
        for question, calls in zip(LIMITS, (of_statistics, few, both), strict=True)
    ]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in THREADS):  # BLAS reads them when it is loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(THREADS, "1")})
    main()
