"""MME's lines of the catalogue."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import CatalogueEntry, DataEntry, InstrumentEntry, MetricEntry, ShownMetric, ShownTask, TaskEntry

PAPER = "Fu et al. 2023, arXiv 2306.13394"
LICENCE = "world: MIT (ours); MME's pictures: research only, by its authors' terms"
_METRICS = "tasks.mme.metrics"
_EXPORTS = (("mme", "tasks.mme.export:write_txt"), ("lmms-eval", "tasks.mme.export:write_samples"))

_FIVE_PERCENT = {"perception": 100.0, "cognition": 40.0}
"""Margins of the sums over a known number of subtasks."""
_PARSERS = {"lmms-eval": "lmms-eval", "vlmevalkit": "VLMEvalKit"}
_TOTALS = tuple(
    MetricEntry(
        f"mme-{what}{f'-{parser}' if parser else ''}",
        f"{_METRICS}:{what}{'_' + parser.replace('-', '_') if parser else ''}",
        f"{summary}{f', answers read by the rule of {parser}' if parser else ''}",
        paper=PAPER,
        shown=ShownMetric(
            label + (f", {_PARSERS[parser]}" if parser else ""),
            margin=_FIVE_PERCENT.get(what, 0.0),
            margin_reason="5 % of the maximum" if what in _FIVE_PERCENT else "",
        ),
    )
    for what, (label, summary) in {
        "total": ("total", "sum of all subtasks' scores"),
        "perception": ("MME-P", "MME-P, sum of the scores of ten subtasks, at most 2,000"),
        "cognition": ("MME-C", "MME-C, sum of the scores of four subtasks, at most 800"),
    }.items()
    for parser in ("", "lmms-eval", "vlmevalkit")
)

SHOWN = ShownTask(
    "MME",
    ("mme-percent",),
    order=40,
    breakdown="mme-score",
    verdict="mme-acc-plus",
    asked=("{questions}",),
    truth="answers",
    drop=" Please answer yes or no.",
    pictures=(("picture", "reference"),),
)

MME_ENTRIES: tuple[CatalogueEntry, ...] = (
    TaskEntry(
        "mme",
        "tasks.mme.task:build",
        "two yes/no questions about each picture: world, world-400, world-held-out, official (once prepared), PATH",
        licence=LICENCE,
        paper=PAPER,
        data=("mme",),
        exports=_EXPORTS,
        shown=SHOWN,
    ),
    TaskEntry(
        "mme-lmms-eval",
        "tasks.mme.task:build_as_lmms_eval_asks",
        "the same questions, worded as lmms-eval words them",
        licence=LICENCE,
        paper=PAPER,
        data=("mme",),
        exports=_EXPORTS,
        shown=replace(SHOWN, title="MME as lmms-eval asks", order=42),
    ),
    DataEntry(
        "mme",
        "tasks.mme.prepare:mme",
        "MME's 2,374 questions about 1,187 pictures",
        at_hand="tasks.data.places:mme_at_hand",
        licence="research only, by its authors' terms",
        paper=PAPER,
    ),
    InstrumentEntry(
        "mme-answers",
        "tasks.mme.answers:open_answers",
        "stored answers read as yes, no or other by the rules of MME, lmms-eval and VLMEvalKit",
    ),
    MetricEntry(
        "mme-score",
        f"{_METRICS}:score",
        "100 acc + 100 acc+ per subtask, at most 200",
        paper=PAPER,
        shown=ShownMetric("score per subtask"),
    ),
    MetricEntry(
        "mme-percent",
        f"{_METRICS}:percent",
        "MME's total in percent of the most",
        paper=PAPER,
        shown=ShownMetric(
            "of the maximum", order=6, margin=5.0, margin_reason="5 % of the maximum", tier="blocks", spread=35.0
        ),
    ),
    MetricEntry(
        "mme-acc",
        f"{_METRICS}:accuracy",
        "share of right answers",
        paper=PAPER,
        shown=ShownMetric("acc"),
    ),
    MetricEntry(
        "mme-acc-plus",
        f"{_METRICS}:accuracy_plus",
        "pictures of which both answers are right",
        shown=ShownMetric("acc+"),
    ),
    MetricEntry(
        "mme-yes-rate",
        f"{_METRICS}:yes_rate",
        "share of answers that are yes",
        shown=ShownMetric("answers yes"),
    ),
    MetricEntry(
        "mme-other",
        f"{_METRICS}:other",
        "share of answers that are neither yes nor no",
        shown=ShownMetric("neither yes nor no"),
    ),
    *_TOTALS,
)
