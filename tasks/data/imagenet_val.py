"""ImageNet's validation split (Russakovsky et al. 2015, arXiv 1409.0575; research use, by ImageNet's terms): 50,000
photographs, read from the hub's Parquet (``ILSVRC/imagenet-1k``: image, label).

``reconstruction@imagenet-val`` shows each as tokenizer papers do: short side to 256 pixels, centre crop, 8 bit. Papers
differ in the filter; here it is Pillow's bicubic, antialiased, and the fingerprint says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contracts import Case
from tasks.data.prepared import DataSet
from tasks.data.tables import Records, Schema, picture

if TYPE_CHECKING:
    import numpy as np

ROWS = 50_000
SIDE = 256
CURE = (
    "get data/validation-*.parquet of the hub's ILSVRC/imagenet-1k (you must accept its terms) and run "
    "'ddtbench data prepare imagenet-val --from FOLDER'"
)
SCHEMA = Schema("ImageNet's validation split", CURE, numbers=("label",), images=("image",))

DATA = DataSet("imagenet-val", SCHEMA, "validation", ROWS)


def prepare(source: str | None = None) -> Path:
    """The catalogue's factory: check and convert, once."""
    return DATA.prepare(source)


def at_hand() -> bool:
    """Whether it is prepared."""
    return DATA.at_hand()


class ImageNetVal:
    """A source of test images (``sources.ImageSource``): 256x256, in the files' order. The fact ``label`` is the
    class."""

    name = "imagenet-val"
    data = ("imagenet-val",)
    native_size: int | None = SIDE

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
        count = len(self._opened[0].cells)
        return f"ImageNet, {count:,} validation images, short side {SIDE} (bicubic-antialias), centre crop"

    def cases(self) -> Sequence[Case]:
        rows = enumerate(self._opened[0].cells)
        return tuple(
            Case(name := f"imagenet-val-{row:05d}", name, "", {"label": cells["label"]}) for row, cells in rows
        )

    def image(self, case: Case) -> np.ndarray:
        """The cropped photograph. Raises ValueError for one that cannot be read."""
        from harness.images import centre_crop_resize

        row = int(case.id.rpartition("-")[2])
        cropped: np.ndarray = centre_crop_resize(picture(self._opened[0], row, "image"), SIDE)
        return cropped
