"""Simulated trainings of Hoffmann et al. 2022 (arXiv 2203.15556): their published law, with scatter."""

from __future__ import annotations

import numpy as np

from reports.scaling.bootstrap import Bootstrap, bootstrap
from reports.scaling.fitting import Law

LAW = Law(1.69, (406.4, 410.7), (0.34, 0.28))
"""Section 3.3 and equation 10, as rounded there."""
SIZES, TOKENS = np.geomspace(44e6, 16e9, 8), np.geomspace(1e9, 4e11, 5)
LARGE = (70e9, 1.4e12)
"""Chinchilla itself, 15 times the compute of the largest run simulated here."""
N, D = (axis.ravel() for axis in np.meshgrid(SIZES, TOKENS))
NUMBERS = {
    "a": lambda law: law.exponents[0],
    "b": lambda law: law.exponents[1],
    "E": lambda law: law.offset,
    "prediction": lambda law: float(law.at(*LARGE)),
    "A": lambda law: law.factors[0],
    "B": lambda law: law.factors[1],
}


def simulated(seed: int, scatter: float) -> Bootstrap:
    """A fit to losses with normal scatter of their logarithms, one training each, and its draws."""
    noise = np.random.default_rng([18, seed]).standard_normal(N.size)
    return bootstrap([N, D], LAW.at(N, D) * np.exp(scatter * noise), [str(place) for place in range(N.size)], seed=seed)
