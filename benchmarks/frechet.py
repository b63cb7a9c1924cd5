"""What a Frechet distance at 2,048 dimensions costs beside clean-fid, pytorch-fid, torch-fidelity and torchmetrics.

    python benchmarks/frechet.py

Three questions, on drawn features with a spread of scales:

* **from statistics**: two means and covariances are there (of 5,000 vectors each);
* **from 500 features**: two times 500 vectors are there, their statistics are not;
* **with its interval**: the value of two times 5,000 vectors and its 95 % interval, against the value alone.

Programs take turns on one thread; a peer that is twice behind the fastest is asked once. What each takes with all cores
is told beside it, and the best of each is compared too. All values agree to 1e-6 of the traces, or nothing is stated.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.children import answer, ask_child, asked_of_child
from benchmarks.claims import Bench, Claim
from benchmarks.machine import cores
from benchmarks.turns import Ratio, Turns, take_turns
from harness.environment import package_version
from harness.influences import Shares, share_interval
from harness.metrics.feature_sets import Gaussian
from tasks.world.measures import fd_world

STATISTICS = Claim("frechet-1-statistics", "Frechet distance from statistics, time beside the fastest peer", most=0.6)
BEST = Claim("frechet-1-statistics-best", "the same, each at its best number of threads")
FEATURES = Claim("frechet-2-features", "Frechet distance from 2 x 500 features, time beside the fastest peer", most=0.1)
INTERVAL = Claim("frechet-3-interval", "value with its interval, time beside the value alone, 2 x 5,000", most=3.0)
SEVERAL, FEW, WIDTH = 5000, 500, 2048
EQUAL = 1e-6
"""Of the traces of both covariances."""
OURS = "ours"
PEERS = ("clean-fid", "pytorch-fid", "torch-fidelity", "torchmetrics")

Statistics = tuple[np.ndarray, np.ndarray]
Calls = dict[str, Callable[[], float]]


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
    from cleanfid.fid import frechet_distance
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_statistics_to_metric
    from torchmetrics.image.fid import _compute_fid

    def fidelity(one: Statistics, two: Statistics) -> float:
        first, second = ({"mu": mean, "sigma": covariance} for mean, covariance in (one, two))
        return float(fid_statistics_to_metric(first, second, verbose=False)["frechet_inception_distance"])

    def metrics(one: Statistics, two: Statistics) -> float:
        return float(_compute_fid(*(torch.from_numpy(part) for part in (*one, *two))))

    def quietly(distance: Callable[..., Any], one: Statistics, two: Statistics) -> float:
        with contextlib.redirect_stdout(io.StringIO()):  # about products that are singular
            return float(distance(*one, *two))

    return dict(
        zip(
            PEERS,
            (
                lambda one, two: quietly(frechet_distance, one, two),
                lambda one, two: quietly(calculate_frechet_distance, one, two),
                fidelity,
                metrics,
            ),
            strict=True,
        )
    )


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


def from_statistics(one: Statistics, two: Statistics) -> Calls:
    calls: Calls = {OURS: lambda: Gaussian(*one).distance(Gaussian(*two))}
    return calls | {name: (lambda peer=peer: peer(one, two)) for name, peer in peers().items()}


def from_features(x: np.ndarray, y: np.ndarray) -> Calls:
    calls: Calls = {OURS: lambda: value(x, y)}
    return calls | {name: (lambda peer=peer: peer(statistics(x), statistics(y))) for name, peer in peers().items()}


def seconds(width: int, count: int, rounds: int, threads: int, names: list[str]) -> Mapping[str, list[float]]:
    """Of these programs from statistics: what a child with other threads answers."""
    torch.set_num_threads(threads)
    one, two = (statistics(features(count, width, seed)) for seed in (1, 2))
    calls = {name: call for name, call in from_statistics(one, two).items() if name in names}
    return {name: list(times) for name, times in take_turns(calls, rounds, warm=0).seconds.items()}


def apart(turns: Turns, traces: float) -> float:
    """How far the values lie from ours, of the traces."""
    return max(abs(turns.values[name] - turns.values[OURS]) for name in PEERS) / traces


def beside_peers(bench: Bench, claim: Claim, turns: Turns, traces: float) -> None:
    print(turns.told())
    fastest, gap = turns.fastest(PEERS), apart(turns, traces)
    bench.require(gap <= EQUAL, f"{claim.name}: values lie {gap:.1e} of the traces apart")
    said = (
        f"fastest {fastest} {package_version(fastest)}: {turns.median(fastest):.3g} s, ours {turns.median(OURS):.3g} s"
    )
    bench.state(claim, turns.time_of(OURS, fastest), f"{said}; one thread; values within {gap:.0e} of the traces")


def at_best_threads(bench: Bench, single: Turns, request: dict[str, Any]) -> None:
    """Each program with one thread or with all cores, whichever is faster for it. Who would be behind the fastest with
    one thread even if all cores made it faster in full is not asked."""
    bound = request["threads"] * single.median(single.fastest(PEERS))
    near = [OURS, *(name for name in PEERS if single.median(name) <= bound)]
    several: Mapping[str, list[float]] = ask_child(__file__, {**request, "names": near}, request["threads"])
    ours, others = {}, {}
    for count, times in ((1, single.seconds), (request["threads"], several)):
        for name, all_ in times.items():
            into = ours if name == OURS else others
            into[f"{name}, {count} threads"] = float(np.median(all_))
    best, fastest = (min(found, key=lambda name, found=found: found[name]) for found in (ours, others))  # type: ignore[misc]
    print("\n".join(f"    {name}: {took:.3g} s" for name, took in sorted({**ours, **others}.items())))
    told = f"fastest {fastest}: {others[fastest]:.3g} s, ours with {best.split(', ')[1]}: {ours[best]:.3g} s"
    bench.state(BEST, Ratio.of([ours[best] / others[fastest]]), told)


def main() -> None:
    """Ask the three questions."""
    warnings.simplefilter("ignore")  # SciPy's, about the peers' matrix square roots
    if (request := asked_of_child()) is not None:
        answer(seconds(**request))
        return
    bench = Bench.begin(__doc__, threads=1)
    torch.set_num_threads(1)
    width, several = bench.sized((WIDTH, SEVERAL), (64, 300))
    few, rounds = bench.sized((FEW, 4), (40, 2))
    x, y = (features(several, width, seed) for seed in (1, 2))
    one, two = statistics(x), statistics(y)
    single = take_turns(from_statistics(one, two), rounds, warm=0, behind=2)
    beside_peers(bench, STATISTICS, single, float(np.trace(one[1]) + np.trace(two[1])))
    at_best_threads(bench, single, {"width": width, "count": several, "rounds": 2, "threads": cores()})
    traces = float(sum(np.trace(statistics(rows[:few])[1]) for rows in (x, y)))
    beside_peers(bench, FEATURES, take_turns(from_features(x[:few], y[:few]), rounds, warm=0, behind=2), traces)
    both = take_turns({"interval": lambda: value_with_interval(x, y), "value": lambda: value(x, y)}, rounds)
    print(both.told())
    told = f"{both.median('interval'):.3g} s and {both.median('value'):.3g} s; one thread; {several:,} vectors each"
    bench.state(INTERVAL, both.time_of("interval", "value"), told)
    bench.end()


if __name__ == "__main__":
    main()
