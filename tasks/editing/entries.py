"""The lines of the catalogue for editing; no torch here."""

from __future__ import annotations

from harness.contracts import Entry

LICENCE = "world: MIT (ours); MagicBrush: CC BY 4.0; Emu Edit: CC BY-NC 4.0"
MAGICBRUSH_PAPER = "Zhang et al. 2023, arXiv 2306.10012 (sessions, settings, L1, L2)"

EDITING_ENTRIES: tuple[Entry, ...] = (
    Entry(
        "task",
        "editing",
        "tasks.editing.task:build",
        "edit by instruction, each turn from the true previous picture: world, magicbrush[:PATH], emu-edit[:PATH], "
        "emu-edit-filtered[:PATH], evr:PATH, ma5k:PATH",
        licence=LICENCE,
        paper=MAGICBRUSH_PAPER,
        data=("magicbrush", "emu-edit"),
    ),
    Entry(
        "task",
        "editing-chain",
        "tasks.editing.task:build_chain",
        "sessions of one to three instructions, each turn from the model's own output; the final picture counts: "
        "world, magicbrush[:PATH]",
        licence=LICENCE,
        paper=MAGICBRUSH_PAPER,
        data=("magicbrush",),
    ),
    Entry("metric", "l2", "tasks.editing.metrics:l2", "mean squared difference of pixels in [0, 1]"),
    Entry("metric", "l1-outside", "tasks.editing.metrics:l1_outside", "L1 outside of what the true edit changes"),
    Entry("metric", "cos-world", "tasks.editing.metrics:cos_world", "cosine to the true edit on the world's features"),
    Entry("metric", "edit-success", "tasks.editing.metrics:success", "share of edits done as told; a copy gets 0"),
    Entry(
        "metric",
        "edit-success-held-out",
        "tasks.editing.metrics:success_held_out",
        "the same, of edits with a combination of shape and colour that training never showed",
    ),
    Entry("metric", "edit-preserved", "tasks.editing.metrics:preserved", "share of the other objects that were kept"),
    Entry("metric", "edit-exact", "tasks.editing.metrics:exact", "share of pictures that are the true edit throughout"),
    Entry(
        "instrument",
        "world-surroundings",
        "tasks.editing.surroundings:open_surroundings",
        "what an edit did outside of its region, and the name of the background",
        licence="MIT (ours)",
    ),
)
