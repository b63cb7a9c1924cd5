"""Image codes, made once per tokenizer and set of pictures, and kept in files whose names end in their digest.

``KEY-DIGEST.npy`` holds the codes of all pictures. ``KEY-some-DIGEST.npy`` holds those of some, a row each that begins
with the picture's number: what trainings of few steps have asked for. A file that does not match its name (a full disk,
a copy cut short) is removed and its codes are made again.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from harness.contracts import ImageTokenizer, TrainingLessons
from harness.writing import written_whole

CHUNK = 250
"""Pictures that are encoded at once, the last one repeated where there are fewer: codes do not depend on how many."""
PROBED = 9
"""Pictures whose bytes name the file."""
ABSENT = -1
"""Stands where a picture was not asked for; no vocabulary takes it for a code."""


@dataclass(frozen=True)
class PictureCodes:
    """The codes of the pictures of some lessons, in native order, by one tokenizer, kept in ``cache``."""

    tokenizer: ImageTokenizer
    lessons: TrainingLessons
    cache: Path
    key: str
    say: Callable[[str], None]

    @classmethod
    def of(
        cls,
        tokenizer: ImageTokenizer,
        digest: str,
        lessons: TrainingLessons,
        cache: Path,
        say: Callable[[str], None] = print,
    ) -> PictureCodes:
        """``digest`` is that of the tokenizer's weights: with the description of the pictures, their number and the
        bytes of a few, it is the key, so that every recipe on them finds the codes, and another tokenizer, other
        pictures, or the same drawn in another way, never do."""
        rows = np.linspace(0, lessons.picture_count - 1, PROBED).astype(int).tolist()
        seen = hashlib.sha256(b"".join(lessons.pictures(row, 1).numpy().tobytes() for row in rows)).hexdigest()
        words = f"{digest} {lessons.description} {lessons.picture_count} {tokenizer.code_count} {seen}"
        return cls(tokenizer, lessons, cache, hashlib.sha256(words.encode()).hexdigest()[:24], say)

    def all(self) -> Int[Tensor, "pictures codes"]:
        """Of every picture."""
        count = self.lessons.picture_count
        found = self._read(self.key)
        if found is None:
            made = []
            for first in range(0, count, CHUNK):
                made.append(self._encode(range(first, min(first + CHUNK, count))))
                if (first // CHUNK) % 40 == 39:
                    self.say(f"encoded {first + len(made[-1]):,} of {count:,} pictures")
            found = np.concatenate(made)
            self._write(self.key, found)
        return torch.from_numpy(found.astype(np.int64))

    def some(self, rows: Sequence[int]) -> Int[Tensor, "pictures codes"]:
        """Of these pictures; ``ABSENT`` in the rows of others that are not known either."""
        whole = self._read(self.key)
        if whole is not None:
            return torch.from_numpy(whole.astype(np.int64))
        name = f"{self.key}-some"
        known = self._read(name)
        known = np.empty((0, 1 + self.tokenizer.code_count), np.int32) if known is None else known
        missing = sorted({*rows} - {*known[:, 0].tolist()})
        for first in range(0, len(missing), CHUNK):
            chunk = missing[first : first + CHUNK]
            made = np.concatenate([np.array(chunk, np.int32)[:, None], self._encode(chunk)], axis=1)
            known = np.concatenate([known, made])
        if missing:
            self.say(f"encoded {len(missing):,} pictures, which is all that this training sees")
            self._write(name, known)
        codes = self.none()
        codes[known[:, 0].astype(np.int64)] = torch.from_numpy(known[:, 1:].astype(np.int64))
        return codes

    def none(self) -> Int[Tensor, "pictures codes"]:
        """Of no picture."""
        return torch.full((self.lessons.picture_count, self.tokenizer.code_count), ABSENT)

    def sampled(self) -> tuple[Int[Tensor, "pictures codes"], float]:
        """(codes drawn at random, seconds that making all true ones takes): for a rehearsal, which keeps nothing."""
        generator = torch.Generator().manual_seed(0)
        shape = (self.lessons.picture_count, self.tokenizer.code_count)
        drawn = torch.randint(self.tokenizer.codebook_size, shape, generator=generator)
        if self._read(self.key) is not None:
            return drawn, 0.0
        pictures = self.lessons.pictures(0, min(CHUNK, shape[0]))
        begun, done = time.perf_counter(), 0
        while done < len(pictures) and time.perf_counter() - begun < 2.0:
            with torch.no_grad():
                self.tokenizer.encode(pictures[done : done + 25])
            done += 25
        return drawn, (time.perf_counter() - begun) / done * shape[0]

    def _encode(self, rows: Sequence[int]) -> Int[np.ndarray, "rows codes"]:
        """At most ``CHUNK`` pictures."""
        pictures = self._pictures(rows)
        padding = pictures[-1:].expand(CHUNK - len(rows), -1, -1, -1)
        with torch.no_grad():
            codes = self.tokenizer.encode(torch.cat([pictures, padding]))
        return codes[: len(rows)].cpu().numpy().astype(np.int32)

    def _pictures(self, rows: Sequence[int]) -> Float[Tensor, "rows 3 height width"]:
        runs = groupby(enumerate(rows), lambda pair: pair[1] - pair[0])  # neighbours are drawn together
        parts = [[row for _, row in run] for _, run in runs]
        return torch.cat([self.lessons.pictures(part[0], len(part)) for part in parts])

    # -- files

    def _read(self, name: str) -> np.ndarray | None:
        """The codes of this name; None where there is no file, or none that is whole."""
        for path in sorted(self.cache.glob(f"{name}-{'[0-9a-f]' * 16}.npy")):
            content = path.read_bytes()
            if path.stem.rpartition("-")[2] == _digest(content):
                found: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
                return found
            self.say(f"{path} is damaged: its codes are made again")
            path.unlink()
        return None

    def _write(self, name: str, codes: np.ndarray) -> None:
        buffer = io.BytesIO()
        np.save(buffer, codes)
        content = buffer.getvalue()
        path = self.cache / f"{name}-{_digest(content)}.npy"
        with written_whole(path) as file:
            file.write_bytes(content)
        for other in self.cache.glob(f"{name}-{'[0-9a-f]' * 16}.npy"):
            if other != path:  # fewer pictures, or what another process made meanwhile
                other.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
