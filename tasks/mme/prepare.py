"""``ddtbench data prepare mme --from PATH``: the published questions, checked, in one Parquet file.

It is stored where lmms-eval's task ``mme`` finds it, under the name that the data set has on the hub, so that
``mme@official`` and ``lmms@mme`` read the same file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UserError
from tasks.data.places import MME_HUB as HUB
from tasks.data.places import mme_path as prepared_path
from tasks.data.writing import whole_data_file
from tasks.mme.data import MmeData, parquet_files, read_data
from tasks.mme.schema import COLUMNS, FEATURES, SUBTASKS

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 64
QUESTIONS = 2_374
"""Of the paper's 14 subtasks (section 2): the sum of the published ones, which other evaluation code asserts too."""
CURE = f"hf download {HUB} --repo-type dataset --local-dir FOLDER, then run 'ddtbench data prepare mme --from FOLDER'"


def prepared_file() -> Path:
    """The prepared file. Raises UserError with the command where it is not there."""
    path = prepared_path()
    if not path.is_file():
        raise UserError(f"MME is not prepared (no {path}): {CURE}")
    return path


def mme(source: str | None = None) -> Path:
    """Check the published file and store it with its pictures; print what it holds; return its folder.

    ``source`` is a Parquet file or a folder of them in the official schema; None means what is prepared already.
    Raises UserError, and leaves what was there before: a missing column, a question without image, an odd number of
    questions for an image, another number of questions or subtasks than the published one, a full disk.
    """
    files = (prepared_file(),) if source is None else parquet_files(source)
    data = read_data(files)
    _require_published(data, files[0].parent if len(files) > 1 else files[0])
    if source is not None:
        _store(data, prepared_path())
    print(f"mme: {2 * len(data.pairs):,} questions on {len(data.pairs):,} pictures, {len(data.subtasks)} subtasks")
    return prepared_path().parent


def _require_published(data: MmeData, place: Path) -> None:
    missing = [name for name in SUBTASKS if name not in data.subtasks]
    questions = 2 * len(data.pairs)
    if missing or questions != QUESTIONS:
        lacks = f", lacks {', '.join(missing)}" if missing else ""
        raise UserError(
            f"{place} holds {questions:,} questions of {len(data.subtasks)} subtasks{lacks}; MME has {QUESTIONS:,} of "
            f"{len(SUBTASKS)}: fetch it again ({CURE}), or ask a part of it as mme@PATH"
        )


def _store(data: MmeData, path: Path) -> None:
    """Pair by pair, so that memory does not hold all pictures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = [(name, image if name == "image" else pa.string()) for name in COLUMNS]
    schema = pa.schema(kinds, metadata=FEATURES)
    with whole_data_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        for start in range(0, len(data.pairs), ROWS_AT_ONCE):
            writer.write_table(_table(data, start, schema))


def _table(data: MmeData, start: int, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    rows = []
    for pair in data.pairs[start : start + ROWS_AT_ONCE]:
        image = {"bytes": data.picture(pair), "path": pair.question_id}
        for question, answer in zip(pair.questions, pair.answers, strict=True):
            cells = (pair.question_id, image, question, answer, pair.category)
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return pa.Table.from_pylist(rows, schema=schema)
