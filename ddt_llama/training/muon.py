"""Muon: the steps of matrices, made orthogonal.

K. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; weight decay as in Liu et al. 2025,
arXiv 2502.16982. torch's own ``torch.optim.Muon`` computes in bf16 whatever the weights are, which a CPU without bf16
instructions emulates some 70 times slower than float32. This one follows the weights' type, and is otherwise equal
(``tests/training/test_muon.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of one iteration, steep at zero: after five, singular values lie between about 0.7 and 1.2."""
ITERATIONS = 5


def orthogonal(matrix: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """About U V^T of the matrix's singular value decomposition U S V^T, by Newton and Schulz's iteration."""
    a, b, c = QUINTIC
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    found = wide / wide.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = found @ found.T
        found = a * found + (b * gram + c * gram @ gram) @ found
    return found.T if matrix.shape[0] > matrix.shape[1] else found


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose step is ``orthogonal``, times sqrt(max(1, rows / columns)); for whole matrices alone."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float = 0.02, weight_decay: float = 0.1, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        if any(parameter.ndim != 2 for group in self.param_groups for parameter in group["params"]):
            raise ValueError("Muon is for matrices: train vectors and embeddings by another optimiser")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is ever needed here
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group["lr"], group["weight_decay"], group["momentum"])

    def _move(self, parameter: nn.Parameter, rate: float, weight_decay: float, momentum: float) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        step = orthogonal(gradient.lerp(average, momentum))
        rows, columns = parameter.shape
        parameter.mul_(1 - rate * weight_decay).add_(step, alpha=-rate * max(1.0, rows / columns) ** 0.5)
