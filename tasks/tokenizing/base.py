"""What every task that shows pictures to a tokenizer, or to a model that is built on one, has in common.

Pictures are centre-cropped and resized to the subject's size on the way in (Pillow, named filter), and where they are
compared at another size, on the way out; what comes out is rounded to 8 bits. The fingerprint says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.answers import pixels_of
from harness.contracts import Case
from harness.images import Rounding, centre_crop_resize, describe_preprocessing, from_bytes
from tasks.tokenizing.cost import device_of
from tasks.tokenizing.sources import ImageSource

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

FILTER = "bicubic-antialias"
ROUNDING: Rounding = "nearest"


class TokenizerTask:
    """Source, preparation and fingerprint."""

    title = ""
    version = 1
    examines = "ImageTokenizer"
    instruments: Sequence[str] = ()
    metrics: Sequence[str] = ()

    def __init__(self, source: ImageSource, subject: Any) -> None:
        self.source = source
        self.shown_size = int(subject.image_size)
        self.compared_size = source.native_size or self.shown_size

    @property
    def name(self) -> str:
        return f"{self.title}-{self.source.name}"

    @property
    def data_revision(self) -> str:
        return self.source.revision

    @property
    def reads_data(self) -> tuple[str, ...]:
        """The data entries that its pictures come from."""
        data: tuple[str, ...] = getattr(self.source, "data", ())
        return data

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the numbers depend on beside the subject."""
        resized = self.source.native_size != self.shown_size
        return {
            "reference": self.source.about,
            "revision": self.source.revision,
            **(describe_preprocessing(self.shown_size, FILTER) if resized else {"crop": "none", "resize": "none"}),
            "compared": f"{self.compared_size}x{self.compared_size}",
            "rounding": ROUNDING,
        }

    @cached_property
    def _cases(self) -> Sequence[Case]:
        return self.source.cases()

    def cases(self) -> Sequence[Case]:
        return self._cases

    def load(self, case: Case) -> np.ndarray:
        """The reference, uint8 ``compared compared 3``. Raises for an image that cannot be read."""
        image = self.source.image(case)
        side = self.compared_size
        return image if image.shape[:2] == (side, side) else centre_crop_resize(image, side, FILTER)

    def input_batch(self, subject: Any, references: Sequence[np.ndarray]) -> Tensor:
        """What the subject sees of these references: float ``batch 3 size size`` on its device."""
        import numpy as np

        pixels = np.stack(list(references))
        if pixels.shape[1] != self.shown_size:
            pixels = np.stack([centre_crop_resize(image, self.shown_size, FILTER) for image in pixels])
        return from_bytes(pixels).to(device_of(subject))

    def stored(self, images: Tensor, count: int | None = None) -> np.ndarray:
        """What the subject made of ``count`` cases (None: as many as it made), as 8-bit pixels ``batch compared
        compared 3``. Raises ValueError for what are no images in [0, 1] of its size (``harness.answers``)."""
        import numpy as np

        pixels = pixels_of(images, len(images) if count is None else count, self.shown_size, rounding=ROUNDING)
        if pixels.shape[1] != self.compared_size:
            pixels = np.stack([centre_crop_resize(image, self.compared_size, FILTER) for image in pixels])
        return pixels

    def probe(self, subject: Any) -> Mapping[str, float]:
        """Nothing: the reconstruction task measures what a tokenizer costs, and asking again would cost as much."""
        return {}
