"""Published sets of edited photographs as cases: MagicBrush, Emu Edit, and pairs in the user's own files.

``open_edits`` turns what follows the ``@`` of a task into a PictureEdits: ``magicbrush``, ``emu-edit``,
``emu-edit-filtered`` (rows whose two captions are equal left out), prepared or as ``NAME:PATH``; ``evr:PATH`` and
``ma5k:PATH``. Case ids come from the data set's own ids, and clusters are source pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.contracts import Case
from harness.errors import UserError, nearest
from tasks.data import edit_pairs, emu_edit, magicbrush
from tasks.data.tables import Records, picture

if TYPE_CHECKING:
    import numpy as np

TO_TARGET = ("l1-target", "l2-target", "clip-i", "dino", "clip-t", "clip-t-of-truth", "cvs-assumed")
TO_SOURCE = ("clip-dir", "clip-im", "clip-out", "l1-source", "dino-source")
OF_PAPER = ("l1-target", "cvs-assumed")
NAMES = ("world", "magicbrush", "emu-edit", "emu-edit-filtered", *edit_pairs.NAMES)


@dataclass(frozen=True)
class PictureEdits:
    """Cases and where their pictures lie. ``rows`` has, for each case, the row of its first and of its last turn;
    ``target`` is the column of the true edit ("": there is none, and outputs are compared with the source)."""

    name: str
    about: str
    revision: str
    records: Records
    listed: tuple[Case, ...]
    rows: Mapping[str, tuple[int, int]]
    source: str
    target: str
    metrics: tuple[str, ...]
    chain: bool = False

    def pictures(self, case: Case) -> tuple[np.ndarray, np.ndarray]:
        """(source of the first turn, what the output is compared with), each at its own size. Raises ValueError for
        one that cannot be read."""
        first, last = self.rows[case.id]
        before = picture(self.records, first, self.source)
        return before, picture(self.records, last, self.target) if self.target else before


def open_edits(argument: str, chain: bool = False) -> PictureEdits:
    """The set that an argument names. Raises UserError for another name, and for data that is not there or not as its
    schema says."""
    name, _, path = argument.partition(":")
    if name == "magicbrush":
        return _magicbrush(path, chain)
    task = "editing-chain" if chain else "editing"
    if chain and name in NAMES[2:]:
        raise UserError(f"{name} has no sessions of several turns: {task} is made of world and magicbrush")
    if name in ("emu-edit", "emu-edit-filtered"):
        return _emu_edit(name, path)
    if name in edit_pairs.NAMES:
        if not path:
            raise UserError(f"no files of {edit_pairs.NAMES[name]}: {edit_pairs.data_of(name).schema.cure}")
        return _pairs(name, path)
    known = ("world", "magicbrush") if chain else NAMES
    raise UserError(f"no edits of '{argument}' for {task}{nearest(name, known)}")


def _magicbrush(path: str, chain: bool) -> PictureEdits:
    records, revision = magicbrush.DATA.open(path)
    sessions: dict[str, list[int]] = {}
    for row, cells in enumerate(records.cells):
        sessions.setdefault(cells["img_id"], []).append(row)
    cases, rows = [], {}
    for session, turns in sessions.items():
        for number, first, last in (
            [(0, turns[0], turns[-1])] if chain else [(turn, row, row) for turn, row in enumerate(turns, 1)]
        ):
            name = f"magicbrush-{session}" + (f"-{number}" if number else "")
            told = [records.cells[row]["instruction"] for row in range(first, last + 1)]
            plural = "s" if len(turns) > 1 else ""
            stratum = f"turn {number}" if number else f"{len(turns)} turn{plural}"
            facts = {"instructions": told, **_caption(records.cells[last])}
            cases.append(Case(name, f"magicbrush-{session}", stratum, facts))
            rows[name] = first, last
    setting = "final turn" if chain else "all turns"
    about = f"MagicBrush, {len(sessions):,} sessions of {len(records.cells):,} turns, {setting}"
    columns = "source_img", "target_img"
    return PictureEdits("magicbrush", about, revision, records, tuple(cases), rows, *columns, TO_TARGET, chain)


def _caption(cells: Mapping[str, Any]) -> dict[str, str]:
    """The description of the target, where the files have one."""
    return {"caption": cells["caption"]} if cells.get("caption", "").strip() else {}


def _emu_edit(name: str, path: str) -> PictureEdits:
    records, revision = emu_edit.DATA.open(path)
    filtered = name.endswith("filtered")
    cases, rows, seen = [], {}, dict[str, int]()
    for row, cells in enumerate(records.cells):
        before, after = cells["input_caption"], cells["output_caption"]
        # Ids count what stands before the filter, so that a case is the same case in both sets.
        label = f"emu-edit-{cells['task']}-{cells['idx']}"
        seen[label] = seen.get(label, 0) + 1
        label += f"-{seen[label]}" if seen[label] > 1 else ""
        if filtered and _same(before, after):
            continue
        facts = {"instructions": [cells["instruction"]], "caption": after, "source_caption": before}
        cases.append(Case(label, f"emu-edit-{_source_of(cells, row)}", cells["task"], facts))
        rows[label] = row, row
    if not cases:
        raise UserError(f"Emu Edit at '{path}': all rows have equal captions, so none is left: use emu-edit")
    rule = "without rows whose captions are equal" if filtered else "no caption filter"
    about = f"Emu Edit, {len(cases):,} of {len(records.cells):,} rows ({rule})"
    return PictureEdits(name, about, revision, records, tuple(cases), rows, "image", "", TO_SOURCE)


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()


def _source_of(cells: Mapping[str, Any], row: int) -> str:
    """The picture's own hash where the file has one, else the row stands alone."""
    return cells.get("hash", "").strip() or f"row-{row}"


def _pairs(name: str, path: str) -> PictureEdits:
    records, revision = edit_pairs.data_of(name).open(path)
    labels = [f"{name}-{row:05d}" for row in range(len(records.cells))]
    listed = zip(labels, records.cells, strict=True)
    cases = tuple(Case(label, label, "", {"instructions": [cells["instruction"]]}) for label, cells in listed)
    rows = {label: (row, row) for row, label in enumerate(labels)}
    about = f"{edit_pairs.NAMES[name]} as the user's files have it, {len(cases):,} pairs"
    return PictureEdits(name, about, revision, records, cases, rows, "source_img", "target_img", OF_PAPER)


def instructions_of(cases: Sequence[Case]) -> list[list[str]]:
    """What each case is told, turn by turn."""
    return [list(case.facts["instructions"]) for case in cases]
