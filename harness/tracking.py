"""Estimates with intervals, the comparison and the report, sent to a tracker: Weights & Biases or MLflow.

A run of the tracker for each model and seed, with ``TASK/METRIC`` (``TASK/METRIC:STRATUM``) and its interval, ``.low``
and ``.high``; one more, ``report``, with the table of all estimates and the folder of the report. What is stored here
stays as it is.
"""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest
from harness.isolation import tried
from harness.paths import user_path
from harness.redaction import redacted, redacted_anywhere
from harness.store.results import read_index

KINDS = ("wandb", "mlflow")
EXPERIMENT = "ddtbench"
COLUMNS = (
    "model",
    "task",
    "seed",
    "metric",
    "stratum",
    "value",
    "low",
    "high",
    "unit",
    "direction",
    "scored",
    "failed",
)


@dataclass(frozen=True)
class Tracker:
    """``wandb:PROJECT``, ``wandb:ENTITY/PROJECT``, ``mlflow:FOLDER`` or ``mlflow:URL``."""

    kind: str
    place: str

    @classmethod
    def parse(cls, text: str) -> Tracker:
        """Raises UserError for what is none, and where its library is missing."""
        kind, _, place = text.partition(":")
        if kind not in KINDS or not place.strip():
            hint = nearest(kind, KINDS) if kind not in KINDS else ""
            raise UserError(f"--track takes wandb:PROJECT or mlflow:FOLDER, not '{text[:60]}'{hint}")
        if "://" in place and "@" in place.partition("://")[2].partition("/")[0]:
            raise UserError("a tracker's URL holds no name and no password: MLflow reads them from the environment")
        if importlib.util.find_spec(kind) is None:
            raise UserError(f"--track {kind}:... needs its library: pip install 'ddtbench[track]'")
        return cls(kind, place)


@dataclass
class Tracked:
    """A model with one seed: its specs by task, and its numbers."""

    model: str
    seed: int
    specs: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.model} seed {self.seed}"


def track(
    trackers: Sequence[Tracker], runs: str, suite: str | None, report: Path, tell: Callable[[str], None]
) -> list[str]:
    """Send what is stored to each tracker; a line for each that says where it is. A tracker that fails keeps none of
    the others from being told: it is a line for ``tell``."""
    tracked, table = gather(runs, suite, tell)
    said = []
    for tracker in trackers:
        send = _to_wandb if tracker.kind == "wandb" else _to_mlflow
        where, reason = tried(partial(send, tracker.place, tracked, table, report))
        if reason:
            tell(f"{tracker.kind}:{tracker.place} was not told: {redacted(reason)}")
        else:
            said.append(f"tracked: {where}")
    return said


def gather(runs: str, suite: str | None, tell: Callable[[str], None]) -> tuple[list[Tracked], list[dict[str, Any]]]:
    """(models with their numbers, the rows of all estimates). A run that cannot be read is a line for ``tell``."""
    from harness.store.run_folder import RunFolder, run_paths

    found: dict[tuple[str, int], Tracked] = {}
    rows: list[dict[str, Any]] = []
    for path in [str(row["path"]) for row in read_index(runs, suite)] if suite else run_paths(runs):
        place = f"{runs.rstrip('/')}/{path}".rstrip("/")
        read, reason = tried(lambda place=place: _read(RunFolder.open(place)))  # type: ignore[misc]
        if read is None:
            tell(f"not tracked: {place}: {reason}")
            continue
        folder, model, estimates = read
        spec = folder.spec
        item = found.setdefault((model, spec.seed), Tracked(model, spec.seed))
        task = spec.task if spec.task not in item.specs else f"{spec.task} {folder.key[:6]}"
        item.specs[task] = redacted_anywhere(spec.to_dict())
        for estimate in estimates:
            stratum = f":{estimate.stratum}" if estimate.stratum else ""
            name = _name(f"{task}/{estimate.metric}{stratum}")
            ends = {"": estimate.value, ".low": estimate.low, ".high": estimate.high}
            item.numbers |= {f"{name}{end}": float(value) for end, value in ends.items() if value is not None}
        whole = [{"model": model, "task": task, "seed": spec.seed, **asdict(estimate)} for estimate in estimates]
        rows += [{name: row[name] for name in COLUMNS} for row in whole]
    return list(found.values()), rows


def _read(folder: Any) -> tuple[Any, str, Sequence[Any]]:
    return folder, str(folder.manifest().get("shown") or folder.spec.model), folder.read_estimates()


def _name(text: str) -> str:
    """As MLflow takes names. A folder of it has a file for each, so that none may be another's folder."""
    return re.sub(r"[^\w\-.:/ ]", "-", text)


def _to_wandb(place: str, tracked: Sequence[Tracked], table: Sequence[Mapping[str, Any]], report: Path) -> str:
    import wandb

    entity, _, project = place.rpartition("/")
    where: dict[str, Any] = {"project": project, "entity": entity or None, "settings": wandb.Settings(silent=True)}
    for item in tracked:
        config = {"model": item.model, "seed": item.seed, "specs": item.specs}
        with wandb.init(name=item.name, group=item.model, job_type="estimates", config=config, **where) as run:
            run.log(item.numbers)
    with wandb.init(name="report", job_type="report", **where) as run:
        rows = [[row[name] for name in COLUMNS] for row in table]
        run.log({"comparison": wandb.Table(columns=list(COLUMNS), data=rows)})
        artifact = wandb.Artifact("report", type="report")
        artifact.add_dir(str(report))
        run.log_artifact(artifact)
        offline = run.offline
    return f"wandb:{place}" + (" (offline: 'wandb sync' sends it)" if offline else "")


def _to_mlflow(place: str, tracked: Sequence[Tracked], table: Sequence[Mapping[str, Any]], report: Path) -> str:
    uri = place if "://" in place else user_path(place).resolve().as_uri()
    with _environment(MLFLOW_ALLOW_FILE_STORE="true", MLFLOW_DISABLE_TELEMETRY="true"):
        import pandas as pd
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(EXPERIMENT)
        experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT)
        now = int(time.time() * 1000)
        for item in tracked:
            run = client.create_run(experiment, run_name=item.name).info.run_id
            metrics = [Metric(name, value, now, 0) for name, value in item.numbers.items()]
            for start in range(0, len(metrics), 1000):  # as many as one request may hold
                client.log_batch(run, metrics=metrics[start : start + 1000])
            client.log_batch(run, params=[Param("model", item.model), Param("seed", str(item.seed))])
            client.log_dict(run, item.specs, "specs.json")
            client.set_terminated(run)
        run = client.create_run(experiment, run_name="report").info.run_id
        client.log_text(run, pd.DataFrame(table, columns=list(COLUMNS)).to_csv(index=False), "comparison.csv")
        client.log_artifacts(run, str(report), "report")
        client.set_terminated(run)
    return f"mlflow:{place}"


@contextmanager
def _environment(**values: str) -> Any:
    """MLflow asks for the first before it writes into a folder, and would tell its makers without the second. What the
    user has set stays."""
    missing = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
