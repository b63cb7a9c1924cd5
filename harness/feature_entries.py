"""The catalogue's entries of FID and its relatives: feature instruments, and metrics called ``NAME@FEATURES``. Imports
no torch."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import CatalogueEntry, InstrumentEntry, MetricEntry, ShownMetric

_BY_FEATURES = "harness.metrics.by_features"
_INCEPTION = "harness.instruments.inception"
_WEIGHTS = "harness.instruments.weights"
_SCRIPTED = ("clean", "legacy-tensorflow")
_LICENCE = "Apache-2.0 (weights)"
FID_MARGIN = ShownMetric(
    margin_relative=0.05,
    margin_reason="what 50,000 pictures decide, and fewer seldom do",
    tier="blocks",
)
KID_MARGIN = ShownMetric(
    margin=0.0005,
    margin_relative=0.05,
    margin_reason="the floor is half of the last digit that papers print of it, times 1,000",
    tier="blocks",
)


def _inception(name: str, opener: str, summary: str, paper: str = "arXiv 1512.00567") -> CatalogueEntry:
    return InstrumentEntry(
        f"inception-{name}",
        f"{_INCEPTION}:{opener}",
        f"Inception features {summary}",
        weights=(f"{_WEIGHTS}:{'INCEPTION_EITHER' if name in _SCRIPTED else 'INCEPTION'}",),
        licence=_LICENCE,
        paper=paper,
    )


INSTRUMENTS = (
    _inception("clean", "open_clean", "as clean-fid makes them: bicubic with anti-aliasing", "arXiv 2104.11222"),
    _inception("legacy-pytorch", "open_legacy_pytorch", "as pytorch-fid makes them: bilinear without anti-aliasing"),
    _inception("legacy-tensorflow", "open_legacy_tensorflow", "as clean-fid's legacy_tensorflow: resized by the graph"),
    _inception("adm", "open_adm", "as the ADM evaluator makes them: resized by the graph; also spatial and logits"),
    _inception("torch-fidelity", "open_torch_fidelity", "as torch-fidelity makes them: TensorFlow 1's resize"),
    _inception("torchmetrics", "open_torchmetrics", "as torchmetrics makes them: bilinear with anti-aliasing"),
    InstrumentEntry(
        "inception",
        f"{_INCEPTION}:open_other",
        "Inception features with other weights, never called FID: inception@[PROTOCOL@]FILE",
        weights=(f"{_WEIGHTS}:OTHER_INCEPTION",),
        paper="arXiv 1512.00567",
    ),
    InstrumentEntry(
        "dinov2-vitl14",
        "harness.instruments.dinov2:open_dinov2",
        "1024 features of DINOv2 ViT-L/14 at 224 pixels",
        weights=(f"{_WEIGHTS}:DINOV2_LARGE",),
        licence=_LICENCE,
        paper="arXiv 2304.07193",
    ),
    InstrumentEntry(
        "clip-vitl14-336",
        "harness.instruments.clip_cmmd:open_clip_vitl14",
        "768 embeddings of CLIP ViT-L/14 at 336 pixels, for CMMD",
        weights=(f"{_WEIGHTS}:CLIP_VIT_L14_336",),
        licence="MIT (weights)",
        paper="arXiv 2103.00020",
    ),
)


def _metric(
    name: str, label: str, summary: str, paper: str, order: int = 100, gated: ShownMetric | None = None
) -> CatalogueEntry:
    """``gated``: its margin and tier."""
    maker = name.replace("-", "_")
    needs, reads = (("INSTRUMENT",), ()) if name in ("fd", "kd") else ((), ("inception-adm",))
    shown = replace(gated or ShownMetric(), label=label, order=order)
    return MetricEntry(name, f"{_BY_FEATURES}:{maker}", summary, paper=paper, shown=shown, reads=reads, needs=needs)


METRICS = (
    _metric(
        "fid", "FID", "Frechet inception distance: fid@PROTOCOL[@STATISTICS.npz]", "arXiv 1706.08500", 4, FID_MARGIN
    ),
    _metric("sfid", "sFID", "FID on spatial features: sfid@adm[@STATISTICS.npz]", "arXiv 2103.03841"),
    _metric(
        "fid-infinity",
        "FID, N \N{RIGHTWARDS ARROW} \N{INFINITY}",
        "FID for infinite N: fid-infinity@PROTOCOL",
        "arXiv 1911.07023",
    ),
    _metric(
        "kid",
        "KID",
        "kernel inception distance, unbiased, all pairs: kid@PROTOCOL",
        "arXiv 1801.01401",
        gated=KID_MARGIN,
    ),
    _metric("kid-paired", "KID, paired", "the same of reconstructions: kid-paired@PROTOCOL", "arXiv 1801.01401"),
    _metric("kid-subsets", "KID, subsets", "KID by 100 subsets of 1,000: kid-subsets@PROTOCOL", "arXiv 1801.01401"),
    _metric("fd", "FD", "Frechet distance on other features: fd@INSTRUMENT", "arXiv 2306.04675"),
    _metric("kd", "KD", "kernel distance on other features: kd@INSTRUMENT", "arXiv 1801.01401"),
    _metric(
        "inception-score",
        "Inception score",
        "Inception score, mean of 10 splits: inception-score@PROTOCOL",
        "arXiv 1606.03498",
    ),
    _metric(
        "inception-score-unsplit",
        "Inception score, unsplit",
        "Inception score of all pictures at once: inception-score-unsplit@PROTOCOL",
        "arXiv 1801.01973",
    ),
    _metric("precision", "precision", "outputs on the references' manifold: precision@FEATURES", "arXiv 1904.06991"),
    _metric("recall", "recall", "references on the outputs' manifold: recall@FEATURES", "arXiv 1904.06991"),
    _metric("density", "density", "balls of references that hold an output: density@FEATURES", "arXiv 2002.09797"),
    _metric("coverage", "coverage", "references whose ball holds an output: coverage@FEATURES", "arXiv 2002.09797"),
    MetricEntry(
        "cmmd",
        "harness.metrics.cmmd:cmmd",
        "maximum mean discrepancy of CLIP embeddings, times 1000",
        reads=("clip-vitl14-336",),
        paper="arXiv 2401.09603",
        shown=ShownMetric("CMMD"),
    ),
)

FEATURE_ENTRIES: tuple[CatalogueEntry, ...] = (*INSTRUMENTS, *METRICS)
