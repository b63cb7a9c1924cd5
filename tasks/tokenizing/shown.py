"""How the tasks on tokenizers are shown."""

from __future__ import annotations

from dataclasses import replace

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
ATTRIBUTES = ("colour", "shape", "size", "place", "background")


def _recovery(order: str, title: str) -> ShownSeries:
    return ShownSeries(
        title=f"What a part of the codes tells, {title}",
        axis="share of codes shown",
        ways=tuple((name, name) for name in ATTRIBUTES),
        measure=f"right-{order}",
        over=f"asked-{order}",
        label="share recovered",
        unit="",
        caption="Of the objects, and of the backgrounds: the share whose attribute can be told from the picture, since "
        "the true scene is nearer to it than any that differs in this attribute alone. Bands are 95 % intervals.",
        gallery="",
        share=True,
        panels="model",
        words="{way} {step} of {most} codes",
    )


OF_SCENES = replace(
    PROGRESSIVE, further=(_recovery("first", "first codes first"), _recovery("last", "last codes first"))
)
COUNTERFACTUAL = ShownTask(
    "counterfactual",
    ("semantic", "cut-and-paste", "mix-up"),
    order=87,
    pictures=(("original of B", "partner"),),
    reference="original",
    series=ShownSeries(
        title="Counterfactual interpolation",
        axis="share of the codes, or of their scales, replaced",
        ways=(("cut-and-paste", "Cut and paste"), ("mix-up", "Mix-up"), ("semantic", "Semantic")),
        measure="part",
        label="share",
        unit="",
        caption="A growing part of A's codes is replaced by B's. Cut and paste, mix-up: the share of the energy of A - "
        "B that the best mask of 4x4 patches, or the best cross-fade, explains of what is decoded. Semantic: the share "
        "of the objects found whose shape, colour and place are those of A or B and whose pixels neither explains. "
        "Bands are 95 % intervals; grey: controls.",
        gallery="From A, on the left, to B: so large a share of A's codes, or of the scales that they come in, is "
        "replaced by B's.",
        words="{step} replaced",
        over="whole",
        pictures=(("mixed", "Counterfactual interpolation"),),
        controls=True,
        apart=True,
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
