"""A claim as a data file states it: a TOML file beside the task that it speaks of, found through the catalogue.

    [[claim]]
    name = "..."          # of letters, digits and hyphens
    topic = "..."         # claims of one topic are shown together
    says = "..."          # the statement, in one sentence
    quote = "..."         # the sentence of the paper that it comes from
    source = "..."        # where that stands
    task = "..."          # NAME@ARGUMENT
    metric = "..."
    test = "welch"        # or paired, interval, exponent, slope
    unit = "training seed"
    side = "above"        # or below: where the effect must lie for the claim to be supported
    margin = 0.0          # and how far from 0 at least, in the metric's own unit
    margin_reason = "..."
    measured_by = "..."   # the command that measures what is missing
    terms = [{ weight = 1, tokenizer = "..." }, { weight = -1, tokenizer = "..." }]

The effect is the sum of the terms' values times their weights. A term says whose values are meant: ``model`` is the
name of a catalogue entry; ``tokenizer``, ``order``, ``pictures`` and ``stage`` are what the recipe of the training
states; ``metric`` may be one of its own, of the same run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from harness.errors import UserError, nearest

UNITS = {
    "welch": "training seed",
    "paired": "case",
    "interval": "case",
    "exponent": "training",
    "slope": "training",
}
"""The tests, and the unit of each."""
SIDES = ("above", "below")
MOST_PAIRED = 2


@dataclass(frozen=True)
class Term:
    """Whose values are meant; "" and None: whatever they are."""

    weight: float
    model: str = ""
    tokenizer: str = ""
    order: str = ""
    pictures: bool | None = None
    stage: str = ""
    metric: str = ""

    def __str__(self) -> str:
        who = self.model or self.tokenizer or "a model"
        rest = [f"{self.order} order" if self.order else "", "" if self.pictures is not False else "text alone"]
        return ", ".join(filter(None, [who if self.pictures is not False else "", *rest]))


@dataclass(frozen=True)
class Claim:
    """One testable statement; the module says what each field is."""

    name: str
    topic: str
    says: str
    quote: str
    source: str
    task: str
    metric: str
    test: str
    unit: str
    side: str
    margin_reason: str
    measured_by: str
    terms: tuple[Term, ...]
    margin: float = 0.0

    @property
    def stored_task(self) -> str:
        """As runs name it."""
        return self.task.replace("@", "-")


def claims_of(content: Mapping[str, Any], where: str) -> list[Claim]:
    """The claims of one data file. Raises UserError, which names the file, the claim and the key."""
    rows = content.get("claim")
    if set(content) != {"claim"} or not isinstance(rows, list) or not rows:
        extra = next((key for key in content if key != "claim"), "")
        raise UserError(f"{where}: holds {f'the unknown key {extra!r}' if extra else 'no claim'}: write [[claim]]")
    found = [_claim(row, f"{where}, claim {number}") for number, row in enumerate(rows, start=1)]
    names = [claim.name for claim in found]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UserError(f"{where}: two claims are called '{twice}': rename one")
    return found


def _claim(row: Any, where: str) -> Claim:
    if not isinstance(row, dict):
        raise UserError(f"{where}: is not a table: write [[claim]] and keys below it")
    where = f"{where} '{row['name']}'" if isinstance(row.get("name"), str) else where
    _require_known(row, Claim, where)
    for item in fields(Claim):
        if item.name not in ("terms", "margin") and (not isinstance(row[item.name], str) or not row[item.name].strip()):
            raise UserError(f"{where}: '{item.name}' must be text")
    if not re.fullmatch(r"[A-Za-z0-9-]+", row["name"]):
        raise UserError(f"{where}: its name must be of letters, digits and hyphens")
    _require_one_of(row["test"], tuple(UNITS), "test", where)
    _require_one_of(row["side"], SIDES, "side", where)
    if row["unit"] != UNITS[row["test"]]:
        raise UserError(f"{where}: the unit of '{row['test']}' is '{UNITS[row['test']]}', not '{row['unit']}'")
    margin = _number(row.get("margin", 0.0), "margin", where)
    if margin < 0:
        raise UserError(f"{where}: 'margin' is {margin:g}: write how far from 0, and the side in 'side'")
    rows = row["terms"]
    if not isinstance(rows, list) or not rows:
        raise UserError(f"{where}: 'terms' must be a list of tables")
    terms = tuple(_term(item, f"{where}, term {number}") for number, item in enumerate(rows, start=1))
    _require_terms(row["test"], terms, where)
    return Claim(**{**row, "terms": terms, "margin": margin})


def _term(row: Any, where: str) -> Term:
    if not isinstance(row, dict):
        raise UserError(f"{where}: must be a table such as {{ weight = 1, tokenizer = 'NAME' }}")
    _require_known(row, Term, where)
    for name, value in row.items():
        kind = bool if name == "pictures" else (int, float) if name == "weight" else str
        if not isinstance(value, kind) or (name == "weight" and isinstance(value, bool)):
            raise UserError(f"{where}: '{name}' is {value!r}, which it cannot be")
    weight = _number(row["weight"], "weight", where)
    if weight == 0:
        raise UserError(f"{where}: its weight is 0: leave it out")
    return Term(**{**row, "weight": weight})


def _require_terms(test: str, terms: Sequence[Term], where: str) -> None:
    weights = [term.weight for term in terms]
    fits = {
        "welch": len(terms) > 1,
        "paired": weights == [1.0, -1.0],
        "interval": weights == [1.0],
        "exponent": weights == [1.0],
        "slope": weights == [1.0],
    }
    needs = {"welch": "two terms or more", "paired": "two terms, of the weights 1 and -1"}
    if not fits[test]:
        raise UserError(f"{where}: the test '{test}' takes {needs.get(test, 'one term, of the weight 1')}")


def _require_known(row: Mapping[str, Any], of: type[Claim] | type[Term], where: str) -> None:
    known = [item.name for item in fields(of)]
    if wrong := next((key for key in row if key not in known), ""):
        raise UserError(f"{where}: unknown key '{wrong}'{nearest(wrong, known)}")
    needed = [item.name for item in fields(of) if item.default is MISSING]
    if missing := next((key for key in needed if key not in row), ""):
        raise UserError(f"{where}: '{missing}' is missing")


def _require_one_of(value: str, known: Sequence[str], key: str, where: str) -> None:
    if value not in known:
        raise UserError(f"{where}: '{key}' is '{value}'{nearest(value, known)}")


def _number(value: Any, key: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{where}: '{key}' is {value!r}, which is not a number")
    return float(value)
