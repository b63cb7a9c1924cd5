"""The catalogue's entries of the harness itself: metrics and instruments that belong to no task. Imports no torch."""

from __future__ import annotations

from harness.contracts import Entry
from harness.feature_entries import FEATURE_ENTRIES
from tasks.editing.similarity_entries import ENCODER_ENTRIES

_RECONSTRUCTION = "harness.metrics.reconstruction"
_OBJECTS = "tasks.world.objects"
_FRECHET = "harness.metrics.frechet"
_CODEBOOK = "harness.metrics.codebook"
_MANIFOLD = "harness.metrics.precision_recall"
_LIKELIHOOD = "harness.metrics.likelihood"

HARNESS_ENTRIES: tuple[Entry, ...] = (
    *ENCODER_ENTRIES,
    *FEATURE_ENTRIES,
    Entry("metric", "psnr", f"{_RECONSTRUCTION}:psnr", "peak signal-to-noise ratio per image, in dB, at most 58.92"),
    Entry(
        "metric",
        "ssim",
        f"{_RECONSTRUCTION}:ssim",
        "structural similarity, Gaussian window of 11",
        paper="Wang et al. 2004",
    ),
    Entry("metric", "l1", f"{_RECONSTRUCTION}:l1", "mean absolute difference of pixels in [0, 1]"),
    Entry(
        "metric",
        "lpips",
        f"{_RECONSTRUCTION}:lpips",
        "perceptual distance on AlexNet features",
        paper="arXiv 1801.03924",
    ),
    Entry("metric", "object-recall", f"{_OBJECTS}:object_recall", "share of the true objects found again"),
    Entry("metric", "object-precision", f"{_OBJECTS}:object_precision", "share of the objects found that are true"),
    Entry("metric", "object-f1", f"{_OBJECTS}:object_f1", "harmonic mean of object recall and precision"),
    Entry(
        "metric",
        "fd-world",
        f"{_FRECHET}:fd_world",
        "Frechet distance on the world's features",
        paper="arXiv 1706.08500",
    ),
    Entry(
        "metric",
        "fd-infinity",
        "harness.metrics.frechet_infinity:fd_infinity",
        "FD-world extrapolated to infinite N",
        paper="arXiv 1911.07023",
    ),
    Entry(
        "metric", "kd-world", "harness.metrics.kernel:kd_world", "kernel distance, unbiased", paper="arXiv 1801.01401"
    ),
    Entry(
        "metric",
        "kid-efficientnet-lite0",
        "harness.metrics.kernel:kid_efficientnet_lite0",
        "kernel distance on EfficientNet-Lite0's 1280 features, unbiased",
        paper="arXiv 1801.01401",
    ),
    Entry(
        "metric",
        "kd-world-paired",
        "harness.metrics.kernel:kd_world_paired",
        "kernel distance of reconstructions to their own originals, unbiased",
        paper="arXiv 1801.01401",
    ),
    Entry(
        "metric",
        "kid-efficientnet-lite0-paired",
        "harness.metrics.kernel:kid_efficientnet_lite0_paired",
        "the same on EfficientNet-Lite0's 1280 features",
        paper="arXiv 1801.01401",
    ),
    Entry(
        "metric",
        "precision-world",
        f"{_MANIFOLD}:precision_world",
        "share of the outputs on the manifold of the references, world's features, 5 nearest",
        paper="arXiv 1904.06991",
    ),
    Entry(
        "metric",
        "recall-world",
        f"{_MANIFOLD}:recall_world",
        "share of the references on the manifold of the outputs, world's features, 5 nearest",
        paper="arXiv 1904.06991",
    ),
    Entry(
        "metric",
        "density-world",
        f"{_MANIFOLD}:density_world",
        "balls of references that an output lies in, over 5, world's features",
        paper="arXiv 2002.09797",
    ),
    Entry(
        "metric",
        "coverage-world",
        f"{_MANIFOLD}:coverage_world",
        "share of the references whose ball holds an output, world's features, 5 nearest",
        paper="arXiv 2002.09797",
    ),
    Entry("metric", "codebook-use", f"{_CODEBOOK}:codebook_use", "share of the codebook's entries in use"),
    Entry(
        "metric", "code-perplexity", f"{_CODEBOOK}:code_perplexity", "perplexity of the codes, all positions together"
    ),
    Entry(
        "metric",
        "code-perplexity-by-position",
        f"{_CODEBOOK}:code_perplexity_by_position",
        "perplexity of the codes at one position, mean over positions",
    ),
    Entry("metric", "bits-used", f"{_CODEBOOK}:bits_used", "bits an image that the codes can say at most, by position"),
    Entry("metric", "bits-per-image", f"{_CODEBOOK}:bits_per_image", "bits that an image's codes cost"),
    Entry("metric", "bits-per-pixel", f"{_CODEBOOK}:bits_per_pixel", "bits of the codes over pixels of the images"),
    Entry("metric", "bits-per-byte", f"{_LIKELIHOOD}:bits_per_byte", "bits of a text over its UTF-8 bytes"),
    Entry("metric", "byte-perplexity", f"{_LIKELIHOOD}:byte_perplexity", "exp of the nats per UTF-8 byte"),
    Entry("metric", "word-perplexity", f"{_LIKELIHOOD}:word_perplexity", "exp of the nats per white-space word"),
    Entry("metric", "bits-per-text", f"{_LIKELIHOOD}:bits_per_text", "mean bits of a text, a caption for example"),
    Entry(
        "metric",
        "nll-bits-per-image",
        f"{_LIKELIHOOD}:nll_bits_per_image",
        "bits of an image's codes under the model: what is left of bits-per-image when it predicts them",
    ),
    Entry("metric", "nll-bits-per-pixel", f"{_LIKELIHOOD}:nll_bits_per_pixel", "the same over the pixels shown"),
    Entry(
        "metric",
        "nll-over-log-codebook",
        f"{_LIKELIHOOD}:nll_over_log_codebook",
        "nats per code over the log of the codebook's size; 1 is chance",
    ),
    Entry(
        "metric",
        "bits-from-context",
        f"{_LIKELIHOOD}:bits_from_context",
        "bits per case that the picture saves on its caption, or the caption on its picture's codes",
    ),
    Entry("instrument", "pixels", "harness.instruments.pixels:open_pixels", "squared and absolute error, SSIM"),
    Entry(
        "instrument",
        "lpips",
        "harness.instruments.lpips:open_lpips",
        "LPIPS v0.1 on AlexNet; needs two files that are not shipped",
        licence="BSD-2-Clause (heads), BSD-3-Clause (torchvision's weights)",
        paper="arXiv 1801.03924",
    ),
    Entry(
        "instrument",
        "efficientnet-lite0",
        "harness.instruments.efficientnet:open_efficientnet_lite0",
        "1280 features of EfficientNet-Lite0, trained on ImageNet; needs two packages (extra 'features')",
        licence="Apache-2.0",
        paper="arXiv 1905.11946",
    ),
)
