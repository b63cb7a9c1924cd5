"""Generation's lines of the catalogue."""

from __future__ import annotations

from harness.contracts import (
    CatalogueEntry,
    InstrumentEntry,
    MetricEntry,
    ModelEntry,
    RecipeEntry,
    ShownMetric,
    ShownModel,
    ShownTask,
    TaskEntry,
)

_METRICS = "tasks.generation.metrics"
_CONTROLS = "tasks.generation.controls"
_BOTH = ("GeneratesImages", "GeneratesClasses")
_LICENCE = "MIT (ours)"

SHOWN = ShownTask("generation", ("fd-world", "kid-efficientnet-lite0"), order=20, asked=("{caption}",))
CLASSES = ShownTask(
    "class generation",
    ("fd-fashion", "class-agreement"),
    order=30,
    verdict="class-agreement",
    asked=("class {label}",),
)
COCO = ShownTask("generation, COCO captions", ("kid-efficientnet-lite0", "clip-t"), order=21, asked=("{caption}",))
HARD = ShownTask(
    "hard prompts",
    ("hard-correct", "fd-world"),
    order=22,
    breakdown="hard-correct",
    verdict="hard-correct",
    asked=("{geneval.prompt}",),
    pictures=(("a real one", "reference"),),
    rate="fd-world",
    plane=("hard-correct",),
)

GENERATION_ENTRIES: tuple[CatalogueEntry, ...] = (
    TaskEntry(
        "generation",
        "tasks.generation.task:build",
        "pictures from captions (world, coco-captions-30k[:PATH]) or classes (fashion, fashion-2000) against real "
        "ones, as sets: FD, KID, precision, recall, density, coverage",
        licence="world and Fashion-MNIST: MIT; COCO: annotations CC BY 4.0, pictures by Flickr's terms",
        paper="arXiv 1706.08500",
        data=("fashion-mnist", "coco-captions-30k"),
        shown=SHOWN,
    ),
    TaskEntry(
        "hard-prompts",
        "tasks.generation.hard:build",
        "prompts of counting, colour, position and 3-4 conditions: correctness beside quality",
        licence=_LICENCE,
        paper="Pan et al., CVPR 2025, arXiv 2504.14666 (project page)",
        shown=HARD,
    ),
    MetricEntry(
        "hard-correct",
        "tasks.generation.hard:correct",
        "share of pictures that show what a hard prompt asks for",
        shown=ShownMetric("correct"),
    ),
    ModelEntry(
        "real",
        f"{_CONTROLS}:open_real",
        "control of generation: real pictures that are not in the reference set, the floor of each distance",
        provides=_BOTH,
        licence=_LICENCE,
        shown=ShownModel("real pictures", role="ceiling", order=10),
    ),
    ModelEntry(
        "real-mean-colour",
        f"{_CONTROLS}:open_real_mean_colour",
        "control of generation: the mean colours of real pictures, nothing else",
        provides=_BOTH,
        licence=_LICENCE,
        shown=ShownModel("real, mean colour", role="floor", order=11),
    ),
    InstrumentEntry(
        "fashion-features",
        "tasks.fashion.features:open_fashion_features",
        "64 features of a small net trained on Fashion-MNIST, for FD-fashion (never FID), and the class that it reads",
        source="zoo/fashion-features",
        licence=_LICENCE,
    ),
    RecipeEntry(
        "fashion-features",
        "tasks.fashion.feature_training:RECIPE",
        "the feature net of FD-fashion",
        licence=_LICENCE,
    ),
    MetricEntry(
        "class-agreement",
        f"{_METRICS}:class_agreement",
        "share of generated products in which fashion-features reads the class that was asked for",
        shown=ShownMetric("class read right", margin=0.02, margin_reason="one product of fifty", tier="blocks"),
    ),
    MetricEntry(
        "fd-fashion",
        f"{_METRICS}:fd_fashion",
        "Frechet distance on Fashion-MNIST's features",
        paper="arXiv 1706.08500",
        shown=ShownMetric("FD-fashion", margin_relative=0.25, margin_reason="as for FD-world", tier="blocks"),
    ),
    MetricEntry(
        "fd-fashion-infinity",
        f"{_METRICS}:fd_fashion_infinity",
        "FD-fashion extrapolated to infinite N",
        paper="arXiv 1911.07023",
        shown=ShownMetric("FD-fashion, N \N{RIGHTWARDS ARROW} \N{INFINITY}"),
    ),
    MetricEntry(
        "kd-fashion",
        f"{_METRICS}:kd_fashion",
        "kernel distance on Fashion-MNIST's features, unbiased",
        paper="arXiv 1801.01401",
        shown=ShownMetric("KD-fashion"),
    ),
    MetricEntry(
        "precision-fashion",
        f"{_METRICS}:precision_fashion",
        "share of the outputs on the manifold of the references, Fashion-MNIST's features, 5 nearest",
        paper="arXiv 1904.06991",
        shown=ShownMetric("precision"),
    ),
    MetricEntry(
        "recall-fashion",
        f"{_METRICS}:recall_fashion",
        "share of the references on the manifold of the outputs, Fashion-MNIST's features, 5 nearest",
        paper="arXiv 1904.06991",
        shown=ShownMetric("recall"),
    ),
    MetricEntry(
        "density-fashion",
        f"{_METRICS}:density_fashion",
        "balls of references that an output lies in, over 5, Fashion-MNIST's features",
        paper="arXiv 2002.09797",
        shown=ShownMetric("density"),
    ),
    MetricEntry(
        "coverage-fashion",
        f"{_METRICS}:coverage_fashion",
        "share of the references whose ball holds an output, Fashion-MNIST's features, 5 nearest",
        paper="arXiv 2002.09797",
        shown=ShownMetric("coverage"),
    ),
)
