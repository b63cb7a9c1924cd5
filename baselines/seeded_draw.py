"""Drawing image codes inside ``transformers.generate`` with one seeded stream per picture.

``generate`` draws for a whole batch from one global stream, so that a picture would depend on its neighbours. Here it
is told to take the best token, and a logits processor leaves it one: the token that the case's own stream draws from
the guided, filtered scores. Rows hold the conditional prompts first, then as many unconditional ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ddt_llama.mllm.sampling import Sampling, choose, uniforms


class SeededDraw:
    """A logits processor for one call of ``generate`` of ``steps`` tokens.

    ``columns`` are the tokens that may be drawn (None: all); ``forced(step)`` is a token that must stand there, or
    None. ``twins``: one row comes back per row that came in, so that the unconditional twin goes on with the same
    token; else only the conditional rows come back (Janus doubles them itself).
    """

    def __init__(
        self,
        sampling: Sampling,
        seeds: Sequence[int],
        steps: int,
        columns: Int[Tensor, " allowed"] | None = None,
        forced: Callable[[int], int | None] = lambda step: None,
        twins: bool = False,
    ) -> None:
        self.sampling, self.columns, self.forced, self.twins = sampling, columns, forced, twins
        self.drawn = uniforms(seeds, len(seeds), steps)
        self.step = 0

    def __call__(self, input_ids: Tensor, scores: Float[Tensor, "rows V"]) -> Float[Tensor, "kept V"]:
        step, self.step = self.step, self.step + 1
        chosen = self._chosen(step, scores)
        rows = torch.cat([chosen, chosen]) if self.twins else chosen
        only = torch.full((len(rows), scores.shape[1]), -torch.inf, device=scores.device)
        return only.scatter_(1, rows[:, None], 0.0)

    def _chosen(self, step: int, scores: Tensor) -> Int[Tensor, " batch"]:
        must = self.forced(step)
        if must is not None:
            return torch.full((len(scores) // 2,), must, device=scores.device)
        columns = None if self.columns is None else self.columns.to(scores.device)
        conditional, unconditional = (scores if columns is None else scores[:, columns]).float().chunk(2)
        guided = unconditional + self.sampling.guidance * (conditional - unconditional)
        index = choose(guided, self.sampling, self.drawn[:, step].to(scores.device))
        return index if columns is None else columns[index]
