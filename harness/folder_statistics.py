"""``ddtbench data statistics``: the statistics of a folder's features, in files that the published FID tools read.

Pictures are read as those tools read them (Pillow's RGB alone, their own size) and go through the protocol's resize.
clean-fid and pytorch-fid find ``mu`` and ``sigma``; of the protocol ``adm`` the file also has what the ADM evaluator
looks for: ``mu_s`` and ``sigma_s`` of the spatial features and, where all pictures are of one size, the first 10,000 of
them as ``arr_0``, for its precision and recall.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import catalog
from harness.contracts import Instrument
from harness.errors import UserError
from harness.images import load_converted
from harness.instruments.feature_protocols import PROTOCOLS
from harness.metrics.moments import Moments
from harness.metrics.statistics_files import write_statistics
from harness.paths import user_path
from harness.progress import Progress
from harness.walk import PICTURES, walk

TOGETHER = 16
"""Pictures that the network sees at once."""
KEPT = 1024
"""Rows of features that are held before they join the moments."""
CARRIED = 10_000
"""As many pictures as ADM's reference batch of ImageNet carries."""


@dataclass(frozen=True)
class Written:
    """What was written, and of what."""

    path: Path
    pictures: int
    layers: Mapping[str, int]
    carried: int

    def __str__(self) -> str:
        layers = ", ".join(f"{name} {width}" for name, width in self.layers.items())
        carried = f", and {self.carried:,} of the pictures themselves" if self.carried else ""
        return f"{self.path}: statistics of {self.pictures:,} pictures ({layers}){carried}"


def write_folder_statistics(
    folder: Path | str, protocol: str, to: Path | str, progress: Progress | None = None, device: str = "cpu"
) -> Written:
    """``protocol`` is one of ``feature_protocols``, ``inception@[PROTOCOL@]FILE``, or another feature instrument.

    Raises UserError for a picture that cannot be read (statistics of the others would be of another set), for fewer
    than two, and where the weights are missing.
    """
    place, target = user_path(folder), user_path(to)
    if target.suffix != ".npz":
        raise UserError(f"'{to}' is not a .npz: name the file to write, --to FILE.npz")
    if not place.is_dir():
        raise UserError(f"there is no folder {place}: name the one that holds the pictures")
    instrument = _instrument(protocol, device)
    listing = walk(place, PICTURES)
    files = list(listing.files.values())
    if len(files) < 2:
        raise UserError(f"{place} holds {len(files)} pictures, and statistics need two or more")
    progress = progress or Progress()
    if told := listing.says():
        progress.note(told)
    spatial = protocol in PROTOCOLS and "spatial" in PROTOCOLS[protocol].further
    with tempfile.TemporaryDirectory(dir=target.parent if target.parent.is_dir() else None) as scratch:
        carrier = _Carrier(Path(scratch), len(files)) if spatial else None
        with progress.stage(f"{protocol} on {place.name}", len(files)) as stage:
            layers = _moments(_batches(files, instrument, carrier, stage.advance))
        pictures = carrier.pictures() if carrier else None
        write_statistics(target, layers["main"], layers.get("spatial"), pictures)
    widths = {("spatial" if name == "spatial" else "features"): len(found.mean) for name, found in layers.items()}
    return Written(target, len(files), widths, 0 if pictures is None else len(pictures))


def _instrument(protocol: str, device: str) -> Any:
    name = PROTOCOLS[protocol].instrument if protocol in PROTOCOLS else protocol
    known = [*PROTOCOLS, "inception@FILE"]
    if protocol not in PROTOCOLS and catalog.split_name(name)[0] not in {e.name for e in catalog.entries("instrument")}:
        raise UserError(f"no feature protocol '{protocol}': one of {', '.join(known)}, or an instrument of features")
    instrument: Instrument = catalog.make("instrument", name, device)
    if not hasattr(instrument, "embed"):
        raise UserError(f"instrument '{name}' makes no features of single pictures: one of {', '.join(known)}")
    if reason := instrument.unavailable():
        raise UserError(f"{instrument.name}: {reason}")
    return instrument


class _Carrier:
    """The first pictures, on disk while they are gathered; given up where one has another size."""

    def __init__(self, scratch: Path, count: int) -> None:
        self._file, self._count, self._filled = scratch / "pictures.npy", min(count, CARRIED), 0
        self._array: Any = None
        self._alike = True

    def add(self, picture: np.ndarray) -> None:
        if not self._alike or self._filled == self._count:
            return
        if self._array is None:
            shape = (self._count, *picture.shape)
            self._array = np.lib.format.open_memmap(self._file, "w+", np.dtype(np.uint8), shape)
        self._alike = picture.shape == self._array.shape[1:]
        if self._alike:
            self._array[self._filled] = picture
            self._filled += 1

    def pictures(self) -> np.ndarray | None:
        return self._array if self._alike else None


def folder_features(files: Sequence[Path], instrument: Any) -> Iterator[tuple[list[np.ndarray], list[Any]]]:
    """(pictures, what ``instrument.embed`` says of each), some at a time in the order of the files. While it looks at
    some, the next are read; only the first look, which opens the network, stands alone: both silence warnings, which
    two threads must not do at a time. Raises UserError for a picture that cannot be read."""
    groups = [files[start : start + TOGETHER] for start in range(0, len(files), TOGETHER)]
    ahead: Future[list[np.ndarray]] | None = None
    with ThreadPoolExecutor(1) as reader:
        for number, group in enumerate(groups):
            pictures = ahead.result() if ahead else _read(group)
            ahead = reader.submit(_read, groups[number + 1]) if 0 < number < len(groups) - 1 else None
            yield pictures, instrument.embed(pictures)


def _batches(
    files: Sequence[Path], instrument: Any, carrier: _Carrier | None, advance: Any
) -> Iterator[list[Mapping[str, np.ndarray]]]:
    """The layers of some pictures at a time: ``main`` and, where there is one, ``spatial``."""
    for pictures, rows in folder_features(files, instrument):
        for picture in pictures:
            if carrier:
                carrier.add(picture)
        yield [_layers(row, getattr(instrument, "main", ""), bool(carrier)) for row in rows]
        advance(len(pictures))


def _layers(row: Any, main: str, spatial: bool) -> Mapping[str, np.ndarray]:
    if not isinstance(row, Mapping):
        return {"main": row}
    return {"main": row[main], **({"spatial": row["spatial"]} if spatial else {})}


def _read(files: Sequence[Path]) -> list[np.ndarray]:
    return [_picture(file) for file in files]


def _picture(file: Path) -> np.ndarray:
    try:
        return load_converted(file)
    except ValueError as error:
        raise UserError(f"{file.parent}: {error}; mend or remove it, since it would be missing silently") from error


def _moments(batches: Iterator[list[Mapping[str, np.ndarray]]]) -> dict[str, Moments]:
    totals: dict[str, Moments] = {}
    held: dict[str, list[np.ndarray]] = {}

    def join() -> None:
        for name, rows in held.items():
            found = Moments.of(np.stack(rows))
            totals[name] = totals[name] + found if name in totals else found
        held.clear()

    for batch in batches:
        for row in batch:
            for name, values in row.items():
                held.setdefault(name, []).append(values)
        if len(held["main"]) >= KEPT:
            join()
    if held:
        join()
    return totals
