"""``generation@coco-captions-30k``: pictures from COCO's captions, with the captions' own pictures as the reference
set.

Each case is one caption; its reference is the picture that the caption tells of, short side to the subject's size and
centre crop. The features are those of instruments that work where their weights are: ``efficientnet-lite0`` for a
kernel distance, ``clip-vit-b32`` for CLIP-T, the cosine of picture and caption (CLIPScore without its factor of 2.5 and
its floor at 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from harness.contracts import Case
from tasks.data.coco_captions import DATA
from tasks.data.tables import Records, picture

if TYPE_CHECKING:
    import numpy as np

METRICS = ("kid-efficientnet-lite0", "clip-t")


class CocoReference:
    """A source of cases and reference pictures (``reference.Reference``), read when they are needed."""

    name = "coco-captions-30k"
    data = ("coco-captions-30k",)
    native_size: int | None = None

    def __init__(self, path: str = "") -> None:
        self.path = path

    @cached_property
    def _opened(self) -> tuple[Records, str]:
        return DATA.open(self.path)

    @property
    def revision(self) -> str:
        return self._opened[1]

    @property
    def about(self) -> str:
        """One line for fingerprints; files of the user's own are told by their number of rows."""
        return f"COCO 2014 validation, the pictures of {len(self._opened[0].cells):,} captions"

    @property
    def asked(self) -> str:
        return f"{len(self._opened[0].cells):,} captions of COCO 2014 validation, one per picture"

    def cases(self) -> Sequence[Case]:
        rows = enumerate(self._opened[0].cells)
        return tuple(Case(name := f"coco-{row:05d}", name, "", {"caption": cells["caption"]}) for row, cells in rows)

    def image(self, case: Case) -> np.ndarray:
        """The picture that the caption tells of, at its own size. Raises ValueError for one that cannot be read."""
        return picture(self._opened[0], int(case.id.rpartition("-")[2]), "image")
