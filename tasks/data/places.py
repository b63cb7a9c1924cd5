"""Where ``ddtbench data prepare`` keeps the prompts and questions of the benchmarks, and whether they are there.

Imports nothing heavy: ``ddtbench list`` asks.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from harness.paths import data_root

MME_HUB = "lmms-lab-encoder/MME"
GENEVAL_FILE = "evaluation_metadata.jsonl"


def mme_path() -> Path:
    """Where lmms-eval's task ``mme`` finds the questions, too."""
    return data_root() / "lmms" / MME_HUB / "data" / "test-00000-of-00001.parquet"


def geneval_path() -> Path:
    """The official prompts."""
    return data_root() / "geneval" / GENEVAL_FILE


def questions_folder(name: str) -> Path:
    """The files of a benchmark whose judge answers questions."""
    return data_root() / name


def mme_at_hand() -> bool:
    """Whether MME is prepared; the next ones likewise."""
    return mme_path().is_file()


def geneval_at_hand() -> bool:
    return geneval_path().is_file()


def _questions_at_hand(name: str) -> bool:
    return questions_folder(name).is_dir()


geneval2_at_hand = partial(_questions_at_hand, "geneval2")
compbench_at_hand = partial(_questions_at_hand, "t2i-compbench")
dpg_at_hand = partial(_questions_at_hand, "dpg-bench")
drawbench_at_hand = partial(_questions_at_hand, "drawbench")
