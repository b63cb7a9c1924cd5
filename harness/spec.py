"""What is asked for: a frozen spec per run, a frozen suite of runs, and the key that names where a run lies.

A suite is a catalogue name, or a TOML file that only names things::

    name = "mine"
    models = ["ddt", "vqgan@checkpoints/vqgan"]
    tasks = ["reconstruction@world"]
    limit = 256          # optional, as are seed or seeds, batch, unit_size and threads
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest
from harness.texts import read_toml, shown

KEY_DIGITS = 16
HIGHEST = {"threads": 4096, "batch": 2**31 - 1, "unit_size": 2**31 - 1}
"""What torch takes; other whole numbers have at most 64 bits."""
SUITE_KEYS = ("name", "models", "tasks", "limit", "seed", "seeds", "batch", "unit_size", "threads")
_PATH_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")


def path_safe(text: str) -> str:
    """``text`` with every run of characters that a folder name should not have turned into one hyphen."""
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", text).strip("-.") or "unnamed"


def is_path_safe(text: object) -> bool:
    """Whether this can be the name of a file or folder, and leads nowhere else.

    Examples:
        >>> is_path_safe("ddt"), is_path_safe(".."), is_path_safe("a/b")
        (True, False, False)
    """
    return isinstance(text, str) and _PATH_SAFE.fullmatch(text) is not None


NAME_LENGTH = 60


def checked_name(text: str) -> str:
    """A name for people to read, in tables and figures: one printable line that is not too long. Raises UserError."""
    if not text.strip() or not text.isprintable() or len(text) > NAME_LENGTH:
        raise UserError(f"a name to show is one printable line of 1 to {NAME_LENGTH} characters, not {text[:80]!r}")
    return text.strip()


def canonical_json(value: Any) -> str:
    """JSON with one spelling per value: sorted keys, no spaces, ASCII. NaN and infinities are refused.

    Examples:
        >>> canonical_json({"b": 1, "a": (2, 3)})
        '{"a":[2,3],"b":1}'
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(f"a spec must be plain JSON without NaN: {error}") from error


