"""Instruments that see each picture by itself: features of "output" and "reference", remembered by the pictures' bytes.

Compared is the region of the fact ``crop`` (all of the picture without one), grey where the fact ``grey`` says so.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError

CHUNK = 16
REMEMBERED = 8192
"""Pictures whose features are kept: the references of a task are the same for every model."""

Row = TypeVar("Row")
Layers = Mapping[str, np.ndarray]
"""One float32 vector per layer."""


class Remembered(Generic[Row]):
    """What ``look`` finds in pictures, by their bytes.

    ``look`` always gets a full chunk, so that the bits of a picture's features do not depend on how many others are
    new.
    """

    def __init__(self, look: Callable[[Sequence[np.ndarray]], Sequence[Row]], chunk: int, kept: int) -> None:
        self._look, self._chunk, self._kept = look, chunk, kept
        self._known: OrderedDict[bytes, Row] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[Row]:
        """One row for each 8-bit picture ``height width 3``."""
        keys = [hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).digest() for picture in pictures]
        new = {key: picture for key, picture in zip(keys, pictures, strict=True) if key not in self._known}
        found = {key: self._known[key] for key in keys if key in self._known}
        for start in range(0, len(new), self._chunk):
            names = list(new)[start : start + self._chunk]
            shown = [new[name] for name in names]
            rows = self._look([*shown, *[shown[-1]] * (self._chunk - len(shown))])
            found.update(zip(names, rows[: len(names)], strict=True))
        for key in keys:
            self._known[key] = found[key]
            self._known.move_to_end(key)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        return [found[key] for key in keys]


def shown_region(sample: Sample, name: str) -> np.ndarray:
    """The region of one image that counts, 8-bit RGB. Raises ValueError, naming the case, for a crop outside."""
    pixels, facts = sample.images[name], sample.case.facts
    height, width = pixels.shape[:2]
    top, left, tall, wide = facts.get("crop") or (0, 0, height, width)
    if min(top, left) < 0 or min(tall, wide) < 1 or top + tall > height or left + wide > width:
        raise ValueError(
            f"case '{sample.case.id}': crop {[top, left, tall, wide]} lies outside of {height} x {width} pixels"
        )
    region = pixels[top : top + tall, left : left + wide]
    if facts.get("grey"):
        grey = (2 * region.sum(axis=2, keepdims=True, dtype=np.uint16) + 3) // 6  # a third, to nearest
        region = np.repeat(grey.astype(np.uint8), 3, axis=2)
    return np.ascontiguousarray(region)


def rows_of(
    samples: Sequence[Sample], image: str, embed: Callable[[Sequence[np.ndarray]], Sequence[Row]]
) -> list[Row | None]:
    """What ``embed`` makes of the image of this name of each sample; None for a sample without it."""
    there = [place for place, sample in enumerate(samples) if image in sample.images]
    if not there:
        return [None] * len(samples)
    rows = dict(zip(there, embed([shown_region(samples[place], image) for place in there]), strict=True))
    return [rows.get(place) for place in range(len(samples))]


class Extractor(Protocol):
    """A frozen network and what is done to a picture before it."""

    @property
    def device(self) -> str: ...

    def unavailable(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of the weights and of what is done to a picture."""
        ...

    def look(self, pictures: Sequence[np.ndarray]) -> Sequence[Layers]:
        """The layers of each 8-bit picture ``height width 3``."""
        ...


class PictureFeatures:
    """The instrument: a column ``output`` and ``reference`` for each layer, with the layer's name behind an underscore
    (none for the main one); layers ``of_outputs`` are stored for outputs alone. Where a sample has no image of that
    name its row is None."""

    def __init__(self, name: str, extractor: Extractor, main: str, further: Sequence[str] = (), of_outputs: Any = ()):
        self.name, self.main, self._extractor = name, main, extractor
        self._layers = {"": main, **{f"_{layer}": layer for layer in (*further, *of_outputs)}}
        self._of_outputs = tuple(of_outputs)
        self._embed = Remembered(extractor.look, CHUNK, REMEMBERED)

    @property
    def device(self) -> str:
        """Where its network computes."""
        return self._extractor.device

    def unavailable(self) -> str:
        return self._extractor.unavailable()

    @property
    def digest(self) -> str:
        """Raises UserError where a file is missing."""
        if reason := self.unavailable():
            raise UserError(f"{self.name}: {reason}")
        return self._extractor.digest

    def embed(self, pictures: Sequence[np.ndarray]) -> list[Layers]:
        """The layers of each 8-bit picture ``height width 3``. Raises UserError where a file is missing."""
        if reason := self.unavailable():
            raise UserError(f"{self.name}: {reason}")
        return self._embed(pictures)

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a crop outside of the picture."""
        found: dict[str, Sequence[Any]] = {}
        for image in ("output", "reference"):
            rows = rows_of(samples, image, self.embed)
            for suffix, layer in self._layers.items():
                if any(row is not None for row in rows) and (image == "output" or layer not in self._of_outputs):
                    found[f"{image}{suffix}"] = [None if row is None else row[layer] for row in rows]
        return found
