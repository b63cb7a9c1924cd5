"""What mmdet 2.x does around Mask2Former (``mask2former_swin-s-p4-w7-224_lsj_8x2_50e_coco``).

It is not what transformers' own processor does, which resizes masks to 384 pixels first:

* 8-bit pixels resized by OpenCV's bilinear rule, sides in proportion, to fit 1333 x 800 (large-scale jitter is a matter
  of training alone); padded right and below with grey 128 to multiples of 32; minus mean, over deviation;
* mask logits resized to the padded size, cut to the picture, resized to its original size, all bilinearly;
* the 100 best pairs of query and class by softmax; score = that times the mean probability inside the mask; mask =
  logit above 0; box = the mask's first column and row and one past its last ones; 0 0 0 0 for an empty mask.

Source: ``.mim/configs/mask2former``, ``maskformer_fusion_head.py`` and ``core/mask/utils.py`` of mmdet 2.28.2; equal to
them on seeded weights (``tests/parity/mask2former``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.geneval.official.opencv_resize import resize_bilinear

if TYPE_CHECKING:
    from torch import Tensor

MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
LONG_SIDE, SHORT_SIDE = 1333, 800
MULTIPLE, PADDING = 32, 128
PER_PICTURE = 100


@dataclass(frozen=True)
class Instance:
    """One object: COCO's class number, a score in [0, 1], ``x0 y0 x1 y1`` in pixels, a bool mask ``height width``."""

    label: int
    score: float
    box: tuple[float, float, float, float]
    mask: np.ndarray


def fitted_size(size: tuple[int, ...], long_side: int, short_side: int) -> tuple[int, int]:
    """(height, width) scaled as far as both limits allow, rounded half up: mmcv's ``rescale_size``."""
    scale = min(long_side / max(size), short_side / min(size))
    return int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)


def prepared(picture: np.ndarray, fit: tuple[int, int] = (LONG_SIDE, SHORT_SIDE)) -> Tensor:
    """What the network sees of an 8-bit picture: float32 ``3 height width``, multiples of 32."""
    import torch
    from torch.nn.functional import pad

    height, width = fitted_size(picture.shape[:2], *fit)
    pixels = torch.from_numpy(resize_bilinear(picture, height, width)).permute(2, 0, 1).float()
    pixels = pad(pixels, (0, -width % MULTIPLE, 0, -height % MULTIPLE), value=PADDING)
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return (pixels - mean) / deviation


def instances_of(
    classes: Tensor, masks: Tensor, padded: tuple[int, ...], shown: tuple[int, int], size: tuple[int, ...]
) -> list[Instance]:
    """Of one picture, best first: ``classes`` logits ``queries classes+1`` (the last is *nothing*), ``masks`` logits
    ``queries height/4 width/4`` of the picture ``padded``, in which it is ``shown``; ``size`` is its own."""
    import torch
    from torch.nn.functional import interpolate

    scores, places = classes.softmax(-1)[:, :-1].flatten().topk(min(PER_PICTURE, classes[:, :-1].numel()))
    asked, queries = torch.unique(places // (classes.shape[1] - 1), return_inverse=True)  # only these are made large
    full = interpolate(masks[None, asked], size=padded, mode="bilinear", align_corners=False)
    full = interpolate(full[..., : shown[0], : shown[1]], size=tuple(size), mode="bilinear", align_corners=False)[0]
    inside = full > 0
    certainty = (full.sigmoid() * inside).sum((1, 2)) / (inside.sum((1, 2)) + 1e-6)
    totals = (scores * certainty[queries]).cpu().numpy()
    labels, rows, regions = (places % (classes.shape[1] - 1)).tolist(), queries.tolist(), inside.cpu().numpy()
    order = np.argsort(-totals, kind="stable")
    return [Instance(labels[i], float(totals[i]), box_of(regions[rows[i]]), regions[rows[i]]) for i in order]


def box_of(mask: np.ndarray) -> tuple[float, float, float, float]:
    """mmdet's ``mask2bbox``: the right and lower ends are one past the last pixel."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def describe(fit: tuple[int, int] = (LONG_SIDE, SHORT_SIDE)) -> Mapping[str, Any]:
    """What is done to a picture, for a protocol fingerprint."""
    return {"resize": f"opencv-bilinear-fit-{fit[0]}x{fit[1]}", "per_picture": PER_PICTURE, "pad": f"{PADDING}/32"}
