"""What a text or an image costs under a model: perplexities and bits, from -log p summed over tokens.

All of them weigh the corpus as a whole, as lm-eval does (``weighted_perplexity``, ``bits_per_byte``): sums over cases
first, one ratio after. A long text counts for more than a short one, and no token is counted per token, since tokens of
different vocabularies are not comparable: words and bytes belong to the text, images and pixels to the picture.

Columns of the task: ``nats`` (-log p, natural logarithm, of all tokens of the case), ``words`` (white-space words) and
``bytes`` (UTF-8) of a text; ``pixels`` and ``bits`` of a picture (what its codes cost unpredicted: codes times log2 of
the codebook's size); ``nats_saved`` where a case was scored with and without context.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.contracts import NOT_NEGATIVE, MetricTraits
from harness.metrics.ratio import Ratio

NATS = ("number.nats",)
_PERPLEXITY = MetricTraits(bounds=(1.0, math.inf), monotone=math.exp)


def in_bits(nats: NDArray[np.float64]) -> NDArray[np.float64]:
    """From natural logarithms to bits."""
    return nats / math.log(2)


def word_perplexity() -> Ratio:
    """exp(nats / white-space words) of the corpus. From 1 on, lower is better. The interval is that of the ratio, its
    ends exponentiated."""
    return Ratio("word-perplexity", NATS, ("number.words",), direction="lower", traits=_PERPLEXITY)


def byte_perplexity() -> Ratio:
    """exp(nats / UTF-8 bytes) of the corpus. From 1 on, lower is better; 256 is chance. The interval as for words."""
    return Ratio(
        "byte-perplexity",
        NATS,
        ("number.bytes",),
        direction="lower",
        traits=replace(_PERPLEXITY, chance=256.0),
    )


def token_perplexity() -> Ratio:
    """exp(nats / tokens) of the corpus, tokens of the model's own vocabulary. From 1 on.

    It is what papers on one vocabulary state, and says nothing between two: it ranks nothing.
    """
    return Ratio("token-perplexity", NATS, ("number.tokens",), direction="none", traits=_PERPLEXITY)


def bits_per_byte() -> Ratio:
    """Bits over UTF-8 bytes of the corpus. From 0 on, lower is better; 8 is chance."""
    return Ratio(
        "bits-per-byte",
        NATS,
        ("number.bytes",),
        direction="lower",
        unit="bit/byte",
        transform=in_bits,
        traits=replace(NOT_NEGATIVE, chance=8.0),
    )


def bits_per_text() -> Ratio:
    """Mean bits of a text (of a caption). From 0 on, lower is better."""
    return Ratio("bits-per-text", NATS, direction="lower", unit="bit", transform=in_bits, traits=NOT_NEGATIVE)


def nll_bits_per_image() -> Ratio:
    """Mean bits of an image's codes under the model. From 0 on, lower is better; ``bits-per-image`` is chance.

    It is a rate without a distortion: codes that tell little of the image are cheap. Read it beside the reconstruction.
    """
    return Ratio(
        "nll-bits-per-image",
        NATS,
        direction="lower",
        unit="bit",
        transform=in_bits,
        traits=replace(NOT_NEGATIVE, chance="bits-per-image"),
    )


def nll_bits_per_pixel() -> Ratio:
    """Bits of all codes under the model over all pixels that were shown (height times width, not times channels)."""
    return Ratio(
        "nll-bits-per-pixel",
        NATS,
        ("number.pixels",),
        direction="lower",
        unit="bit/px",
        transform=in_bits,
        traits=NOT_NEGATIVE,
    )


def nll_over_log_codebook() -> Ratio:
    """Nats per code over ln V, V the codebook's size: the share of the codes' capacity that the model cannot predict.

    From 0 on, lower is better, 1 is chance (codes drawn evenly). Above 1 the model is surer than it may be.
    """
    return Ratio(
        "nll-over-log-codebook",
        NATS,
        ("number.bits",),
        direction="lower",
        transform=in_bits,
        traits=replace(NOT_NEGATIVE, chance=1.0),
    )


def bits_from_context() -> Ratio:
    """Mean bits that the context saves: those of the case given nothing less those of the same case given it.

    Higher is better; 0 where the context says nothing to the model, below 0 where it misleads it. Its expectation is
    the pointwise mutual information of the two, under the model.
    """
    return Ratio(
        "bits-from-context", ("number.nats_saved",), unit="bit", transform=in_bits, traits=MetricTraits(chance=0.0)
    )
