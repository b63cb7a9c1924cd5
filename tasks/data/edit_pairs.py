"""Pairs of pictures with an instruction, for the sets of DDT-LLaMA's editing table that no hub has in one known schema.

EVR and MA5K are named in the paper (arXiv 2504.14666) with L1 and CVS; which files, splits and sizes it used is not
known. Here the user brings Parquet files with MagicBrush's columns source_img, instruction, target_img, one edit a row;
so a number of them stands beside no published one.
"""

from __future__ import annotations

from tasks.data.prepared import DataSet
from tasks.data.tables import Schema

NAMES = {"evr": "EVR", "ma5k": "MA5K"}


def data_of(name: str) -> DataSet:
    """``evr`` or ``ma5k``; it is read where it lies and never prepared, since its size is not known."""
    cure = f"write Parquet with source_img, instruction and target_img, and name it: editing@{name}:PATH"
    schema = Schema(NAMES[name], cure, texts=("instruction",), images=("source_img", "target_img"))
    return DataSet(name, schema, "test", 0)
