"""Editing of photographs by instruction, by the protocols of MagicBrush, Emu Edit and DDT-LLaMA's editing table.

Papers: MagicBrush (Zhang et al. 2023, arXiv 2306.10012), Emu Edit (Sheynin et al. 2023, arXiv 2311.10089), DDT-LLaMA
(Pan et al. 2025, arXiv 2504.14666). Data and licences: ``tasks/data/``.

Protocol:

* ``editing@magicbrush`` (*all turns*): every turn is a case and starts from the true previous picture;
  ``editing-chain@magicbrush`` (*final turn*): a session is a case, each turn starts from the subject's own last output,
  and the last is compared with the last true edit. L1 and L2 at the target's size, CLIP-I, DINO, CLIP-T against the
  global description of the target; the target's own CLIP-T beside it; means over cases.
* ``editing@emu-edit``: no true edits exist. CLIPdir, CLIPout, and CLIPim, L1 and DINO against the *source*;
  ``editing@emu-edit-filtered`` leaves out the rows whose two captions are equal. Both are in use, and neither is ranked
  with the other.
* ``editing@evr:PATH``, ``editing@ma5k:PATH``: L1 and CVS.

Sizes: a subject is given the whole picture, stretched to its own size (Pillow's bicubic, antialiased, 8 bit), and its
output is stored as it is made. L1 and L2 resize the output to the size of what it is compared with (MagicBrush's rule);
CLIP and DINO look at the output at its own size, as MagicBrush's script does. So a model of 32 pixels is compared, and
loses what 32 pixels lose.

Known gaps: the published models edit at 512 pixels with the aspect ratio kept. The paper of Emu Edit does not say which
encoders it used; here they are MagicBrush's (as in UltraEdit). What CVS computes is not known; it is *assumed* to be
100 times CLIP-I, under another name. The files of EVR and MA5K that the paper used are not known either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.answers import pixels_of
from harness.contracts import Case, Sample, ShownTask
from harness.images import Rounding, from_bytes
from tasks.editing.picture_sets import OF_PAPER, PictureEdits, instructions_of
from tasks.editing.turns import edited, in_turns
from tasks.tokenizing.cost import device_of

if TYPE_CHECKING:
    import numpy as np

ROUNDING: Rounding = "nearest"
FILTER = "bicubic-antialias"
TITLES = {
    "magicbrush": "MagicBrush",
    "emu-edit": "Emu Edit",
    "emu-edit-filtered": "Emu Edit, filtered",
    "evr": "EVR",
    "ma5k": "MA5K",
}


DATA = {
    "magicbrush": ("magicbrush",),
    "emu-edit": ("emu-edit",),
    "emu-edit-filtered": ("emu-edit",),
}
"""The data entries that the sets come from."""


class PictureEditing:
    """``editing@SET`` and ``editing-chain@SET``. Sample images are ``output`` (the subject's size), ``reference`` (the
    true edit at its own size, or the source where there is none), and beside a true edit ``source``, as the subject was
    shown it."""

    version = 1
    examines = "EditsImages"

    def __init__(self, edits: PictureEdits, subject: Any) -> None:
        self.edits = edits
        self.side = int(subject.image_size)
        self.metrics = edits.metrics
        true_edit = (("true edit", "reference"),) if edits.target else ()
        self.shown = ShownTask(
            TITLES.get(edits.name, edits.name) + (", final turn" if edits.chain else ""),
            edits.metrics[:1],
            order=52,
            asked=("{instructions}",),
            pictures=(("before", "source" if edits.target else "reference"), *true_edit),
        )
        encoders = ("clip-vit-b32",) if edits.metrics == OF_PAPER else ("clip-vit-b32", "dino-vits16")
        self.instruments: Sequence[str] = ("picture-distance", *encoders)
        self.reads_data = DATA.get(edits.name, ())

    @property
    def name(self) -> str:
        return f"editing-{'chain-' if self.edits.chain else ''}{self.edits.name}"

    @property
    def data_revision(self) -> str:
        return self.edits.revision

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the numbers depend on beside the subject and the encoders, whose digests the metrics add."""
        against = "the true edit" if self.edits.target else "the source"
        begins = "the subject's own last output, 8 bit" if self.edits.chain else "the true previous picture"
        return {
            "reference": self.edits.about,
            "revision": self.edits.revision,
            "shown": f"whole picture stretched to {self.side}x{self.side}, {FILTER}, 8 bit",
            "compared with": against,
            "sizes": "output resized to the other picture, bicubic-antialias, 8 bit; encoders see it as made",
            "each turn starts from": begins,
            "rounding": ROUNDING,
        }

    def cases(self) -> Sequence[Case]:
        return self.edits.listed

    def load(self, case: Case) -> tuple[np.ndarray, np.ndarray]:
        """(source as it is shown, ``side side 3``; what the output is compared with, at its own size), both uint8.
        Raises ValueError for a picture that cannot be read."""
        source, compared = self.edits.pictures(case)
        return stretched(source, self.side), compared

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[np.ndarray, np.ndarray]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One batch (``turns.in_turns``). Raises ValueError for outputs of another number or size than the inputs'."""
        import numpy as np

        def edit(pictures: Sequence[np.ndarray], instructions: Sequence[str], drawn: Sequence[int]) -> np.ndarray:
            shown = from_bytes(np.stack(list(pictures))).to(device_of(subject))
            made = edited(subject, shown, instructions, drawn)
            return pixels_of(made, len(pictures), self.side, rounding=ROUNDING)

        made = in_turns(edit, [shown for shown, _ in inputs], instructions_of(cases), seeds)
        samples = []
        for case, (shown, compared), images in zip(cases, inputs, made, strict=True):
            beside = {"source": shown} if self.edits.target else {}
            samples.append(Sample(case, images={**beside, "reference": compared, **images}))
        return samples

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: what a language model costs is the same for every task that it answers."""
        return {}


def stretched(rgb: np.ndarray, side: int) -> np.ndarray:
    """A whole picture as a square: nothing is cut off, and the way back to its size undoes it."""
    import numpy as np
    from PIL import Image

    return np.array(Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC))
