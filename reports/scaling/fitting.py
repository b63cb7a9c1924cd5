"""The laws themselves, as arithmetic: arrays in, parameters out. It knows no run and no metric.

``L = E + A / N**a`` over one axis, or ``L = E + A / N**a + B / D**b`` over two (Hoffmann et al. 2022, arXiv 2203.15556,
approach 3): the logarithm of each term is a parameter, log L is their logsumexp, and the sum of Huber losses of the log
residuals (delta 1e-3) is minimised by L-BFGS from a grid of starts, the best kept. Axes and values are measured in
their geometric means, so that one grid suits losses of 0.02 and of 400; the parameters that come out are in the units
that went in.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DELTA = 1e-3
"""Of the Huber loss: residuals beyond a tenth of a per cent count linearly, so that no run decides alone."""
STARTS, FINALISTS = 12, 3
"""Points of the grid that are followed, those of the least loss; and from how many of these L-BFGS goes on."""
SMOOTH = 0.1
"""A delta above most log residuals: squares."""
EXPONENTS = (0.05, 0.2, 0.4, 0.7, 1.1, 1.7)
STEPS = 80
TERMS = (-3.0, -1.5, -0.6, -0.1)
LOG_TERM, FLATTEST, STEEPEST = 14.0, 1e-6, 6.0
"""Bounds, in units of the geometric means: of the logarithm of a term, and of an exponent."""


@dataclass(frozen=True)
class Law:
    """``offset + sum of factors[k] / x[k] ** exponents[k]``; ``loss``: the sum of Huber losses at the fit."""

    offset: float
    factors: tuple[float, ...]
    exponents: tuple[float, ...]
    loss: float = 0.0

    def at(self, *axes: Any) -> Any:
        """The value there; each axis is a number or an array."""
        parts = zip(self.factors, self.exponents, axes, strict=True)
        return self.offset + sum(factor * np.asarray(x, dtype=np.float64) ** -power for factor, power, x in parts)


@dataclass(frozen=True)
class Problem:
    """Points in units of their geometric means, as logarithms: ``x`` is ``axes points``, ``y`` is ``points``."""

    x: Floats
    y: Floats
    centre: Floats
    middle: float

    @classmethod
    def of(cls, axes: Sequence[Any], values: Any) -> Problem:
        """All numbers must be positive."""
        logs = np.log(np.asarray(axes, dtype=np.float64))
        y = np.log(np.asarray(values, dtype=np.float64))
        centre, middle = logs.mean(axis=1), float(y.mean())
        return cls(logs - centre[:, None], y - middle, centre, middle)

    def law(self, parameters: Floats, loss: float) -> Law:
        """In the units of the points."""
        count = len(self.x)
        terms, powers = parameters[1 : 1 + count], parameters[1 + count :]
        factors = np.exp(terms + self.middle + powers * self.centre)
        offset = float(np.exp(parameters[0] + self.middle))
        return Law(offset, tuple(map(float, factors)), tuple(map(float, powers)), loss)

    def parameters(self, law: Law) -> Floats:
        """Those of a law, as ``law`` reads them."""
        powers = np.asarray(law.exponents)
        terms = np.log(np.asarray(law.factors)) - self.middle - powers * self.centre
        return np.concatenate([[np.log(law.offset) - self.middle], terms, powers])


def fit(axes: Sequence[Any], values: Any) -> Law:
    """The law through the points, from the grid; axes and values are positive numbers.

    At a delta of 1e-3 the loss is all but an absolute value, and L-BFGS stalls far from its minimum. So the starts of
    the grid are first moved downhill at falling deltas, all at once; L-BFGS goes on from the best of them, and the best
    is kept.
    """
    problem = Problem.of(axes, values)
    starts = np.array(_grid(problem))
    moved, losses = _downhill(problem.x, np.tile(problem.y, (len(starts), 1)), starts, (SMOOTH, 1e-2, DELTA))
    best = np.argsort(losses, kind="stable")[:FINALISTS]
    parameters, loss = min((_descend(problem, moved[place], DELTA) for place in best), key=lambda pair: pair[1])
    return problem.law(parameters, loss)


def fit_again(axes: Sequence[Any], draws: Any, start: Law) -> list[Law]:
    """The laws through other values at the same points (``draws``: ``draws points``), all from ``start``.

    The same sum of Huber losses, for all draws at once.
    """
    logs = np.log(np.asarray(draws, dtype=np.float64))
    problem = Problem.of(axes, np.exp(logs.mean(axis=0)))
    starts = np.tile(problem.parameters(start), (len(logs), 1))
    found, losses = _downhill(problem.x, logs - problem.middle, starts, (1e-2, DELTA))
    return [problem.law(one, float(loss)) for one, loss in zip(found, losses, strict=True)]


def _downhill(x: Floats, y: Floats, starts: Floats, deltas: Sequence[float]) -> tuple[Floats, Floats]:
    """(parameters ``rows parameters``, losses) for each row of ``y`` and its start: Levenberg and Marquardt's steps of
    the reweighted squares, each kept where it lowers the loss of its row, at one delta after the other."""
    low, high = _bounds(len(x)).T
    at = np.clip(starts, low, high)
    loss = np.empty(len(y))
    for delta in deltas:
        damping = np.full(len(y), 1e-3)
        residuals, shares = _residuals(x, y, at)
        loss = _huber(residuals, delta).sum(axis=1)
        for _ in range(STEPS):
            moved = np.clip(at + _steps(x, residuals, shares, delta, damping), low, high)
            after, shares_after = _residuals(x, y, moved)
            loss_after = _huber(after, delta).sum(axis=1)
            better = loss_after < loss
            gained = float(np.max(np.where(better, 1 - loss_after / np.maximum(loss, 1e-300), 0.0)))
            at[better], loss[better] = moved[better], loss_after[better]
            residuals[better], shares[better] = after[better], shares_after[better]
            damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-9, 1e6)
            if gained < 1e-7 and damping.min() > 1:
                break
    return at, loss


def _residuals(x: Floats, y: Floats, at: Floats) -> tuple[Floats, Floats]:
    """(log residuals ``draws points``, share of each term in the prediction ``draws terms points``)."""
    count = len(x)
    flat = np.broadcast_to(at[:, :1, None], (len(at), 1, x.shape[1]))
    terms = np.concatenate([flat, at[:, 1 : 1 + count, None] - at[:, 1 + count :, None] * x], axis=1)
    top = terms.max(axis=1, keepdims=True)
    shares = np.exp(terms - top)
    total = shares.sum(axis=1, keepdims=True)
    return y - (top + np.log(total))[:, 0], shares / total


def _steps(x: Floats, residuals: Floats, shares: Floats, delta: float, damping: Floats) -> Floats:
    jacobian = np.concatenate([shares, -shares[:, 1:] * x], axis=1)  # draws parameters points
    weighted = jacobian * (1 / np.maximum(np.abs(residuals), delta))[:, None, :]
    squares = weighted @ jacobian.transpose(0, 2, 1)
    diagonal = np.einsum("dpp->dp", squares)
    diagonal += damping[:, None] * (diagonal + 1e-9 * diagonal.max(axis=1, keepdims=True))
    return np.asarray(np.linalg.solve(squares, (weighted @ residuals[:, :, None]))[:, :, 0])


def _bounds(count: int) -> Floats:
    """(low, high) of each parameter."""
    term, power = (-LOG_TERM, LOG_TERM), (FLATTEST, STEEPEST)
    return np.array([term] * (1 + count) + [power] * count)


def _grid(problem: Problem) -> list[Floats]:
    """The starts of least loss."""
    count = len(problem.x)
    every = np.array(list(itertools.product(*[TERMS] * (1 + count), *[EXPONENTS] * count)))
    flat = np.broadcast_to(every[:, :1, None], (len(every), 1, problem.y.size))
    terms = every[:, 1 : 1 + count, None] - every[:, 1 + count :, None] * problem.x
    residuals = problem.y - np.logaddexp.reduce(np.concatenate([flat, terms], axis=1), axis=1)
    order = np.argsort(_huber(residuals, SMOOTH).sum(axis=1), kind="stable")[:STARTS]
    return list(every[order])


def _descend(problem: Problem, start: Floats, delta: float) -> tuple[Floats, float]:
    """(parameters, sum of Huber losses) where L-BFGS ends."""
    from scipy.optimize import minimize

    bounds: Any = _bounds(len(problem.x))
    at = np.clip(start, bounds[:, 0], bounds[:, 1])
    how: Any = {"maxiter": 200, "ftol": 1e-12, "gtol": 1e-9, "maxcor": 20}
    found = minimize(_loss, at, (problem, delta), "L-BFGS-B", jac=True, bounds=bounds, options=how)
    return found.x, float(found.fun) * delta


def _loss(parameters: Floats, problem: Problem, delta: float) -> tuple[float, Floats]:
    """The sum of Huber losses over delta, and its gradient."""
    count = len(problem.x)
    terms = np.empty((1 + count, problem.y.size))
    terms[0] = parameters[0]
    terms[1:] = parameters[1 : 1 + count, None] - parameters[1 + count :, None] * problem.x
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    shares /= total
    residuals = problem.y - top - np.log(total)
    slope = -np.clip(residuals / delta, -1.0, 1.0)
    by_term = shares @ slope
    by_power = -(shares[1:] * problem.x) @ slope
    return float(_huber(residuals, delta).sum() / delta), np.concatenate([by_term, by_power])


def _huber(residuals: Floats, delta: float) -> Floats:
    size = np.abs(residuals)
    return np.asarray(np.where(size <= delta, residuals**2 / 2, delta * (size - delta / 2)))
