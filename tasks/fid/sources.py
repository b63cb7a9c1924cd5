"""What FID asks for and compares with: a folder by class, a folder with captions, or a file of statistics."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contracts import Case
from harness.errors import UserError
from harness.images import load_converted
from harness.metrics.statistics_files import StatisticsFile
from harness.progress import note_once
from harness.spec import canonical_json, path_safe
from harness.texts import numbered_lines, parse_json, read_text, shown, text_of
from tasks.tokenizing.sources import FolderSource

if TYPE_CHECKING:
    import numpy as np

METADATA = "metadata.jsonl"
PER_CLASS = 50
DIGITS = 16
NAMED = 10
"""Classes that the line about them spells out."""


class FidFolder(FolderSource):
    """Pictures as the published FID tools read them: any number, of any sizes, in any folders."""

    load = staticmethod(load_converted)

    def __init__(self, folder: Path, known: Sequence[str] = (METADATA,)) -> None:
        super().__init__(folder, known)
        self.name = path_safe(folder.resolve().name)


class ReferenceFolder(FidFolder):
    """A folder whose pictures have captions (``metadata.jsonl``) or classes (sub-folders, see ``labels_of``)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.captions = _captions(folder / METADATA) if (folder / METADATA).is_file() else {}
        known = {case.id for case in super().cases()}
        if self.captions:
            missing = [name for name in self.captions if name not in known]
            if missing:
                others = f"{missing[0]} and {len(missing) - 1} more"
                raise UserError(f"{folder / METADATA} names {others} that are not there")
        elif loose := [name for name in known if "/" not in name]:
            raise UserError(
                f"{folder} has neither {METADATA} nor a sub-folder per class: {min(loose)} is in none; put each "
                f'picture into its class\'s folder, or write rows {{"file_name": ..., "text": ...}}'
            )
        else:
            note_once(f"{folder}: {self._classes_in_words()}")

    @cached_property
    def revision(self) -> str:
        """Of the pictures, and of their captions or labels."""
        told = canonical_json([super().revision, self.captions or self.labels])
        return f"files-{hashlib.sha256(told.encode()).hexdigest()[:DIGITS]}"

    @cached_property
    def labels(self) -> Mapping[str, int]:
        """Sub-folder -> the class that it stands for; {} with captions."""
        if self.captions:
            return {}
        return labels_of({_class(case.id) for case in super().cases()}, str(self.folder))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the sub-folders in the order of their classes; () with captions."""
        return tuple(self.labels)

    @property
    def numbered(self) -> bool:
        """Whether the sub-folders' names are the labels."""
        return all(map(_is_number, self.classes))

    @property
    def asked(self) -> str:
        return "a caption per reference" if self.captions else f"the class of each reference: {self._rule}"

    @property
    def _rule(self) -> str:
        count = f"{len(self.classes)} class{'es' if len(self.classes) > 1 else ''}"
        return f"{count}, folder names are the labels" if self.numbered else f"{count}, folders sorted as text"

    def _classes_in_words(self) -> str:
        if self.numbered:
            return f"{self._rule}, {min(self.labels.values())} to {max(self.labels.values())}"
        pairs = [f"{label} {name}" for name, label in self.labels.items()]
        more = f", and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
        return f"{self._rule}: {', '.join(pairs[:NAMED])}{more}"

    def cases(self) -> Sequence[Case]:
        return self._listed

    @cached_property
    def _listed(self) -> tuple[Case, ...]:
        if self.captions:
            return tuple(Case(name, name, "", {"caption": text}) for name, text in self.captions.items())
        labels = self.labels
        rounds: dict[str, int] = {}
        placed = []
        for case in super().cases():
            name = _class(case.id)
            turn = rounds[name] = rounds.get(name, -1) + 1
            placed.append((turn, labels[name], Case(case.id, case.id, "", {"label": labels[name], "class": name})))
        # Class by class in turn, so that any first N are balanced.
        return tuple(case for _, _, case in sorted(placed, key=lambda item: item[:2]))


def _class(name: str) -> str:
    return name.partition("/")[0]


def labels_of(names: Iterable[str], where: str) -> dict[str, int]:
    """Class folder -> label, in the order of the labels. Names that are all whole numbers are the labels ("10" is class
    10, not the one after "1"); others are numbered as they sort as text, which is torchvision's ImageFolder.

    Raises UserError, which begins with ``where``, for two names of one number.
    """
    listed = sorted(names)
    if not all(map(_is_number, listed)):
        return {name: label for label, name in enumerate(listed)}
    found: dict[int, str] = {}
    for name in listed:
        if int(name) in found:
            raise UserError(f"{where}: the folders {found[int(name)]} and {name} are one class: put them together")
        found[int(name)] = name
    return {found[label]: label for label in sorted(found)}


def _is_number(name: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", name) is not None


def _captions(path: Path) -> dict[str, str]:
    """File name -> caption, in the order of the file."""
    found: dict[str, str] = {}
    for number, line in numbered_lines(read_text(path)):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        row = parse_json(line, where)
        if not isinstance(row, dict) or not {"file_name", "text"} <= row.keys():
            raise UserError(f'{where}: it must be {{"file_name": ..., "text": ...}}, is {shown(row)}')
        name = text_of(row["file_name"], where, "file_name")
        if name in found:
            raise UserError(f"{where}: {name} has a caption already; one per picture")
        found[name] = text_of(row["text"], where, "text", empty=True)
    if not found:
        raise UserError(f"{path} has no rows")
    return found


def statistics_name(file: StatisticsFile) -> str:
    """Safe in a path."""
    return path_safe(file.path.stem)


@dataclass(frozen=True)
class StatisticsReference:
    """A file of statistics, and 50 pictures of each of ``class_count`` classes to compare with it."""

    file: StatisticsFile
    class_count: int
    native_size: int | None = None

    @property
    def name(self) -> str:
        return statistics_name(self.file)

    @property
    def about(self) -> str:
        return f"statistics {self.file.path.name}"

    @property
    def asked(self) -> str:
        return f"{PER_CLASS} pictures of each of {self.class_count} classes"

    @property
    def revision(self) -> str:
        return f"statistics-{self.file.digest[:DIGITS]}"

    def cases(self) -> Sequence[Case]:
        return [
            Case(f"class-{label:04d}-{turn:02d}", f"class-{label:04d}-{turn:02d}", "", {"label": label})
            for turn in range(PER_CLASS)
            for label in range(self.class_count)
        ]

    def image(self, case: Case) -> np.ndarray:
        raise LookupError("a file of statistics has no pictures that a case could carry")
