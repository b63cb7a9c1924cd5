"""How the tasks on likelihoods are shown."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import ShownSeries, ShownTask

TEXT = ShownTask("text", ("bits-per-byte",), order=70, asked=("{caption}", "{title}"))
OF_PICTURES = replace(TEXT, order=72)
STRIDED = replace(TEXT, title="text in strides", order=75)
CODES = ShownTask("image codes", ("nll-over-log-codebook",), order=60, asked=("{caption}",))
GIVEN_CAPTION = replace(CODES, order=61)
POSITIONS = ShownTask(
    "codes by position",
    ("nll-over-log-codebook", "code-entropy-fall"),
    order=62,
    asked=("{caption}",),
    series=ShownSeries(
        title="Entropy against position",
        axis="position among the codes, in the order of reading",
        ways=(("entropy", "Entropy of the prediction"), ("surprise", "Surprise at the code")),
        measure="share",
        label="share of log V",
        unit="",
        caption="What a language model expects of each code, given those before it and nothing else: the entropy of "
        "its prediction and its surprise at the code that stands there, as shares of the log of the codebook's size. "
        "Means over sixteenths of the sequence; bands are 95 % intervals.",
        gallery="",
    ),
)


def of_source(shown: ShownTask, name: str) -> ShownTask:
    """One corpus stands for the others in the table over all tasks: Wikipedia's, then the captions of the world. A
    corpus of the user's own, or a published one, stands by itself."""
    places = {"wikipedia": 0, "captions": 1}
    if name in places:
        return replace(shown, order=shown.order + places[name])
    return replace(shown, title=f"{shown.title}, {name}", order=shown.order + 3)
