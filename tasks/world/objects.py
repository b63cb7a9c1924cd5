"""Do the objects survive a reconstruction? Ratios of the counts of an exact detector: true, spurious and lost objects.

Counts are added over all images before dividing, so an image with more objects counts for more; clusters keep them
together.
"""

from __future__ import annotations

from harness.contracts import SHARE
from harness.metrics.ratio import Ratio

_TRUE, _SPURIOUS, _LOST = (f"world-detector.{column}" for column in ("tp", "fp", "fn"))


def object_recall() -> Ratio:
    """Share of the true objects found again: tp / (tp + fn)."""
    return Ratio("object-recall", (_TRUE,), (_TRUE, _LOST), worst=0.0, traits=SHARE)


def object_precision() -> Ratio:
    """Share of the objects found that are true: tp / (tp + fp)."""
    return Ratio("object-precision", (_TRUE,), (_TRUE, _SPURIOUS), worst=0.0, traits=SHARE)


def object_f1() -> Ratio:
    """Harmonic mean of recall and precision: 2 tp / (2 tp + fp + fn)."""
    return Ratio("object-f1", (_TRUE, _TRUE), (_TRUE, _TRUE, _SPURIOUS, _LOST), worst=0.0, traits=SHARE)
