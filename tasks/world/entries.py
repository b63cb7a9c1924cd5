"""The world's lines of the catalogue."""

from __future__ import annotations

from harness.contracts import (
    CatalogueEntry,
    InstrumentEntry,
    MetricEntry,
    RecipeEntry,
    ShownInstrument,
    ShownMetric,
    StreamEntry,
)

_OBJECTS, _MEASURES = "tasks.world.objects", "tasks.world.measures"

WORLD_ENTRIES: tuple[CatalogueEntry, ...] = (
    StreamEntry(
        "world",
        "tasks.world.stream:open_world",
        "procedural scenes of 1-4 coloured shapes with exact truth, 32x32, drawn on the fly",
        licence="MIT (ours)",
    ),
    StreamEntry(
        "world-lessons",
        "tasks.world.lessons:open_world_lessons",
        "captions, questions, edits and text over a fixed set of world scenes: what language models learn from",
        licence="MIT (ours); Wikipedia text CC BY-SA",
    ),
    InstrumentEntry(
        "world-detector",
        "tasks.world.detector:open_world_detector",
        "exact objects of a world picture: shape, colour, size, centre, cell; compared with the truth",
        licence="MIT (ours)",
        shown=ShownInstrument("detections", "{size} {colour} {shape}", ("x", "y", "radius")),
    ),
    InstrumentEntry(
        "world-features",
        "tasks.world.features:open_world_features",
        "64 features of a small net trained on the world and Fashion-MNIST, for FD-world (never FID)",
        source="zoo/world-features",
        licence="MIT (ours)",
    ),
    RecipeEntry(
        "world-features",
        "tasks.world.feature_training:RECIPE",
        "the feature net of FD-world, which is also the perceptual net of the other recipes: train it first",
        licence="MIT (ours)",
    ),
    MetricEntry("object-recall", f"{_OBJECTS}:object_recall", "share of the true objects found again"),
    MetricEntry("object-precision", f"{_OBJECTS}:object_precision", "share of the objects found that are true"),
    MetricEntry(
        "object-f1",
        f"{_OBJECTS}:object_f1",
        "harmonic mean of object recall and precision",
        shown=ShownMetric("object F1", order=2, margin=0.02, margin_reason="one object of fifty", tier="blocks"),
    ),
    MetricEntry(
        "fd-world",
        f"{_MEASURES}:fd_world",
        "Frechet distance on the world's features",
        paper="arXiv 1706.08500",
        shown=ShownMetric(
            "FD-world",
            order=3,
            margin_relative=0.25,
            margin_reason="what 2,000 pictures decide; 5 % would need tens of thousands",
            tier="blocks",
            spread=2.3,
        ),
    ),
    MetricEntry(
        "fd-infinity",
        f"{_MEASURES}:fd_infinity",
        "FD-world extrapolated to infinite N",
        paper="arXiv 1911.07023",
        shown=ShownMetric("FD-world, N \N{RIGHTWARDS ARROW} \N{INFINITY}"),
    ),
    MetricEntry(
        "kd-world",
        f"{_MEASURES}:kd_world",
        "kernel distance, unbiased",
        paper="arXiv 1801.01401",
        shown=ShownMetric("KD-world"),
    ),
    MetricEntry(
        "kd-world-paired",
        f"{_MEASURES}:kd_world_paired",
        "kernel distance of reconstructions to their own originals, unbiased",
        paper="arXiv 1801.01401",
        shown=ShownMetric("KD-world, paired"),
    ),
    MetricEntry(
        "precision-world",
        f"{_MEASURES}:precision_world",
        "share of the outputs on the manifold of the references, world's features, 5 nearest",
        paper="arXiv 1904.06991",
        shown=ShownMetric("precision"),
    ),
    MetricEntry(
        "recall-world",
        f"{_MEASURES}:recall_world",
        "share of the references on the manifold of the outputs, world's features, 5 nearest",
        paper="arXiv 1904.06991",
        shown=ShownMetric("recall"),
    ),
    MetricEntry(
        "density-world",
        f"{_MEASURES}:density_world",
        "balls of references that an output lies in, over 5, world's features",
        paper="arXiv 2002.09797",
        shown=ShownMetric("density"),
    ),
    MetricEntry(
        "coverage-world",
        f"{_MEASURES}:coverage_world",
        "share of the references whose ball holds an output, world's features, 5 nearest",
        paper="arXiv 2002.09797",
        shown=ShownMetric("coverage"),
    ),
)
