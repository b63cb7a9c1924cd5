"""Reconstruction: what is left of an image after encoding and decoding, and at how many bits.

Paper: the rFID, PSNR and SSIM tables of tokenizer papers (VQGAN, arXiv 2012.09841; VAR, arXiv 2404.02905; Selftok,
arXiv 2505.07538). Data and licences: ``tasks/tokenizing/sources.py``; the world is ours (MIT), Fashion-MNIST is MIT,
photographs carry the licence in their facts, a folder is the user's own.

Protocol: every image is centre-cropped and resized to the subject's size (Pillow, named filter), encoded, decoded
from all its codes with the seeds of the run, and rounded to 8 bits; reference and output are compared as stored.
The world and Fashion-MNIST are compared at their native 32 pixels: for a subject of another size they are resized
on the way in and on the way out, and the fingerprint says so. Fashion-MNIST is scored on the unpadded 28x28 pixels,
one channel. ImageNet's validation photographs are compared at 256 pixels, after short side 256 and a centre crop.

rFID (``fid@adm``, ``sfid@adm``, ``kid-paired@adm``) is measured on a folder and on photographs, where the weights of
the FID network are at hand, against the same crop of the same images; other protocols by ``ddtbench observe`` and
``measure``.
Published rFIDs are of ImageNet's 50,000 validation images at 256 pixels (``reconstruction@imagenet-val``); which images
were compared and how many is in the fingerprint.

Known gaps: ``fd-world`` is a Frechet distance in the features of the world's own small network, also on photographs of
32 pixels, where it says less; pictures of another size have a kernel distance in EfficientNet-Lite0's features instead;
photographs shrunk to 32 pixels are of another kind than the zoo learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.answers import codes_of
from harness.contracts import Case, CountsBits, Sample
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.cost import tokenizer_cost
from tasks.tokenizing.shown import RECONSTRUCTION
from tasks.tokenizing.sources import ImageSource, open_source

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PROBE_BATCH = 32

WORLD_SIDE = 32
"""The one size that the world's feature net reads; larger pictures are compared in EfficientNet-Lite0's features."""
CODE_METRICS = ("codebook-use", "code-perplexity", "bits-per-image", "bits-used", "bits-per-pixel")
RFID_METRICS = ("fid@adm", "sfid@adm", "kid-paired@adm")
OBJECT_METRICS = ("object-recall", "object-precision", "object-f1")


def bits_per_image(subject: Any) -> float:
    """Bits of all codes of one image."""
    return float(subject.code_count * math.log2(subject.codebook_size))


def bits_spent(subject: Any, codes: Tensor) -> list[float]:
    """Bits of each image: what the subject itself counts (``bits(codes)``, a codec's files vary), else those of its
    codes."""
    if isinstance(subject, CountsBits):
        return [float(value) for value in subject.bits(codes)]
    return [bits_per_image(subject)] * len(codes)


class Reconstruction(TokenizerTask):
    """``reconstruction@SOURCE``. Sample images are ``reference`` and ``output``; numbers are bits, pixels, codes,
    codebook_size. Pixels are those which the subject was shown, padding included."""

    title = "reconstruction"

    def __init__(self, source: ImageSource, subject: Any) -> None:
        super().__init__(source, subject)
        world = source.name == "world"
        small = self.compared_size == WORLD_SIDE
        features, distance = (
            ("world-features", "fd-world") if small else ("efficientnet-lite0", "kid-efficientnet-lite0-paired")
        )
        full = source.native_size != WORLD_SIDE  # the world and Fashion-MNIST are not what FID's network knows
        further = (("world-detector",) if world else ()) + (("inception-adm",) if full else ())
        self.instruments = ("pixels", "lpips", features, *further)
        also = (OBJECT_METRICS if world else ()) + (RFID_METRICS if full else ())
        self.metrics = ("psnr", "ssim", "lpips", distance, *also, *CODE_METRICS)
        main = RFID_METRICS[:1] if full else OBJECT_METRICS[-1:] if world else ()
        order = RECONSTRUCTION.order + (0 if world else 1)
        self.shown = replace(
            RECONSTRUCTION, title=f"reconstruction, {source.name}", headline=("psnr", *main), order=order
        )

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Encode and decode one batch."""
        import torch

        with torch.no_grad():
            codes = codes_of(subject.encode(self.input_batch(subject, inputs)), len(cases), subject)
            outputs = self.stored(subject.decode(codes, seeds=seeds), len(cases))
        numbers = {
            "pixels": float(self.shown_size**2),
            "codes": float(subject.code_count),
            "codebook_size": float(subject.codebook_size),
        }
        rows, bits = codes.cpu().tolist(), bits_spent(subject, codes)
        return [
            Sample(
                case, images={"reference": reference, "output": output}, codes=row, numbers={**numbers, "bits": spent}
            )
            for case, reference, output, row, spent in zip(cases, inputs, outputs, rows, bits, strict=True)
        ]

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Parameters, decode FLOPs, milliseconds per image, CPU-hours of training (``tasks.tokenizing.cost``)."""
        references = []
        for case in self.cases()[: 2 * PROBE_BATCH]:
            try:
                references.append(self.load(case))
            except (OSError, ValueError):
                continue  # the run names it; what a batch costs does not depend on it
        if not references:
            return {}
        batch = (references * PROBE_BATCH)[:PROBE_BATCH]
        return {**tokenizer_cost(subject, self.input_batch(subject, batch)), "bits_per_image": bits_per_image(subject)}


def build(argument: str, subject: Any) -> Reconstruction:
    """The catalogue's factory: ``reconstruction@world``, ``@fashion``, ``@photos``, ``@imagenet-val[:PATH]`` or
    ``@FOLDER``."""
    return Reconstruction(open_source(argument), subject)
