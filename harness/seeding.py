"""Randomness derived by name: one generator per (run, case, purpose), never a global one.

A draw depends on nothing but the words it is asked for with, so the composition of a batch, the number of workers,
the order of cases and a resumed run cannot change it. Noise is drawn on the CPU and moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def seed_for(*words: object) -> int:
    """A 63-bit seed from words, for example ``seed_for(run_seed, case_id, "sample")``.

    Examples:
        >>> seed_for(0, "case", "sample") == seed_for(0, "case", "sample")
        True
        >>> seed_for(0, "case", "sample") == seed_for(1, "case", "sample")
        False
    """
    # a case named after a file in another encoding holds surrogates; all other words have the bytes of UTF-8
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def rng_for(*words: object) -> np.random.Generator:
    """A NumPy generator for these words.

    Examples:
        >>> rng_for(0, "case", "noise").random() == rng_for(0, "case", "noise").random()
        True
    """
    import numpy as np

    return np.random.Generator(np.random.Philox(seed_for(*words)))


def noise_for(seeds: Sequence[int] | None, count: int, shape: Sequence[int]) -> Tensor:
    """Standard normal noise ``count *shape``, float32 on the CPU; image i depends on ``seeds[i]`` only (None: seed 0
    for all).

    Examples:
        >>> noise_for([7, 8], 2, (3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
        >>> bool((noise_for([7, 8], 2, (4,))[1] == noise_for([8], 1, (4,))[0]).all())
        True
    """
    import torch

    values = [0] * count if seeds is None else list(seeds)
    if len(values) != count:
        raise ValueError(f"{len(values)} seeds for {count} images")
    rows = []
    for seed in values:
        generator = torch.Generator("cpu").manual_seed(seed)
        rows.append(torch.randn(tuple(shape), generator=generator))
    return torch.stack(rows) if rows else torch.empty((0, *shape))
