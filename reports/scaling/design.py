"""What a set of trainings can identify, and which run would identify what it cannot.

A law is refused where other parameters would fit as well: fewer than three sizes have no exponent; less than a decade
of sizes with one seed each cannot tell a slope from scatter; an offset takes a fourth size; a law in parameters and
tokens takes three numbers of tokens, and runs in which the two do not rise in step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.scaling.lines import FEWEST_SIZES
from reports.scaling.trainings import SAME_SIZE, SAME_TOKENS, Training, sizes
from reports.tables.numbers import with_unit_prefix

DECADE = 10.0
IN_STEP = 0.98
"""The squared correlation of log N and log D above which the two are one axis."""
OFFSET_SIZES = 4
JOINT_NUMBERS = 5
"""E, A, B, a and b."""


@dataclass(frozen=True)
class Refusal:
    """Why a law is not fitted, and which run ``would`` identify it."""

    why: str
    would: str

    def __str__(self) -> str:
        return f"{self.why}; {self.would}"


def levels(values: Sequence[float]) -> list[float]:
    """One value for each group of those within a tenth of each other, rising."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value > SAME_SIZE * found[-1]:
            found.append(value)
    return found


def has_seeds(found: Sequence[Training]) -> bool:
    """Whether some size was trained more than once on as many tokens."""
    for one in found:
        for other in found:
            apart = (one.recipe, one.seed) != (other.recipe, other.seed)
            alike = abs(other.tokens / one.tokens - 1) < SAME_TOKENS
            if apart and alike and sizes([one.parameters, other.parameters]) == 1:
                return True
    return False


def refuse_size(found: Sequence[Training], every: Sequence[Training] = ()) -> Refusal | None:
    """Whether runs at equal tokens give an exponent of size; ``every``: those that saw other numbers, too."""
    there, others = (levels([one.parameters for one in runs]) for runs in (found, every))
    if len(there) < FEWEST_SIZES <= len(others):
        tokens = max(one.tokens for one in found)
        return Refusal(
            f"no three of the {len(others)} sizes saw equally many tokens",
            f"three sizes on {with_unit_prefix(tokens)} tokens each would give an exponent",
        )
    return _refuse_axis([one.parameters for one in found], has_seeds(found), "size", "parameters")


def refuse_tokens(found: Sequence[Training]) -> Refusal | None:
    """Whether runs of one size give an exponent of tokens."""
    return _refuse_axis([one.tokens for one in found], has_seeds(found), "number of tokens", "tokens")


def refuse_compute(found: Sequence[Training]) -> Refusal | None:
    """Whether the best runs at each compute give an exponent of it."""
    return _refuse_axis([one.flops for one in found], has_seeds(found), "amount of compute", "FLOPs")


def refuse_offset(found: Sequence[Training]) -> Refusal | None:
    """Whether runs at equal tokens tell an offset from an exponent."""
    there = levels([one.parameters for one in found])
    if (refused := refuse_size(found)) is not None:
        return refused
    if len(there) < OFFSET_SIZES:
        return Refusal(
            f"{_counted(len(there), 'size')} cannot tell an offset from an exponent",
            f"a run of {with_unit_prefix(_beyond(there))} parameters would",
        )
    return None


def refuse_joint(found: Sequence[Training]) -> Refusal | None:
    """Whether all runs of a family identify a law in parameters and tokens."""
    tokens, there = levels([one.tokens for one in found]), levels([one.parameters for one in found])
    if len(tokens) < FEWEST_SIZES:
        said = " and ".join(with_unit_prefix(value) for value in tokens)
        why = f"all runs saw {said} tokens" if len(tokens) == 1 else f"the runs saw {said} tokens and no third number"
        more = [tokens[0] / DECADE, tokens[0] / math.sqrt(DECADE)][: FEWEST_SIZES - len(tokens)]
        wanted = " and ".join(with_unit_prefix(value) for value in more)
        return Refusal(why, f"three sizes on {wanted} tokens each would identify it")
    if len(there) < FEWEST_SIZES or not has_seeds(found):
        refused = refuse_size(found) or refuse_tokens(found)
        if refused is not None:
            return refused
    if _in_step(found):
        return Refusal(
            "tokens rise in step with parameters, so that the two are one axis",
            f"a run of {with_unit_prefix(there[0])} parameters on {with_unit_prefix(tokens[-1])} tokens would tell",
        )
    if len(found) <= JOINT_NUMBERS:
        size, other = (with_unit_prefix(values[-1]) for values in (there, tokens))
        return Refusal(
            f"{len(found)} runs leave nothing to judge {JOINT_NUMBERS} parameters by",
            f"a run of {size} parameters on {other} tokens, or another that is not there yet, would",
        )
    return None


def _refuse_axis(values: Sequence[float], seeds: bool, level: str, unit: str) -> Refusal | None:
    there = levels(values)
    if len(there) < FEWEST_SIZES:
        said = " and ".join(with_unit_prefix(value) for value in there)
        have = "has" if len(there) == 1 else "have"
        wanted = [_beyond(there)] if len(there) > 1 else [there[0] * math.sqrt(DECADE), there[0] * DECADE]
        runs = " and ".join(with_unit_prefix(value) for value in wanted)
        run = "a run" if len(wanted) == 1 else "runs"
        return Refusal(
            f"{_counted(len(there), level)} ({said} {unit}) {have} no exponent", f"{run} of {runs} {unit} would"
        )
    if there[-1] < DECADE * there[0] and not seeds:
        return Refusal(
            f"{unit} span a factor of {there[-1] / there[0]:.3g}, less than ten, with one seed each",
            f"a run of {with_unit_prefix(DECADE * there[0])} {unit}, or a second seed, would tell slope from scatter",
        )
    return None


def _beyond(there: Sequence[float]) -> float:
    """The next value in the same steps, and at least a decade from the first."""
    step = math.pow(there[-1] / there[0], 1 / (len(there) - 1))
    return max(there[-1] * step, DECADE * there[0])


def _counted(count: int, what: str) -> str:
    words = {1: "one", 2: "two", 3: "three"}
    plural = what.replace("number", "numbers").replace("amount", "amounts") if " " in what else f"{what}s"
    return f"{words.get(count, str(count))} {what if count == 1 else plural}"


def _in_step(found: Sequence[Training]) -> bool:
    import numpy as np

    across = np.log([[one.parameters, one.tokens] for one in found])
    return bool(np.corrcoef(across.T)[0, 1] ** 2 > IN_STEP)
