"""The catalogue's entries of the harness itself: metrics and instruments that belong to no task. Imports no torch."""

from __future__ import annotations

from harness.contracts import CatalogueEntry, InstrumentEntry, MetricEntry, ShownMetric
from harness.feature_entries import FEATURE_ENTRIES

_RECONSTRUCTION = "harness.metrics.reconstruction"
_CODEBOOK = "harness.metrics.codebook"
_LIKELIHOOD = "harness.metrics.likelihood"
_LESS_THAN_A_QUARTER = "less than the last quarter of a pre-training of the zoo mostly gains, some 3 %"

HARNESS_ENTRIES: tuple[CatalogueEntry, ...] = (
    *FEATURE_ENTRIES,
    MetricEntry(
        "psnr",
        f"{_RECONSTRUCTION}:psnr",
        "peak signal-to-noise ratio per image, in dB, at most 58.92",
        shown=ShownMetric("PSNR", order=1, margin=0.2, margin_reason="5 % of the mean squared error", tier="blocks"),
    ),
    MetricEntry(
        "ssim",
        f"{_RECONSTRUCTION}:ssim",
        "structural similarity, Gaussian window of 11",
        paper="Wang et al. 2004",
        cites=("wang2004ssim",),
        shown=ShownMetric("SSIM", order=14, margin=0.01, margin_reason="a point of a hundred", tier="warns"),
    ),
    MetricEntry(
        "l1",
        f"{_RECONSTRUCTION}:l1",
        "mean absolute difference of pixels in [0, 1]",
        shown=ShownMetric("L1", order=8, margin=0.004, margin_reason="one level of 255", tier="warns", spread=0.02),
    ),
    MetricEntry(
        "lpips",
        f"{_RECONSTRUCTION}:lpips",
        "perceptual distance on AlexNet features",
        reads=("lpips",),
        paper="arXiv 1801.03924",
        shown=ShownMetric("LPIPS", order=15, margin=0.01, margin_reason="the digit that papers print", tier="warns"),
    ),
    MetricEntry(
        "kid-efficientnet-lite0",
        "harness.metrics.kernel:kid_efficientnet_lite0",
        "kernel distance on EfficientNet-Lite0's 1280 features, unbiased",
        reads=("efficientnet-lite0",),
        paper="arXiv 1801.01401",
        shown=ShownMetric(
            "KID, EfficientNet",
            order=9,
            margin=0.002,
            margin_relative=0.05,
            margin_reason="the floor is what 2,000 pictures decide",
            tier="blocks",
            spread=0.37,
        ),
    ),
    MetricEntry(
        "kid-efficientnet-lite0-paired",
        "harness.metrics.kernel:kid_efficientnet_lite0_paired",
        "the same on EfficientNet-Lite0's 1280 features",
        reads=("efficientnet-lite0",),
        paper="arXiv 1801.01401",
        shown=ShownMetric("KID, EfficientNet, paired", order=10),
    ),
    MetricEntry("codebook-use", f"{_CODEBOOK}:codebook_use", "share of the codebook's entries in use"),
    MetricEntry("code-perplexity", f"{_CODEBOOK}:code_perplexity", "perplexity of the codes, all positions together"),
    MetricEntry(
        "code-perplexity-by-position",
        f"{_CODEBOOK}:code_perplexity_by_position",
        "perplexity of the codes at one position, mean over positions",
    ),
    MetricEntry("bits-used", f"{_CODEBOOK}:bits_used", "bits an image that the codes can say at most, by position"),
    MetricEntry(
        "bits-per-image",
        f"{_CODEBOOK}:bits_per_image",
        "bits that an image's codes cost",
        shown=ShownMetric(order=13, role="rate"),
    ),
    MetricEntry(
        "bits-per-pixel",
        f"{_CODEBOOK}:bits_per_pixel",
        "bits of the codes over pixels of the images",
        shown=ShownMetric(role="rate"),
    ),
    MetricEntry(
        "bits-per-byte",
        f"{_LIKELIHOOD}:bits_per_byte",
        "bits of a text over its UTF-8 bytes",
        shown=ShownMetric(
            "bits per byte",
            order=12,
            margin_relative=0.02,
            margin_reason=_LESS_THAN_A_QUARTER,
            tier="blocks",
            spread=0.12,
        ),
    ),
    MetricEntry(
        "byte-perplexity",
        f"{_LIKELIHOOD}:byte_perplexity",
        "exp of the nats per UTF-8 byte",
        shown=ShownMetric("byte perplexity"),
    ),
    MetricEntry(
        "word-perplexity",
        f"{_LIKELIHOOD}:word_perplexity",
        "exp of the nats per white-space word",
        shown=ShownMetric("word perplexity"),
    ),
    MetricEntry(
        "bits-per-text",
        f"{_LIKELIHOOD}:bits_per_text",
        "mean bits of a text, a caption for example",
        shown=ShownMetric("bits per text"),
    ),
    MetricEntry(
        "nll-bits-per-image",
        f"{_LIKELIHOOD}:nll_bits_per_image",
        "bits of an image's codes under the model: what is left of bits-per-image when it predicts them",
        shown=ShownMetric(
            "bits per image, predicted",
            margin_relative=0.02,
            margin_reason=_LESS_THAN_A_QUARTER,
            tier="blocks",
            spread=0.042,
        ),
    ),
    MetricEntry(
        "nll-bits-per-pixel",
        f"{_LIKELIHOOD}:nll_bits_per_pixel",
        "the same over the pixels shown",
        shown=ShownMetric("bits per pixel, predicted"),
    ),
    MetricEntry(
        "nll-over-log-codebook",
        f"{_LIKELIHOOD}:nll_over_log_codebook",
        "nats per code over the log of the codebook's size; 1 is chance",
        shown=ShownMetric("nll / log V", order=11, margin_relative=0.02, margin_reason=_LESS_THAN_A_QUARTER),
    ),
    MetricEntry(
        "bits-from-context",
        f"{_LIKELIHOOD}:bits_from_context",
        "bits per case that the picture saves on its caption, or the caption on its picture's codes",
        shown=ShownMetric("saved by context"),
    ),
    InstrumentEntry("pixels", "harness.instruments.pixels:open_pixels", "squared and absolute error, SSIM"),
    InstrumentEntry(
        "lpips",
        "harness.instruments.lpips:open_lpips",
        "LPIPS v0.1 on AlexNet",
        weights=("harness.instruments.weights:ALEXNET", "harness.instruments.weights:LPIPS_HEADS"),
        licence="BSD-2-Clause (heads), BSD-3-Clause (torchvision's weights)",
        paper="arXiv 1801.03924",
    ),
    InstrumentEntry(
        "efficientnet-lite0",
        "harness.instruments.efficientnet:open_efficientnet_lite0",
        "1280 features of EfficientNet-Lite0, trained on ImageNet",
        weights=("harness.instruments.weights:EFFICIENTNET_LITE0", "harness.instruments.weights:EFFICIENTNET_CODE"),
        licence="Apache-2.0",
        paper="arXiv 1905.11946",
    ),
)
