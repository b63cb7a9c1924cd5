"""What a gate asks: a TOML file of metrics, margins in their own unit, tiers, and the family that Holm corrects.

    family = "blocks"              # over which Holm corrects: blocks (default), all, none, or a list of metrics

    [metrics.geneval]              # the metrics that are gated; without this table, those that say so themselves
    margin = 0.05                  # in the metric's own unit; "0.2 dB" says the unit, too
    tier = "blocks"                # or "warns"

    [metrics."generation@world/fd-world"]   # on one task only
    margin_relative = 0.25         # a share of OLD's value; with ``margin`` beside it the larger of the two counts

What is left out is as the metric itself states it. ``direction`` is for metrics of other programs, which say nothing of
themselves. ``defaults = true`` gates also what the file does not name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.contracts.shown import ShownMetric, Tier
from harness.errors import UserError, nearest

FAMILIES = ("blocks", "all", "none")
TIERS = ("blocks", "warns")
DIRECTIONS = ("higher", "lower")
KEYS = ("defaults", "family", "metrics")
RULE_KEYS = ("direction", "margin", "margin_relative", "tier", "unit")
ROLES_JUDGED = ("score",)
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


@dataclass(frozen=True)
class Rule:
    """What a policy says of one metric, on one task or ("") on all; None and "" leave it as the metric states it."""

    metric: str
    task: str = ""
    margin: float | None = None
    margin_relative: float | None = None
    unit: str | None = None
    tier: Tier = ""
    direction: str = ""

    @property
    def name(self) -> str:
        """As the file has it."""
        return f"{self.task}/{self.metric}" if self.task else self.metric

    def about(self, task: str, metric: str) -> bool:
        """Whether it speaks of this metric of this task; of a task with an argument by its folder's name, too."""
        return self.metric == metric and self.task.replace("@", "-") in ("", task.replace("@", "-"))


@dataclass(frozen=True)
class Policy:
    """All rules. ``family``: one of ``FAMILIES``, or names of metrics. ``where``: the file, for errors."""

    rules: tuple[Rule, ...] = ()
    family: str | tuple[str, ...] = "blocks"
    defaults: bool = True
    where: str = ""

    def rule(self, task: str, metric: str) -> Rule | None:
        """What is said of it; what is said of its task goes before what is said of the metric anywhere."""
        found = [rule for rule in self.rules if rule.about(task, metric)]
        return max(found, key=lambda rule: bool(rule.task), default=None)

    def in_family(self, task: str, metric: str, tier: Tier) -> bool:
        """Whether Holm corrects its p together with those of others."""
        if isinstance(self.family, tuple):
            return any(
                Rule(name.rpartition("/")[2], name.rpartition("/")[0]).about(task, metric) for name in self.family
            )
        return self.family == "all" or self.family == tier

    def asked(self, task: str, metric: str, shown: ShownMetric, unit: str) -> ShownMetric | None:
        """How it is gated: its margin and tier, changed by its rule; None where it is not.

        Raises UserError for a margin in another unit than the metric's, or without any.
        """
        rule = self.rule(task, metric)
        if rule is None:
            gated = shown.tier in TIERS and shown.role in ROLES_JUDGED and self.defaults
            return shown if gated else None
        _require_unit(rule, unit, self.where)
        if rule.margin is not None or rule.margin_relative is not None:
            margin, share = rule.margin or 0.0, rule.margin_relative or 0.0
            kept = shown.spread if bool(share) == bool(shown.margin_relative) else 0.0  # it is in the margin's unit
            reason = f"as {self.where} says"
            shown = replace(shown, margin=margin, margin_relative=share, margin_reason=reason, spread=kept)
        if not (shown.margin or shown.margin_relative):
            raise UserError(
                f"{self.where}: '{rule.name}' has no margin, and the metric states none: write margin = NUMBER, the "
                f"smallest drop that matters{f', in {unit}' if unit else ''}"
            )
        tier = rule.tier or (shown.tier if shown.tier in TIERS else "") or "blocks"
        return replace(shown, tier=tier)


def _require_unit(rule: Rule, unit: str, where: str) -> None:
    if rule.unit is None or rule.unit == unit:
        return
    own = f"is measured in {unit}" if unit else "is a plain number"
    raise UserError(f"{where}: the margin of '{rule.name}' is in '{rule.unit}', and '{rule.metric}' {own}")


