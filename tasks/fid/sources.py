"""What FID asks for and compares with: a folder by class, a folder with captions, or a file of statistics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contracts import Case
from harness.errors import UserError
from harness.metrics.statistics_files import PAIRS, StatisticsFile
from harness.spec import canonical_json, path_safe
from tasks.sources import FolderSource

if TYPE_CHECKING:
    import numpy as np

METADATA = "metadata.jsonl"
PER_CLASS = 50
DIGITS = 16


class ReferenceFolder(FolderSource):
    """A folder whose pictures have captions (``metadata.jsonl``) or classes (sub-folders, sorted by name)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.name = path_safe(folder.resolve().name)
        self.captions = _captions(folder / METADATA) if (folder / METADATA).is_file() else {}
        known = {case.id for case in super().cases()}
        if self.captions:
            missing = [name for name in self.captions if name not in known]
            if missing:
                others = f"{missing[0]} and {len(missing) - 1} more"
                raise UserError(f"{folder / METADATA} names {others} that are not there")
        elif loose := [name for name in known if "/" not in name]:
            raise UserError(
                f"{folder} has neither {METADATA} nor a sub-folder per class: {min(loose)} lies in none; put each "
                f'picture into its class\'s folder, or write rows {{"file_name": ..., "text": ...}}'
            )

    @cached_property
    def revision(self) -> str:
        """Of the pictures and of their captions."""
        told = canonical_json([super().revision, self.captions])
        return f"files-{hashlib.sha256(told.encode()).hexdigest()[:DIGITS]}"

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the sub-folders; () with captions."""
        return () if self.captions else tuple(sorted({_class(case.id) for case in super().cases()}))

    @property
    def asked(self) -> str:
        return "a caption per reference" if self.captions else f"the class of each reference, of {len(self.classes)}"

    def cases(self) -> Sequence[Case]:
        return self._listed

    @cached_property
    def _listed(self) -> tuple[Case, ...]:
        if self.captions:
            return tuple(Case(name, name, "", {"caption": text}) for name, text in self.captions.items())
        labels = {name: label for label, name in enumerate(self.classes)}
        rounds: dict[str, int] = {}
        placed = []
        for case in super().cases():
            label = labels[_class(case.id)]
            turn = rounds[_class(case.id)] = rounds.get(_class(case.id), -1) + 1
            placed.append((turn, label, Case(case.id, case.id, "", {"label": label})))
        # Class by class in turn, so that any first N are balanced.
        return tuple(case for _, _, case in sorted(placed, key=lambda item: item[:2]))


def _class(name: str) -> str:
    return name.partition("/")[0]


def _captions(path: Path) -> dict[str, str]:
    """File name -> caption, in the order of the file."""
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = row["file_name"], row["text"]
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(
                f'{path}, line {number}: it must be {{"file_name": ..., "text": ...}} ({type(error).__name__})'
            ) from error
        if name in found:
            raise UserError(f"{path}, line {number}: {name} has a caption already; one per picture")
        found[str(name)] = str(text)
    if not found:
        raise UserError(f"{path} has no rows")
    return found


@dataclass(frozen=True)
class StatisticsReference:
    """A file of statistics, and 50 pictures of each of ``class_count`` classes to compare with it."""

    file: StatisticsFile
    class_count: int
    native_size: int | None = None

    @property
    def name(self) -> str:
        return path_safe(self.file.path.stem)

    @property
    def about(self) -> str:
        return f"statistics {self.file.path.name}"

    @property
    def asked(self) -> str:
        return f"{PER_CLASS} pictures of each of {self.class_count} classes"

    @property
    def revision(self) -> str:
        return f"statistics-{self.file.digest[:DIGITS]}"

    @property
    def spatial(self) -> bool:
        """Whether the file is ADM's, with statistics for sFID."""
        return set(PAIRS["_spatial"]) <= set(self.file.names)

    def cases(self) -> Sequence[Case]:
        return [
            Case(f"class-{label:04d}-{turn:02d}", f"class-{label:04d}-{turn:02d}", "", {"label": label})
            for turn in range(PER_CLASS)
            for label in range(self.class_count)
        ]

    def image(self, case: Case) -> np.ndarray:
        raise LookupError("a file of statistics has no pictures that a case could carry")
