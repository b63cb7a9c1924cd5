"""MagicBrush's test split (Zhang et al. 2023, arXiv 2306.10012; CC BY 4.0): 535 sessions of 1,053 edits.

The test split is no hub data set: its authors give it as an archive (password ``MagicBrush``) that unpacks to
``edit_sessions.json`` (session -> turns with ``input``, ``output``, ``instruction``), ``global_descriptions.json``
(session -> file -> caption) and ``images/SESSION/FILE``. What is prepared has the columns of the hub's train and dev
splits (``osunlp/MagicBrush``: img_id, turn_index, source_img, instruction, target_img; the mask is not used), and
``caption``, the global description of the target, which CLIP-T needs. Files in the hub's schema are read as well,
without captions.

Known gap: the counts are those that users of the archive report (the data set's card states train and dev alone), and
no digest of the archive is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.texts import read_json_object, text_of
from tasks.data.prepared import DataSet
from tasks.data.tables import Listed, Records, Schema, Table, parquet_files

SESSIONS, TURNS = 535, 1053
CURE = (
    "get the test archive from github.com/OSU-NLP-Group/MagicBrush (password MagicBrush), unpack it, and run "
    "'ddtbench data prepare magicbrush --from FOLDER'"
)
SCHEMA = Schema(
    "MagicBrush",
    CURE,
    texts=("img_id", "instruction"),
    numbers=("turn_index",),
    images=("source_img", "target_img"),
    maybe=("caption",),
)
INDEX, CAPTIONS = "edit_sessions.json", "global_descriptions.json"


def read(path: Path) -> Records:
    """The unpacked archive at ``path`` (or in its folder ``test``), or Parquet in the hub's schema."""
    for folder in (path, path / "test"):
        if (folder / INDEX).is_file():
            return _archive(folder)
    return Table(parquet_files(path, SCHEMA, "test"), SCHEMA)


def check(records: Records) -> None:
    """Raises UserError unless the turns of each session stand together and count from 1."""
    last: dict[str, int] = {}
    before = ""
    for row, cells in enumerate(records.cells):
        session, turn = cells["img_id"], cells["turn_index"]
        due = last.get(session, 0) + 1
        if turn != due or (turn > 1 and session != before):
            raise UserError(
                f"{records.where(row)}: turn {turn} of session '{session}' comes where turn {due} is due: "
                "order the rows by session and turn"
            )
        last[session], before = turn, session


def _archive(folder: Path) -> Listed:
    sessions, captions = _json(folder / INDEX), _json(folder / CAPTIONS)
    cells: list[Mapping[str, Any]] = []
    places, files = [], []
    for session, turns in sessions.items():
        if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
            raise UserError(f"{INDEX}, session '{session}': no turns: {CURE}")
        for turn, edit in enumerate(turns, 1):
            where = f"{INDEX}, session '{session}', turn {turn}"
            source, target, told = (_text(edit, key, where) for key in ("input", "output", "instruction"))
            described = captions.get(session)
            if not isinstance(described, Mapping) or target not in described:
                raise UserError(f"{CAPTIONS}: no description of '{target}' of session '{session}': {CURE}")
            caption = text_of(described[target], f"{CAPTIONS}, session '{session}'", target)
            cells.append({"img_id": session, "turn_index": turn, "instruction": told, "caption": caption})
            places.append(where)
            files.append({"source_img": f"images/{session}/{source}", "target_img": f"images/{session}/{target}"})
    return Listed(cells, places, folder, files)


def _text(edit: Any, key: str, where: str) -> str:
    value = edit.get(key, "") if isinstance(edit, Mapping) else ""
    if value == "" or (isinstance(value, str) and value.isspace()):
        raise UserError(f"{where}: '{key}' is missing: {CURE}")
    return text_of(value, where, key)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path} is missing: {CURE}")
    return read_json_object(path, CURE)


DATA = DataSet("magicbrush", SCHEMA, "test", TURNS, read, check)


def prepare(source: str | None = None) -> Path:
    """The catalogue's factory: check and convert, once."""
    return DATA.prepare(source)


def at_hand() -> bool:
    """Whether it is prepared."""
    return DATA.at_hand()
