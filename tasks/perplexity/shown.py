"""How the tasks on likelihoods are shown."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import ShownTask

TEXT = ShownTask("text", ("bits-per-byte",), order=70, asked=("{caption}", "{title}"))
OF_PICTURES = replace(TEXT, order=72)
STRIDED = replace(TEXT, title="text in strides", order=75)
CODES = ShownTask("image codes", ("nll-over-log-codebook",), order=60, asked=("{caption}",))
GIVEN_CAPTION = replace(CODES, order=61)


def of_source(shown: ShownTask, name: str) -> ShownTask:
    """One corpus stands for the others in the table over all tasks: Wikipedia's, then the captions of the world. A
    corpus of the user's own, or a published one, stands by itself."""
    places = {"wikipedia": 0, "captions": 1}
    if name in places:
        return replace(shown, order=shown.order + places[name])
    return replace(shown, title=f"{shown.title}, {name}", order=shown.order + 3)
