"""Cosines of embeddings: output against the true picture, against the source, against a caption, and of directions.

Encoders are the instruments ``clip-vit-b32`` and ``dino-vits16``, whose digests join every fingerprint. ``reference``
is the true edit (MagicBrush, arXiv 2306.10012) or, in sets that have none, the source (Emu Edit, arXiv 2311.10089): two
names for the same column keep the two kinds of number apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import SHARE, Columns, MetricTraits
from harness.metrics.ratio import Ratio

Floats = NDArray[np.float64]

CLIP, DINO = "clip-vit-b32", "dino-vits16"
DIRECTION = "unit embeddings; equal captions do not count; no movement is 0"
CVS = "assumed: 100 x cosine of CLIP ViT-B/32 picture embeddings; what the paper computes is not known"


@dataclass(frozen=True)
class Cosine:
    """Mean over cases of ``scale`` times the cosine of two columns of vectors; 1 (times ``scale``) for equal ones.

    A vector of zeros has no direction and is not finite here, so that it is named instead of counted.
    """

    name: str
    needs: tuple[str, ...]
    scale: float = 1.0
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    version: int = 1
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        return -self.scale

    @property
    def traits(self) -> MetricTraits:
        return MetricTraits(bounds=(-self.scale, self.scale), protocol=self.about)

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(cosines, ones)."""
        first, second = (np.asarray(columns[name], np.float64) for name in self.needs)
        norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.scale * (first * second).sum(1) / norms, np.ones(len(norms))


@dataclass(frozen=True)
class ClipDirection:
    """Mean cosine of (output - source) and (target caption - source caption), all embeddings at unit length first.

    A case whose two captions are equal asks for no direction and does not count; an output that did not move from its
    source has cosine 0 (as torch's ``cosine_similarity`` of a zero vector).
    """

    name: str = "clip-dir"
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    worst: float | None = -1.0
    needs: tuple[str, ...] = tuple(f"{CLIP}.{name}" for name in ("output", "reference", "caption", "source_caption"))

    @property
    def traits(self) -> MetricTraits:
        return MetricTraits(bounds=(-1.0, 1.0), protocol={"clip-dir": DIRECTION})

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(cosines, 1 where the captions differ)."""
        units = [np.asarray(columns[name], np.float64) for name in self.needs]
        output, source, target, before = (unit / np.linalg.norm(unit, axis=1, keepdims=True) for unit in units)
        moved, asked = output - source, target - before
        norms = np.linalg.norm(moved, axis=1) * np.linalg.norm(asked, axis=1)
        counts = (np.linalg.norm(asked, axis=1) > 0).astype(np.float64)
        return np.divide((moved * asked).sum(1), norms, out=np.zeros(len(norms)), where=norms > 0), counts


def clip_i() -> Cosine:
    """MagicBrush's CLIP-I: output against the true edit."""
    return Cosine("clip-i", (f"{CLIP}.output", f"{CLIP}.reference"))


def clip_t() -> Cosine:
    """MagicBrush's CLIP-T: output against the caption of what it should show."""
    return Cosine("clip-t", (f"{CLIP}.output", f"{CLIP}.caption"))


def clip_t_of_truth() -> Cosine:
    """The true edit's own CLIP-T, which MagicBrush's script prints as the oracle. It ranks nothing."""
    return Cosine("clip-t-of-truth", (f"{CLIP}.reference", f"{CLIP}.caption"), direction="none")


def dino() -> Cosine:
    """MagicBrush's DINO: output against the true edit."""
    return Cosine("dino", (f"{DINO}.output", f"{DINO}.reference"))


def cvs_assumed() -> Cosine:
    """The paper's CVS ("visual similarity"), as it is assumed here: CLIP-I times 100. Never equal to a published
    one."""
    needs = f"{CLIP}.output", f"{CLIP}.reference"
    return Cosine("cvs-assumed", needs, scale=100.0, about={"cvs": CVS})


def clip_im() -> Cosine:
    """Emu Edit's CLIPim: output against the source, so that an unchanged copy has 1."""
    return Cosine("clip-im", (f"{CLIP}.output", f"{CLIP}.reference"))


def clip_out() -> Cosine:
    """Emu Edit's CLIPout: output against the target caption."""
    return Cosine("clip-out", (f"{CLIP}.output", f"{CLIP}.caption"))


def clip_dir() -> ClipDirection:
    """Emu Edit's CLIPdir: whether the picture moved as its caption did."""
    return ClipDirection()


def dino_source() -> Cosine:
    """Emu Edit's DINO: output against the source."""
    return Cosine("dino-source", (f"{DINO}.output", f"{DINO}.reference"))


def l1_target() -> Ratio:
    """Mean absolute difference to the true edit, values in [0, 1], at its size (``picture-distance``)."""
    return Ratio("l1-target", ("picture-distance.l1",), direction="lower", worst=1.0, traits=SHARE)


def l2_target() -> Ratio:
    """Mean squared difference to the true edit, no root, at its size."""
    return Ratio("l2-target", ("picture-distance.l2",), direction="lower", worst=1.0, traits=SHARE)


def l1_source() -> Ratio:
    """Mean absolute difference to the source, at its size: an unchanged copy has next to nothing."""
    return Ratio("l1-source", ("picture-distance.l1",), direction="lower", worst=1.0, traits=SHARE)
