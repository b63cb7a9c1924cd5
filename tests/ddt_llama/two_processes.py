"""Run in each process of a training: one linear layer on numbered images, no noise. Not a test itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ddt_llama.training.tokenizer import train
from harness.contracts import Recipe


class Numbered:
    """Image i is the same whatever batch it comes in."""

    description = "numbered"

    def batch(self, step: int, size: int) -> torch.Tensor:
        rows = [torch.rand(3, generator=torch.Generator().manual_seed(step * size + i)) for i in range(size)]
        return torch.stack(rows)


class Line(nn.Module):
    family = "line"

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def turns(self) -> list[list[nn.Parameter]]:
        return [list(self.parameters())]

    def loss(self, images: torch.Tensor, turn: int, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return (self.layer(images) - images).square().mean(), {}

    def config(self) -> dict[str, Any]:
        return {}


if __name__ == "__main__":
    recipe = Recipe(
        "line", lambda find: Line(), "numbered", steps=20, batch=int(sys.argv[2]), learning_rate=1e-2, threads=1
    )
    train(recipe, Path(sys.argv[1]), lambda kind, name: lambda seed: Numbered())
