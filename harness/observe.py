"""samples -> observations: instruments see stored samples, and what they saw is stored. Only what is missing is made.

Observations lie under the instrument's digest, and name the samples part they were made from: another version of the
instrument, or a unit made again, is observed again. Batches are full, the last one padded, as in the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from harness.contracts import Instrument, Sample
from harness.environment import ENVIRONMENT, Environment, limited_threads
from harness.errors import UserError
from harness.isolation import OutOfMemory, caught, reason_of, storable
from harness.places import sentence_without_folders
from harness.progress import Progress, Tally
from harness.store.columns import observations_folder, table_source
from harness.store.holder import telling
from harness.store.integrity import incomplete
from harness.store.parts import FAILED, Part, encode_observations, samples_of
from harness.store.run_folder import RunFolder
from harness.watch import current

HALVED = "observed_in_batches"
"""In the manifest: instrument -> its batch, where memory ran out in a larger one."""
OBSERVED = "observed"
"""In ``environment.json``: instrument -> digest of an environment -> that environment."""
ENOUGH = 2

Observation = tuple[Mapping[str, Any], str]
"""(one value per column, "") or ({}, the reason why the instrument failed)."""


def observe(
    folder: RunFolder,
    instruments: Sequence[Instrument],
    *,
    batch: int,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Instrument name -> "" once it has seen every ok sample, or the reason why it is unavailable.

    A sample on which an instrument raises (or reports NaN) gets a null row with the reason in the column ``_failed``.
    """
    progress = progress or Progress("quiet")
    if batch < 1:
        raise UserError(f"the batch must be at least 1, not {batch}")
    reasons = {
        instrument.name: died_of(folder, instrument.name) or instrument.unavailable() for instrument in instruments
    }
    usable = [instrument for instrument in instruments if not reasons[instrument.name]]
    with folder.writing():
        if not folder.parts() and not folder.results_only:
            raise UserError(f"{folder.path} has no samples yet: run it first")
        if why := incomplete(folder):
            raise UserError(f"{folder.path} {why}: run again to make them again")
        seen = {instrument.name: _seen(folder, instrument, progress) for instrument in usable}
        where = {item.name: Environment.current(folder.spec.threads, device_of(item)) for item in usable}
        todo = [(part, [item for item in usable if part.digest not in seen[item.name]]) for part in folder.parts()]
        if any(missing for _, missing in todo):
            label = f"{folder.spec.model} on {folder.spec.task}: {', '.join(item.name for item in usable)}"
            total = sum(len(missing) for _, missing in todo)
            told = telling(folder.folder.tell, "observing")
            with progress.stage(label, total, told) as stage, limited_threads(folder.spec.threads):
                try:
                    _observe_missing(folder, dict(todo), batch, where, stage)
                except OutOfMemory as error:
                    if batch == 1:
                        raise
                    progress.note(f"{label}: {error}; trying once more with a batch of {batch // 2}")
                    halved = {**folder.manifest().get(HALVED, {}), **{item.name: batch // 2 for item in usable}}
                    folder.write_manifest(**{HALVED: halved})
                    stage.advance(-stage.done, -stage.failed)
                    _observe_missing(folder, dict(todo), batch // 2, where, stage)
            _note_environments(folder, {item.name: where[item.name] for _, missing in todo for item in missing})
            current().rest()
        manifest = folder.manifest()
        known = {**manifest.get("instruments", {}), **{item.name: item.digest for item in usable}}
        without = {**manifest.get("unavailable", {}), **reasons}
        said = {name: sentence_without_folders(why) for name, why in without.items() if why}
        folder.write_manifest(instruments=known, unavailable=said)
    return reasons


def place_of(folder: RunFolder, instrument: str) -> str:
    """What a watching parent is told while an instrument looks at a run."""
    return f"observing {folder.key} with {instrument}"


def died_of(folder: RunFolder, instrument: str) -> str:
    """Why an instrument that ended two processes is not asked again; "" for the others."""
    deaths = current().deaths.get(place_of(folder, instrument), [])
    return f"it ended the process twice ({deaths[-1]})" if len(deaths) >= ENOUGH else ""


def device_of(instrument: Instrument) -> str:
    """Where it computes; the CPU where it does not say."""
    return str(getattr(instrument, "device", "cpu"))


def _note_environments(folder: RunFolder, where: Mapping[str, Environment]) -> None:
    """What each instrument's observations were made under, so that the digest in them can be read as a device."""
    if not folder.folder.exists(ENVIRONMENT):
        return
    record = folder.folder.read_json(ENVIRONMENT)
    known = record.get(OBSERVED, {})
    found = {name: {**known.get(name, {}), item.digest: item.to_dict()} for name, item in where.items()}
    if {**known, **found} != known:
        folder.folder.write_json(ENVIRONMENT, {**record, OBSERVED: {**known, **found}})


def _seen(folder: RunFolder, instrument: Instrument, progress: Progress) -> set[str]:
    """The digests of the samples parts that this instrument has seen; observations that do not hold are reported and
    removed."""
    place = observations_folder(instrument.name, instrument.digest)
    found = set()
    for part in folder.parts(place):
        table, problem = folder.inspect(part, place)
        if table is None:
            progress.note(f"{folder.path}/{place}/{part.file} {problem}: it is made again")
            folder.folder.remove(f"{place}/{part.file}")
        else:
            found.add(table_source(table))
    return found


def _observe_missing(
    folder: RunFolder,
    todo: Mapping[Part, Sequence[Instrument]],
    batch: int,
    where: Mapping[str, Environment],
    stage: Tally,
) -> None:
    """Unit by unit, so that the images of a unit are decoded once for all instruments."""
    worked: set[str] = set()
    for part, table in folder.tables():
        missing = todo.get(part, ())
        if not missing:
            continue
        samples = [sample for sample in samples_of(table) if sample.outcome == "ok"]
        for instrument in missing:
            rows = []
            for start in range(0, len(samples), batch):
                current().begin(place_of(folder, instrument.name))
                rows += _batch(instrument, samples[start : start + batch], batch, instrument.name in worked)
                worked.add(instrument.name)
            failed = [reason for _, reason in rows]
            names = sorted({name for values, _ in rows for name in values})
            columns = {name: [values.get(name) for values, _ in rows] for name in names}
            metadata = {
                "instrument": instrument.name,
                "digest": instrument.digest,
                "samples": part.digest,
                "environment": where[instrument.name].digest,
            }
            data = encode_observations([sample.case.id for sample in samples], columns, failed, metadata)
            folder.write_part(part.unit, data, observations_folder(instrument.name, instrument.digest))
            stage.advance(1, 1 if any(failed) else 0)


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
