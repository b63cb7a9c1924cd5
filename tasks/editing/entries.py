"""The lines of the catalogue for editing; no torch here."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import (
    CatalogueEntry,
    InstrumentEntry,
    MetricEntry,
    ShownMetric,
    ShownSeries,
    ShownTask,
    TaskEntry,
)
from tasks.editing.similarity_entries import ENCODER_ENTRIES

LICENCE = "world: MIT (ours); MagicBrush: CC BY 4.0; Emu Edit: CC BY-NC 4.0"
MAGICBRUSH_PAPER = "Zhang et al. 2023, arXiv 2306.10012 (sessions, settings, L1, L2)"

SHOWN = ShownTask(
    "editing",
    ("edit-success", "l1"),
    order=50,
    breakdown="edit-success",
    verdict="edit-success",
    asked=("{instructions}",),
    pictures=(("before", "source"), ("true edit", "reference")),
)
IN_TURNS = replace(SHOWN, title="editing in turns", headline=(), order=51)
GUIDED = ShownTask(
    "editing trade-off",
    ("edit-success-swept", "source-fidelity"),
    order=52,
    asked=("{instructions}",),
    pictures=(("before", "source"), ("true edit", "reference")),
    series=ShownSeries(
        title="Editing over guidance",
        axis="fidelity to the source",
        ways=(("guided", "Success against fidelity"),),
        measure="success",
        against="fidelity",
        label="instruction done",
        unit="",
        caption="One mark for each guidance scale, from 1 (none) to 5: the share of edits that do what the "
        "instruction asks for, against 1 less the mean absolute difference to the source. Bars are 95 % intervals.",
        gallery="",
        words="guidance {step}",
    ),
)

EDITING_ENTRIES: tuple[CatalogueEntry, ...] = (
    *ENCODER_ENTRIES,
    TaskEntry(
        "editing",
        "tasks.editing.task:build",
        "edit by instruction, each turn from the true previous picture: world, magicbrush[:PATH], emu-edit[:PATH], "
        "emu-edit-filtered[:PATH], evr:PATH, ma5k:PATH",
        licence=LICENCE,
        paper=MAGICBRUSH_PAPER,
        data=("magicbrush", "emu-edit"),
        shown=SHOWN,
    ),
    TaskEntry(
        "editing-chain",
        "tasks.editing.task:build_chain",
        "sessions of one to three instructions, each turn from the model's own output; the final picture counts: "
        "world, magicbrush[:PATH]",
        licence=LICENCE,
        paper=MAGICBRUSH_PAPER,
        data=("magicbrush",),
        shown=IN_TURNS,
    ),
    TaskEntry(
        "editing-guidance",
        "tasks.editing.guidance:build",
        "the same edits over a guidance sweep: fidelity to the source against instructions done",
        licence="MIT (ours)",
        paper="Brooks et al. 2022, arXiv 2211.09800 (figure 8)",
        shown=GUIDED,
    ),
    MetricEntry(
        "edit-success-swept",
        "tasks.editing.guidance:success_swept",
        "share of edits whose instruction is done, mean over guidance scales",
        shown=ShownMetric("instruction done"),
    ),
    MetricEntry(
        "source-fidelity",
        "tasks.editing.guidance:source_fidelity",
        "1 less the mean absolute difference to the source, mean over guidance scales",
        shown=ShownMetric("fidelity to the source"),
    ),
    MetricEntry(
        "success-gained",
        "tasks.editing.guidance:success_gained",
        "share of instructions that guidance 5 does beyond no guidance",
        shown=ShownMetric("gained by guidance"),
    ),
    MetricEntry(
        "fidelity-spent",
        "tasks.editing.guidance:fidelity_spent",
        "fidelity to the source that guidance 5 costs",
        shown=ShownMetric("fidelity spent"),
    ),
    MetricEntry(
        "l2",
        "tasks.editing.metrics:l2",
        "mean squared difference of pixels in [0, 1]",
        shown=ShownMetric("L2"),
    ),
    MetricEntry(
        "l1-outside",
        "tasks.editing.metrics:l1_outside",
        "L1 outside of what the true edit changes",
        shown=ShownMetric("L1 outside"),
    ),
    MetricEntry(
        "cos-world",
        "tasks.editing.metrics:cos_world",
        "cosine to the true edit on the world's features",
        shown=ShownMetric("similarity", margin=0.01, margin_reason="a point of a hundred", tier="warns", spread=0.02),
    ),
    MetricEntry(
        "edit-success",
        "tasks.editing.metrics:success",
        "share of edits done as told; a copy gets 0",
        shown=ShownMetric(
            "instruction done",
            order=7,
            margin=0.07,
            margin_reason="7 points of a hundred, what 600 edits decide",
            tier="blocks",
            spread=0.32,
        ),
    ),
    MetricEntry(
        "edit-success-held-out",
        "tasks.editing.metrics:success_held_out",
        "the same, of edits with a combination of shape and colour that training never showed",
        shown=ShownMetric("done, held out"),
    ),
    MetricEntry(
        "edit-preserved",
        "tasks.editing.metrics:preserved",
        "share of the other objects that were kept",
        shown=ShownMetric("rest kept"),
    ),
    MetricEntry(
        "edit-exact",
        "tasks.editing.metrics:exact",
        "share of pictures that are the true edit throughout",
        shown=ShownMetric("exact"),
    ),
    InstrumentEntry(
        "world-surroundings",
        "tasks.editing.surroundings:open_surroundings",
        "what an edit did outside of its region, and the name of the background",
        licence="MIT (ours)",
    ),
)