def _require(kind: str, values: Mapping[str, int], lowest: int) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise UserError(f"{kind}: {name} must be a whole number of at least {lowest}, not {shown(value)}")
        if value > (most := HIGHEST.get(name, 2**64 - 1)):
            raise UserError(f"{kind}: {name} must be at most {most}, not {shown(value)}")


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides the bytes of one run; the limit is not part of it.

    ``model`` and ``task`` are safe in a path. ``model_version`` and ``task_version`` are those of the adapter and of
    the task, ``checkpoint`` is the SHA-256 of the weights ("": it has none), ``settings`` are those of sampling.
    """

    model: str
    model_version: int
    checkpoint: str
    task: str
    task_version: int
    data_revision: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    seed: int = 0
    dtype: str = "float32"
    batch: int = 32
    unit_size: int = 128
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("model", "task"):
            if not _PATH_SAFE.fullmatch(getattr(self, name)):
                raise UserError(f"a run's {name} must be safe in a path, and '{getattr(self, name)}' is not")
        _require("run", {"seed": self.seed, "model_version": self.model_version, "task_version": self.task_version}, 0)
        _require("run", {"batch": self.batch, "unit_size": self.unit_size, "threads": self.threads}, 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: tuples become lists, so that a spec equals itself after a round trip through a file."""
        plain: dict[str, Any] = json.loads(canonical_json(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        """The reverse of ``to_dict``. Missing and unknown keys are errors."""
        known = {item.name for item in fields(cls)}
        for name in sorted(values.keys() - known):
            raise UserError(f"unknown key '{name}' in a run spec{nearest(name, known)}")
        for name in sorted(known - values.keys()):
            raise UserError(f"a run spec lacks '{name}'")
        return cls(**values)

    def canonical(self) -> str:
        """The one spelling of this spec, of which the key is the digest."""
        return canonical_json(self.to_dict())

    def key(self) -> str:
        """The first 16 hex digits of the SHA-256 of the canonical spec: the name of the run's folder.

        Examples:
            >>> spec = RunSpec("ddt", 1, "", "reconstruction-world", 1, "world-1")
            >>> len(spec.key()), spec.key() == RunSpec.from_dict(spec.to_dict()).key()
            (16, True)
        """
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True)
class RunRequest:
    """A run as a user writes it: ``model`` is ``NAME[@SOURCE]``, ``task`` is ``NAME[@ARGUMENT]``; ``shown``: what
    tables and figures call the model, where that is said (no part of the run's key)."""

    model: str
    task: str
    limit: int | None = None
    shown: str = ""

    def __post_init__(self) -> None:
        if self.limit is not None:
            _require(f"{self.model} on {self.task}", {"limit": self.limit}, 1)
        if self.shown:
            checked_name(self.shown)


@dataclass(frozen=True)
class SuiteSpec:
    """Runs that are compared with one another, and what they share. All models of a task see exactly the same cases.

    ``seeds``: every run once per seed, so that the variance of sampling is seen beside that of cases; none: ``seed``.
    ``left_out`` says which of its runs this machine cannot do, each with the cure.
    """

    name: str
    runs: tuple[RunRequest, ...]
    seed: int = 0
    batch: int = 32
    unit_size: int = 128
    threads: int = 1
    dtype: str = "float32"
    seeds: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _PATH_SAFE.fullmatch(self.name):
            raise UserError(f"a suite's name must be safe in a path, and '{self.name}' is not")
        if not self.runs:
            raise UserError(f"suite '{self.name}' has no runs: it needs at least one model and one task")
        for seed in (self.seed, *self.seeds):
            _require(f"suite '{self.name}'", {"seed": seed}, 0)
        if len(set(self.seeds)) != len(self.seeds):
            raise UserError(f"suite '{self.name}': a seed is named twice in {', '.join(map(str, self.seeds))}")
        _require(f"suite '{self.name}'", {"batch": self.batch, "unit_size": self.unit_size, "threads": self.threads}, 1)
        if self.batch > self.unit_size:  # a unit is computed whole, its last batch padded: the rest would be padding
            raise UserError(
                f"suite '{self.name}': batch {self.batch} is more than a unit of {self.unit_size} cases: "
                f"at most {self.unit_size}, or a larger --unit-size (unit_size in a suite file)"
            )

    @property
    def drawn_with(self) -> tuple[int, ...]:
        """The seeds of its runs."""
        return self.seeds or (self.seed,)

    @property
    def models(self) -> tuple[str, ...]:
        """The models in the order of their first run."""
        return tuple(dict.fromkeys(request.model for request in self.runs))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the order of their first run."""
        return tuple(dict.fromkeys(request.task for request in self.runs))

    @classmethod
    def of(
        cls, name: str, models: Sequence[str], tasks: Sequence[str], limit: int | None = None, **shared: Any
    ) -> SuiteSpec:
        """Every model on every task, task by task."""
        runs = (RunRequest(model, task, limit) for task in dict.fromkeys(tasks) for model in dict.fromkeys(models))
        return cls(name, tuple(runs), **shared)

    def changed(
        self, models: Sequence[str] = (), tasks: Sequence[str] = (), limit: int | None = None, **shared: Any
    ) -> SuiteSpec:
        """This suite with other models, tasks, limit or shared values; what is empty or None stays as it is.

        A model or task that is new to the suite meets all the others; pairs that the suite leaves out stay out. Another
        checkpoint of one of its models (``NAME@CHECKPOINT``) meets that model's tasks.
        """
        runs = list(self.runs)
        if models or tasks:
            pairs = {(request.model, request.task): request for request in self.runs}
            limits = {request.task: request.limit for request in self.runs}

            def stands_for(model: str) -> str:
                return model if model in self.models else model.partition("@")[0]

            runs = [
                pairs.get((model, task)) or RunRequest(model, task, limits.get(task, self.runs[0].limit))
                for task in dict.fromkeys(tasks or self.tasks)
                for model in dict.fromkeys(models or self.models)
                if (stands_for(model), task) in pairs or stands_for(model) not in self.models or task not in self.tasks
            ]
        if limit is not None:
            runs = [replace(request, limit=limit) for request in runs]
        given = {name: value for name, value in shared.items() if value is not None}
        if given.get("seed") is not None:
            given.setdefault("seeds", ())  # one seed asked for replaces several of a suite's own
        return replace(self, runs=tuple(runs), left_out=() if tasks else self.left_out, **given)


def suite_from_toml(path: Path) -> SuiteSpec:
    """Read a suite file. A missing, unknown or ill-typed key is a UserError that names the file."""
    values = read_toml(path, "the suite file")
    for key in values:
        if key not in SUITE_KEYS:
            raise UserError(f"{path}: unknown key '{key}'{nearest(key, SUITE_KEYS)}")
    for key in ("models", "tasks"):
        names = values.get(key)
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            raise UserError(f'{path}: {key} must be a list of names, for example {key} = ["NAME"]')
    name = values.pop("name", path.stem)
    if not isinstance(name, str):
        raise UserError(f"{path}: name must be a string, not {name!r}")
    seeds = values.pop("seeds", [])
    if not isinstance(seeds, list) or ("seed" in values and seeds):
        raise UserError(f"{path}: seeds must be a list of whole numbers, and stands in the place of seed")
    try:
        return SuiteSpec.of(name, values.pop("models"), values.pop("tasks"), seeds=tuple(seeds), **values)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
