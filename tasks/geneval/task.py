"""GenEval as a task: four images of each prompt, detected, judged by GenEval's rule.

Paper: Ghosh, Hajishirzi, Schmidt 2023, "GenEval: An Object-Focused Framework for Evaluating Text-to-Image Alignment"
(arXiv 2310.11513). Data: ``geneval@world``, 600 prompts about the embedded world (ours, MIT); or
``geneval@PATH/evaluation_metadata.jsonl``, the official 553 (MIT).

Protocol: every prompt four times with other seeds; images rounded to 8 bits and, on the world, resized to 32 pixels
where the subject makes others; verdicts by the rule of ``tasks.geneval.scoring``, which agrees with the official script
on all of its seeded cases. Overall is the plain mean of the six tags. On the world the detector is exact and reads
colours too; thresholds and why are in ``tasks.geneval.world``, the prompts in ``tasks.world.prompts``.

Known gaps: the official prompts need Mask2Former on COCO and CLIP, which this version has not: their images are made
and stored, and the score is *not measured*. World scores stand beside no published one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.contracts import Case, Sample
from harness.images import Rounding, centre_crop_resize, describe_preprocessing, to_bytes
from tasks.geneval.image_folder import IMAGES_PER_PROMPT
from tasks.geneval.prompt_sets import PromptSource, open_prompts, tags_of

FILTER = "bicubic-antialias"
ROUNDING: Rounding = "nearest"


class GenEval:
    """``geneval@SOURCE``. A case is one image of one prompt; the sample's image is ``output``."""

    version = 1
    examines = "GeneratesImages"

    def __init__(self, source: PromptSource, subject: Any) -> None:
        self.source = source
        self.made_size = int(subject.image_size)
        self.name = f"geneval-{source.name}"
        self.data_revision = source.revision
        self.instruments = source.instruments
        self.metrics = source.metrics

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The protocol; metrics add the judge, its thresholds and the detector's digest."""
        size = self.source.size
        resized = size is not None and size != self.made_size
        return {
            "prompts": self.source.about,
            "revision": self.source.revision,
            "prompts_per_tag": tags_of(self.source.prompts),
            "images_per_prompt": IMAGES_PER_PROMPT,
            **(describe_preprocessing(size, FILTER) if resized and size else {"crop": "none", "resize": "none"}),
            "rounding": ROUNDING,
        }

    def cases(self) -> Sequence[Case]:
        return self.source.cases

    def load(self, case: Case) -> str:
        """The prompt's text."""
        return str(case.facts["geneval"]["prompt"])

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[str], seeds: Sequence[int]) -> Sequence[Sample]:
        """One image per case. Raises ValueError if the subject returns another number of images."""
        import torch

        with torch.no_grad():
            pixels = to_bytes(subject.generate(list(inputs), list(seeds)))
        if len(pixels) != len(cases):
            raise ValueError(f"{len(cases)} prompts, but {len(pixels)} images came back")
        return [Sample(case, images={"output": self._judged(image)}) for case, image in zip(cases, pixels, strict=True)]

    def _judged(self, image: np.ndarray) -> np.ndarray:
        side = self.source.size
        return image if side is None or image.shape[:2] == (side, side) else centre_crop_resize(image, side, FILTER)

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what generating costs is measured once per subject, by the generation task."""
        return {}


def build(argument: str, subject: Any) -> GenEval:
    """The catalogue's factory: ``geneval@world`` or ``geneval@PATH/evaluation_metadata.jsonl``."""
    return GenEval(open_prompts(argument), subject)
