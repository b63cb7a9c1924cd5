"""The Inception network of 2015-12-05 on which FID is defined (Szegedy et al. 2015, arXiv 1512.00567; Heusel et al.
2017), with the keys of the weight file that pytorch-fid, torch-fidelity and torchmetrics share.

It is TensorFlow's first release of Inception v3, not torchvision's: 1008 classes, batch norm with epsilon 1e-3 before
every ReLU, averages inside the blocks that do not count padded cells, and a maximum instead of an average in the very
last block. Known deviations: none (equal to pytorch-fid, torch-fidelity and torchmetrics on the same weights in
``tests/parity/test_fid_inception.py`` and ``tests/harness/instruments/test_inception_peers.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.weights.checkpoints import fill_module

if TYPE_CHECKING:
    from jaxtyping import Float

SIDE = 299
CLASSES = 1008
SPATIAL_CHANNELS = 7

WIDTHS: Mapping[str, int] = {
    "64": 64,
    "192": 192,
    "768": 768,
    "spatial": 17 * 17 * SPATIAL_CHANNELS,
    "pool3": 2048,
    "logits": CLASSES,
    "logits_unbiased": CLASSES,
}
"""The layers that can be asked for and their widths.

``64``, ``192`` and ``768`` are means over places of the maps before the second, third and last stage (pytorch-fid's
``dims``). ``spatial`` is what sFID looks at: the first 7 channels of TensorFlow's ``mixed_6/conv``, flattened as rows,
columns, channels, the order of the ADM evaluator's ``mu_s``. ``logits_unbiased`` leaves the bias out, as the Inception
score of the ADM evaluator, torch-fidelity and torchmetrics does.
"""

Pool = Literal["", "average", "maximum", "halve"]
Conv = tuple[str, int, tuple[int, int], int]
"""(name, output channels, kernel, stride)."""
Branch = tuple[Pool, Sequence[Sequence[Conv]]]
"""What is pooled first, then steps; the convolutions of one step stand side by side."""


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, ReLU. Borders are padded to keep the size where the stride is 1.

    ``fold`` makes one convolution with a bias of the first two, since a batch norm that is evaluated is a scale and a
    shift: a pass less over the largest tensors.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int = 1, padded: bool = True
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if padded and stride == 1 else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)), inplace=True)

    def fold(self) -> None:
        """Reckoned in float64, rounded to float32 once."""
        norm = self.bn
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        shift = norm.bias.double() - norm.running_mean.double() * scale
        weight = self.conv.weight.double() * scale[:, None, None, None]
        self.conv.weight, self.conv.bias = nn.Parameter(weight.float()), nn.Parameter(shift.float())
        self.bn = nn.Identity()


class Mixed(nn.Module):
    """Branches side by side, their channels joined in order."""

    def __init__(self, inputs: int, branches: Sequence[Branch]) -> None:
        super().__init__()
        self.plan = [(pool, [[conv[0] for conv in step] for step in steps]) for pool, steps in branches]
        for _, steps in branches:
            width = inputs
            for step in steps:
                for name, outputs, kernel, stride in step:
                    self.add_module(name, ConvNorm(width, outputs, kernel, stride))
                width = sum(outputs for _, outputs, _, _ in step)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for pool, steps in self.plan:
            y = pooled(x, pool)
            for names in steps:
                y = torch.cat([self.get_submodule(name)(y) for name in names], dim=1)
            found.append(y)
        return torch.cat(found, dim=1)


def pooled(x: Tensor, pool: Pool) -> Tensor:
    """A window of 3: an average without padded cells or a maximum at the same size, or a maximum at every other
    place."""
    if pool == "average":
        return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    if pool == "maximum":
        return functional.max_pool2d(x, 3, stride=1, padding=1)
    return functional.max_pool2d(x, 3, stride=2) if pool == "halve" else x


def _chain(name: str, *convs: tuple[int, tuple[int, int], int]) -> list[list[Conv]]:
    """Steps of one convolution each, called ``name_1``, ``name_2`` ..., or ``name`` where there is one."""
    names = [name] if len(convs) == 1 else [f"{name}_{number + 1}" for number in range(len(convs))]
    return [[(label, *conv)] for label, conv in zip(names, convs, strict=True)]


def _thirty_five(inputs: int, pool_outputs: int) -> Mixed:
    """``Mixed_5b`` to ``5d``, on 35 x 35 places."""
    double = _chain("branch3x3dbl", (64, (1, 1), 1), (96, (3, 3), 1), (96, (3, 3), 1))
    return Mixed(
        inputs,
        [
            ("", _chain("branch1x1", (64, (1, 1), 1))),
            ("", _chain("branch5x5", (48, (1, 1), 1), (64, (5, 5), 1))),
            ("", double),
            ("average", _chain("branch_pool", (pool_outputs, (1, 1), 1))),
        ],
    )


def _seventeen(width: int) -> Mixed:
    """``Mixed_6b`` to ``6e``, on 17 x 17 places: 7 x 7 windows as rows and columns."""
    one, row, column = (1, 1), (1, 7), (7, 1)
    double = [(width, one, 1), (width, column, 1), (width, row, 1), (width, column, 1), (192, row, 1)]
    return Mixed(
        768,
        [
            ("", _chain("branch1x1", (192, one, 1))),
            ("", _chain("branch7x7", (width, one, 1), (width, row, 1), (192, column, 1))),
            ("", _chain("branch7x7dbl", *double)),
            ("average", _chain("branch_pool", (192, one, 1))),
        ],
    )


def _eight(inputs: int, pool: Pool) -> Mixed:
    """``Mixed_7b`` and ``7c``, on 8 x 8 places: two branches end in a row and a column side by side."""

    def both(name: str) -> list[Conv]:
        return [(f"{name}a", 384, (1, 3), 1), (f"{name}b", 384, (3, 1), 1)]

    double: list[list[Conv]] = [[("branch3x3dbl_1", 448, (1, 1), 1)], [("branch3x3dbl_2", 384, (3, 3), 1)]]
    return Mixed(
        inputs,
        [
            ("", _chain("branch1x1", (320, (1, 1), 1))),
            ("", [[("branch3x3_1", 384, (1, 1), 1)], both("branch3x3_2")]),
            ("", [*double, both("branch3x3dbl_3")]),
            (pool, _chain("branch_pool", (192, (1, 1), 1))),
        ],
    )


class InceptionNet(nn.Module):
    """The network on pixels in [-1, 1] at 299 x 299, in evaluation mode."""

    def __init__(self, state: Mapping[str, Tensor], where: str = "these weights") -> None:
        """From the published state dict, with or without its batch counters. Raises UserError for other keys or
        shapes."""
        super().__init__()
        with torch.device("meta"):  # without drawing 24 million weights that are replaced at once
            self._build()
        self.to_empty(device="cpu")
        counters = {key: value for key, value in self.state_dict().items() if key.endswith("num_batches_tracked")}
        fill_module(self, {**counters, **state}, where)
        for module in list(self.modules()):
            if isinstance(module, ConvNorm):
                module.fold()
        self.eval().requires_grad_(False)

    def _build(self) -> None:
        self.Conv2d_1a_3x3 = ConvNorm(3, 32, (3, 3), stride=2)
        self.Conv2d_2a_3x3 = ConvNorm(32, 32, (3, 3), padded=False)
        self.Conv2d_2b_3x3 = ConvNorm(32, 64, (3, 3))
        self.Conv2d_3b_1x1 = ConvNorm(64, 80, (1, 1))
        self.Conv2d_4a_3x3 = ConvNorm(80, 192, (3, 3), padded=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = (
            _thirty_five(inputs, outputs) for inputs, outputs in ((192, 32), (256, 64), (288, 64))
        )
        halving = _chain("branch3x3dbl", (64, (1, 1), 1), (96, (3, 3), 1), (96, (3, 3), 2))
        self.Mixed_6a = Mixed(288, [("", _chain("branch3x3", (384, (3, 3), 2))), ("", halving), ("halve", [])])
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(_seventeen, (128, 160, 160, 192))
        wide = _chain("branch7x7x3", (192, (1, 1), 1), (192, (1, 7), 1), (192, (7, 1), 1), (192, (3, 3), 2))
        narrow = _chain("branch3x3", (192, (1, 1), 1), (320, (3, 3), 2))
        self.Mixed_7a = Mixed(768, [("", narrow), ("", wide), ("halve", [])])
        self.Mixed_7b, self.Mixed_7c = _eight(1280, "average"), _eight(2048, "maximum")
        self.fc = nn.Linear(2048, CLASSES)

    def forward(
        self, pixels: Float[Tensor, "batch 3 299 299"], layers: Iterable[str] = ("pool3",)
    ) -> dict[str, Tensor]:
        """One ``batch width`` tensor per layer asked for (see ``WIDTHS``)."""
        wanted = set(layers)
        if unknown := wanted - WIDTHS.keys():
            raise ValueError(f"unknown layers {sorted(unknown)}: {', '.join(WIDTHS)}")
        found: dict[str, Tensor] = {}
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(pixels)))
        x = pooled(x, "halve")
        found["64"] = _mean(x)
        x = pooled(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), "halve")
        found["192"] = _mean(x)
        if wanted - found.keys():
            x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
            x = self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x)))
            # The branch ``mixed_6/conv`` comes first in its block.
            found["spatial"] = x[:, :SPATIAL_CHANNELS].permute(0, 2, 3, 1).flatten(1)
            x = self.Mixed_6e(x)
            found["768"] = _mean(x)
        if wanted - found.keys():
            x = _mean(self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))))
            found["pool3"] = x
            found["logits_unbiased"] = functional.linear(x, self.fc.weight)
            found["logits"] = self.fc(x)
        return {name: found[name] for name in layers}


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))
