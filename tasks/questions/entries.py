"""The catalogue's lines of the benchmarks whose judge answers questions; no torch here."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, DataEntry, InstrumentEntry, MetricEntry, ShownMetric, ShownTask, TaskEntry

_TASK = "tasks.questions.task"
_METRICS = "tasks.questions.metrics"
_JUDGE = ("vlm-answers",)

GENEVAL2_PAPER = "Kamath et al. 2025, arXiv 2512.16853"
COMPBENCH_PAPER = "Huang et al. 2023, arXiv 2307.06350"
DPG_PAPER = "Hu et al. 2024 (ELLA), arXiv 2403.05135"
DRAWBENCH_PAPER = "Saharia et al. 2022 (Imagen), arXiv 2205.11487"


def _shown(title: str, metric: str, order: int) -> ShownTask:
    return ShownTask(title, (metric,), order=order, breakdown=metric, asked=("{prompt}",))


def _pair(
    name: str, attribute: str, summary: str, what: str, licence: str, paper: str, shown: ShownTask
) -> tuple[CatalogueEntry, CatalogueEntry]:
    task = TaskEntry(
        name,
        f"{_TASK}:build_{attribute}",
        summary,
        licence=licence,
        paper=paper,
        data=(name,),
        needs=("FILE",),
        shown=shown,
    )
    there = f"tasks.data.places:{attribute}_at_hand"
    place = f"{_TASK}:prepare_{attribute}"
    return task, DataEntry(name, place, what, licence=licence, paper=paper, at_hand=there)


QUESTION_ENTRIES: tuple[CatalogueEntry, ...] = (
    *_pair(
        "geneval2",
        "geneval2",
        "GenEval 2: a vision-language model's probability of the right answers about an image; its data, or @FILE",
        "GenEval 2's 800 prompts",
        "CC BY-NC 4.0",
        GENEVAL2_PAPER,
        _shown("GenEval 2", "soft-tifa-am", 12),
    ),
    *_pair(
        "t2i-compbench",
        "compbench",
        "T2I-CompBench, attribute binding: colour, shape, texture, ten images of a prompt; its data, or @FOLDER",
        "T2I-CompBench's color_val.txt, shape_val.txt and texture_val.txt",
        "MIT",
        COMPBENCH_PAPER,
        _shown("T2I-CompBench", "attribute-binding", 13),
    ),
    *_pair(
        "dpg-bench",
        "dpg",
        "DPG-Bench: long prompts, questions that depend on each other, four images of each; its data, or @FILE",
        "DPG-Bench's dpg_bench.csv",
        "Apache-2.0",
        DPG_PAPER,
        _shown("DPG-Bench", "dpg", 14),
    ),
    *_pair(
        "drawbench",
        "drawbench",
        "DrawBench's prompts by VQAScore; its data, or @FILE",
        "DrawBench's 200 prompts as CSV (Prompts, Category)",
        "unknown",
        DRAWBENCH_PAPER,
        _shown("DrawBench", "vqascore", 15),
    ),
    MetricEntry(
        "soft-tifa-am",
        f"{_METRICS}:soft_tifa_am",
        "mean probability of the answers about an image",
        shown=ShownMetric("Soft-TIFA, mean"),
        reads=("vlm-answers",),
    ),
    MetricEntry(
        "soft-tifa-gm",
        f"{_METRICS}:soft_tifa_gm",
        "geometric mean of the same",
        shown=ShownMetric("Soft-TIFA, geometric mean"),
        reads=_JUDGE,
    ),
    MetricEntry(
        "attribute-binding",
        f"{_METRICS}:attribute_binding",
        "product of the probabilities of yes",
        shown=ShownMetric("attribute binding"),
        reads=("vlm-answers",),
    ),
    MetricEntry(
        "dpg",
        f"{_METRICS}:dpg",
        "share of questions answered yes, parents first",
        shown=ShownMetric("DPG score"),
        reads=_JUDGE,
    ),
    MetricEntry(
        "vqascore",
        f"{_METRICS}:vqascore",
        "probability that the image shows the prompt",
        shown=ShownMetric("VQAScore"),
        reads=_JUDGE,
    ),
    InstrumentEntry(
        "vlm-answers",
        "tasks.questions.vlm:open_vlm",
        "a local vision-language model answers a case's questions",
        weights=("tasks.questions.weights:JUDGE",),
        paper=GENEVAL2_PAPER,
    ),
)
