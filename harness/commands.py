"""What the command line does, as calls for a notebook: run, observe, measure and report what a suite asks for.

``run_suite`` and ``measure_runs`` return a pandas frame with one row per estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import catalog
from harness.contracts import Estimate
from harness.display import SHOWING
from harness.environment import limited_threads
from harness.errors import UserError
from harness.launch import follows, launched
from harness.paths import data_root, user_path
from harness.places import passed_on
from harness.plan import PlannedRun, opened, plan, resolve_device, suite_for
from harness.progress import Progress
from harness.recipes import tokenizer_recipe
from harness.rehearsal import dry_run
from harness.spec import SuiteSpec
from harness.store.files import Folder
from harness.store.results import frame_of, read_left_out, write_index
from harness.stored_runs import (
    hand_over,
    instrument,
    measure_run,
    measure_runs,
    metric_failures,
    names_of,
    observe_run,
    observe_runs,
    prune_runs,
)
from harness.texts import read_toml
from harness.watch import current

if TYPE_CHECKING:
    import pandas as pd

    from harness.engines import Team
    from harness.outline import Outline
    from harness.store.run_folder import RunFolder

_instrument = instrument  # what a process made once


def run_suite(
    suite: SuiteSpec | str,
    out: str = "runs",
    *,
    models: Sequence[str] = (),
    names: Sequence[str] = (),
    tasks: Sequence[str] = (),
    limit: int | None = None,
    seeds: Sequence[int] | None = None,
    engine: str = "local",
    address: str = "",
    workers: int | None = 1,
    device: str = "auto",
    mixed_environment: bool = False,
    progress: Progress | None = None,
    batch_timeout: float | None = None,
    retry_failed: bool = False,
    failed: list[str] | None = None,
) -> pd.DataFrame:
    """Run, observe and measure a suite (or the one that a name stands for) under the folder ``out``.

    ``models``, ``names`` (``--as``), ``tasks``, ``limit`` and ``seeds`` change it as the command's options do. The same
    call resumes; what is stored is not asked again, but with ``retry_failed`` the units that hold a failed case.
    Everything that can be wrong with the request is found before anything is written. A run or a metric that fails
    keeps none of the others from being measured: it is a line in ``failed``, or on stderr. Raises UserError, also where
    every run failed.

    ``engine`` "ray" hands the work to actors, of the cluster at ``address`` or of this machine's own Ray; they store
    what they make under ``out`` themselves. With "local", one worker is this process, which a subject that crashes or
    hangs takes with it. ``ddtbench run`` is safe from that, and so are children (``workers`` of 2 and more; None: the
    cores at hand), which answer each batch within ``batch_timeout`` seconds or are replaced. Processes that a launcher
    started (``torchrun``) hold one subject together; the first one returns the frame, the others an empty one.
    """
    from harness.asking import Asking, shortfalls
    from harness.engines import ranks
    from harness.engines.teams import require_engine, team

    require_engine(engine, address)
    shared = {} if seeds is None else {"seeds": tuple(seeds)}
    suite = suite_for(suite, models=models, names=names, tasks=tasks, limit=limit, **shared)
    device = resolve_device(device)
    progress = progress or Progress()
    measured: list[tuple[dict[str, Any], Sequence[Estimate]]] = []
    case_sets: list[str] = []
    lines: list[str] = []
    done: list[PlannedRun] = []
    release = opened.cache_clear
    if launched() > 1:
        ranks.join(device, engine, workers)
        if follows():
            with limited_threads(suite.threads):
                ranks.require_handed_out(plan(suite, device))
                ranks.follow(release)
            return frame_of([])
    crew = team(engine, address, workers, suite.threads, device, batch_timeout, release, out, progress)
    current().limit = batch_timeout
    asking = Asking(out, device, crew, progress, mixed=mixed_environment, retry=retry_failed)
    try:
        with limited_threads(suite.threads):
            if not Folder(out).names(folders=True):  # what is there may be all that was asked for
                crew.prepare(partial(opened, suite.models[0], device))
            planned = plan(suite, device)
            ranks.require_handed_out(planned)
            for place, item in enumerate(planned):
                crew.runs = len(planned) - place
                try:
                    item, folder = asking.run(item)
                    estimates = _measured(item, folder, progress, device, crew)
                except UserError as error:
                    if len(planned) == 1:
                        raise
                    lines.append(f"{item.request.model} on {item.request.task}: {error}")
                    done.append(item)
                    case_sets.append("")
                    continue
                lines += [*shortfalls(folder, item.task.instruments), *metric_failures(folder, estimates)]
                done.append(item)
                measured.append((names_of(folder), estimates))
                case_sets.append(folder.measured())
    finally:
        crew.close()
        ranks.dismiss()
        opened.cache_clear()  # a large model must not outlive the call
    write_index(out, suite.name, done, case_sets, suite.left_out)
    if not measured:
        raise UserError(f"{lines[0]}; and {len(lines) - 1} more runs failed")
    hand_over(lines, failed)
    return frame_of(measured)


def _measured(item: PlannedRun, folder: RunFolder, progress: Progress, device: str, crew: Team) -> Sequence[Estimate]:
    from harness.asking import shown_as

    protocol = _protocol(item)
    shown = shown_as(item)
    kept = folder.manifest().get(SHOWING, {})
    shown[SHOWING] = {**kept, **shown[SHOWING]}
    folder.write_manifest(protocol=passed_on(protocol, folder.key), **shown)
    observe_run(folder, protocol["instruments"], progress, device, crew)
    return measure_run(folder, protocol)


def _protocol(item: PlannedRun) -> dict[str, Any]:
    """What measuring again needs to know of the task, so that neither task nor subject is opened for it."""
    chosen = item.spec.settings.get("weights")
    return {
        "request": {"model": item.request.model, "task": item.request.task, "limit": item.request.limit},
        "instruments": list(item.task.instruments),
        "metrics": list(item.task.metrics),
        "fingerprint": {**item.task.fingerprint, **({"weights": chosen} if chosen else {}), **item.noted},
    }


def outline(suite: SuiteSpec | str, out: str = "runs") -> Outline:
    """What a suite would do and how much disk it takes, at once: no model is opened, nothing is written."""
    from harness.outline import outline as made

    return made(suite_for(suite) if isinstance(suite, str) else suite, out)


def summary(runs: str, suite: str | None = None) -> str:
    """The comparison table of stored runs, as text."""
    text: str = catalog.reporter("summary")(runs, suite)
    return text.rstrip("\n")


def left_out(runs: str, suite: str | None) -> str:
    """A line for each part of a suite that the machine could not do; "" where it was whole."""
    return "".join(f"\nleft out: {text}" for text in read_left_out(runs, suite)) if suite else ""


def report_runs(
    runs: str,
    to: Path | str,
    *,
    suite: str | None = None,
    allow_mixed: bool = False,
    tell: Callable[[str], None] | None = None,
    track: Sequence[str] = (),
    told: list[str] | None = None,
) -> Path:
    """Write the report of stored runs into the folder ``to``; returns the path of its first page.

    ``track``: trackers (``wandb:PROJECT``, ``mlflow:FOLDER``) that are sent the estimates, the comparison and the
    report; ``told`` is given a line for each.

    Numbers of different protocols are not ranked together; ``allow_mixed`` ranks each protocol by itself, marked.
    ``tell`` is called with a line for all that does not hold and is therefore not shown.
    """
    from harness.store.files import Folder

    if not Folder(runs).exists():
        raise UserError(f"there is no folder {runs}: name the one that 'ddtbench run' wrote to")
    from harness.tracking import Tracker
    from harness.tracking import track as send

    trackers = [Tracker.parse(text) for text in track]  # what is wrong with them is said before anything is written
    page: Path = catalog.reporter("page")(runs, user_path(to), suite, allow_mixed, tell)
    if trackers:
        said = send(trackers, runs, suite, page.parent, tell or Progress().note)
        (told if told is not None else []).extend(said)
    return page


def export_run(run: str, to: Path | str, form: str = "") -> str:
    """Write a run as the files of another program into the folder ``to``; returns a line that says what was written.

    ``form``: one that ``ddtbench show TASK`` names, or ``png``; "" is the task's own. Raises
    UserError.
    """
    from harness.export import export_run as write

    return write(run, to, form)


def prepare_data(name: str, source: str | None = None, *, fetch: bool = False) -> Path:
    """Check and convert a data set, once; with ``fetch`` one that is not here is got over the network, where its entry
    can. Raises UserError for one that is unknown, needs no preparing or cannot be fetched."""
    if any(stream.name == name for stream in catalog.entries("stream")):
        raise UserError(f"data '{name}' needs no preparing")
    prepare = catalog.find("data", name)
    known = signature(prepare).parameters
    if "source" not in known:
        raise UserError(f"data '{name}' needs no preparing")
    if fetch and source is not None:
        raise UserError("--fetch gets the files itself and --from says where they are: use one of them")
    if fetch and "fetch" not in known:
        raise UserError(f"data '{name}' cannot be fetched from here: ddtbench data prepare {name} --from PATH")
    folder: Path = prepare(source, fetch=True) if fetch else prepare(source)
    return folder


def train_tokenizer(
    recipe: str,
    out: Path | str,
    *,
    dry_run: bool = False,
    resume: bool = False,
    steps: int | None = None,
    threads: int | None = None,
    tensorboard: Path | str = "",
) -> Path:
    """Train the tokenizer of a recipe, a name of the catalogue or a TOML file; returns the folder of its checkpoint.

    ``tensorboard``: a folder that gets the values of the log as well. Raises UserError.
    """
    found = tokenizer_recipe(recipe)
    trainer = catalog.find("trainer", "tokenizer")
    made: Path = trainer(
        found,
        user_path(out),
        catalog.find,
        resume=resume,
        dry_run=dry_run,
        steps=steps,
        threads=threads,
        **_board(tensorboard),
    )
    return made


def _board(folder: Path | str) -> dict[str, Path]:
    """For a trainer, which may be another package's and know of none. Raises UserError where the library is missing."""
    if not folder:
        return {}
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs its library: pip install 'ddtbench[track]'")
    return {"board": user_path(folder)}


def train_mllm(
    recipe: str, out: Path | str, *, dry_run: bool = False, resume: bool = False, tensorboard: Path | str = ""
) -> Path:
    """Train the language model of a recipe, a name of the catalogue or a TOML file; returns its folder.

    ``tensorboard``: a folder that gets the values of the log as well. Raises UserError.
    """
    own = recipe.endswith(".toml")
    values = read_toml(user_path(recipe)) if own else catalog.find("recipe", recipe)
    if not isinstance(values, Mapping):
        raise UserError(f"recipe '{recipe}' is not that of a language model: ddtbench train tokenizer {recipe}")
    trainer = catalog.find("trainer", "mllm")
    made: Path = trainer(
        values,
        recipe,
        user_path(out),
        catalog.find,
        cache=data_root() / "codes",
        dry_run=dry_run,
        resume=resume,
        **_board(tensorboard),
    )
    return made


__all__ = [
    "dry_run",
    "export_run",
    "measure_runs",
    "observe_runs",
    "outline",
    "plan",
    "prepare_data",
    "prune_runs",
    "report_runs",
    "resolve_device",
    "run_suite",
    "suite_for",
    "summary",
    "train_mllm",
    "train_tokenizer",
]