def require_in_range(gated: ShownMetric, name: str, bounds: tuple[float, float], where: str) -> None:
    """Raise UserError for a margin as wide as all that the metric can say: 5 points of a share are 0.05."""
    low, high = bounds
    span = high - low
    if math.isfinite(span) and gated.margin >= span > 0:
        raise UserError(
            f"{where or 'the run'}: a margin of {gated.margin:g} for '{name}' is as wide as the metric, which goes "
            f"from {low:g} to {high:g}: write it in the metric's own unit (5 % of its range is {0.05 * span:g})"
        )


def read_policy(path: Path) -> Policy:
    """Raises UserError, in one line, for a file that is none, an unknown key, or a value that cannot be meant."""
    from harness.texts import read_toml

    values, where = read_toml(path, "the policy"), str(path)
    _require_known(values, KEYS, where)
    metrics = values.get("metrics", {})
    if not isinstance(metrics, Mapping):
        raise UserError(f"{where}: metrics must be tables, as in [metrics.NAME]")
    rules = tuple(_rule(name, stated, where) for name, stated in metrics.items())
    defaults = values.get("defaults", not rules)
    if not isinstance(defaults, bool):
        raise UserError(f"{where}: defaults must be true or false, not {defaults!r}")
    if not rules and not defaults:
        raise UserError(f"{where} gates nothing: name a metric, as in [metrics.NAME], or write defaults = true")
    return Policy(rules, _family(values.get("family", "blocks"), where), defaults, where)


def _require_known(values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            raise UserError(f"{where}: unknown key '{key}'{nearest(key, known)}")


def _family(stated: Any, where: str) -> str | tuple[str, ...]:
    if isinstance(stated, str) and stated in FAMILIES:
        return stated
    if isinstance(stated, list) and stated and all(isinstance(name, str) for name in stated):
        return tuple(stated)
    close = nearest(stated, FAMILIES) if isinstance(stated, str) else f"; known: {', '.join(FAMILIES)}"
    raise UserError(f"{where}: family cannot be {stated!r}{close}, or a list of metrics")


def _rule(name: str, stated: Any, where: str) -> Rule:
    if not isinstance(stated, Mapping):
        raise UserError(f"{where}: '{name}' must be a table, as in [metrics.{name}]")
    _require_known(stated, RULE_KEYS, f"{where}, [metrics.{name}]")
    task, _, metric = name.rpartition("/")
    for key, known in (("tier", TIERS), ("direction", DIRECTIONS)):
        if key in stated and stated[key] not in known:
            raise UserError(f"{where}: {key} of '{name}' cannot be {stated[key]!r}: write {' or '.join(known)}")
    margin, unit = _margin(stated.get("margin"), name, where)
    own = stated.get("unit")
    if own is not None and not isinstance(own, str):
        raise UserError(f"{where}: unit of '{name}' must be text, not {own!r}")
    if own is not None and unit is not None and own != unit:
        raise UserError(f"{where}: the margin of '{name}' is in '{unit}', and its unit says '{own}': drop one of them")
    share, _ = _margin(stated.get("margin_relative"), name, where, "margin_relative")
    if share is not None and share >= 1:
        raise UserError(f"{where}: margin_relative of '{name}' is a share of OLD's value, below 1: 5 % is 0.05")
    return Rule(
        metric, task, margin, share, unit if own is None else own, stated.get("tier", ""), stated.get("direction", "")
    )


def _margin(stated: Any, name: str, where: str, key: str = "margin") -> tuple[float | None, str | None]:
    """(number, its unit where one is written). Raises UserError unless it is above 0."""
    if stated is None:
        return None, None
    unit = None
    if isinstance(stated, str) and (found := _NUMBER.fullmatch(stated)):
        stated, unit = float(found[1]), found[2] or None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 < stated < math.inf:
        raise UserError(f"{where}: {key} of '{name}' must be a number above 0, not {stated!r}")
    if unit is not None and key != "margin":
        raise UserError(f"{where}: {key} of '{name}' is a share of OLD's value and has no unit: 5 % is 0.05")
    return float(stated), unit
