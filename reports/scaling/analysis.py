"""The laws that the trainings of one metric identify, and how well they predict runs that were left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from reports.scaling.bootstrap import Bootstrap, bootstrap
from reports.scaling.design import (
    Refusal,
    levels,
    refuse_compute,
    refuse_joint,
    refuse_offset,
    refuse_size,
    refuse_tokens,
)
from reports.scaling.fitting import STEEPEST
from reports.scaling.isoflop import isoflop_fits
from reports.scaling.lines import PowerLaw, power_law
from reports.scaling.trainings import Training, families, is_scaled, one_stage, sizes, trained_alike
from reports.scaling.values import COMPUTE, JOINT, OFFSET, SIZE, TOKENS, Fitted, Predicted, Quantity


def fits_of(found: Sequence[Training]) -> list[Fitted]:
    """Every law of every family whose checkpoints took different compute, fitted or refused."""
    fitted: list[Fitted] = []
    for family in families(found):
        own = one_stage([one for one in found if one.family == family])
        if not is_scaled(own):
            continue
        alike = trained_alike(own) or own
        grown = _one_size(own)
        size = _straight(SIZE, "a", family, alike, lambda one: one.parameters, partial(refuse_size, every=own))
        fitted.append(size)
        fitted.append(_with_offset(family, alike, size))
        if len(levels([one.tokens for one in own])) > 1:
            fitted.append(_straight(TOKENS, "b", family, grown, lambda one: one.tokens, refuse_tokens))
        both = _jointly(family, own)
        fitted += [both, *isoflop_fits(family, own, both)]
        fitted.append(_straight(COMPUTE, "c", family, frontier(own), lambda one: one.flops, refuse_compute))
    return fitted


def size_laws(found: Sequence[Training]) -> dict[str, PowerLaw]:
    """Family -> the straight law of size at equal tokens, of those that have one."""
    laws = {}
    for family in families(found):
        own = trained_alike(one_stage([one for one in found if one.family == family]))
        if not own:
            continue
        fitted = _straight(SIZE, "a", family, own, lambda one: one.parameters, refuse_size)
        if fitted.line is not None:
            laws[family] = fitted.line
    return laws


def _straight(
    law: str,
    name: str,
    family: str,
    of: Sequence[Training],
    axis: Callable[[Training], float],
    refuse: Callable[[Sequence[Training]], Refusal | None],
) -> Fitted:
    refused = refuse(of)
    line = None if refused else power_law([(axis(one), one.value.y) for one in of])
    if refused is None and line is None:
        refused = Refusal("its values leave no residuals, or have no logarithm", "runs that differ would")
    if line is None:
        return Fitted(law, family, of=tuple(of), refused=refused)
    said = Quantity(name, -line.exponent, -line.high, -line.low)
    return Fitted(law, family, (said,), tuple(of), "least squares of logarithms, Student's t", line=line)


def _with_offset(family: str, of: Sequence[Training], size: Fitted) -> Fitted:
    refused = size.refused or refuse_offset(of)
    if refused is not None:
        return Fitted(OFFSET, family, of=tuple(of), refused=refused)
    drawn = _drawn([[one.parameters for one in of]], of)
    said = (_exponent("a", drawn, 0), _offset(drawn), _factor("A", drawn, 0))
    return Fitted(OFFSET, family, said, tuple(of), _method(drawn), drawn=drawn)


def _jointly(family: str, of: Sequence[Training]) -> Fitted:
    refused = refuse_joint(of)
    if refused is not None:
        return Fitted(JOINT, family, of=tuple(of), refused=refused)
    drawn = _drawn([[one.parameters for one in of], [one.tokens for one in of]], of)
    said = (
        _exponent("a", drawn, 0),
        _exponent("b", drawn, 1),
        _offset(drawn),
        _factor("A", drawn, 0),
        _factor("B", drawn, 1),
    )
    return Fitted(JOINT, family, said, tuple(of), _method(drawn), drawn=drawn)


def _drawn(axes: Sequence[Any], of: Sequence[Training]) -> Bootstrap:
    return bootstrap(axes, [one.value.y for one in of], [f"{one.recipe}/{one.seed}" for one in of])


def _method(drawn: Bootstrap) -> str:
    return f"Huber 1e-3 on log residuals, L-BFGS from a grid; {len(drawn.laws)} parametric bootstraps"


def _exponent(name: str, drawn: Bootstrap, axis: int) -> Quantity:
    value, low, high = drawn.interval(lambda law: law.exponents[axis])
    return Quantity(name, value, low, high, open=low < 1e-3 or high > 0.99 * STEEPEST)


def _offset(drawn: Bootstrap) -> Quantity:
    return Quantity("E", *drawn.interval(lambda law: law.offset))


def _factor(name: str, drawn: Bootstrap, axis: int) -> Quantity:
    return Quantity(name, *drawn.interval(lambda law: law.factors[axis]))


def _one_size(own: Sequence[Training]) -> list[Training]:
    """The runs of the size that was seen at most numbers of tokens (the largest of those)."""
    best = max(own, key=lambda one: (len(levels([o.tokens for o in _as_large(own, one)])), one.parameters))
    return _as_large(own, best)


def _as_large(own: Sequence[Training], as_: Training) -> list[Training]:
    return [other for other in own if sizes([other.parameters, as_.parameters]) == 1]


def frontier(own: Sequence[Training]) -> list[Training]:
    """The runs that no run of as much compute or less beats."""
    kept: list[Training] = []
    for one in sorted(own, key=lambda one: (one.flops, one.value.y)):
        if not kept or one.value.y < kept[-1].value.y:
            kept.append(one)
    return kept


# ------------------------------------------------------------------------------------------------- held out


def predictions_of(fitted: Sequence[Fitted]) -> list[Predicted]:
    """Each size left out of the law of size in turn, and the largest out of the law of both, as far as those laws are
    identified at all."""
    found: list[Predicted] = []
    for fit in fitted:
        if fit.refused is None and fit.law in (SIZE, JOINT):
            there = levels([one.parameters for one in fit.of])
            turns = there if fit.law == SIZE else there[-1:]
            found += [_left_out(fit, size, size == there[-1]) for size in turns]
    return found


def _left_out(fit: Fitted, size: float, largest: bool) -> Predicted:
    out = [one for one in fit.of if sizes([one.parameters, size]) == 1]
    kept = [one for one in fit.of if one not in out]
    tokens = max(one.tokens for one in out)
    at = [one for one in out if len(levels([one.tokens, tokens])) == 1]
    measured = math.exp(math.fsum(math.log(one.value.y) for one in at) / len(at))
    told = (fit.law, fit.family, largest, size, tokens, len(at))
    if fit.law == SIZE:
        without = _straight(SIZE, "a", fit.family, kept, lambda one: one.parameters, refuse_size)
        if without.line is None:
            return Predicted(*told, measured=measured, refused=without.refused)
        low, high = without.line.band(size, new=len(at))
        return Predicted(*told, without.line.at(size), low, high, measured)
    both = _jointly(fit.family, kept)
    if both.drawn is None:
        return Predicted(*told, measured=measured, refused=both.refused)
    return Predicted(*told, *both.drawn.prediction(size, tokens, runs=len(at)), measured)
