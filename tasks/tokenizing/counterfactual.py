"""Counterfactual interpolation: what does a picture show when a part of its codes is replaced by those of another?

Paper: the counterfactual interpolation of DDT-LLaMA's project page (arXiv 2504.14666): with VQGAN's codes it "actually
performs CutMix", with DDT's "only the attributes captured by the substituted tokens change". Data and licences:
``tasks/tokenizing/sources.py``.

Protocol: pictures are taken in pairs, A and its neighbour B, in the source's order, and each is once A and once B. The
first eighths of A's codes, in the tokenizer's native order, are replaced by those of B (where codes come in scales,
as VAR's, whole scales); the result M is decoded with the seed of the case, as are A and B from all their codes. M is
then compared with these *decoded* A and B (``tasks.tokenizing.blending``), so that what a tokenizer loses of a picture
counts neither for nor against it. On the world the objects in all three are looked for by the exact detector.

Numbers of a case are integrals over the share that is replaced, from 0 (M is A) to 1 (M is B), by trapezoids, so that
tokenizers with unlike steps can be compared. Both pictures of a pair are one cluster.

Read cut-and-paste beside mix-up: half way, a true cut is 75 % explained by the best cross-fade and the other way round,
and a mix that is A or B alone is explained wholly by both. ``cut-over-mix`` says which of the two it is nearer to.
Controls: the tokenizers ``cutmix``, ``mixup`` and ``swap`` (``baselines.controls.mixing``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.answers import codes_of
from harness.contracts import NOT_NEGATIVE, SHARE, Case, CodesInScales, MetricTraits, Sample
from harness.errors import UserError
from harness.metrics.ratio import Ratio
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.blending import HALF, PATCH, Blend, blend, semantic
from tasks.tokenizing.shown import COUNTERFACTUAL
from tasks.tokenizing.sources import ImageSource, open_source
from tasks.world.matching import TOLERANCE

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PARTS = 8
BLENDS = ("cut-and-paste", "mix-up", "cut-over-mix", "neither-explains")
MIXED = "mixed"
"""Pictures are ``mixed-0.125`` and so on; ``mixed-0`` is the decoded A, ``mixed-1`` the decoded B."""


def replaced(scales: Sequence[int], parts: int = PARTS) -> tuple[tuple[float, int], ...]:
    """(share of the scales, number of codes) that are replaced at each step, none and all among them. A tokenizer
    without scales has one for each code.

    Examples:
        >>> replaced([1] * 64)[:3]
        ((0.0, 0), (0.125, 8), (0.25, 16))
        >>> replaced([1, 4, 16, 64])
        ((0.0, 0), (0.25, 1), (0.5, 5), (0.75, 21), (1.0, 85))
    """
    whole = len(scales)
    counts = sorted({round(whole * part / parts) for part in range(parts + 1)})
    return tuple((count / whole, sum(scales[:count])) for count in counts)


class Counterfactual(TokenizerTask):
    """``counterfactual@SOURCE``. Sample images are ``reference`` (the original of A), ``partner`` (that of B) and
    ``mixed-0`` ... ``mixed-1``."""

    title = "counterfactual"
    metrics: Sequence[str] = BLENDS

    def __init__(self, source: ImageSource, subject: Any) -> None:
        super().__init__(source, subject)
        if len(source.cases()) < 2:
            raise UserError(f"counterfactual mixes two pictures, and {source.about} holds one: give a source of more")
        # what is no tokenizer is told elsewhere
        scales = subject.scales if isinstance(subject, CodesInScales) else [1] * int(getattr(subject, "code_count", 2))
        if len(scales) < 2:
            raise UserError("counterfactual replaces a part of the codes, and this tokenizer's picture has one code")
        self.steps = replaced(list(map(int, scales)))
        self.objects = source.name == "world"
        self.metrics = (*BLENDS, "semantic") if self.objects else BLENDS
        self.shown = COUNTERFACTUAL if self.objects else replace(COUNTERFACTUAL, headline=BLENDS[:2])

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        found = {
            **super().fingerprint,
            "replaced": "the first eighths of the codes, or of their scales, by those of the pair's other picture",
            "patches": f"{PATCH}x{PATCH}",
        }
        if self.objects:
            found["semantic"] = f"attributes of A or B within {TOLERANCE} px, less than {HALF:g} explained"
            found["detector"] = self._detector.digest
        return found

    @property
    def _detector(self) -> Any:
        from tasks.world.detector import open_world_detector

        return open_world_detector()

    @cached_property
    def _cases(self) -> Sequence[Case]:
        """Both of a pair are of one group; a last odd one is alone in its own."""
        cases = self.source.cases()
        return tuple(replace(case, group=f"pair-{cases[2 * (row // 2)].id}") for row, case in enumerate(cases))

    @cached_property
    def _partners(self) -> Mapping[str, Case]:
        cases = self.cases()
        last = len(cases) - 1
        return {case.id: cases[row ^ 1 if row ^ 1 <= last else 0] for row, case in enumerate(cases)}

    def load(self, case: Case) -> Any:
        """(A, B), each uint8 ``compared compared 3``."""
        return super().load(case), super().load(self._partners[case.id])

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[np.ndarray, np.ndarray]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Encode both, decode once per step."""
        import torch

        with torch.no_grad():
            own, other = (
                codes_of(subject.encode(self.input_batch(subject, side)), len(cases), subject)
                for side in zip(*inputs, strict=True)
            )
            made = [
                self.stored(subject.decode(mixture(own, other, count), seeds=seeds), len(cases))
                for _, count in self.steps
            ]
        found = self._found(made)
        return [
            Sample(
                case,
                images={
                    "reference": inputs[row][0],
                    "partner": inputs[row][1],
                    **{f"{MIXED}-{share:g}": step[row] for (share, _), step in zip(self.steps, made, strict=True)},
                },
                numbers=self._numbers([step[row] for step in made], [step[row] for step in found]),
            )
            for row, case in enumerate(cases)
        ]

    def _found(self, made: Sequence[np.ndarray]) -> list[list[list[dict[str, Any]]]]:
        """The objects of each picture, by step and case; none where they are not looked for."""
        if not self.objects:
            return [[[] for _ in step] for step in made]
        detector = self._detector
        return [detector.detect(step) for step in made]

    def _numbers(self, made: Sequence[np.ndarray], found: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, float]:
        shares = [share for share, _ in self.steps]
        blends = [blend(made[0], made[-1], picture) for picture in made]
        energy = float(blends[0].energy.sum())
        explained = {
            "cut-and-paste": [energy - float(item.cut.sum()) for item in blends],
            "mix-up": [energy - float(item.mix.sum()) for item in blends],
        }
        left = _integral(shares, [item.left for item in blends])
        cut, mix = (_integral(shares, explained[way]) for way in explained)
        numbers = {
            "energy": energy,
            "explained-cut-and-paste": cut,
            "explained-mix-up": mix,
            "left-neither": left,
            "cut-less-mix": cut - mix,
            "left-both": 2 * energy - cut - mix,
        }
        for way, values in explained.items():
            numbers[f"whole-{way}"] = energy
            numbers |= {f"part-{way}-{share:g}": value for share, value in zip(shares, values, strict=True)}
        return numbers | (self._objects(shares, found, blends) if self.objects else {})

    def _objects(
        self, shares: Sequence[float], found: Sequence[Sequence[Mapping[str, Any]]], blends: Sequence[Blend]
    ) -> dict[str, float]:
        counts = [semantic(items, found[0], found[-1], item) for items, item in zip(found, blends, strict=True)]
        numbers = {
            "objects": _integral(shares, [len(items) for items in found]),
            "objects-semantic": _integral(shares, counts),
        }
        for share, count, items in zip(shares, counts, found, strict=True):
            numbers[f"part-semantic-{share:g}"] = float(count)
            numbers[f"whole-semantic-{share:g}"] = float(len(items))
        return numbers


