"""The catalogue's entries of similarity: encoders, distances of pictures of any size, and the metrics on them."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, InstrumentEntry, MetricEntry, ShownMetric

_ALIGNMENT = "tasks.editing.alignment"
MAGICBRUSH = "arXiv 2306.10012"
EMU_EDIT = "arXiv 2311.10089"

ENCODER_ENTRIES: tuple[CatalogueEntry, ...] = (
    InstrumentEntry(
        "clip-vit-b32",
        "harness.instruments.clip:open_clip_vit_b32",
        "CLIP ViT-B/32 embeddings of pictures and captions",
        weights=("harness.instruments.weights:CLIP_VIT_B32",),
        licence="MIT (OpenAI)",
        paper="arXiv 2103.00020",
    ),
    InstrumentEntry(
        "dino-vits16",
        "harness.instruments.dino:open_dino_vits16",
        "DINO ViT-S/16 embeddings of pictures",
        weights=("harness.instruments.weights:DINO_VITS16",),
        licence="Apache-2.0 (Meta)",
        paper="arXiv 2104.14294",
    ),
    InstrumentEntry(
        "picture-distance",
        "tasks.editing.distance:open_picture_distance",
        "L1 and L2 with the output resized to the other picture's size (MagicBrush's rule)",
        paper=MAGICBRUSH,
    ),
    MetricEntry(
        "l1-target",
        f"{_ALIGNMENT}:l1_target",
        "L1 to the true edit at its size",
        paper=MAGICBRUSH,
        shown=ShownMetric("L1"),
    ),
    MetricEntry(
        "l2-target",
        f"{_ALIGNMENT}:l2_target",
        "L2 to the true edit at its size",
        paper=MAGICBRUSH,
        shown=ShownMetric("L2"),
    ),
    MetricEntry(
        "clip-i",
        f"{_ALIGNMENT}:clip_i",
        "CLIP cosine of output and true edit",
        reads=("clip-vit-b32",),
        paper=MAGICBRUSH,
        shown=ShownMetric("CLIP-I"),
    ),
    MetricEntry(
        "clip-t",
        f"{_ALIGNMENT}:clip_t",
        "CLIP cosine of output and target caption",
        reads=("clip-vit-b32",),
        paper=MAGICBRUSH,
        shown=ShownMetric("CLIP-T"),
    ),
    MetricEntry(
        "clip-t-of-truth",
        f"{_ALIGNMENT}:clip_t_of_truth",
        "the true edit's own CLIP-T",
        reads=("clip-vit-b32",),
        paper=MAGICBRUSH,
        shown=ShownMetric("CLIP-T of the true edit"),
    ),
    MetricEntry(
        "dino",
        f"{_ALIGNMENT}:dino",
        "DINO cosine of output and true edit",
        reads=("dino-vits16",),
        paper=MAGICBRUSH,
        shown=ShownMetric("DINO"),
    ),
    MetricEntry(
        "cvs-assumed",
        f"{_ALIGNMENT}:cvs_assumed",
        "DDT-LLaMA's CVS, assumed to be 100 x the CLIP cosine of output and true edit; its definition is not known",
        reads=("clip-vit-b32",),
        shown=ShownMetric("CVS (assumed: CLIP-I)"),
    ),
    MetricEntry(
        "clip-dir",
        f"{_ALIGNMENT}:clip_dir",
        "CLIP cosine of what moved and what was asked",
        reads=("clip-vit-b32",),
        paper=EMU_EDIT,
        shown=ShownMetric("CLIPdir"),
    ),
    MetricEntry(
        "clip-im",
        f"{_ALIGNMENT}:clip_im",
        "CLIP cosine of output and source",
        reads=("clip-vit-b32",),
        paper=EMU_EDIT,
        shown=ShownMetric("CLIPim"),
    ),
    MetricEntry(
        "clip-out",
        f"{_ALIGNMENT}:clip_out",
        "CLIP cosine of output and target caption",
        reads=("clip-vit-b32",),
        paper=EMU_EDIT,
        shown=ShownMetric("CLIPout"),
    ),
    MetricEntry(
        "l1-source",
        f"{_ALIGNMENT}:l1_source",
        "L1 to the source at its size",
        paper=EMU_EDIT,
        shown=ShownMetric("L1 to the source"),
    ),
    MetricEntry(
        "dino-source",
        f"{_ALIGNMENT}:dino_source",
        "DINO cosine of output and source",
        reads=("dino-vits16",),
        paper=EMU_EDIT,
        shown=ShownMetric("DINO to the source"),
    ),
    MetricEntry(
        "token-perplexity",
        "harness.metrics.likelihood:token_perplexity",
        "exp of the nats per token of the model's own vocabulary: ranks nothing",
        shown=ShownMetric("token perplexity"),
    ),
)
