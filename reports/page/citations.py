"""What to cite: the references that the runs of a report store, once each, as one BibTeX text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.citations import Reference
from reports.reading.runs import Run

FILE = "references.bib"
NAMED = 12
"""So many models are named; of more their number is told."""


@dataclass(frozen=True)
class Bibliography:
    """``entries``: (reference, what cites it). ``silent``: runs that do not say what they cite."""

    entries: tuple[tuple[Reference, tuple[str, ...]], ...]
    silent: tuple[Run, ...]

    @property
    def bibtex(self) -> str:
        """A file for a paper: before each entry a remark says what used it, and a last one which runs do not say."""
        said = [f"% {_remark(', '.join(by))}\n{reference.bibtex()}" for reference, by in self.entries]
        if self.silent:
            said.append(f"% {_remark(self.silence)}")
        return "\n\n".join(said) + "\n" if said else ""

    @property
    def silence(self) -> str:
        """Which runs say nothing, in words; "" for none."""
        if not self.silent:
            return ""
        models = list(dict.fromkeys(run.label for run in self.silent))
        more = f" and {len(models) - NAMED:,} more" if len(models) > NAMED else ""
        count = f"{len(self.silent):,} run{'s' * (len(self.silent) > 1)}"
        named = f"{', '.join(models[:NAMED])}{more}"
        return f"{count} of {named}: stored before runs said what they cite ('ddtbench measure RUNS' adds it)"


def bibliography(runs: Sequence[Run]) -> Bibliography:
    """Of all runs, by key. Two references of one key that differ are told apart by a number behind the second's."""
    found: dict[str, Reference] = {}
    by: dict[str, dict[str, None]] = {}
    for run in runs:
        for item in run.references or ():
            reference, number = item.reference, 1
            while found.setdefault(reference.key, reference) != reference:
                number += 1
                reference = replace(item.reference, key=f"{item.reference.key}-{number}")
            by.setdefault(reference.key, {}).update(dict.fromkeys(item.by))
    entries = tuple((found[key], tuple(by[key])) for key in sorted(found))
    return Bibliography(entries, tuple(run for run in runs if run.references is None))


def _remark(text: str) -> str:
    """One line, and no sign that BibTeX would take for an entry."""
    return " ".join(text.replace("@", " at ").split())
