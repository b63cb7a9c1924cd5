"""Files of feature statistics that other tools read and write, so that a published reference set can be compared with.

All are NumPy archives. clean-fid and pytorch-fid hold ``mu`` and ``sigma`` of pool3; the reference batches of the ADM
evaluator hold further ``mu_s`` and ``sigma_s`` of the spatial features and pictures ``arr_0`` (uint8, ``count height
width 3``), which in ImageNet's are 10,000, while its statistics are those of the whole **training** set. No format says
how many pictures the statistics are of, nor by which protocol the features were made: the reader has to know.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.checkpoints import sha256_of
from harness.errors import UserError
from harness.metrics.frechet import Gaussian
from harness.metrics.moments import Moments

PAIRS = {"": ("mu", "sigma"), "_spatial": ("mu_s", "sigma_s")}
"""The names of mean and covariance, by the end of the columns that they belong to."""
PICTURES = "arr_0"
SHOWN_DIGITS = 16
SYMMETRIC = 1e-4
"""Of the largest entry; statistics stored in float32 are symmetric to 1e-7."""


@dataclass(frozen=True, eq=False)
class StatisticsFile:
    """What a file holds; nothing is read before it is asked for."""

    path: Path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of its arrays. Raises UserError for a file that is no NumPy archive."""
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return tuple(archive.files)
        except FileNotFoundError:
            raise UserError(f"there is no file {self.path}: give a .npz of statistics") from None
        except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"{self.path} is no NumPy archive (.npz) of statistics: get the file again") from error

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
        """Mean and covariance of one layer, float64. Raises UserError for what is missing, not finite or misshapen."""
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
            raise UserError(f"{self.path}: '{second}' is not symmetric, so no covariance: make the statistics again")
        return Gaussian(mean, (covariance + covariance.T) / 2)

    def about(self) -> dict[str, Any]:
        """For fingerprints: the file and its digest, not where it lies."""
        return {"reference": f"statistics {self.path.name}", "reference_sha256": self.digest[:SHOWN_DIGITS]}

    def _array(self, name: str) -> np.ndarray:
        if name not in self.names:
            also = "; it holds pictures alone: make their statistics first" if PICTURES in self.names else ""
            raise UserError(f"{self.path} has no '{name}', but {', '.join(self.names) or 'nothing'}{also}")
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return np.asarray(archive[name], dtype=np.float64)
        except (ValueError, zipfile.BadZipFile, OSError) as error:
            raise UserError(f"{self.path}: '{name}' cannot be read: get the file again") from error


def write_statistics(
    path: Path, pool3: Moments, spatial: Moments | None = None, pictures: np.ndarray | None = None
) -> Path:
    """A file that clean-fid, pytorch-fid and (with ``spatial`` and ``pictures``) the ADM evaluator read, in float64.

    Written under a temporary name and renamed. Raises ValueError for fewer than two samples.
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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.npz")
    try:
        np.savez(temporary, allow_pickle=False, **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
