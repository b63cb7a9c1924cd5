"""How the tasks on tokenizers are shown."""

from __future__ import annotations

from harness.contracts import ShownSeries, ShownTask

PLANE = ("psnr", "object-f1")
RECONSTRUCTION = ShownTask(
    "reconstruction",
    ("psnr",),
    order=80,
    reference="original",
    rate="bits-per-pixel",
    plane=PLANE,
    used=("bits-used", "bits-per-image"),
)
PROGRESSIVE = ShownTask(
    "progressive decoding",
    ("progressive-psnr",),
    order=85,
    reference="original",
    series=ShownSeries(
        title="Progressive decoding",
        axis="share of codes shown",
        ways=(("first", "First codes first"), ("last", "Last codes first")),
        measure="psnr",
        label="PSNR",
        unit="dB",
        caption="PSNR of images decoded from a part of their codes, in the tokenizer's own order and in reverse. What "
        "a missing code is, each tokenizer states. Bands are 95 % intervals.",
        gallery="Decoded from a part of the codes only; the number below a picture is how many. What a missing code "
        "is, each tokenizer states.",
        share=True,
        words="{way} {step} of {most} codes",
    ),
)
RECURSION = ShownTask(
    "recursion",
    ("recursion-gain", "recursion-gain-over-shuffled"),
    order=86,
    reference="original",
    series=ShownSeries(
        title="Estimates from noise",
        axis="share of noise, t",
        ways=(("codes", "with its codes"), ("none", "without codes"), ("shuffled", "with another image's codes")),
        measure="psnr",
        label="PSNR",
        unit="dB",
        caption="PSNR of the clean image estimated in one step from a noisy one, against the share of noise t. Bands "
        "are 95 % intervals.",
        gallery="The clean image estimated in one step from a noisy one; t is the share of noise, 1 is noise alone.",
        panels="model",
        words="t = {step}",
    ),
)
