"""Progressive decoding: the image from the first 1, K/8, 2K/8, ... K codes, and from the last ones.

Paper: the strips of partial decodings in DDT-LLaMA (arXiv 2504.14666, project page) and Selftok (arXiv 2505.07538).
Data and licences: ``tasks/tokenizing/sources.py``.

Protocol: codes are shown in the tokenizer's native order (``first-...``) and in reverse (``last-...``); what an
absent code is, each tokenizer states (DDT: zero and masked; VAR: a missing scale adds nothing; VQGAN: the mean
code). Both orders are shown because tokenizers do not agree on which end is coarse: VAR's first codes are coarse,
DDT's first codes are the fine detail, so that DDT's strip reads from coarse to fine in reverse. PSNR against the
shown image, on the pixels that the source compares.

Known gaps: no tokenizer but VAR was trained on prefixes of this kind; DDT has seen only prefixes, and hidden ones
at low noise, so its suffixes are outside of what it learned (the Selftok report says the same of its own figure).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.answers import codes_of
from harness.contracts import Case, Sample
from harness.metrics.ratio import Ratio
from harness.metrics.reconstruction import decibel
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.reconstruction import bits_spent
from tasks.tokenizing.sources import open_source

if TYPE_CHECKING:
    from torch import Tensor

PARTS = 8
ORDERS = ("first", "last")


def steps(count: int, parts: int = PARTS) -> tuple[int, ...]:
    """How many codes each picture of a strip is made from: 1, then multiples of ``count / parts`` rounded up, to
    ``count``."""
    return tuple(sorted({1, *(-(-count * part // parts) for part in range(1, parts + 1))}))


def step_name(order: str, shown: int) -> str:
    """For example ``first-008``; names sort as numbers below 1,000 codes."""
    return f"{order}-{shown:03d}"


def psnr(references: np.ndarray, outputs: np.ndarray, facts: Sequence[Mapping[str, Any]]) -> list[float]:
    """PSNR of each pair of 8-bit images in dB, by the definition of the metric ``psnr``, inside ``facts['crop']``
    if it is there."""
    values = []
    for reference, output, known in zip(references, outputs, facts, strict=True):
        top, left, height, width = known.get("crop", (0, 0, *reference.shape[:2]))
        inside = np.s_[top : top + height, left : left + width]
        difference = (reference[inside].astype(np.float64) - output[inside]) / 255
        if known.get("grey"):
            difference = difference.mean(axis=-1)
        values.append(float(decibel(np.array([np.square(difference).mean()]))[0]))
    return values


class Progressive(TokenizerTask):
    """``progressive@SOURCE``. Numbers are ``psnr-first-008`` ... and the area under each order's curve,
    ``area-first``."""

    title = "progressive"
    metrics = ("progressive-psnr", "progressive-psnr-reversed", "bits-per-image")

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {**super().fingerprint, "shares": f"1 code, then 1/{PARTS} ... {PARTS}/{PARTS}"}

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Encode once, decode once per order and step; all codes shown are the same picture in both orders."""
        import torch

        references = np.stack(list(inputs))
        count = int(subject.code_count)
        with torch.no_grad():
            codes = codes_of(subject.encode(self.input_batch(subject, inputs)), len(cases), subject)
            full = self.stored(subject.decode(codes, seeds=seeds), len(cases))
            pictures = {
                (order, shown): full
                if shown == count
                else self.stored(subject.decode(codes, visible=visible(codes, order, shown), seeds=seeds), len(cases))
                for order in ORDERS
                for shown in steps(count)
            }
        facts = [case.facts for case in cases]
        scores = {place: psnr(references, images, facts) for place, images in pictures.items()}
        bits = bits_spent(subject, codes)
        return [
            Sample(
                case,
                images={
                    "reference": inputs[row],
                    "output": full[row],
                    **{step_name(*place): images[row] for place, images in pictures.items()},
                },
                codes=codes[row].tolist(),
                numbers={**_numbers(scores, row, count), "bits": bits[row]},
            )
            for row, case in enumerate(cases)
        ]


def visible(codes: Tensor, order: str, shown: int) -> Tensor:
    """The mask ``batch codes`` that shows the first or the last codes."""
    import torch

    mask = torch.zeros(codes.shape, dtype=torch.bool, device=codes.device)
    mask[:, :shown] = True
    return mask if order == "first" else mask.flip(1)


def _numbers(scores: Mapping[tuple[str, int], Sequence[float]], row: int, count: int) -> dict[str, float]:
    numbers = {f"psnr-{step_name(*place)}": values[row] for place, values in scores.items()}
    shares = [shown / count for shown in steps(count)]
    for order in ORDERS:
        curve = [scores[order, shown][row] for shown in steps(count)]
        numbers[f"area-{order}"] = curve[-1] if len(curve) == 1 else _mean_height(shares, curve)
    return numbers


def _mean_height(x: Sequence[float], y: Sequence[float]) -> float:
    """The area under a curve by trapezoids, divided by its width."""
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def area_first() -> Ratio:
    """Mean PSNR over the share of codes shown, in native order: area under the curve, by trapezoids. Higher is
    better."""
    return Ratio("progressive-psnr", ("number.area-first",), unit="dB", worst=0.0)


def area_last() -> Ratio:
    """The same when codes are shown from the last one."""
    return Ratio("progressive-psnr-reversed", ("number.area-last",), unit="dB", worst=0.0)


def build(argument: str, subject: Any) -> Progressive:
    """The catalogue's factory: ``progressive@SOURCE``."""
    return Progressive(open_source(argument), subject)
