"""What a report knows of the tasks by name: which metrics head a comparison, and which one is worth its strata.

A task that is not named here is shown by its own table; nothing else depends on this list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Samples = Literal["", "prompts", "pictures", "questions", "edits", "costs"]


@dataclass(frozen=True)
class TaskKind:
    """One kind of task. ``names`` are prefixes of task names, the preferred first: one task of a kind is in the
    headline. ``verdict`` is the metric that says which samples are right."""

    title: str
    names: tuple[str, ...]
    headline: tuple[str, ...]
    samples: Samples
    breakdown: str = ""
    verdict: str = ""


KINDS: tuple[TaskKind, ...] = (
    TaskKind("GenEval", ("geneval-world", "geneval-"), ("geneval",), "prompts", "geneval", "geneval"),
    TaskKind("generation", ("generation-world",), ("fd-world", "kid-efficientnet-lite0"), "pictures"),
    TaskKind(
        "class generation",
        ("generation-fashion",),
        ("fd-fashion", "class-agreement"),
        "pictures",
        verdict="class-agreement",
    ),
    TaskKind("MME", ("mme-world", "mme-"), ("mme-percent",), "questions", "mme-score", "mme-acc-plus"),
    TaskKind("editing", ("editing-world",), ("edit-success", "l1"), "edits", "edit-success", "edit-success"),
    TaskKind(
        "editing photographs",
        tuple(f"editing-{name}" for name in ("magicbrush", "chain-magicbrush", "emu-edit", "evr", "ma5k")),
        (),
        "edits",
    ),
    TaskKind("editing in turns", ("editing-chain",), (), "edits", "edit-success", "edit-success"),
    TaskKind("image codes", ("perplexity-image-codes",), ("nll-over-log-codebook",), "costs"),
    TaskKind("text", ("perplexity-wikipedia", "perplexity-captions", "perplexity-"), ("bits-per-byte",), "costs"),
)


def kind_of(task: str) -> TaskKind | None:
    """The kind of a task by its name, or None."""
    return next((kind for kind in KINDS if task.startswith(kind.names)), None)


def headline_tasks(tasks: Iterable[str]) -> list[tuple[TaskKind, str]]:
    """(kind, task) of every kind that heads a comparison and was run, in the order of ``KINDS``."""
    found = []
    known = sorted(tasks)
    for kind in KINDS:
        mine = [task for task in known if kind_of(task) is kind]
        ranked = sorted(mine, key=lambda task: next(i for i, name in enumerate(kind.names) if task.startswith(name)))
        if ranked and kind.headline:
            found.append((kind, ranked[0]))
    return found
