"""Which codes the decoder sees at which timestep: **more noise, more codes visible**.

Three conventions are in use for the same thing; ours is the first, as in the DDT-LLaMA paper and in the code released
for Selftok:

=================  ==================  =================================  =======================
                   time                visible codes                      first code carries
=================  ==================  =================================  =======================
ours (``share``)   t = 1 pure noise    prefix 1..n(t), all at t = 1       fine detail
``paper_step``     step T = all noise  V_1..V_t, all at t = T             fine detail
``selftok_paper``  t = 0 pure noise    suffix v_k(t)..v_K, all at t = 0   coarse layout
=================  ==================  =================================  =======================

:func:`to_share` converts times; :func:`selftok_order` reverses codes between the first and the last row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from harness.errors import UserError

Convention = Literal["share", "paper_step", "selftok_paper"]


def to_share(t: float, convention: Convention, steps: int = 1) -> float:
    """The share of noise in [0, 1] from a time in another convention; ``steps`` is T of ``paper_step``."""
    if convention == "share":
        return t
    return t / steps if convention == "paper_step" else 1 - t


def selftok_order(codes: Int[Tensor, "batch codes"]) -> Int[Tensor, "batch codes"]:
    """Codes from our order (fine first) to the order of the Selftok paper (coarse first), and back."""
    return codes.flip(-1)


@dataclass(frozen=True)
class Schedule:
    """n(t): how many of ``count`` codes are visible at noise share t; at least one, all of them at t = 1.

    ``uniform``: n grows linearly. ``stages``: piecewise linear, ``stage_codes[i]`` codes between the times
    ``stage_ends[i-1]`` and ``stage_ends[i]`` (Selftok's released schedule gives most codes to the clean end).
    ``logit-normal``: n/count is the distribution function of a logit-normal variable with ``mean`` and ``deviation``.
    As in the released code, time is truncated to whole thousandths.

    Examples:
        >>> Schedule(64).visible_count(torch.tensor([0.0, 0.5, 1.0])).tolist()
        [1, 33, 64]
    """

    count: int
    kind: Literal["uniform", "stages", "logit-normal"] = "uniform"
    stage_ends: tuple[float, ...] = field(default=())
    stage_codes: tuple[int, ...] = field(default=())
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        if self.kind == "stages":
            ends = self.stage_ends
            ordered = all(a < b for a, b in zip((0.0, *ends), ends, strict=False))
            if (
                len(ends) != len(self.stage_codes)
                or sum(self.stage_codes) != self.count
                or not ordered
                or ends[-1] != 1.0
            ):
                raise UserError(
                    f"stages ending at {ends} with codes {self.stage_codes} do not make {self.count} codes "
                    "at increasing times up to 1"
                )
        elif self.kind not in ("uniform", "logit-normal"):
            raise UserError(f"unknown schedule '{self.kind}'; known: logit-normal, stages, uniform")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Schedule:
        """From JSON, where tuples are lists."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in config.items()
        }
        return cls(**values)

    def visible_count(self, t: Float[Tensor, " batch"]) -> Int[Tensor, " batch"]:
        """n(t) in 1..count; float64 inside, so that whole thousandths are met exactly."""
        thousandths = (t.double().clamp(0, 1) * 1000 + 1e-9).floor()
        if self.kind == "uniform":
            index = (thousandths * self.count / 1000).floor()
        elif self.kind == "logit-normal":
            share = (thousandths / 1000).clamp(1e-12, 1 - 1e-12)
            cumulative = 0.5 * (1 + torch.erf((torch.logit(share) - self.mean) / (self.deviation * math.sqrt(2))))
            index = (cumulative * self.count).floor()
            index = torch.where(thousandths >= 1000, torch.full_like(index, self.count), index)
        else:
            index = self._stage_index(thousandths)
        return index.clamp(0, self.count - 1).long() + 1

    def _stage_index(self, thousandths: Float[Tensor, " batch"]) -> Tensor:
        index, start, before = torch.zeros_like(thousandths), 0.0, 0
        for end, codes in zip(self.stage_ends, self.stage_codes, strict=True):
            here = before + (thousandths - 1000 * start) * codes / (1000 * (end - start))
            index = torch.where(thousandths >= 1000 * start - 1e-6, (here + 1e-9).floor(), index)
            start, before = end, before + codes
        return index

    def visible(self, t: Float[Tensor, " batch"]) -> Bool[Tensor, "batch codes"]:
        """The mask at each time: True for the first n(t) codes."""
        return torch.arange(self.count, device=t.device)[None, :] < self.visible_count(t).to(t.device)[:, None]


def selftok_stages(count: int) -> Schedule:
    """The released five-stage schedule (192, 184, 72, 48, 16 of 512 codes) scaled to ``count`` codes."""
    published: Sequence[int] = (192, 184, 72, 48, 16)
    codes = [max(1, round(share * count / 512)) for share in published]
    codes[0] += count - sum(codes)
    return Schedule(count, "stages", (0.2, 0.4, 0.6, 0.8, 1.0), tuple(codes))
