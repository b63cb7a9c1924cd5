"""Muon: the steps of matrices, made orthogonal.

K. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; weight decay as in Liu et al. 2025,
arXiv 2502.16982. torch's own ``torch.optim.Muon`` computes in bf16 whatever the weights are, which a CPU without bf16
instructions emulates some 70 times slower than float32. This one follows the weights' type, and is otherwise equal
(``tests/ddt_llama/test_muon.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of one iteration, steep at zero: after five, singular values lie between about 0.7 and 1.2."""
ITERATIONS = 5


def orthogonal(matrix: Float[Tensor, "*batch rows columns"]) -> Float[Tensor, "*batch rows columns"]:
    """About U V^T of the matrix's singular value decomposition U S V^T, by Newton and Schulz's iteration."""
    a, b, c = QUINTIC
    tall = matrix.shape[-2] > matrix.shape[-1]
    wide = matrix.mT if tall else matrix
    found: Tensor = wide / wide.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = found @ found.mT
        found = a * found + (b * gram + c * gram @ gram) @ found
    return found.mT if tall else found


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose step is ``orthogonal``, times sqrt(max(1, rows / columns)); for whole matrices alone.

    Matrices of one shape are moved together: a few large products instead of many small ones.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float = 0.02, weight_decay: float = 0.1, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        if any(parameter.ndim != 2 for group in self.param_groups for parameter in group["params"]):
            raise ValueError("Muon is for matrices: train vectors and embeddings by another optimiser")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is ever needed here
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(parameter.shape, []).append(parameter)
            for parameters in alike.values():
                self._move(parameters, group["lr"], group["weight_decay"], group["momentum"])

    def _move(self, parameters: list[Tensor], rate: float, weight_decay: float, momentum: float) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        averages = [self.state[parameter]["momentum_buffer"] for parameter in parameters]
        gradients = torch.stack([cast(Tensor, parameter.grad) for parameter in parameters])
        torch._foreach_lerp_(averages, list(gradients), 1 - momentum)
        steps = orthogonal(gradients.lerp(torch.stack(averages), momentum))
        rows, columns = parameters[0].shape
        torch._foreach_mul_(parameters, 1 - rate * weight_decay)
        torch._foreach_add_(parameters, list(steps), alpha=-rate * max(1.0, rows / columns) ** 0.5)
