"""Stored reconstructions scored again by each convention. No model is opened: what was stored is what is scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness import catalog
from harness.catalog import split_name
from harness.contracts import Sample
from harness.conventions import Convention, Conventions
from harness.errors import UserError
from harness.images import to_bytes
from harness.isolation import tried
from harness.metrics.conventions import Scored, as_floats, narrowed, rounded, truncated_reference
from harness.seeding import rng_for
from reports.reading.runs import Run
from reports.reading.samples import decoded_samples

ENLARGED = 1.125
"""By how much the other crop enlarges a picture first."""
NO_ROUND_TRIP = (
    "no autoencoder's round trip of these pictures was named: run the autoencoder alone on the same task, and add "
    "--round-trip MODEL"
)


@dataclass(frozen=True)
class Rescored:
    """What one convention says of a run's pictures; without a value, why."""

    way: Convention
    value: float | None = None
    absent: str = ""


def rescore(
    run: Run,
    known: Conventions,
    *,
    round_trip: Run | None = None,
    limit: int | None = None,
    opened: dict[str, Any] | None = None,
) -> list[Rescored]:
    """One for each convention, in their order; ``opened`` keeps instruments from run to run. Raises UserError for
    samples that do not hold."""
    kept_open = {} if opened is None else opened
    ways = [_open(way, round_trip, kept_open) for way in known.ways]
    training = _Training(known.training.get(split_name(run.request[1])[1], ""))
    trips = _pictures_of(round_trip) if round_trip else {}
    for samples in decoded_samples(run.folder, limit):
        kept = [sample for sample in samples if {"output", "reference"} <= sample.images.keys()]
        for way in ways:
            _feed(way, kept, trips, training)
    return [way.result() for way in ways]


def _pictures_of(run: Run) -> dict[str, np.ndarray]:
    """case -> what the autoencoder made of its picture."""
    return {
        sample.case.id: sample.images["output"]
        for samples in decoded_samples(run.folder)
        for sample in samples
        if "output" in sample.images
    }


# ------------------------------------------------------------------------------------------------------ conventions


@dataclass
class _Way:
    """A convention at work: pixels here, or a metric of the catalogue with its instruments."""

    way: Convention
    absent: str = ""
    scored: Scored | None = None
    metric: Any = None
    instruments: Sequence[Any] = ()
    state: Any = None
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    count: int = 0

    def result(self) -> Rescored:
        if not self.absent and not self.count:
            self.absent = "no picture is stored"
        if self.absent:
            return Rescored(self.way, absent=self.absent)
        value, reason = tried(self._value)  # the isolation border: a metric of another package
        return Rescored(self.way, value, "" if value is not None else reason)

    def _value(self) -> float:
        if self.scored is not None:
            return self.scored.value()
        if self.state is not None:
            return float(self.metric.value(self.state))
        return self.sums[0] / self.sums[1]


def _open(way: Convention, round_trip: Run | None, opened: dict[str, Any]) -> _Way:
    if way.measure == "none":
        return _Way(way, way.absent or "not measured here")
    if way.against == "round trip" and round_trip is None:
        return _Way(way, NO_ROUND_TRIP)
    if way.measure != "metric":
        return _Way(way, scored=Scored(way))
    made, reason = tried(lambda: _made(way.metric, opened))
    if made is None:
        return _Way(way, reason)
    metric, instruments = made
    unavailable = [f"{one.name}: {why}" for one in instruments if (why := one.unavailable())]
    return _Way(way, unavailable[0] if unavailable else "", metric=metric, instruments=instruments)


def _made(name: str, opened: dict[str, Any]) -> tuple[Any, list[Any]]:
    metric = catalog.make("metric", name)
    names = dict.fromkeys(need.partition(".")[0] for need in metric.needs)
    for one in names.keys() - opened.keys():
        opened[one] = catalog.make("instrument", one)
    return metric, [opened[one] for one in names]


def _feed(opened: _Way, samples: Sequence[Sample], trips: dict[str, np.ndarray], training: _Training) -> None:
    """Show these samples to a convention, unless something has already stood in its way."""
    if opened.absent or not samples:
        return
    _, reason = tried(lambda: _score(opened, samples, trips, training))  # the isolation border: another's instrument
    if reason:
        opened.absent = reason.partition(": ")[2] if reason.startswith("ValueError: ") else reason


