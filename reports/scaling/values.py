"""What an analysis of scaling consists of: laws, their numbers, and predictions that were scored."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.scaling.bootstrap import Bootstrap
from reports.scaling.design import Refusal, levels
from reports.scaling.lines import PowerLaw
from reports.scaling.trainings import Training, sizes
from reports.tables.numbers import with_unit_prefix

SIZE, OFFSET, TOKENS, COMPUTE = "A / N^a", "E + A / N^a", "B / D^b", "K / C^c"
JOINT, ISOFLOP = "E + A / N^a + B / D^b", "best N at equal compute"
LAWS = (SIZE, OFFSET, TOKENS, JOINT, ISOFLOP, COMPUTE)


@dataclass(frozen=True)
class Quantity:
    """A number of a law with its 95 % interval; ``open``: the interval reaches the end of what is searched."""

    name: str
    value: float
    low: float
    high: float
    open: bool = False


@dataclass(frozen=True)
class Fitted:
    """One law of one family: what it says, of which runs, or why it is refused."""

    law: str
    family: str
    quantities: tuple[Quantity, ...] = ()
    of: tuple[Training, ...] = ()
    method: str = ""
    refused: Refusal | None = None
    line: PowerLaw | None = None
    drawn: Bootstrap | None = None

    @property
    def about(self) -> str:
        """How much it was fitted to."""
        count = sizes(one.parameters for one in self.of)
        tokens = [with_unit_prefix(value) for value in levels([one.tokens for one in self.of])]
        saw = tokens[0] if len(tokens) == 1 else f"{tokens[0]} to {tokens[-1]}"
        return f"{len(self.of)} runs, {count} size{'s' * (count != 1)}, {saw} tokens"


@dataclass(frozen=True)
class Predicted:
    """Runs of one size, left out of the fit and predicted by it; ``inside``: measured within the 95 % interval that a
    new run has there. ``refused``: why nothing can be predicted without them."""

    law: str
    family: str
    largest: bool
    parameters: float
    tokens: float
    runs: int = 0
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    measured: float = math.nan
    refused: Refusal | None = None

    @property
    def inside(self) -> bool:
        return self.low <= self.measured <= self.high

    @property
    def error(self) -> float:
        """Measured over predicted, less 1."""
        return self.measured / self.value - 1


@dataclass(frozen=True)
class Analysis:
    """One metric of one task. A score (``loss`` False) has points and no law."""

    task: str
    metric: str
    label: str
    unit: str
    direction: str
    loss: bool
    found: tuple[Training, ...]
    fits: tuple[Fitted, ...] = ()
    predictions: tuple[Predicted, ...] = ()
    notes: tuple[str, ...] = ()
