"""Image codes, made once per tokenizer and set of pictures, and kept in a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from harness.contracts import ImageTokenizer, TrainingLessons

CHUNK = 250
PROBED = 9
"""Pictures whose bytes name the file."""


def cached_codes(
    tokenizer: ImageTokenizer,
    digest: str,
    lessons: TrainingLessons,
    cache: Path,
    say: Callable[[str], None] = print,
) -> Int[Tensor, "pictures codes"]:
    """The codes of all pictures, in native order. ``digest`` is that of the tokenizer's weights: with the description
    of the pictures, their number and the bytes of a few, it names the file, so that another tokenizer, other pictures,
    or the same drawn in another way, never read it."""
    rows = np.linspace(0, lessons.picture_count - 1, PROBED).astype(int).tolist()
    seen = hashlib.sha256(b"".join(lessons.pictures(row, 1).numpy().tobytes() for row in rows)).hexdigest()
    words = f"{digest} {lessons.description} {lessons.picture_count} {tokenizer.code_count} {seen}"
    path = cache / f"{hashlib.sha256(words.encode()).hexdigest()[:24]}.npy"
    if not path.is_file():
        _encode_all(tokenizer, lessons, path, say)
    return torch.from_numpy(np.load(path).astype(np.int64))


def _encode_all(tokenizer: ImageTokenizer, lessons: TrainingLessons, path: Path, say: Callable[[str], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    with torch.no_grad():
        for first in range(0, lessons.picture_count, CHUNK):
            count = min(CHUNK, lessons.picture_count - first)
            rows.append(tokenizer.encode(lessons.pictures(first, count)).cpu().numpy().astype(np.int32))
            if (first // CHUNK) % 40 == 39:
                say(f"encoded {first + count:,} of {lessons.picture_count:,} pictures")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        np.save(file, np.concatenate(rows))
    os.replace(temporary, path)
