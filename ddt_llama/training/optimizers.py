"""The optimisers of a recipe."""

from __future__ import annotations

from typing import Any

import torch

from ddt_llama.training.muon import Muon
from ddt_llama.training.recipe import LanguageRecipe


def optimizers(inner: Any, recipe: LanguageRecipe, fused: bool) -> list[torch.optim.Optimizer]:
    """AdamW for all, or for what Muon leaves: embeddings, output rows and vectors."""
    ends = {id(inner.get_input_embeddings().weight), id(inner.get_output_embeddings().weight)}
    matrices = [p for p in inner.parameters() if p.ndim > 1]
    layers = [p for p in matrices if id(p) not in ends] if recipe.muon else []
    chosen = {id(p) for p in layers}
    groups = [
        {"params": [p for p in matrices if id(p) not in chosen], "weight_decay": recipe.weight_decay},
        {"params": [p for p in inner.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=1.0, betas=recipe.betas, fused=fused)
    return [adam, Muon(layers, lr=1.0, weight_decay=recipe.weight_decay)] if recipe.muon else [adam]