def mixture(own: Tensor, other: Tensor, count: int) -> Tensor:
    """``batch codes``: the first ``count`` codes are those of the other picture."""
    mixed = own.clone()
    mixed[:, :count] = other[:, :count]
    return mixed


def _integral(x: Sequence[float], y: Sequence[float]) -> float:
    import numpy as np

    return float(np.trapezoid(y, x))


_ENERGY = ("number.energy",)
_EXPLAINED = MetricTraits(bounds=(float("-inf"), 1.0))


def cut_and_paste() -> Ratio:
    """Share of the energy of A - B that the best binary mask over 4x4 patches explains of M: 1 - sum of squares that it
    leaves / sum of squares of A - B, mean over the share of codes that is replaced. At most 1, which a true CutMix
    reaches; below 0 where M is further from the best cut than A is from B. It describes and ranks nobody."""
    return Ratio("cut-and-paste", ("number.explained-cut-and-paste",), _ENERGY, direction="none", traits=_EXPLAINED)


def mix_up() -> Ratio:
    """The same for the best single alpha; a true MixUp reaches 1."""
    return Ratio("mix-up", ("number.explained-mix-up",), _ENERGY, direction="none", traits=_EXPLAINED)


def cut_over_mix() -> Ratio:
    """(what the best alpha leaves - what the best mask leaves) / (the sum of both), in [-1, 1]: 1 is a true cut, -1 a
    true cross-fade, 0 is as far from the one as from the other. No value where neither leaves anything."""
    traits = MetricTraits(bounds=(-1.0, 1.0))
    return Ratio("cut-over-mix", ("number.cut-less-mix",), ("number.left-both",), direction="none", traits=traits)


def neither_explains() -> Ratio:
    """What the better of the two explanations leaves of M, as a share of the energy of A - B. From 0 on."""
    return Ratio("neither-explains", ("number.left-neither",), _ENERGY, direction="none", traits=NOT_NEGATIVE)


def semantic_share() -> Ratio:
    """Share of the objects found in M that are semantic blends (``blending.semantic``). In [0, 1], higher is better; 0
    for a true CutMix or MixUp whose objects are all explained, and for B."""
    return Ratio("semantic", ("number.objects-semantic",), ("number.objects",), traits=SHARE)


def build(argument: str, subject: Any) -> Counterfactual:
    """The catalogue's factory: ``counterfactual@SOURCE``."""
    return Counterfactual(open_source(argument), subject)
