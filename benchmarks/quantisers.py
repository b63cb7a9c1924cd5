"""Quantisers of the small DDT side by side: each trained for as many steps from one checkpoint without quantisation.

    python benchmarks/quantisers.py START --steps 90 --out runs/quantisers shared own noise-own

START is what ``ddtbench train tokenizer ddt-continuous`` made. Each quantiser begins with k-means over 20,000 pictures;
all spend 512 bits an image. The last line of ``OUT/NAME/validation.jsonl`` is its row; docs/log.md has the table of
2026-11-30. Latents are computed once for all that are named.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddt_llama.recipes import LONG_AUTOENCODER, SHARED_BOOK, small_ddt
from ddt_llama.training.ddt import DDTTraining, LatentPool
from ddt_llama.training.tokenizer import train
from harness import catalog
from harness.contracts import Recipe, TrainingImages

NOISE = 0.17  # the squared length of the shared book's error
BOOKS: Mapping[str, Mapping[str, Any]] = {
    "shared": SHARED_BOOK,
    "own": {**SHARED_BOOK, "own_books": True},
    "product": {**SHARED_BOOK, "parts": 2},
    "rotation": {**SHARED_BOOK, "gradient": "rotation"},
    "diverse": {**SHARED_BOOK, "diversity": 0.1, "reset": "position"},
    "noise": {**SHARED_BOOK, "noise": NOISE},
    "noise-own": {**SHARED_BOOK, "own_books": True, "noise": NOISE},
    "fsq": {"kind": "fsq", "levels": [4, 4, 4, 4]},
}
POOL = 80_000


class OnSharedLatents(DDTTraining):
    """A training on the latents that are there; the first one puts them there."""

    def __init__(self, shared: list[LatentPool], book: Mapping[str, Any]) -> None:
        new = ("quantizer.", "decoder.context_embedder.") if "kind" in book else ("quantizer.codebook",)
        super().__init__(
            small_ddt(1, LONG_AUTOENCODER, book),
            pool=POOL,
            continuous=0.5 if "noise" in book else 0.0,
            anneal=0.0,
            dropped=0.1,
            start_images=20_000,
            keeps=("autoencoder.", *new),
        )
        self.shared = shared

    def prepare_data(self, images: TrainingImages) -> TrainingImages:
        if not self.shared:
            self.shared.append(LatentPool(self.model, images, self.pool))
        self.latents = self.shared[0]
        return self.latents


def recipe_of(name: str, start: str, steps: int, shared: list[LatentPool]) -> Recipe:
    """Of one of ``BOOKS``."""
    return Recipe(
        f"ddt-{name}",
        lambda _: OnSharedLatents(shared, BOOKS[name]),
        data="world+fashion",
        start=start,
        steps=steps,
        batch=64,
        learning_rate=1e-3,
        warmup=min(20, steps),
        ema=0.97,
        threads=1,
        validation="world+fashion-validation",
        validate_every=steps,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("start", help="the checkpoint without quantisation")
    parser.add_argument("names", nargs="+", choices=BOOKS, metavar="NAME", help=", ".join(BOOKS))
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--out", type=Path, default=Path("runs/quantisers"))
    asked = parser.parse_args()
    find: Any = catalog.find
    shared: list[LatentPool] = []
    for name in asked.names:
        print(name)
        train(recipe_of(name, asked.start, asked.steps, shared), asked.out / name, find)


if __name__ == "__main__":
    main()
