"""Recursion: do the codes rebuild the image from any timestep? The central claim of diffusion timestep tokens.

Paper: DDT-LLaMA (arXiv 2504.14666): at every timestep the codes make up for what noise took away, so that the clean
image can be estimated from x_t and the codes of that step. Data and licences: ``tasks/tokenizing/sources.py``.

Protocol: for t = 0.1, 0.2 ... 1.0 the state x_t is made with the case's seed, and the clean image is estimated from
it in one step with the codes which the schedule shows at t; with no code at all; and with the codes of another
image, the next one of the source. Gains are differences of PSNR in dB, image by image. If the codes carry what the
noise took, the gain over no code grows with t and the codes of another image do worse than none.

Known gaps: a one-step estimate at high noise is a mean over what could be there, so its PSNR is below that of
sampling; "no code" is a state that the decoder met in training only as far as its schedule hides codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.answers import codes_of
from harness.contracts import Case, Sample
from harness.metrics.ratio import Ratio
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.progressive import psnr
from tasks.tokenizing.sources import ImageSource, open_source

if TYPE_CHECKING:
    import numpy as np

TIMES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))
SHOWN_TIMES = (0.2, 0.5, 0.8, 1.0)
"""Times of which the estimates are kept as pictures."""

WAYS = ("codes", "none", "shuffled")


class Recursion(TokenizerTask):
    """``recursion@SOURCE``. Numbers are ``psnr-codes-0.5``, ``psnr-none-0.5``, ``psnr-shuffled-0.5``, and gains
    over the latter two."""

    title = "recursion"
    examines = "Denoises"
    metrics = (
        "recursion-gain",
        "recursion-gain-over-shuffled",
        "recursion-gain-at-0.2",
        "recursion-gain-at-0.5",
        "recursion-gain-at-0.8",
        "recursion-gain-at-1.0",
        "recursion-psnr",
    )

    def __init__(self, source: ImageSource, subject: Any) -> None:
        super().__init__(source, subject)
        cases = self.cases()
        # Fixed by the source's order, so that neither the batch nor the limit chooses whose codes are taken.
        self._next = {case.id: cases[(index + 1) % len(cases)] for index, case in enumerate(cases)}

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {**super().fingerprint, "times": list(TIMES), "shuffled": "codes of the source's next image"}

    def load(self, case: Case) -> Any:
        """(the reference, the image whose codes are taken for ``shuffled``)."""
        return super().load(case), super().load(self._next[case.id])

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[np.ndarray, np.ndarray]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One step per time and way, for the whole batch at once."""
        import numpy as np
        import torch

        references = np.stack([reference for reference, _ in inputs])
        facts = [case.facts for case in cases]
        scores: dict[str, list[float]] = {}
        pictures: dict[str, np.ndarray] = {}
        with torch.no_grad():
            images = self.input_batch(subject, list(references))
            codes = codes_of(subject.encode(images), len(cases), subject)
            partners = self.input_batch(subject, [partner for _, partner in inputs])
            other = codes_of(subject.encode(partners), len(cases), subject)
            hidden = torch.zeros(codes.shape, dtype=torch.bool, device=codes.device)
            for t in TIMES:
                noisy = subject.add_noise(images, t, seeds)
                for way, (given, mask) in {
                    "codes": (codes, None),
                    "none": (codes, hidden),
                    "shuffled": (other, None),
                }.items():
                    estimate = self.stored(subject.denoise(given, noisy, t, visible=mask), len(cases))
                    scores[f"psnr-{way}-{t}"] = psnr(references, estimate, facts)
                    if t in SHOWN_TIMES:
                        pictures[f"{way}-{t}"] = estimate
        return [
            Sample(
                case,
                images={"reference": references[row], **{name: batch[row] for name, batch in pictures.items()}},
                codes=codes[row].tolist(),
                numbers=_with_gains({name: values[row] for name, values in scores.items()}),
            )
            for row, case in enumerate(cases)
        ]


def _with_gains(scores: Mapping[str, float]) -> dict[str, float]:
    numbers = dict(scores)
    for way in WAYS[1:]:
        gains = {t: scores[f"psnr-codes-{t}"] - scores[f"psnr-{way}-{t}"] for t in TIMES}
        numbers |= {f"gain-{way}-{t}": gain for t, gain in gains.items()}
        numbers[f"gain-{way}"] = sum(gains.values()) / len(gains)
    numbers["psnr-codes"] = sum(scores[f"psnr-codes-{t}"] for t in TIMES) / len(TIMES)
    return numbers


def _gain(name: str, column: str) -> Ratio:
    return Ratio(name, (f"number.{column}",), unit="dB")


def gain() -> Ratio:
    """PSNR with the codes less PSNR without any, mean over t and images. Above 0: the codes help."""
    return _gain("recursion-gain", "gain-none")


def gain_over_shuffled() -> Ratio:
    """PSNR with the image's own codes less PSNR with those of another image, mean over t and images."""
    return _gain("recursion-gain-over-shuffled", "gain-shuffled")


def gain_at_02() -> Ratio:
    """The gain over no codes at t = 0.2 (little noise)."""
    return _gain("recursion-gain-at-0.2", "gain-none-0.2")


def gain_at_05() -> Ratio:
    """The gain over no codes at t = 0.5."""
    return _gain("recursion-gain-at-0.5", "gain-none-0.5")


def gain_at_08() -> Ratio:
    """The gain over no codes at t = 0.8."""
    return _gain("recursion-gain-at-0.8", "gain-none-0.8")


def gain_at_1() -> Ratio:
    """The gain over no codes at t = 1 (pure noise): all that is known of the image comes from the codes."""
    return _gain("recursion-gain-at-1.0", "gain-none-1.0")


def mean_psnr() -> Ratio:
    """PSNR of the one-step estimates with codes, mean over t and images."""
    return Ratio("recursion-psnr", ("number.psnr-codes",), unit="dB", worst=0.0)


def build(argument: str, subject: Any) -> Recursion:
    """The catalogue's factory: ``recursion@SOURCE``."""
    return Recursion(open_source(argument), subject)
