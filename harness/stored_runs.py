"""Stored runs again: observe, measure and prune each of them. One that fails keeps none of the others from its turn.

What failed is a line each: appended to the list ``failed`` where one is given, else written to stderr. Where nothing at
all could be done, the first reason is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from harness import catalog
from harness.citations import REFERENCES, cited, lines_of, merged, of_request
from harness.contracts import Estimate, Instrument
from harness.display import SHOWING, instruments_shown, metric_shown, of_before, written
from harness.environment import limited_threads
from harness.errors import UserError
from harness.failed_metrics import Unmade, failures_in
from harness.isolation import tried
from harness.places import ELSEWHERE, opened_again, passed_on, sentence_without_folders, without_folders
from harness.plan import resolve_device
from harness.progress import Progress
from harness.store.results import frame_of, read_index

if TYPE_CHECKING:
    import pandas as pd

    from harness.engines import Team
    from harness.store.prune import Pruned
    from harness.store.run_folder import RunFolder

Value = TypeVar("Value")


def observe_runs(
    runs: str,
    *,
    suite: str | None = None,
    instruments: Sequence[str] = (),
    device: str = "auto",
    engine: str = "local",
    address: str = "",
    workers: int | None = 1,
    progress: Progress | None = None,
    failed: list[str] | None = None,
) -> int:
    """Observe stored samples with the instruments of their tasks and these; only what is missing is computed.

    ``device`` is that of instruments which can compute elsewhere than on the CPU; ``engine``, ``address`` and
    ``workers`` are as in ``run_suite``, each worker with the threads of its run. Returns the number of runs; one of
    results only is none. Raises UserError.
    """
    from harness.engines.teams import require_engine, team

    require_engine(engine, address)
    device = resolve_device(device)
    for name in instruments:
        catalog.lookup("instrument", catalog.split_name(name)[0])
    crews: dict[int, Team] = {}

    def observe_one(folder: RunFolder, protocol: dict[str, Any]) -> bool:
        if folder.results_only:
            return False
        wider = _added(protocol, "instruments", instruments)
        threads = folder.spec.threads
        crew = crews[threads] = crews.get(threads) or team(
            engine, address, workers, threads, device, out=runs, progress=progress
        )
        observe_run(folder, wider["instruments"], progress or Progress(), device, crew)
        _keep_protocol(folder, wider)
        return True

    try:
        return sum(_each(runs, suite, observe_one, failed))
    finally:
        for crew in crews.values():
            crew.close()


def measure_runs(
    runs: str, *, suite: str | None = None, metrics: Sequence[str] = (), failed: list[str] | None = None
) -> pd.DataFrame:
    """Measure what is stored, with the metrics of the tasks and these; of runs of results only, what is stored is
    returned. Opens no model. Raises UserError."""
    for name in metrics:
        catalog.lookup("metric", catalog.split_name(name)[0])
    lines: list[str] = []

    def measure_one(folder: RunFolder, protocol: dict[str, Any]) -> tuple[dict[str, Any], Sequence[Estimate]]:
        if folder.results_only:
            folder.require_measure(folder.measured())
            return names_of(folder), folder.read_estimates()
        wider = _added(protocol, "metrics", metrics)
        estimates = measure_run(folder, wider)
        lines.extend(metric_failures(folder, estimates))
        _keep_protocol(folder, wider)
        return names_of(folder), estimates

    measured = _each(runs, suite, measure_one, lines)
    hand_over(lines, failed)
    return frame_of(measured)


def prune_runs(
    runs: str, *, suite: str | None = None, dry_run: bool = False, failed: list[str] | None = None
) -> list[Pruned]:
    """Give back the disk of samples and observations: each run becomes results only. Raises UserError."""
    from harness.store.prune import prune

    return _each(runs, suite, lambda folder, _: prune(folder, dry_run), failed)


# ------------------------------------------------------------------------------------------------ one run


@cache
def instrument(name: str, device: str = "cpu") -> Instrument:
    """Made once per process, since its weights are read only once then."""
    made: Instrument = catalog.make("instrument", name, device)
    return made


def opened_instruments(names: Sequence[str], device: str) -> list[Instrument]:
    """Of two with one name the last counts: it was asked for with weights of its own (``NAME@PATH``)."""
    return list({item.name: item for item in (instrument(name, device) for name in names)}.values())


def opened_usable(names: Sequence[str], device: str) -> list[Instrument]:
    """As they are found in a worker, which must be able to use them as this process can."""
    found = opened_instruments(names, device)
    for item in found:
        item.unavailable()  # some look for their weights then
    return found


def observe_run(
    folder: RunFolder,
    instruments: Sequence[str],
    progress: Progress,
    device: str = "cpu",
    crew: Team | None = None,
) -> None:
    """Observe a run with these instruments of the catalogue, as far as missing; ``crew`` are those who look."""
    from harness.observe import observe

    with limited_threads(folder.spec.threads):
        made = opened_instruments(instruments, device)
        again = partial(opened_usable, tuple(instruments), device)
        observe(folder, made, batch=folder.spec.batch, progress=progress, crew=crew, open_again=again)


def measure_run(folder: RunFolder, protocol: Mapping[str, Any]) -> list[Estimate]:
    """Measure a run by its protocol: metrics of the catalogue, fingerprint, limit."""
    from harness.measure import measure

    metrics = [_metric(name) for name in protocol["metrics"]]
    with limited_threads(folder.spec.threads):
        estimates = measure(folder, metrics, protocol["fingerprint"], limit=protocol["request"]["limit"])
    kept = folder.manifest().get(SHOWING) or of_before(protocol)
    shown = {
        metric.name: written(metric_shown(name, metric.name))
        for name, metric in zip(protocol["metrics"], metrics, strict=True)
    }
    metrics_shown = {**kept.get("metrics", {}), **shown}
    drawn = {**kept.get("instruments", {}), **instruments_shown(protocol.get("instruments", ()))}
    also: dict[str, Any] = {"instruments": drawn} if drawn else {}
    used = _used(folder, protocol, dict(zip(protocol["metrics"], metrics, strict=True)), estimates)
    also[REFERENCES] = merged(kept.get(REFERENCES) or of_request(protocol["request"]), used)
    folder.write_manifest(**{SHOWING: {**kept, "metrics": metrics_shown, **also}})
    return estimates


def _used(
    folder: RunFolder, protocol: Mapping[str, Any], metrics: Mapping[str, Any], estimates: Sequence[Estimate]
) -> dict[str, dict[str, Any]]:
    """What the metrics cite that have a value, and the instruments that looked."""
    measured = {item.metric for item in estimates if item.value is not None}
    looked = {catalog.split_name(name)[0] for name in folder.instruments()}
    names = [name for name in protocol["instruments"] if catalog.split_name(name)[0] in looked]
    with_value = [text for text, metric in metrics.items() if metric.name in measured]
    return cited([*lines_of("metric", with_value), *lines_of("instrument", names)])


def _metric(name: str) -> Any:
    shown = without_folders(name)
    if f"@{ELSEWHERE}/" in name:
        return Unmade(shown, "its file is on another machine: name the metric with its path, by --metric")
    try:
        return catalog.make("metric", name)
    except UserError as error:  # a plug-in that is gone, a file that is not there: the others are measured
        return Unmade(shown, sentence_without_folders(str(error)))


def metric_failures(folder: RunFolder, estimates: Sequence[Estimate]) -> list[str]:
    """A line for each metric that failed on a run."""
    label = f"{folder.spec.model} on {folder.spec.task}"
    return [f"{label}: {metric} failed: {reason}" for metric, reason in failures_in(estimates)]


def names_of(folder: RunFolder) -> dict[str, Any]:
    """How a frame names a run."""
    return {"model": folder.spec.model, "task": folder.spec.task, "seed": folder.spec.seed, "key": folder.key}


# ------------------------------------------------------------------------------------------------ all of them


@dataclass(frozen=True)
class _Failed:
    reason: str


def _each(
    runs: str, suite: str | None, do: Callable[[RunFolder, dict[str, Any]], Value], failed: list[str] | None
) -> list[Value]:
    """What ``do`` returns for every run of a root, or of one of its suites, and its protocol."""
    from harness.store.run_folder import run_paths

    rows = [str(row["path"]) for row in read_index(runs, suite)] if suite else run_paths(runs)
    if not rows:
        raise UserError(
            f"no run folders under {runs}: expected SUBJECT/TASK/KEY/spec.json, as 'ddtbench run' makes them"
        )
    done = [_one(f"{runs.rstrip('/')}/{path}".rstrip("/"), do) for path in rows]
    lines = [item.reason for item in done if isinstance(item, _Failed)]
    if len(lines) == len(done):
        raise UserError(lines[0] + (f"; and {len(lines) - 1} more runs failed" if len(lines) > 1 else ""))
    hand_over(lines, failed)
    return [item for item in done if not isinstance(item, _Failed)]


def _one(path: str, do: Callable[[RunFolder, dict[str, Any]], Value]) -> Value | _Failed:
    value, reason = tried(partial(_opened, path, do))
    if reason:
        return _Failed(reason if path in reason else f"{path}: {reason}")
    assert value is not None
    return value


def _opened(path: str, do: Callable[[RunFolder, dict[str, Any]], Value]) -> Value:
    from harness.store.run_folder import RunFolder

    folder = RunFolder.open(path)
    protocol = folder.manifest().get("protocol")
    if protocol is None:
        raise UserError(f"{folder.path} was never finished: repeat the command that started it")
    return do(folder, opened_again(protocol, folder.key))


def _keep_protocol(folder: RunFolder, protocol: Mapping[str, Any]) -> None:
    """Also of a folder of before, which named folders of the user."""
    kept, manifest = passed_on(protocol, folder.key), folder.manifest()
    reasons = {name: sentence_without_folders(why) for name, why in folder.unavailable().items()}
    if (kept, reasons) != (manifest["protocol"], manifest.get("unavailable", {})):
        folder.write_manifest(protocol=kept, unavailable=reasons)


def _added(protocol: dict[str, Any], kind: str, names: Sequence[str]) -> dict[str, Any]:
    """The protocol with these names too; one that says where its file lies stands for the one that did not know."""
    found = {without_folders(name): name for name in names}
    return {**protocol, kind: list(dict.fromkeys([*(found.get(name, name) for name in protocol[kind]), *names]))}


def hand_over(lines: Sequence[str], failed: list[str] | None) -> None:
    """Hand over what failed: to the list where there is one, else to stderr."""
    if failed is not None:
        failed.extend(lines)
        return
    for line in lines:
        Progress().note(line)
