"""What figures draw, as numbers: points of the rate-distortion plane, and curves over codes and timesteps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.contracts import Estimate
from reports.reading.runs import Run
from reports.reading.samples import sample_numbers

_SHOWN = re.compile(r"psnr-(first|last)-(\d+)")
_TIME = re.compile(r"psnr-(codes|none|shuffled)-([0-9.]+)")


@dataclass(frozen=True)
class Point:
    """A value at ``x`` with its 95 % interval (None where the data give none)."""

    x: float
    y: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """Points of one run in order of ``x``. ``way`` is the order of codes, or what the codes were."""

    subject: str
    key: str
    way: str
    points: tuple[Point, ...]


def rate_distortion(runs: Sequence[Run], metric: str) -> list[Curve]:
    """One point per run: bits per pixel against ``metric``. Runs that lack either are left out."""
    curves = []
    for run in runs:
        rate, value = run.estimate("bits-per-pixel"), run.estimate(metric)
        if rate is not None and rate.value and value is not None and value.value is not None:
            curves.append(Curve(run.subject, run.key, "", (_point(rate.value, value),)))
    return curves


def _point(x: float, estimate: Estimate) -> Point:
    assert estimate.value is not None
    return Point(x, estimate.value, estimate.low, estimate.high)


def progressive(run: Run) -> list[Curve]:
    """PSNR against the share of codes shown, first codes first and last codes first."""
    return _curves(run, _SHOWN, share=True)


def recursion(run: Run) -> list[Curve]:
    """PSNR of the one-step estimate against t: with the image's codes, without any, with those of another image."""
    return _curves(run, _TIME, share=False)


def _curves(run: Run, pattern: re.Pattern[str], share: bool) -> list[Curve]:
    """Means over cases with clustered intervals, one curve per first group of the pattern."""
    import numpy as np

    from harness.statistics import ratio_interval

    groups, numbers = sample_numbers(run)
    found: dict[str, list[Point]] = {}
    for name, values in numbers.items():
        match = pattern.fullmatch(name)
        if not match:
            continue
        interval = ratio_interval(np.array(values), np.ones(len(values)), groups)
        found.setdefault(match[1], []).append(Point(float(match[2]), interval.value, interval.low, interval.high))
    curves = []
    for way, points in found.items():
        ordered = sorted(points, key=lambda point: point.x)
        whole = ordered[-1].x if share else 1.0
        scaled = tuple(Point(point.x / whole, point.y, point.low, point.high) for point in ordered)
        curves.append(Curve(run.subject, run.key, way, scaled))
    return curves
