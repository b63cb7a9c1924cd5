"""samples -> observations: instruments see stored samples, and what they saw is stored. Only what is missing is made.

Observations lie under the instrument's digest, and name the samples part they were made from: another version of the
instrument, or a unit made again, is observed again. Batches are full, the last one padded, as in the run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from harness.contracts import Instrument
from harness.engines import Engine, Team
from harness.engines.local import InProcess
from harness.environment import ENVIRONMENT, Environment
from harness.errors import UserError
from harness.isolation import OutOfMemory
from harness.looking import Look, ObservingJob, died_of, remember
from harness.places import sentence_without_folders
from harness.progress import Progress, Tally
from harness.store.columns import observations_folder, table_source
from harness.store.holder import telling
from harness.store.integrity import incomplete
from harness.store.parts import Part, metadata_of
from harness.store.run_folder import RunFolder
from harness.watch import current

HALVED = "observed_in_batches"
"""In the manifest: instrument -> its batch, where memory ran out in a larger one."""
OBSERVED = "observed"
"""In ``environment.json``: instrument -> digest of an environment -> that environment."""


def observe(
    folder: RunFolder,
    instruments: Sequence[Instrument],
    *,
    batch: int,
    progress: Progress | None = None,
    crew: Team | None = None,
    open_again: Callable[[], Iterable[Instrument]] | None = None,
) -> dict[str, str]:
    """Instrument name -> "" once it has seen every ok sample, or the reason why it is unavailable.

    ``crew``: who looks (None: this process); ``open_again`` opens the instruments in a worker, which gets a copy of
    these without it. A sample on which an instrument raises (or reports NaN) gets a null row with the reason in the
    column ``_failed``.
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
        held = {instrument.name: _seen(folder, instrument, progress) for instrument in usable}
        seen = {name: set(found) for name, found in held.items()}
        where = {item.name: Environment.current(folder.spec.threads, device_of(item)) for item in usable}
        todo = [(part, [item for item in usable if part.digest not in seen[item.name]]) for part in folder.parts()]
        if any(missing for _, missing in todo):
            label = f"{folder.spec.model} on {folder.spec.task}: {', '.join(item.name for item in usable)}"
            total = sum(len(missing) for _, missing in todo)
            told = telling(folder.folder.tell, "observing")
            job = _job(folder, usable, batch, where, open_again or partial(tuple, usable))
            with progress.stage(label, total, told) as stage:
                try:
                    _observe_missing(folder, dict(todo), job, crew, stage)
                except OutOfMemory as error:
                    if batch == 1:
                        raise
                    progress.note(f"{label}: {error}; trying once more with a batch of {batch // 2}")
                    halved = {**folder.manifest().get(HALVED, {}), **{item.name: batch // 2 for item in usable}}
                    folder.write_manifest(**{HALVED: halved})
                    stage.advance(-stage.done, -stage.failed)
                    if crew is not None:
                        crew.close()  # they hold memory as well
                    job = replace(job, batch=batch // 2)
                    _observe_missing(folder, dict(todo), job, crew, stage)
            remember(job)
            reasons.update({name: died_of(folder, name) for name in job.died})
            usable = [item for item in usable if item.name not in job.died]
            looked = [item.name for _, missing in todo for item in missing]
            _note_environments(folder, {name: where[name] for name in looked if name not in job.died})
            current().rest()
        # of what was not made now the record says it already, unless that was lost
        as_now = {name: where[name] for name, found in held.items() if where[name].digest in found.values()}
        _note_environments(folder, as_now)
        manifest = folder.manifest()
        known = {**manifest.get("instruments", {}), **{item.name: item.digest for item in usable}}
        without = {**manifest.get("unavailable", {}), **reasons}
        said = {name: sentence_without_folders(why) for name, why in without.items() if why}
        folder.write_manifest(instruments=known, unavailable=said)
    return reasons


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


def _seen(folder: RunFolder, instrument: Instrument, progress: Progress) -> dict[str, str]:
    """The digests of the samples parts that this instrument has seen, with that of the environment in which it did;
    observations that do not hold are reported and removed."""
    place = observations_folder(instrument.name, instrument.digest)
    found: dict[str, str] = {}
    for part in folder.parts(place):
        table, problem = folder.inspect(part, place)
        if table is None:
            progress.note(f"{folder.path}/{place}/{part.file} {problem}: it is made again")
            folder.folder.remove(f"{place}/{part.file}")
        else:
            found[table_source(table)] = metadata_of(table).get("environment", "")
    return found


def _job(
    folder: RunFolder,
    instruments: Sequence[Instrument],
    batch: int,
    where: Mapping[str, Environment],
    open_instruments: Callable[[], Iterable[Instrument]],
) -> ObservingJob:
    return ObservingJob(
        folder.folder.place(),
        folder.key,
        f"{folder.spec.model} on {folder.spec.task}",
        folder.spec.threads,
        batch,
        open_instruments,
        {item.name: item.digest for item in instruments},
        {name: item.digest for name, item in where.items()},
        warm=len(instruments),
    )


def _observe_missing(
    folder: RunFolder,
    todo: Mapping[Part, Sequence[Instrument]],
    job: ObservingJob,
    crew: Team | None,
    stage: Tally,
) -> None:
    """Part by part, so that who looks with all instruments decodes the images of a part once."""
    looks = _looks(folder, todo)
    digests = {item.name: item.digest for missing in todo.values() for item in missing}
    elsewhere = crew is not None and not folder.path.startswith("memory:")  # which is of this process alone
    engine: Engine = crew.engine(job, looks) if crew is not None and elsewhere else InProcess(job)
    try:
        for look, data in engine.compute(looks, stage.advance):
            assert isinstance(look, Look)
            place = observations_folder(look.instrument, digests[look.instrument])
            folder.keep(look.part.unit, data, place)
    finally:
        engine.close()


def _looks(folder: RunFolder, todo: Mapping[Part, Sequence[Instrument]]) -> list[Look]:
    """What is to be looked at. An instrument has worked where there are samples in a part that it looks at before: one
    that refuses all of the first is of no use, wherever the others are looked at."""
    looks: list[Look] = []
    worked: set[str] = set()
    for part in _one_each(folder):
        looks += [Look.at(part, item.name, item.name in worked) for item in todo.get(part, ())]
        idle = {item.name for item in todo.get(part, ())} - worked
        if idle and _has_samples(folder, part):
            worked |= idle
    return looks


def _has_samples(folder: RunFolder, part: Part) -> bool:
    table = folder.read(part, columns=["outcome"])
    return table is not None and "ok" in table["outcome"].to_pylist()


def _one_each(folder: RunFolder) -> list[Part]:
    """One part of each unit: the longest, should a killed writer have left two."""
    chosen = []
    for _, parts in itertools.groupby(folder.parts(), key=lambda part: int(part.unit)):
        found = list(parts)
        tables = {part: folder.read(part, columns=["case"]) for part in found} if len(found) > 1 else {}
        chosen.append(max(found, key=lambda part: table.num_rows if (table := tables.get(part)) else 0))
    return chosen
