"""Two sides, a policy -> a row for each gated metric, and the verdict of all.

Tasks are paired by name and case set, metrics by name; unlike protocols are refused. What a metric says of itself (its
margin, its tier) is read from the runs, of older runs from the catalogue; a policy goes before both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.contracts import Estimate, ShownMetric
from harness.contracts.shown import Tier
from harness.errors import UserError, nearest
from reports.comparing.differences import difference, shared_cases, unlike
from reports.comparing.ranking import FAILED_LIMIT
from reports.gating.policy import Policy, require_in_range
from reports.gating.sides import Side
from reports.gating.verdict import Damage, Verdict, cases_needed, corrected, judge, overall
from reports.reading.runs import Run


@dataclass(frozen=True)
class Row:
    """One gated metric of one task. ``margin`` is in the metric's own unit, at OLD's value. ``p`` is the drop's,
    corrected where the metric belongs to the family. ``why`` says what keeps it from being judged."""

    task: str
    metric: str
    label: str
    unit: str
    direction: str
    tier: Tier
    margin: float
    margin_words: str
    margin_reason: str
    old: float | None
    new: float | None
    damage: Damage | None
    verdict: Verdict = "missing"
    p: float | None = None
    why: str = ""
    cases: int = 0
    asked: int = 0

    @property
    def needed(self) -> int | None:
        """About how many cases would tell, of an undecided one."""
        if self.verdict != "cannot tell" or self.damage is None:
            return None
        needed = cases_needed(self.damage, self.cases, self.margin)
        return needed if needed is not None and needed > self.cases else None

    @property
    def shown_drop(self) -> bool:
        """A drop is shown, and lies inside the margin."""
        return self.verdict == "holds" and self.damage is not None and self.damage.shown


@dataclass(frozen=True)
class Judgement:
    """A gate's answer. ``notes``: what was not judged, and why."""

    new: str
    old: str
    rows: tuple[Row, ...]
    family: str
    notes: tuple[str, ...] = ()

    @cached_property
    def verdict(self) -> Verdict:
        """Of the gate as a whole."""
        return overall([(row.tier, row.verdict) for row in self.rows])

    def of(self, verdict: Verdict, tier: Tier = "blocks") -> list[Row]:
        """The rows of a tier with this verdict."""
        return [row for row in self.rows if row.verdict == verdict and row.tier == tier]


def judge_sides(new: Side, old: Side, policy: Policy) -> Judgement:
    """Raises UserError where the two cannot be compared, or the policy does not fit them."""
    pairs, notes = _paired(new, old)
    _require_known_names(policy, new, old)
    rows: list[Row] = []
    for task, (ours, theirs) in pairs.items():
        rows += _rows_of(task, ours, theirs, policy)
    if not any(row.tier == "blocks" for row in rows):
        raise UserError(_nothing_blocks(rows, pairs, policy))
    p_values = corrected(
        [row.damage.p if row.damage else None for row in rows],
        [policy.in_family(row.task, row.metric, row.tier) for row in rows],
    )
    judged = tuple(
        replace(row, p=p, verdict=judge(row.damage, row.margin, p)) for row, p in zip(rows, p_values, strict=True)
    )
    return Judgement(*_labels(new, old), judged, _family_words(policy), (*notes, *new.notes))


def _labels(new: Side, old: Side) -> tuple[str, str]:
    """Two of one name are told apart by what the user named."""
    if new.label != old.label or new.where == old.where:
        return new.label, old.label
    return new.where, old.where


def _family_words(policy: Policy) -> str:
    if isinstance(policy.family, tuple):
        return ", ".join(policy.family)
    return {"blocks": "the blocking metrics", "all": "all metrics", "none": ""}[policy.family]


def _paired(new: Side, old: Side) -> tuple[dict[str, tuple[Run | None, Run | None]], list[str]]:
    """task -> (NEW's run, OLD's run) on the cases that both have; what only one side has is in the notes.

    Raises UserError where no task is common.
    """
    common = [task for task in old.tasks if task in new.tasks]
    if not common:
        raise UserError(
            f"{new.label} and {old.label} have no task in common: {', '.join(new.tasks)} and {', '.join(old.tasks)}"
        )
    pairs: dict[str, tuple[Run | None, Run | None]] = {}
    for task in old.tasks:
        ours, theirs = new.of_task(task), old.of_task(task)
        pairs[task] = _on_shared_cases(ours, theirs) if ours and theirs else (ours, theirs)
    return pairs, [f"{task}: {old.label} has no such task" for task in new.tasks if task not in old.tasks]


def _on_shared_cases(ours: Run, theirs: Run) -> tuple[Run, Run]:
    """Both on the largest set of cases that both were measured on, else each on its own."""
    mine = {item.digest: item for item in ours.measures}
    shared = [item for item in theirs.measures if item.digest in mine]
    if not shared:
        return ours, theirs
    best = max(shared, key=lambda item: (item.size, item.digest))
    return replace(ours, measure=mine[best.digest]), replace(theirs, measure=best)


def _require_known_names(policy: Policy, new: Side, old: Side) -> None:
    """Raise UserError for a metric or a task of the policy that neither side has: a slip of the pen must not pass."""
    runs = (*old.runs, *new.runs)
    metrics = {item.metric for run in runs for item in run.estimates}
    tasks = {run.task for run in runs}
    for rule in policy.rules:
        if rule.metric not in metrics:
            raise UserError(f"{policy.where}: no run has the metric '{rule.metric}'{nearest(rule.metric, metrics)}")
        if rule.task and rule.task.replace("@", "-") not in {task.replace("@", "-") for task in tasks}:
            raise UserError(f"{policy.where}: no run has the task '{rule.task}'{nearest(rule.task, tasks)}")


