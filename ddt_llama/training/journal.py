"""The log of a training, one JSON line per some steps, and its saved state: what a resumed training continues."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.weights.fitting import readable
from harness.writing import written_whole

LOG_EVERY = 20
KEPT = 60
"""Lines of a log that a checkpoint's card keeps: what its loss curve is drawn from."""


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each value over the rows that have it (a discriminator's values begin late)."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for key, value in row.items():
            values.setdefault(key, []).append(value)
    return {key: sum(found) / len(found) for key, found in values.items()}


def forget_after(log: Path, step: int) -> None:
    """Drop the log's lines of steps that a resumed training takes again, and what a killed writer left of a line."""
    if not log.is_file():
        return
    kept = [line for line in log.read_bytes().split(b"\n") if (at := _step_of(line)) is not None and at <= step]
    with written_whole(log) as file:
        file.write_bytes(b"".join(line + b"\n" for line in kept))


def _step_of(line: bytes) -> float | None:
    """None for a line that is not whole."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, LookupError):
        return None


def thinned(log: Path, most: int = KEPT) -> list[dict[str, Any]]:
    """At most so many lines of a log, evenly chosen, the last among them."""
    if not log.is_file():
        return []
    lines = [json.loads(line) for line in log.read_bytes().split(b"\n") if _step_of(line) is not None]
    return lines[:: -max(1, -(-len(lines) // most))][::-1]


def append(log: Path, line: Mapping[str, Any], board: Path | None = None) -> None:
    """One more line, handed to the system whole; its numbers also to the ``board``, a folder of TensorBoard."""
    with log.open("ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")
        os.fsync(file.fileno())
    if board is not None:
        show(board, line)


def show(board: Path, line: Mapping[str, Any]) -> None:
    """The numbers of a line as scalars of its step, written when this returns."""
    writer = _writer(board, int(line["step"]))
    for name, value in line.items():
        if name != "step" and isinstance(value, int | float):
            writer.add_scalar(name, value, int(line["step"]))
    writer.flush()


_WRITERS: dict[Path, Any] = {}


def _writer(board: Path, first: int) -> Any:
    """One file of events for each training and process; what an earlier one wrote of ``first`` and later steps, which a
    resumed training takes again, is hidden."""
    if board not in _WRITERS:
        from torch.utils.tensorboard import SummaryWriter

        made: Any = SummaryWriter  # untyped in torch
        _WRITERS[board] = made(str(board), purge_step=first)
    return _WRITERS[board]


def close_board(board: Path | None) -> None:
    """The training is at an end, or stopped: another may go on in the same folder."""
    if board is not None and board in _WRITERS:
        _WRITERS.pop(board).close()


def read_state(path: Path) -> dict[str, Any]:
    """What a trainer saved for ``--resume``; our own file, and still read so that it cannot run code. Raises UserError
    where it is missing or damaged."""
    import torch

    if not path.is_file():
        raise UserError(f"nothing to resume in {path.parent}: {path.name} is missing")
    with readable("state of a training", f"{path} (remove it and train again without --resume)"):
        saved = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(saved, dict):
            raise TypeError(f"it holds {type(saved).__name__}")
    return saved


def silent(line: str) -> None:
    """What all but the first process of a training say."""
