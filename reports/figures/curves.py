"""What figures draw, as numbers: points of the rate-distortion plane, and curves over codes and timesteps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.contracts import Estimate, ShownSeries
from reports.reading.runs import Run
from reports.reading.samples import sample_numbers


@dataclass(frozen=True)
class Point:
    """A value at ``x`` with its 95 % interval (None where the data give none). ``step``: which of a series it is, where
    ``x`` is something else."""

    x: float
    y: float
    low: float | None
    high: float | None
    step: float | None = None


@dataclass(frozen=True)
class Curve:
    """Points of one run in order of ``x``. ``way`` is the order of codes, or what the codes were."""

    subject: str
    key: str
    way: str
    points: tuple[Point, ...]


def rate_distortion(runs: Sequence[Run], rate: str, metric: str, used: Sequence[str] = ()) -> list[Curve]:
    """A point per run: what it spends by the metric ``rate``, against ``metric``; and a second one, at the share of it
    that is used, where the two metrics ``used`` say that it is less. Runs that lack either are left out."""
    curves = []
    for run in runs:
        spent, value = run.estimate(rate), run.estimate(metric)
        if spent is not None and spent.value and value is not None and value.value is not None:
            first, share = _point(spent.value, value), _share_used(run, used)
            second = () if share >= 1 else (Point(share * first.x, first.y, None, None),)
            curves.append(Curve(run.subject, run.key, "", (first, *second)))
    return curves


def _share_used(run: Run, used: Sequence[str]) -> float:
    """1 where nothing says what is used."""
    found = [item.value for name in used if (item := run.estimate(name)) is not None and item.value]
    return found[0] / found[1] if len(found) == 2 else 1.0


def _point(x: float, estimate: Estimate) -> Point:
    assert estimate.value is not None
    return Point(x, estimate.value, estimate.low, estimate.high)


def _divisors(numbers: Mapping[str, Sequence[float]], over: str, place: str, count: int) -> Sequence[float]:
    """What the numbers of this ``-WAY-STEP`` are divided by: those of ``OVER-WAY-STEP``, else of ``OVER-WAY``; 1 where
    nothing is said, nothing where they are not there."""
    if not over:
        return [1.0] * count
    return numbers.get(f"{over}{place}") or numbers.get(f"{over}{place.rpartition('-')[0]}") or []


def _mean(numbers: Mapping[str, Sequence[float]], start: str, step: float) -> float | None:
    """Of the numbers ``START-STEP``; None where there are none."""
    values = next((numbers[name] for name in (f"{start}-{step:g}", f"{start}-{step}") if numbers.get(name)), None)
    return sum(values) / len(values) if values else None


def series_of(run: Run, shown: ShownSeries) -> list[Curve]:
    """What the samples of a run measure at their steps: means over cases, or ratios of sums, with clustered intervals,
    a curve per way. A step at which nothing divides is left out."""
    import numpy as np

    from harness.statistics import ratio_interval

    ways = "|".join(re.escape(way) for way, _ in shown.ways)
    pattern = re.compile(rf"{re.escape(shown.measure)}-({ways})-([0-9.]+)")
    groups, numbers = sample_numbers(run.folder)
    found: dict[str, list[Point]] = {}
    for name, values in numbers.items():
        match = pattern.fullmatch(name)
        if not match:
            continue
        under = _divisors(numbers, shown.over, name.removeprefix(shown.measure), len(values))
        if not any(under):
            continue
        interval = ratio_interval(np.array(values), np.array(under), groups)
        found.setdefault(match[1], []).append(Point(float(match[2]), interval.value, interval.low, interval.high))
    curves = []
    for way, points in found.items():
        ordered = sorted(points, key=lambda point: point.x)
        whole = ordered[-1].x if shown.share else 1.0
        places = [
            _mean(numbers, f"{shown.against}-{way}", point.x) if shown.against else point.x / whole for point in ordered
        ]
        steps = (point.x if shown.against else None for point in ordered)
        placed = zip(ordered, places, steps, strict=True)
        scaled = tuple(replace(point, x=x, step=step) for point, x, step in placed if x is not None)
        curves.append(Curve(run.subject, run.key, way, scaled))
    return curves
