"""The cases on which two models come out differently: what was asked, what either made of it, and why it counts.

Where the task's metric says whether an answer is right, these are the cases that one got right and the other wrong,
taken in turns and, within a side, the first of each stratum first, in case order: nothing is chosen by looking. Of
other metrics of cases they are the largest differences either way. ``McNemar`` is the exact test of the two counts; it
takes cases for independent, so that of clustered ones (four pictures of a prompt) it promises too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest

from harness.contracts import ShownTask
from reports.comparing.differences import unlike
from reports.comparing.models import Model
from reports.comparing.rows import Comparison
from reports.reading.questions import asked, spoken
from reports.reading.runs import Run
from reports.reading.samples import StoredSample, stored_samples

OUTPUT = "output"


@dataclass(frozen=True)
class Made:
    """What one model made of a case: words, or a picture and the file that holds it; its score and the metric's
    reasons for it."""

    model: str
    text: tuple[str, ...]
    picture: str
    right: bool | None
    score: float | None
    reasons: tuple[str, ...]
    png: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Flip:
    """A case, its question in words, and what the model and the baseline made of it."""

    case: str
    stratum: str
    asked: tuple[str, ...]
    model: Made
    baseline: Made


@dataclass(frozen=True)
class Flips:
    """Of one task and metric. ``only_model`` ... count cases, and are None where no answer is right or wrong."""

    task: str
    metric: str
    label: str
    unit: str
    model: str
    baseline: str
    cases: int
    only_model: int | None = None
    only_baseline: int | None = None
    both: int | None = None
    neither: int | None = None
    p: float | None = None
    flips: tuple[Flip, ...] = ()
    why: str = ""


def flips_of(found: Comparison, most: int, verdicts_only: bool = False) -> tuple[Flips, ...]:
    """For each task and model that was compared, by the task's verdict, else (unless ``verdicts_only``) by its first
    metric of cases. At most ``most`` cases each."""
    pairs = dict.fromkeys((row.task, row.model) for row in found.rows if row.found is not None)
    every = (_flips(found, task, model, most, verdicts_only) for task, model in pairs)
    return tuple(item for item in every if item is not None)


def _flips(found: Comparison, task: str, model: Model, most: int, verdicts_only: bool) -> Flips | None:
    ours, theirs = model.on(task), found.baseline.on(task)
    assert ours is not None and theirs is not None
    shown = ours.shown_task if ours.shown_task.title else theirs.shown_task
    metrics = [row.metric for row in found.rows if (row.task, row.model) == (task, model) and row.found is not None]
    judged = [shown.verdict] if shown.verdict and not unlike(ours, theirs, shown.verdict) else []
    metric = next((name for name in [*judged, *metrics] if _of_cases(ours, theirs, name)), "")
    if verdicts_only and metric not in judged:
        return None
    estimate = ours.estimate(metric) if metric else None
    unit = ours.metric(metric).unit or (estimate.unit if estimate else "")
    head = (task, metric, ours.metric(metric).label if metric else "", unit, model.label, found.baseline.label)
    if not metric:
        return Flips(*head, 0, why=f"{', '.join(metrics)} has no score of a single case")
    mine, other = ours.scores[metric].by_case(), theirs.scores[metric].by_case()
    common = [case for case in mine if case in other]
    strata = dict(zip(map(str, ours.scores[metric].cases), map(str, ours.scores[metric].strata), strict=True))
    verdict = metric == shown.verdict
    sides = _sides(common, mine, other, verdict)
    picked = _in_turns(*(_spread(side, strata) if verdict else side for side in sides))[:most]
    made = _made(shown, metric, verdict, picked, [(ours, model.label), (theirs, found.baseline.label)])
    flips = tuple(
        Flip(case, strata[case], question, first, second)
        for case, (question, first, second) in zip(picked, made, strict=True)
    )
    listed = Flips(*head, len(common), flips=flips)
    return _counted(listed, common, mine, other) if verdict else listed


def _of_cases(ours: Run, theirs: Run, metric: str) -> bool:
    scores = [run.scores.get(metric) for run in (ours, theirs)]
    return all(item is not None and not item.jackknife and len(item.cases) for item in scores) and not any(
        _is_set(run, metric) for run in (ours, theirs)
    )


def _is_set(run: Run, metric: str) -> bool:
    """A metric of a set stores shares of its value, which are no scores of a case."""
    estimate = run.estimate(metric)
    return estimate is not None and "n" in estimate.fingerprint


def _sides(
    common: Sequence[str], mine: Mapping[str, float], other: Mapping[str, float], verdict: bool
) -> tuple[list[str], list[str]]:
    """The cases on which the model scores higher, and those on which the baseline does; without verdicts the largest
    differences first."""
    if verdict:
        ups = [case for case in common if mine[case] > 0 >= other[case]]
        return ups, [case for case in common if other[case] > 0 >= mine[case]]
    ordered = sorted(common, key=lambda case: (-abs(mine[case] - other[case]), case))
    return [c for c in ordered if mine[c] > other[c]], [c for c in ordered if mine[c] < other[c]]


def _counted(item: Flips, common: Sequence[str], mine: Mapping[str, float], other: Mapping[str, float]) -> Flips:
    pairs = [(mine[case] > 0, other[case] > 0) for case in common]
    ups, downs = pairs.count((True, False)), pairs.count((False, True))
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    return replace(item, only_model=ups, only_baseline=downs, both=both, neither=neither, p=mcnemar(ups, downs))


def mcnemar(ups: int, downs: int) -> float:
    """Two-sided exact p of as uneven a split of the cases on which two models differ (McNemar 1947, exact binomial).

    Examples:
        >>> mcnemar(5, 5), round(mcnemar(9, 1), 4)
        (1.0, 0.0215)
    """
    from scipy.stats import binomtest

    return float(binomtest(ups, ups + downs).pvalue) if ups + downs else 1.0


def _spread(cases: Sequence[str], strata: Mapping[str, str]) -> list[str]:
    """The first of each stratum, then the second of each ..., in case order."""
    seen: dict[str, int] = {}
    rank = {}
    for case in cases:
        rank[case] = seen[strata[case]] = seen.get(strata[case], -1) + 1
    return sorted(cases, key=lambda case: rank[case])


def _in_turns(first: Sequence[str], second: Sequence[str]) -> list[str]:
    return [case for case in chain.from_iterable(zip_longest(first, second)) if case is not None]


# ------------------------------------------------------------------------------------------------ what was made


def _made(
    shown: ShownTask, metric: str, verdict: bool, cases: Sequence[str], runs: Sequence[tuple[Run, str]]
) -> list[tuple[tuple[str, ...], Made, Made]]:
    samples = [{} if run.results_only else stored_samples(run.folder, cases) for run, _ in runs]
    rows = []
    for case in cases:
        known = next((found[case] for found in samples if case in found and found[case].ok), None)
        question = asked(shown, known) if known is not None else (case,)
        first, second = (
            _one(run, label, metric, verdict, case, found.get(case))
            for (run, label), found in zip(runs, samples, strict=True)
        )
        rows.append((question, first, second))
    return rows


def _one(run: Run, label: str, metric: str, verdict: bool, case: str, sample: StoredSample | None) -> Made:
    score = run.scores[metric].by_case().get(case)
    reasons = tuple(line for line in run.reasons.get((metric, case), "").split("\n") if line)
    png = b"" if sample is None else sample.images.get(OUTPUT, b"")
    picture = f"{run.folder.path.rstrip('/')}/samples/{sample.part}" if sample is not None and png else ""
    text = tuple(spoken(sample.text)) if sample is not None else ()
    right = (score is not None and score > 0) if verdict else None
    return Made(label, text, picture, right, score, reasons, png)
