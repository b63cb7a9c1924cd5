"""The world's lines of the catalogue."""

from __future__ import annotations

from harness.contracts import Entry

WORLD_ENTRIES: tuple[Entry, ...] = (
    Entry(
        "data",
        "world",
        "tasks.world.stream:open_world",
        "procedural scenes of 1-4 coloured shapes with exact truth, 32x32, drawn on the fly",
        licence="MIT (ours)",
    ),
    Entry(
        "data",
        "world-lessons",
        "tasks.world.lessons:open_world_lessons",
        "captions, questions, edits and text over a fixed set of world scenes: what language models learn from",
        licence="MIT (ours); Wikipedia text CC BY-SA",
    ),
    Entry(
        "instrument",
        "world-detector",
        "tasks.world.detector:open_world_detector",
        "exact objects of a world picture: shape, colour, size, centre, cell; compared with the truth",
        licence="MIT (ours)",
    ),
    Entry(
        "instrument",
        "world-features",
        "tasks.world.features:open_world_features",
        "64 features of a small net trained on the world and Fashion-MNIST, for FD-world (never FID)",
        source="zoo/world-features",
        licence="MIT (ours)",
    ),
    Entry(
        "recipe",
        "world-features",
        "tasks.world.feature_training:RECIPE",
        "the feature net of FD-world, which is also the perceptual net of the other recipes: train it first",
        licence="MIT (ours)",
    ),
)
