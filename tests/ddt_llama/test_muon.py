"""Muon against torch's own, and against the decomposition that it stands for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ddt_llama.training.muon import Muon, orthogonal

SHAPES = ((12, 12), (40, 16), (16, 40), (1, 7))


def drawn(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_its_steps_are_those_of_torch(shape: tuple[int, int]) -> None:
    """torch's iterates in bf16, whose eight bits leave an error of about 1 % in each entry of a step."""
    ours, theirs = nn.Parameter(drawn(shape, 0)), nn.Parameter(drawn(shape, 0))
    settings = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.95}
    mine, reference = Muon([ours], **settings), torch.optim.Muon([theirs], **settings)
    for step in range(5):
        before = ours.detach().clone()
        ours.grad, theirs.grad = drawn(shape, step + 1), drawn(shape, step + 1)
        mine.step(), reference.step()
        moved = (ours - before).norm()
        assert (ours - theirs).norm() < 0.03 * moved * (step + 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_is_nearly_orthogonal(shape: tuple[int, int]) -> None:
    """The same singular vectors as the matrix, and values near 1 whatever they were (above a hundredth of the
    largest: five iterations do not lift a value from nothing)."""
    left, values, right = torch.linalg.svd(drawn(shape, 3, torch.float64), full_matrices=False)
    spread = torch.linspace(1, 0.05, len(values), dtype=torch.float64)
    found = orthogonal(left @ spread.diag() @ right)
    inner = left.T @ found @ right.T
    assert (inner.diag() > 0.6).all() and (inner.diag() < 1.3).all()
    torch.testing.assert_close(inner, inner.diag().diag(), atol=1e-9, rtol=0)


def test_the_size_of_a_gradient_does_not_matter() -> None:
    matrix = drawn((8, 5), 4)
    torch.testing.assert_close(orthogonal(matrix), orthogonal(1000 * matrix), atol=1e-5, rtol=0)
    assert torch.equal(orthogonal(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_it_is_for_matrices() -> None:
    with pytest.raises(ValueError, match="for matrices"):
        Muon([nn.Parameter(torch.zeros(3))])


def test_matrices_move_together_as_they_would_alone() -> None:
    """Of three, two of one shape; one of them misses a gradient once."""
    shapes = ((8, 5), (8, 5), (5, 8))
    together = [nn.Parameter(drawn(shape, seed, torch.float64)) for seed, shape in enumerate(shapes)]
    alone = [nn.Parameter(value.detach().clone()) for value in together]
    optimizers = [Muon(together), *(Muon([value]) for value in alone)]
    for step in range(3):
        for seed, shape in enumerate(shapes):
            gradient = None if (step, seed) == (1, 1) else drawn(shape, 10 * step + seed, torch.float64)
            together[seed].grad, alone[seed].grad = gradient, gradient
        for optimizer in optimizers:
            optimizer.step()
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)
