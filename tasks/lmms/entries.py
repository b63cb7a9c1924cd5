"""lmms-eval's lines of the catalogue; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping

from harness.contracts import CatalogueEntry, MetricEntry, ShownMetric, ShownTask, SuiteEntry, TaskEntry

PAPER = "Zhang et al. 2024, LMMs-Eval, arXiv 2407.12772"
LICENCE = "lmms-eval: MIT; each data set its own, most pictures research only"

SCORE = "lmms-score"
STATED: Mapping[str, str] = {
    "lmms-mme_perception_score": "MME-P as lmms-eval states it, at most 2,000",
    "lmms-mme_cognition_score": "MME-C as lmms-eval states it, at most 800",
    "lmms-pope_accuracy": "POPE's accuracy as lmms-eval states it: the answer is yes or no and nothing else",
    "lmms-pope_precision": "POPE's precision as lmms-eval states it",
    "lmms-pope_recall": "POPE's recall as lmms-eval states it",
    "lmms-pope_f1_score": "POPE's F1 as lmms-eval states it",
    "lmms-seed_image": "SEED-Bench's accuracy on pictures as lmms-eval states it",
    "lmms-seed_video": "SEED-Bench's accuracy on videos as lmms-eval states it",
    "lmms-seed_all": "SEED-Bench's accuracy as lmms-eval states it",
    "lmms-exact_match": "accuracy of VQA sets as lmms-eval states it",
    **{
        f"lmms-{name}_{metric}": f"{metric} of {title}'s captions as lmms-eval states it"
        for name, title in {"nocaps": "NoCaps", "flickr": "Flickr30K"}.items()
        for metric in ("CIDEr", "METEOR", "ROUGE_L", "Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4")
    },
}
"""Totals of the nine sets of the DDT-LLaMA paper -> what they are."""

LMMS_ENTRIES: tuple[CatalogueEntry, ...] = (
    TaskEntry(
        "lmms",
        "tasks.lmms.task:build",
        "any task of lmms-eval, run by it on local data: lmms@mme, lmms@pope, lmms@gqa ... (extra 'lmms')",
        needs=("TASK of lmms-eval",),
        licence=LICENCE,
        paper=PAPER,
        exports=(("lmms-eval", "tasks.lmms.export:write_samples"),),
        shown=ShownTask("lmms-eval", order=45),
    ),
    MetricEntry(
        SCORE,
        "tasks.lmms.metrics:score",
        "mean of lmms-eval's own scores of rows",
        paper=PAPER,
        shown=ShownMetric(margin=0.05, margin_reason="5 points of a hundred", tier="blocks"),
    ),
    *(MetricEntry(name, f"tasks.lmms.metrics:{name}", summary, paper=PAPER) for name, summary in STATED.items()),
    SuiteEntry(
        "understanding",
        "tasks.lmms.suite:understanding",
        "the nine sets of the DDT-LLaMA paper through lmms-eval, on the three language models",
        licence=LICENCE,
    ),
)
