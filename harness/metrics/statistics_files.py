"""Files of feature statistics that other tools read and write, so that a published reference set can be compared with.

All are NumPy archives. clean-fid and pytorch-fid hold ``mu`` and ``sigma`` of pool3; the reference batches of the ADM
evaluator hold further ``mu_s`` and ``sigma_s`` of the spatial features and pictures ``arr_0`` (uint8, ``count height
width 3``), which in ImageNet's are 10,000, while its statistics are those of the whole **training** set. No format says
how many pictures the statistics are of, nor by which protocol the features were made: the reader has to know.
"""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.metrics.feature_sets import Gaussian
from harness.metrics.moments import Moments
from harness.weights.digests import sha256_of
from harness.writing import written_whole

PAIRS = {"": ("mu", "sigma"), "_spatial": ("mu_s", "sigma_s")}
"""The names of mean and covariance, by the end of the columns that they belong to."""
PICTURES = "arr_0"
SHOWN_DIGITS = 16
SYMMETRIC = 1e-4
"""Of the largest entry; statistics stored in float32 are symmetric to 1e-7."""
POSITIVE = 1e-5
"""Of the Frobenius norm: so far below 0 an eigenvalue may lie by rounding; in float32 it is 1e-7."""

# What NumPy and zipfile raise on damaged, encrypted, oddly compressed or absurdly large archives.
UNREADABLE = (
    *(OSError, ValueError, EOFError, TypeError, LookupError, AttributeError, SyntaxError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError),
)


@dataclass(frozen=True, eq=False)
class StatisticsFile:
    """What a file holds; nothing is read before it is asked for."""

    path: Path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of its arrays. Raises UserError for a file that is no NumPy archive."""
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return tuple(archive.files)
        except FileNotFoundError:
            raise UserError(f"there is no file {self.path}: give a .npz of statistics") from None
        except UNREADABLE as error:
            raise UserError(f"{self.path} is not a NumPy archive (.npz) of statistics: get the file again") from error

    @cached_property
    def digest(self) -> str:
        return sha256_of(self.path)

    @cached_property
    def pool3(self) -> Gaussian:
        return self.gaussian("")

    @cached_property
    def spatial(self) -> Gaussian:
        return self.gaussian("_spatial")

    def gaussian(self, layer: str) -> Gaussian:
        """Mean and covariance of one layer, float64. Raises UserError for what is missing, not finite, misshapen or no
        covariance."""
        mean, covariance = (self._array(name) for name in PAIRS[layer])
        first, second = PAIRS[layer]
        if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
            raise UserError(
                f"{self.path}: '{first}' is {mean.shape} and '{second}' {covariance.shape}, not (width,) and "
                "(width, width): make the statistics again"
            )
        for name, values in ((first, mean), (second, covariance)):
            if not np.isfinite(values).all():
                place = np.argwhere(~np.isfinite(values))[0].tolist()
                raise UserError(f"{self.path}: '{name}' is not finite at {place}: make the statistics again")
        if np.abs(covariance - covariance.T).max() > SYMMETRIC * np.abs(covariance).max():
            raise UserError(
                f"{self.path}: '{second}' is not symmetric, so is not a covariance: make the statistics again"
            )
        covariance = (covariance + covariance.T) / 2
        if not _is_positive(covariance):
            raise UserError(
                f"{self.path}: '{second}' has a negative eigenvalue, so is not a covariance: make the statistics again"
            )
        return Gaussian(mean, covariance)

    def require_width(self, layer: str, width: int, features: str) -> None:
        """Raise UserError unless the statistics of this layer are those of ``width`` features, named ``features``."""
        found = len(self.gaussian(layer).mean)
        if found != width:
            raise UserError(
                f"{self.path} holds statistics of {found} dimensions and {features} has {width}: make the statistics "
                "by the same protocol"
            )

    def about(self) -> dict[str, Any]:
        """For fingerprints: the file and its digest, not where it lies."""
        return {"reference": f"statistics {self.path.name}", "reference_sha256": self.digest[:SHOWN_DIGITS]}

    def _array(self, name: str) -> np.ndarray:
        if name not in self.names:
            also = "; it holds pictures alone: make their statistics first" if PICTURES in self.names else ""
            raise UserError(f"{self.path} has no '{name}', but {', '.join(self.names) or 'nothing'}{also}")
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                found = archive[name]
                if found.dtype.kind in "fiu":
                    return np.asarray(found, dtype=np.float64)
        except UNREADABLE as error:
            raise UserError(f"{self.path}: '{name}' cannot be read: get the file again") from error
        raise UserError(f"{self.path}: '{name}' is of {found.dtype}, not of real numbers: make the statistics again")


def _is_positive(covariance: np.ndarray) -> bool:
    """Whether no eigenvalue is negative by more than rounding; a Cholesky factor is the cheapest proof."""
    size = float(np.linalg.norm(covariance))
    try:
        np.linalg.cholesky(covariance + POSITIVE * size * np.eye(len(covariance)))
    except np.linalg.LinAlgError:
        return size == 0
    return True


def write_statistics(
    path: Path, pool3: Moments, spatial: Moments | None = None, pictures: np.ndarray | None = None
) -> Path:
    """A file that clean-fid, pytorch-fid and (with ``spatial`` and ``pictures``) the ADM evaluator read, in float64.

    Written whole. Raises ValueError for fewer than two samples.
    """
    arrays: dict[str, np.ndarray] = {}
    layers: Mapping[str, Moments | None] = {"": pool3, "_spatial": spatial}
    for layer, moments in layers.items():
        if moments is not None:
            mean, covariance = PAIRS[layer]
            arrays |= {mean: moments.mean, covariance: moments.covariance()}
    if pictures is not None:
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(f"pictures must be uint8 'count height width 3', not {pictures.dtype} {pictures.shape}")
        arrays[PICTURES] = pictures
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return path