def _nothing_blocks(rows: Sequence[Row], tasks: Mapping[str, object], policy: Policy) -> str:
    if rows:
        return f'{policy.where or "the gate"}: every metric only warns: give one of them tier = "blocks"'
    return (
        f"no metric of {', '.join(tasks)} is gated, since none states a margin: write a --policy FILE with "
        f"[metrics.NAME] and margin = NUMBER, in the metric's own unit"
    )


# ------------------------------------------------------------------------------------------------ the rows of a task


def _rows_of(task: str, ours: Run | None, theirs: Run | None, policy: Policy) -> list[Row]:
    found = []
    runs = [run for run in (ours, theirs) if run is not None]
    names = dict.fromkeys(item.metric for run in reversed(runs) for item in run.estimates if not item.stratum)
    for metric in names:
        estimate = next(item for run in reversed(runs) if (item := run.estimate(metric)) is not None)
        shown = _shown(runs, metric)
        unit = shown.unit or estimate.unit
        asked = policy.asked(task, metric, shown, unit)
        if asked is not None:
            found.append(_row(task, metric, estimate, asked, unit, ours, theirs, policy))
    return found


def _shown(runs: Sequence[Run], metric: str) -> ShownMetric:
    """As the newer run states it; of runs that say nothing of margins, as the catalogue does."""
    from harness.display import metric_shown

    stated = [run.shown_metrics[metric] for run in runs if metric in run.shown_metrics]
    gated = next((shown for shown in stated if shown.margin or shown.margin_relative), None)
    if gated is not None:
        return gated
    known = metric_shown(metric, metric)
    return replace(known, label=stated[0].label, unit=stated[0].unit) if stated and stated[0].label else known


def _row(
    task: str,
    metric: str,
    estimate: Estimate,
    asked: ShownMetric,
    unit: str,
    ours: Run | None,
    theirs: Run | None,
    policy: Policy,
) -> Row:
    from harness.display import plain_label
    from harness.showing import margin_words

    direction = (rule.direction if (rule := policy.rule(task, metric)) else "") or estimate.direction
    if direction not in ("higher", "lower"):
        raise UserError(
            f"{policy.where or task}: neither high nor low values of '{metric}' are better: it cannot be gated"
        )
    require_in_range(asked, metric, _bounds(metric), policy.where)
    new, old = (run.estimate(metric) if run else None for run in (ours, theirs))
    row = Row(
        task,
        metric,
        asked.label or plain_label(metric),
        unit,
        direction,
        asked.tier,
        asked.margin_at(old.value) if old and old.value is not None else asked.margin,
        margin_words(asked),
        asked.margin_reason,
        old.value if old else None,
        new.value if new else None,
        None,
        cases=new.scored if new else 0,
        asked=new.scored + new.failed if new else 0,
    )
    if why := _missing(ours, theirs, new, old):
        return replace(row, why=why)
    assert ours is not None and theirs is not None
    if differs := unlike(ours, theirs, metric):
        raise UserError(f"{task}, {metric} is not comparable: {differs}")
    gap = difference(ours, theirs, metric)
    if gap is None:
        return replace(row, damage=Damage(_worse(row), None, None, None), why="no stored scores to pair")
    damage = Damage.of(gap, "higher" if direction == "higher" else "lower")
    if asked.fewest and row.cases < asked.fewest:
        damage = replace(
            damage, low=None, high=None, p=None, method=f"{asked.fewest:,} cases are the fewest to judge by"
        )
    why = damage.method if damage.high is None else _partly(ours, theirs, metric)
    return replace(row, damage=damage, why=why)


def _worse(row: Row) -> float:
    assert row.new is not None and row.old is not None
    return row.old - row.new if row.direction == "higher" else row.new - row.old


def _partly(ours: Run, theirs: Run, metric: str) -> str:
    """A word on cases that only one of the two has."""
    if ours.measure and theirs.measure and ours.measure.digest == theirs.measure.digest:
        return ""
    common, mine, other = shared_cases(ours, theirs, metric)
    return f"on {common:,} common cases, of {mine:,} and {other:,}"


def _bounds(metric: str) -> tuple[float, float]:
    """What the catalogue says of the metric's range; no bounds of one that it does not know."""
    from harness import catalog
    from harness.contracts import traits_of
    from harness.isolation import tried

    bounds, _ = tried(lambda: traits_of(catalog.make("metric", metric)).bounds)
    return bounds or (float("-inf"), float("inf"))


def _missing(ours: Run | None, theirs: Run | None, new: Estimate | None, old: Estimate | None) -> str:
    """Why there is nothing to judge, or ""."""
    for name, run, estimate in (("NEW", ours, new), ("OLD", theirs, old)):
        if run is None:
            return f"{name} has no run of the task"
        if estimate is None:
            return f"{name} was not measured by it"
        if estimate.value is None:
            return f"{name} has no number: {estimate.absent or 'not measured'}"
        if run.failed_share > FAILED_LIMIT:
            return f"{100 * run.failed_share:.2g} % of the cases of {name} failed, more than {100 * FAILED_LIMIT:g} %"
    return ""
