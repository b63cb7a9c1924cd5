"""From what a model says of a case to its sample: numbers, or a failure with its reason."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from harness.contracts import Case, Likelihood, Sample


def readable(text: str) -> str:
    """The same text. Raises ValueError for one that holds nothing, or what UTF-8 cannot hold."""
    if not text.strip():
        raise ValueError("the text is empty")
    text.encode("utf-8")  # UnicodeEncodeError is a ValueError: half of a surrogate pair
    return text


def text_sizes(text: str) -> dict[str, float]:
    """White-space words and UTF-8 bytes, counted as lm-eval counts them for its word and byte perplexity."""
    return {"words": float(len(re.split(r"\s+", text))), "bytes": float(len(text.encode("utf-8")))}


def complaint(found: Likelihood) -> str:
    """Why this is no likelihood, or an empty string."""
    if not math.isfinite(found.nats):
        return f"the model's log-likelihood is not finite ({-found.nats})"
    if found.nats < 0:
        return f"the model's log-likelihood is above 0 ({-found.nats:.6g})"
    if found.tokens < 1 or (found.choices is not None and found.choices < 2):
        return f"the model counted {found.tokens} tokens of a vocabulary of {found.choices}"
    return ""


def scored(
    cases: Sequence[Case],
    found: Sequence[Likelihood],
    alone: Sequence[Likelihood] | None,
    sizes: Sequence[Mapping[str, float]],
) -> list[Sample]:
    """One sample per case: ``nats``, ``tokens``, ``choices``, ``bits`` (what the tokens cost when all are equally
    likely; neither where the model does not say its vocabulary) and these sizes; ``nats_alone`` and ``nats_saved``
    where the case was scored given nothing as well.

    Raises ValueError where the model did not answer for every case.
    """
    samples = []
    beside: Sequence[Likelihood | None] = [None] * len(cases) if alone is None else alone
    for case, one, other, size in zip(cases, found, beside, sizes, strict=True):
        reason = complaint(one) or (complaint(other) if other else "")
        if reason:
            samples.append(Sample(case, "failed", reason))
            continue
        numbers = {"nats": float(one.nats), "tokens": float(one.tokens), **size}
        if one.choices is not None:
            numbers |= {"choices": float(one.choices), "bits": one.tokens * math.log2(one.choices)}
        if other:
            numbers |= {"nats_alone": float(other.nats), "nats_saved": float(other.nats) - float(one.nats)}
        samples.append(Sample(case, numbers=numbers))
    return samples
