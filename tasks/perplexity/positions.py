"""The task ``code-entropy@world``: is a language of image codes one that can be read from left to right?

Paper: DDT-LLaMA (arXiv 2504.14666) calls codes that are ordered in space "an impossible language" for a language model,
and shows entropies of predictions against the position; Kallini et al. 2024 (arXiv 2401.06416) test a language model on
its language beside reversed and shuffled ones. Data: test scenes of the embedded world (ours, MIT).

Protocol: a picture's codes alone, in the order in which the model learned to read them (its recipe's ``order``), no
caption. At each position the entropy of what the model predicts and the surprise at the code that stands there, among
codes only, as shares of log V (V the codebook's size: 1 is chance), averaged over sixteenths of the sequence. The same
language model trained on native, reversed and shuffled codes of one tokenizer (``ddt-scaling-0.5m-s0``,
``...-reversed-s0``, ``...-shuffled-s0`` and so on) then shows whether the order matters to it: the gap of
``nll-over-log-codebook`` is paired by picture.

Known gaps: how much a single code says differs from position to position by itself; only the three orders together tell
what the order does. A shuffled order is one fixed permutation, the same for every picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import SHARE, Case, CodeScores, MetricTraits, Sample
from harness.errors import UserError, nearest
from harness.metrics.ratio import Ratio
from tasks.perplexity.shown import POSITIONS
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.sources import WorldSource

PARTS = 16


class CodeEntropy(TokenizerTask):
    """Numbers: ``nats`` and ``entropy`` of the picture, ``fall`` (entropy of the first half of the codes less that of
    the second), ``bits`` (of the codes when all are equally likely), and ``share-entropy-0.03125`` ...,
    ``share-surprise-0.03125`` ... at the middle of each sixteenth."""

    title = "code-entropy"
    examines = "ScoresCodes"
    metrics = ("nll-over-log-codebook", "code-entropy", "code-entropy-fall")
    shown = POSITIONS

    def __init__(self, subject: Any) -> None:
        super().__init__(WorldSource(), subject)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {**super().fingerprint, "given": "nothing", "counted": "the codes, no marker", "parts": PARTS}

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> Sequence[Sample]:
        """Score one batch of pictures."""
        import torch

        with torch.no_grad():
            found = subject.score_codes(self.input_batch(subject, inputs))
        return [_sample(case, scores) for case, scores in zip(cases, found, strict=True)]


def _sample(case: Case, found: CodeScores) -> Sample:
    count = len(found.nats)
    if count < 2 or len(found.entropies) != count or found.choices < 2:
        reason = f"the model scored {count} codes and {len(found.entropies)} predictions of {found.choices} choices"
        return Sample(case, "failed", reason)
    if not all(math.isfinite(value) and value >= -1e-9 for value in (*found.nats, *found.entropies)):
        return Sample(case, "failed", "the model's likelihoods or entropies are below 0 or not finite")
    one, half = math.log(found.choices), count // 2
    numbers = {
        "nats": sum(found.nats),
        "entropy": sum(found.entropies),
        "fall": _mean(found.entropies[:half]) - _mean(found.entropies[-half:]),
        "one": one,
        "bits": count * math.log2(found.choices),
    }
    for way, values in (("entropy", found.entropies), ("surprise", found.nats)):
        for part in range(PARTS):
            inside = values[count * part // PARTS : count * (part + 1) // PARTS]
            if inside:
                numbers[f"share-{way}-{(part + 0.5) / PARTS:g}"] = _mean(inside) / one
    return Sample(case, numbers=numbers)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def code_entropy() -> Ratio:
    """Entropy of what the model predicts for a code, as a share of ln V: mean over codes and pictures. In [0, 1]; 1 is
    a model that knows nothing. It is no score: a model can be sure and wrong (``nll-over-log-codebook``)."""
    return Ratio("code-entropy", ("number.entropy",), ("number.bits",), "none", transform=_bits, traits=SHARE)


def entropy_fall() -> Ratio:
    """Mean entropy over the first half of the codes less that over the second half, as a share of ln V. In [-1, 1];
    above 0 the model gets surer as it reads."""
    traits = MetricTraits(bounds=(-1.0, 1.0))
    return Ratio("code-entropy-fall", ("number.fall",), ("number.one",), "none", traits=traits)


def _bits(nats: Any) -> Any:
    return nats / math.log(2)


def build(argument: str, subject: Any) -> CodeEntropy:
    """The catalogue's factory: ``code-entropy@world``. Raises UserError for other pictures."""
    if argument not in ("", "world"):
        raise UserError(f"code-entropy asks about the world's scenes, not '{argument}'{nearest(argument, ['world'])}")
    return CodeEntropy(subject)
