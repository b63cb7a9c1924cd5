"""Emu Edit's test set (Sheynin et al. 2023, arXiv 2311.10089; CC BY-NC 4.0): 3,589 instructions without true edits.

Read from the hub's Parquet, ``facebook/emu_edit_test_set`` (columns instruction, image, task, split, idx, hash,
input_caption, output_caption). The companion ``facebook/emu_edit_test_set_generations`` calls the same 3,589 rows
``validation`` and the 2,022 of the validation split ``test``: rows are counted here, whatever the files are called.

Known gaps: some captions do not fit their picture, and some rows have equal captions (AFeng-x/PixWizard issue 6); no
digest is published beside the data.
"""

from __future__ import annotations

from pathlib import Path

from tasks.data.prepared import DataSet
from tasks.data.tables import Schema

ROWS = 3589
CURE = (
    "get data/test-*.parquet of the hub's facebook/emu_edit_test_set and run "
    "'ddtbench data prepare emu-edit --from FOLDER'"
)
SCHEMA = Schema(
    "Emu Edit",
    CURE,
    texts=("instruction", "task", "input_caption", "output_caption"),
    numbers=("idx",),
    images=("image",),
    maybe=("hash",),
)

DATA = DataSet("emu-edit", SCHEMA, "test", ROWS)


def prepare(source: str | None = None) -> Path:
    """The catalogue's factory: check and convert, once."""
    return DATA.prepare(source)


def at_hand() -> bool:
    """Whether it is prepared."""
    return DATA.at_hand()
