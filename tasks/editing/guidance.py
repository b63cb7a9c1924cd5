"""Editing over a guidance sweep: what does it cost the source to have the instruction done?

Paper: the trade-off between fidelity and editability of DDT-LLaMA's project page (arXiv 2504.14666), as a curve over
the guidance scale as InstructPix2Pix draws it (Brooks et al. 2022, arXiv 2211.09800, figure 8). Data and rules: those
of ``editing@world`` (``tasks.editing.task``): every turn from the true previous picture, judged by the exact detector.

Protocol: the same edit, with the seed of its case, once at each scale of ``SCALES`` (1 is no guidance). *Success* is
that of ``edit-success``: what the instruction asks for is done. *Fidelity* is 1 less the mean absolute difference of
output and source, values in [0, 1]; what a true edit changes costs some, so that a perfect model does not reach 1 (the
number ``fidelity-true`` says how far it would). Both are needed: a copy of the source has a fidelity of 1 and no
success.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.contracts import SHARE, Case, MetricTraits, Sample
from harness.errors import UserError, nearest
from harness.metrics.ratio import Ratio
from tasks.editing.entries import GUIDED
from tasks.editing.judging import judge
from tasks.editing.surroundings import background_names
from tasks.editing.task import WorldEdits
from tasks.tokenizing.base import TokenizerTask

SCALES = (1.0, 1.5, 2.0, 3.0, 5.0)
SHIFT = MetricTraits(bounds=(-1.0, 1.0))


class GuidedEditing(TokenizerTask):
    """``editing-guidance@world``. Images: ``source``, ``reference`` (the true edit), ``guided-1`` ... ``guided-5``, and
    ``output``, the one at the scale in the middle. Numbers ``success-guided-1`` ..., ``fidelity-guided-1`` ..."""

    title = "editing-guidance"
    examines = "EditsWithGuidance"
    metrics: Sequence[str] = ("edit-success-swept", "source-fidelity", "success-gained", "fidelity-spent")
    shown = GUIDED
    source: WorldEdits

    def __init__(self, subject: Any) -> None:
        super().__init__(WorldEdits(chain=False), subject)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        from tasks.world.detector import open_world_detector

        found = {
            **super().fingerprint,
            "scales": list(SCALES),
            "fidelity": "1 - mean absolute difference to the source",
        }
        return found | {"judge": "edit-success", "detector": open_world_detector().digest}

    def load(self, case: Case) -> Any:
        """(picture before, true edit), each uint8 ``32 32 3``."""
        return self.source.image(case), self.source.true_edit(case)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[np.ndarray, np.ndarray]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One batch, once at each scale."""
        import torch

        before = [source for source, _ in inputs]
        told = [case.facts["instructions"][0] for case in cases]
        shown = self.input_batch(subject, before)
        with torch.no_grad():
            made = {
                scale: self.stored(subject.edit_guided(shown, told, list(seeds), scale), len(cases)) for scale in SCALES
            }
        done = {scale: successes(cases, pictures) for scale, pictures in made.items()}
        samples = []
        for row, (case, (source, true)) in enumerate(zip(cases, inputs, strict=True)):
            fidelity = {scale: alike(source, pictures[row]) for scale, pictures in made.items()}
            success = {scale: float(found[row]) for scale, found in done.items()}
            numbers = {f"success-guided-{scale:g}": value for scale, value in success.items()}
            numbers |= {f"fidelity-guided-{scale:g}": value for scale, value in fidelity.items()}
            numbers |= {
                "success": sum(success.values()) / len(SCALES),
                "fidelity": sum(fidelity.values()) / len(SCALES),
                "gained": success[SCALES[-1]] - success[SCALES[0]],
                "spent": fidelity[SCALES[0]] - fidelity[SCALES[-1]],
                "fidelity-true": alike(source, true),
            }
            images = {f"guided-{scale:g}": pictures[row] for scale, pictures in made.items()}
            middle = made[SCALES[len(SCALES) // 2]][row]
            samples.append(
                Sample(case, images={"source": source, "reference": true, "output": middle, **images}, numbers=numbers)
            )
        return samples


def alike(source: np.ndarray, output: np.ndarray) -> float:
    """1 less the mean absolute difference of two 8-bit pictures, values in [0, 1]."""
    return 1 - float(np.abs(source.astype(np.float64) - output).mean()) / 255


def successes(cases: Sequence[Case], pictures: np.ndarray) -> list[bool]:
    """Whether each picture does what its instruction asks for."""
    from tasks.world.detector import open_world_detector

    found, ends = open_world_detector().detect(pictures), background_names(pictures)
    rows = zip(cases, found, ends, strict=True)
    return [judge(case.facts, items, pair).success for case, items, pair in rows]


def success_swept() -> Ratio:
    """Share of edits in which the instruction is done, mean over the guidance scales. In [0, 1], higher is better."""
    return Ratio("edit-success-swept", ("number.success",), worst=0.0, traits=SHARE)


def source_fidelity() -> Ratio:
    """1 less the mean absolute difference of output and source, mean over the scales. In [0, 1]; 1 is a copy."""
    return Ratio("source-fidelity", ("number.fidelity",), direction="none", traits=SHARE)


def success_gained() -> Ratio:
    """Success at the largest guidance scale less success without guidance. In [-1, 1]."""
    return Ratio("success-gained", ("number.gained",), direction="none", traits=SHIFT)


def fidelity_spent() -> Ratio:
    """Fidelity without guidance less fidelity at the largest scale: what the gain costs. In [-1, 1]."""
    return Ratio("fidelity-spent", ("number.spent",), direction="none", traits=SHIFT)


def build(argument: str, subject: Any) -> GuidedEditing:
    """The catalogue's factory: ``editing-guidance@world``. Raises UserError for other pictures."""
    if argument not in ("", "world"):
        raise UserError(f"editing-guidance edits the world's scenes, not '{argument}'{nearest(argument, ['world'])}")
    return GuidedEditing(subject)
