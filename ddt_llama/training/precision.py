"""Which arithmetic a training really uses: bf16 where the processor has it, float32 elsewhere.

A processor without bf16 instructions computes bf16 by emulation: a matrix product of 1,024 a side took 73 times as long
as in float32 on one with AVX2 alone (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

Precision = Literal["no", "bf16"]


def usable(precision: Precision, say: Callable[[str], None] = print) -> Precision:
    """``precision``, or "no" (float32), with a line that says so, where this processor would emulate bf16."""
    if precision == "no" or bf16_pays():
        return precision
    say("this processor has no bf16 instructions: training in float32")
    return "no"


def bf16_pays() -> bool:
    """Whether matrices are multiplied in bf16 by instructions made for it: a GPU's or the CPU's."""
    return bool(
        torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )
