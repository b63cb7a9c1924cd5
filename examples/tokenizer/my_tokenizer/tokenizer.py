"""The tokenizer: replace ``encode`` and ``decode`` by calls of yours."""

import torch
from torch.nn.functional import avg_pool2d, interpolate

LEVELS = 4  # of red, of green and of blue
WEIGHTS = torch.tensor([LEVELS**2, LEVELS, 1])


class Blocks:
    version = 1  # part of a run's key: raise it when codes or pictures change
    image_size = 32
    code_count = 64  # 8x8 blocks of 4x4 pixels
    codebook_size = LEVELS**3  # a picture costs code_count * log2(codebook_size) = 384 bits

    def encode(self, images):
        """Floats in [0, 1], ``batch 3 size size``, to whole numbers in [0, codebook_size), ``batch codes``."""
        levels = (avg_pool2d(images, 4) * LEVELS).long().clamp(0, LEVELS - 1)  # batch 3 8 8
        return (levels * WEIGHTS[:, None, None]).sum(dim=1).flatten(1)

    def decode(self, codes, visible=None, seeds=None):
        """And back. ``visible`` marks the codes that may be used (None: all); here an absent one is middle grey."""
        levels = torch.stack([codes // weight % LEVELS for weight in WEIGHTS.tolist()], dim=1)  # batch 3 codes
        colours = (levels + 0.5) / LEVELS
        if visible is not None:
            colours = torch.where(visible[:, None], colours, 0.5)
        return interpolate(colours.unflatten(2, (8, 8)), scale_factor=4)


def open_tokenizer(source, device):
    """``source`` is what follows the @ in ``my-tokenizer@FOLDER``: the place of weights, of which this one has none."""
    return Blocks()
