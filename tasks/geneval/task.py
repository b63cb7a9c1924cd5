"""GenEval as a task: four images of each prompt, detected, judged by GenEval's rule.

Paper: Ghosh, Hajishirzi, Schmidt 2023, "GenEval: An Object-Focused Framework for Evaluating Text-to-Image Alignment"
(arXiv 2310.11513). Data: ``geneval@world``, 600 prompts about the embedded world (ours, MIT); ``geneval@official``, the
553 official prompts (MIT) after ``ddtbench data prepare geneval --from PATH``; or any file in their schema.

Protocol: every prompt four times with other seeds; images rounded to 8 bits and, on the world, resized to 32 pixels
where the subject makes others; verdicts by the rule of ``tasks.geneval.scoring``, which agrees with the official script
on all of its seeded cases. Overall is the plain mean of the six tags. On the world the detector is exact and reads
colours too; thresholds and why are in ``tasks.geneval.world``, the prompts in ``tasks.world.prompts``. On the official
prompts it is Mask2Former with GenEval's colour classifier (``tasks.geneval.official.mask2former``,
``tasks.geneval.official.colours``); without their weights the score is *not measured: judge missing*.

Images made elsewhere, in the official layout, are scored by ``--model image-folder@FOLDER``: nothing is generated, and
a folder with a missing, repeated or other-sized image, or of other prompts, is refused with a list of what is wrong.

Known deviations: those of the rule (``tasks.geneval``), of the detector's pipeline and of the colour classifier, each
stated in its module. Seeds are one per image; the official sampler sets one seed before each prompt and draws all of
its images from it. World scores stand beside no published one; others only where ``coco.published_note`` is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.answers import pixels_of
from harness.contracts import Case, MadeElsewhere, Sample
from harness.images import Rounding, centre_crop_resize, describe_preprocessing, load_rgb
from tasks.geneval.entries import OFFICIAL, SHOWN
from tasks.geneval.image_folder import IMAGES_PER_PROMPT, check_images
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
        self.shown = SHOWN if set(SHOWN.headline) <= set(source.metrics) else OFFICIAL
        self._made_elsewhere = _files(source, subject.made_elsewhere if isinstance(subject, MadeElsewhere) else None)

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

    def load(self, case: Case) -> str | np.ndarray:
        """The prompt's text; the image itself where it was made elsewhere."""
        if self._made_elsewhere:
            return load_rgb(self._made_elsewhere[case.id])
        return str(case.facts["geneval"]["prompt"])

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> Sequence[Sample]:
        """One image per case. Raises ValueError for what are no images of its size (``harness.answers``)."""
        if self._made_elsewhere:
            return [
                Sample(case, images={"output": self._judged(image)}) for case, image in zip(cases, inputs, strict=True)
            ]
        import torch

        with torch.no_grad():
            images = subject.generate(list(inputs), list(seeds))
        if len(images) != len(cases):
            raise ValueError(f"{len(cases)} prompts, but {len(images)} images came back")
        pixels = pixels_of(images, len(cases), self.made_size, ROUNDING)
        return [Sample(case, images={"output": self._judged(image)}) for case, image in zip(cases, pixels, strict=True)]

    def _judged(self, image: np.ndarray) -> np.ndarray:
        side = self.source.size
        return image if side is None or image.shape[:2] == (side, side) else centre_crop_resize(image, side, FILTER)

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what generating costs is measured once per subject, by the generation task."""
        return {}


def _files(source: PromptSource, folder: Path | None) -> dict[str, Path]:
    """Case id to image, of a subject that is a folder of images; {} for the others. Raises IncompleteImages."""
    if folder is None:
        return {}
    images = check_images(folder, source.prompts, IMAGES_PER_PROMPT, classes=source.classes)
    return {f"{source.prompts[image.prompt].text}/{image.number}": image.path for image in images}


def build(argument: str, subject: Any) -> GenEval:
    """The catalogue's factory: ``geneval@world``, ``geneval@official`` or ``geneval@FILE.jsonl``."""
    return GenEval(open_prompts(argument), subject)
