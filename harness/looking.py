"""Observing as a kind of work that engines hand out: one instrument looks at one stored part.

Batches are full, the last one padded, as in the run, so that an observation is the same wherever it is made. What is
looked at lies in the run folder: who looks reads it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from harness.contracts import Instrument, Sample
from harness.environment import limit_threads
from harness.errors import UserError
from harness.isolation import caught, reason_of, storable
from harness.jobs import Begin, Row, Search, Tick, Trial, Unit
from harness.store.columns import observations_folder
from harness.store.parts import FAILED, Part, encode_observations, samples_of
from harness.store.run_folder import SAMPLES, RunFolder
from harness.store.summary import Stored, store_part
from harness.watch import current

ENOUGH = 2
Observation = tuple[Mapping[str, Any], str]
"""(one value per column, "") or ({}, the reason why the instrument failed)."""


@dataclass(frozen=True)
class Look(Unit):
    """An instrument that is to look at a part. ``worked``: whether it has looked at samples before this part."""

    part: Part
    instrument: str
    worked: bool

    @classmethod
    def at(cls, part: Part, instrument: str, worked: bool) -> Look:
        return cls(f"{part.unit}-{instrument}", (), part, instrument, worked)


class Eye:
    """What looks: the run, its instruments, and the samples that were decoded last, for the next instrument."""

    def __init__(self, folder: RunFolder, instruments: Iterable[Instrument]) -> None:
        self.folder = folder
        self.instruments = {item.name: item for item in instruments}
        self._last: tuple[Part, list[Sample]] | None = None

    def samples(self, part: Part) -> list[Sample]:
        """The ok ones of a part. Raises UserError for one that does not hold."""
        if self._last is None or self._last[0] != part:
            self._last = None  # before the next ones are decoded
            table, reason = self.folder.inspect(part)
            if table is None:
                raise UserError(f"{self.folder.path}/{SAMPLES}/{part.file} {reason}: run again to make it again")
            self._last = (part, [sample for sample in samples_of(table) if sample.outcome == "ok"])
        return self._last[1]


@dataclass(frozen=True)
class ObservingJob:
    """Observing a run's stored parts (``harness.jobs.Job``). ``environments`` and ``digests``: of each instrument."""

    path: str
    key: str
    label: str
    threads: int
    batch: int
    open_instruments: Callable[[], Iterable[Instrument]]
    digests: Mapping[str, str]
    environments: Mapping[str, str]
    warm: int = 0
    died: dict[str, str] = field(default_factory=dict)
    """Instrument -> what the last of its processes died of, of those that ended two in this job."""

    @property
    def model(self) -> str:
        return ""

    @property
    def place(self) -> str:
        return self.path

    @property
    def opens(self) -> str:
        return f"observe {self.label}"

    def doing(self, unit: Unit) -> str:
        return place_of(self.key, _look(unit).instrument)

    def open(self) -> Eye:
        limit_threads(self.threads)
        eye = Eye(RunFolder.open(self.path), self.open_instruments())
        for name, digest in self.digests.items():
            if eye.instruments[name].digest != digest:
                raise UserError(f"the weights of {name} have changed since observing began: start the command again")
        return eye

    def make(self, opened: Eye, unit: Unit, tick: Tick, begin: Begin) -> bytes:
        look = _look(unit)
        instrument, samples, worked = opened.instruments[look.instrument], opened.samples(look.part), look.worked
        rows: list[Observation] = []
        for start in range(0, len(samples), self.batch):
            limit_threads(self.threads)
            begin()
            rows += _batch(instrument, samples[start : start + self.batch], self.batch, worked)
            worked = True
        failed = [reason for _, reason in rows]
        names = sorted({name for values, _ in rows for name in values})
        columns = {name: [values.get(name) for values, _ in rows] for name in names}
        metadata = {
            "instrument": instrument.name,
            "digest": instrument.digest,
            "samples": look.part.digest,
            "environment": self.environments[instrument.name],
        }
        data = encode_observations([sample.case.id for sample in samples], columns, failed, metadata)
        tick(1, 1 if any(failed) else 0)
        return data

    def stored(self, unit: Unit, data: bytes) -> Stored:
        look = _look(unit)
        folder = observations_folder(look.instrument, self.digests[look.instrument])
        return store_part(f"{self.path}/{folder}", look.part.unit, data)

    def wanted(self, unit: Unit) -> bool:
        return _look(unit).instrument not in self.died

    def search(self, unit: Unit, cause: str) -> Search | None:
        """None: an instrument that ends its process is not asked again, whatever the picture was (decision 18)."""
        self.died[_look(unit).instrument] = cause.removeprefix("the worker died: ")
        return None

    def rows(self, opened: Eye, trial: Trial, begin: Begin) -> list[Row]:
        raise NotImplementedError("no parts of an observation are tried alone")

    def encode(self, unit: Unit, rows: Sequence[Row]) -> bytes:
        raise NotImplementedError("no parts of an observation are tried alone")

    def probe(self, opened: Eye) -> Mapping[str, Any]:
        return {}


def place_of(key: str, instrument: str) -> str:
    """What a watching parent is told while an instrument looks at a run."""
    return f"observing {key} with {instrument}"


def died_of(folder: RunFolder, instrument: str) -> str:
    """Why an instrument that ended two processes is not asked again; "" for the others."""
    deaths = current().deaths.get(place_of(folder.key, instrument), [])
    return f"it ended the process twice ({deaths[-1]})" if len(deaths) >= ENOUGH else ""


def remember(job: ObservingJob) -> None:
    """That an instrument ended the workers of a job, for whoever asks ``died_of`` in this process."""
    for name, cause in job.died.items():
        deaths = current().deaths
        current().deaths = {**deaths, place_of(job.key, name): [cause] * ENOUGH}


def _look(unit: Unit) -> Look:
    assert isinstance(unit, Look)
    return unit


def _batch(instrument: Instrument, samples: Sequence[Sample], batch: int, worked: bool) -> list[Observation]:
    """What the instrument sees in these samples; one by one if together it raises.

    Raises UserError where an instrument that never ``worked`` refuses every one of them: then it is the instrument (its
    weights do not fit ...) and no sample.
    """
    together, error = caught(partial(_see, instrument, samples, batch))
    if together is not None:
        return together
    alone = [caught(partial(_see, instrument, [sample], batch)) for sample in samples] if len(samples) > 1 else []
    tried = alone or [(None, error)]
    refused = [why for _, why in tried if isinstance(why, UserError)]
    if not worked and len(refused) == len(tried):
        raise refused[0]
    return [({}, reason_of(why)) if why else (seen or [])[0] for seen, why in tried]


def _see(instrument: Instrument, samples: Sequence[Sample], batch: int) -> list[Observation]:
    padded = [*samples, *[samples[-1]] * (batch - len(samples))]
    columns = instrument.observe(padded)
    for name, values in columns.items():
        if name in ("case", FAILED):
            raise ValueError(f"an observed column must not be called '{name}'")
        if len(values) != len(padded):
            raise ValueError(f"column '{name}' has {len(values)} rows for {len(padded)} samples")
    rows = ({name: values[index] for name, values in columns.items()} for index in range(len(samples)))
    return [_storable(row) for row in rows]


def _storable(row: Mapping[str, Any]) -> Observation:
    for name, value in row.items():
        if isinstance(value, str):
            if storable(value) != value:
                return {}, f"column '{name}' cannot be stored as UTF-8"
        elif value is not None and np.isnan(np.asarray(value, np.float64)).any():
            return {}, f"column '{name}' is NaN"
    return row, ""
