"""MME's lines of the catalogue."""

from __future__ import annotations

from harness.contracts import Entry

PAPER = "Fu et al. 2023, arXiv 2306.13394"
LICENCE = "world: MIT (ours); MME's pictures: research only, by its authors' terms"
_METRICS = "tasks.mme.metrics"
_EXPORTS = (("mme", "tasks.mme.export:write_txt"), ("lmms-eval", "tasks.mme.export:write_samples"))

_TOTALS = tuple(
    Entry(
        "metric",
        f"mme-{what}{f'-{parser}' if parser else ''}",
        f"{_METRICS}:{what}{'_' + parser.replace('-', '_') if parser else ''}",
        f"{summary}{f', answers read by the rule of {parser}' if parser else ''}",
        paper=PAPER,
    )
    for what, summary in {
        "total": "sum of all subtasks' scores",
        "perception": "MME-P, sum of the scores of ten subtasks, at most 2,000",
        "cognition": "MME-C, sum of the scores of four subtasks, at most 800",
    }.items()
    for parser in ("", "lmms-eval", "vlmevalkit")
)

MME_ENTRIES: tuple[Entry, ...] = (
    Entry(
        "task",
        "mme",
        "tasks.mme.task:build",
        "two yes/no questions about each picture, of world, world-held-out, official (once prepared) or PATH",
        licence=LICENCE,
        paper=PAPER,
        data=("mme",),
        exports=_EXPORTS,
    ),
    Entry(
        "task",
        "mme-lmms-eval",
        "tasks.mme.task:build_as_lmms_eval_asks",
        "the same questions, worded as lmms-eval words them",
        licence=LICENCE,
        paper=PAPER,
        data=("mme",),
        exports=_EXPORTS,
    ),
    Entry(
        "data",
        "mme",
        "tasks.mme.prepare:mme",
        "MME's 2,374 questions, checked and stored once: ddtbench data prepare mme --from PATH",
        at_hand="tasks.data.places:mme_at_hand",
        licence="research only, by its authors' terms",
        paper=PAPER,
    ),
    Entry(
        "instrument",
        "mme-answers",
        "tasks.mme.answers:open_answers",
        "stored answers read as yes, no or other by the rules of MME, lmms-eval and VLMEvalKit",
    ),
    Entry("metric", "mme-score", f"{_METRICS}:score", "100 acc + 100 acc+ per subtask, at most 200", paper=PAPER),
    Entry("metric", "mme-percent", f"{_METRICS}:percent", "MME's total in percent of the most", paper=PAPER),
    Entry("metric", "mme-acc", f"{_METRICS}:accuracy", "share of right answers", paper=PAPER),
    Entry("metric", "mme-acc-plus", f"{_METRICS}:accuracy_plus", "pictures of which both answers are right"),
    Entry("metric", "mme-yes-rate", f"{_METRICS}:yes_rate", "share of answers that are yes"),
    Entry("metric", "mme-other", f"{_METRICS}:other", "share of answers that are neither yes nor no"),
    *_TOTALS,
)