def _score(opened: _Way, samples: Sequence[Sample], trips: dict[str, np.ndarray], training: _Training) -> None:
    pairs = [_compared(opened.way, sample, trips, training, opened.count + n) for n, sample in enumerate(samples)]
    opened.count += len(samples)
    if opened.scored is not None:
        for sample, (output, reference) in zip(samples, pairs, strict=True):
            opened.scored.add(narrowed(output, sample.case.facts), narrowed(reference, sample.case.facts))
        return
    seen = [
        replace(sample, images={"output": to_bytes(output), "reference": to_bytes(reference)})
        for sample, (output, reference) in zip(samples, pairs, strict=True)
    ]
    columns: dict[str, Any] = {"case": [sample.case.id for sample in samples]}
    for instrument in opened.instruments:
        found = instrument.observe(seen)
        columns |= {f"{instrument.name}.{name}": np.asarray(values) for name, values in found.items()}
    if hasattr(opened.metric, "state"):
        state = opened.metric.state(columns)
        opened.state = state if opened.state is None else opened.state + state
        return
    tops, bottoms = opened.metric.parts(columns)
    opened.sums[0] += float(np.sum(tops))
    opened.sums[1] += float(np.sum(bottoms))


def _compared(
    way: Convention, sample: Sample, trips: dict[str, np.ndarray], training: _Training, place: int
) -> tuple[np.ndarray, np.ndarray]:
    """(output, what it is compared with) as the convention rounds them, float64 ``3 height width`` in [0, 1]."""
    pixels = sample.images["output"]
    if way.rounding == "nearest":  # stored pictures are rounded so
        output = _floats(pixels)
    else:
        drawn = as_floats(pixels, rng_for("conventions", sample.case.id))
        output = np.moveaxis(rounded(drawn, way.rounding), 2, 0)
    reference = _against(way, sample, trips, training, place)
    if way.rounding_of_reference == "truncate":
        return output, np.moveaxis(truncated_reference(reference), 2, 0)
    return output, _floats(reference)


def _floats(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(np.moveaxis(pixels.astype(np.float64), 2, 0) / 255)


def _against(
    way: Convention, sample: Sample, trips: dict[str, np.ndarray], training: _Training, place: int
) -> np.ndarray:
    reference = sample.images["reference"]
    if way.against == "round trip":
        if sample.case.id not in trips:
            raise UserError(
                f"the named autoencoder has no picture of case '{sample.case.id}': run it on the same cases"
            )
        return trips[sample.case.id]
    if way.against == "training":
        return training.picture(place, reference.shape)
    return _other_crop(reference) if way.against == "another crop" else reference


def _other_crop(rgb: np.ndarray) -> np.ndarray:
    """Enlarged by LANCZOS, and its middle cut out."""
    from PIL import Image

    height, width = rgb.shape[:2]
    large = Image.fromarray(rgb).resize((round(ENLARGED * width), round(ENLARGED * height)), Image.Resampling.LANCZOS)
    top, left = (large.height - height) // 2, (large.width - width) // 2
    return np.asarray(large.crop((left, top, left + width, top + height)))


class _Training:
    """Pictures that a tokenizer of this task is trained on, from a stream of the catalogue."""

    BATCH = 64

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._batches: dict[int, np.ndarray] = {}
        self._opened: Any = None

    def picture(self, place: int, shape: tuple[int, ...]) -> np.ndarray:
        """The picture of that number. Raises UserError where there are none of this shape."""
        if not self._stream:
            raise UserError("no training pictures are known for this task: its conventions name no stream")
        self._opened = self._opened or catalog.find("stream", self._stream)(0)
        step, row = divmod(place, self.BATCH)
        if step not in self._batches:
            self._batches = {step: to_bytes(self._opened.batch(step, self.BATCH))}
        found: np.ndarray = self._batches[step][row]
        if found.shape != shape:
            raise UserError(f"training pictures are {found.shape[1]} pixels wide, and these {shape[1]}")
        return found


def scorable(runs: Sequence[Run], known: Conventions) -> Iterator[Run]:
    """Runs of the tasks that the conventions are about, samples kept or not."""
    return (run for run in runs if split_name(run.request[1])[0] in known.tasks)
