"""The optimisers of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ddt_llama.training.muon import Muon
from ddt_llama.training.recipe import LanguageRecipe
from harness.contracts import Recipe
from harness.errors import UserError


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


@dataclass(frozen=True)
class Paced:
    """An optimiser, and the multiple of a training's rate at which it goes."""

    optimizer: Any
    factor: float = 1.0

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def begin(self, rate: float) -> None:
        """Ready for a step at this rate of the training."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.factor * rate
        self.optimizer.zero_grad(set_to_none=True)


def optimizers_of_turns(subject: Any, recipe: Recipe) -> list[list[Paced]]:
    """For each turn of a trainable AdamW for all, or for what Muon leaves: the ``matrices()`` that the trainable names
    are Muon's where the recipe asks for it. Raises UserError where it names none, and for a
    negative multiple."""
    if recipe.muon < 0:
        raise UserError(f"recipe '{recipe.name}': muon is a multiple of the learning rate, or 0, not {recipe.muon}")
    if recipe.muon and not hasattr(subject, "matrices"):
        raise UserError(f"recipe '{recipe.name}': this training names no matrices for Muon: leave muon out")
    named = subject.matrices() if recipe.muon else []
    chosen = {id(matrix) for matrix in named}
    made = []
    for turn in subject.turns():
        rest, own = [p for p in turn if id(p) not in chosen], [p for p in turn if id(p) in chosen]
        adam = torch.optim.AdamW(rest, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay)
        muon = [Paced(Muon(own, weight_decay=recipe.weight_decay), recipe.muon)] if own else []
        made.append([Paced(adam), *muon])
    return made
