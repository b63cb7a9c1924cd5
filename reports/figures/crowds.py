"""Who is named in a figure: all of up to twenty models, of more the leading dozen; the others are drawn pale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.contracts import ShownTask
from reports.figures.names import apart
from reports.figures.style import PALE, Look
from reports.reading.runs import Run

MOST, LEADING, CONTROLS = 20, 12, 6
"""Models that are all named; those named of more; controls that are named."""


def looks_in(shown: ShownTask, runs: Sequence[Run], looks: Mapping[str, Look]) -> tuple[dict[str, Look], str]:
    """(the looks in one task's figures, what their captions say of a crowd; "" where there is none)."""
    models = dict.fromkeys(run.subject for run in runs if not looks[run.subject].control)
    controls = dict.fromkeys(run.subject for run in runs if looks[run.subject].control)
    first, said = list(models), ""
    if len(models) > MOST:
        first, metric = _leading(shown, runs, list(models))
        lead = f"that lead by {metric}" if metric else "that come first in order"
        said = f" Named are the {LEADING} of {len(models)} models {lead}; the others are pale."
        first = first[:LEADING]
    kept = {*first, *list(controls)[:CONTROLS]}
    if len(controls) > CONTROLS:
        said += f" {len(controls) - CONTROLS} more controls are pale."
    return crowd(looks, kept, [*models, *controls]), said


def crowd(looks: Mapping[str, Look], kept: set[str], names: Sequence[str]) -> dict[str, Look]:
    """The looks of these names: those kept with names that are short and differ, the others pale."""
    short = apart(looks[name].label for name in names if name in kept)
    return {
        name: replace(looks[name], label=short[looks[name].label])
        if name in kept
        else replace(looks[name], colour=PALE, marker="o", pale=True)
        for name in names
    }


def _leading(shown: ShownTask, runs: Sequence[Run], models: Sequence[str]) -> tuple[list[str], str]:
    """(models, the best first, what they are ranked by) by the first metric that heads the task and that some have."""
    for name in shown.headline:
        found = {
            run.subject: (-estimate.value if estimate.direction != "lower" else estimate.value)
            for run in runs
            if (estimate := run.estimate(name)) is not None and estimate.value is not None
        }
        if any(model in found for model in models):
            label = next(run.metric(name).label for run in runs if run.estimate(name) is not None) or name
            return sorted(models, key=lambda model: found.get(model, float("inf"))), label
    return list(models), ""


def said_of(parts: Sequence[tuple[Look, str]]) -> str:
    """What a panel shows in words: of each that is named, and how many others there are."""
    words = [text for look, text in parts if not look.pale]
    more = len(parts) - len(words)
    return "; ".join([*words, *([f"and {more} more"] if more else [])])
