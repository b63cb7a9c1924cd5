"""GenEval's lines of the catalogue."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import (
    CatalogueEntry,
    DataEntry,
    InstrumentEntry,
    MetricEntry,
    ShownInstrument,
    ShownMetric,
    ShownTask,
    TaskEntry,
)

PAPER = "Ghosh, Hajishirzi and Schmidt 2023, arXiv 2310.11513"
_FIVE_POINTS = "5 points of a hundred: 120 of 2,400 pictures"

SHOWN = ShownTask(
    "GenEval",
    ("geneval",),
    order=10,
    breakdown="geneval",
    verdict="geneval",
    asked=("{geneval.prompt}",),
)
OFFICIAL = replace(
    SHOWN,
    title="GenEval, official",
    headline=("geneval-coco",),
    order=11,
    breakdown="geneval-coco",
    verdict="geneval-coco",
)

GENEVAL_ENTRIES: tuple[CatalogueEntry, ...] = (
    TaskEntry(
        "geneval",
        "tasks.geneval.task:build",
        "objects, counts, colours and positions of a prompt in four images: @world, @official or @PATH",
        licence="MIT",
        data=("geneval",),
        paper=PAPER,
        exports=(("geneval", "tasks.geneval.export:write_official"),),
        shown=SHOWN,
    ),
    MetricEntry(
        "geneval",
        "tasks.geneval.metrics:overall",
        "share of right images, mean of the six tags",
        shown=ShownMetric("GenEval", order=5, margin=0.05, margin_reason=_FIVE_POINTS, tier="blocks", spread=0.41),
    ),
    MetricEntry(
        "geneval-prompts",
        "tasks.geneval.metrics:any_of_four",
        "share of prompts with at least one right image",
        shown=ShownMetric("any of four"),
    ),
    MetricEntry(
        "geneval-held-out",
        "tasks.geneval.metrics:held_out",
        "colors and color_attr, prompts with a combination that training never showed",
        shown=ShownMetric("held out"),
    ),
    MetricEntry(
        "geneval-seen",
        "tasks.geneval.metrics:seen",
        "colors and color_attr, the other prompts",
        shown=ShownMetric("seen"),
    ),
    MetricEntry(
        "geneval-shuffled",
        "tasks.geneval.metrics:shuffled",
        "chance: GenEval if each image belonged to another prompt of its tag",
        shown=ShownMetric("by chance"),
    ),
    MetricEntry(
        "geneval-coco",
        "tasks.geneval.metrics:on_coco",
        "GenEval on its own prompts, about COCO's objects",
        reads=("geneval-coco",),
        shown=ShownMetric("GenEval (COCO)", margin=0.05, margin_reason=_FIVE_POINTS, tier="blocks"),
    ),
    MetricEntry(
        "geneval-coco-prompts",
        "tasks.geneval.metrics:any_of_four_on_coco",
        "share of GenEval's own prompts with at least one right image",
        reads=("geneval-coco",),
    ),
    InstrumentEntry(
        "geneval-coco",
        "tasks.geneval.official.coco:open_coco",
        "Mask2Former's objects on COCO and their colours by CLIP: geneval-coco@DETECTOR[@CLASSIFIER]",
        weights=("tasks.geneval.official.weights:DETECTOR", "tasks.geneval.official.weights:CLASSIFIER"),
        licence="MIT (code of Mask2Former and CLIP), Apache-2.0 (MMDetection)",
        paper="arXiv 2112.01527 and arXiv 2103.00020",
        shown=ShownInstrument("detections", masks="masks"),
    ),
    DataEntry(
        "geneval",
        "tasks.geneval.prompt_sets:prepare",
        "GenEval's 553 official prompts",
        licence="MIT",
        at_hand="tasks.data.places:geneval_at_hand",
        paper=PAPER,
    ),
)
