"""How an instrument looks, on whatever device it was opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def looking(device: str) -> Iterator[None]:
    """Without gradients and in whole float32: on a GPU convolutions would round their inputs to TF32's 10 bits, and
    features would differ by 1e-3 from those of a CPU."""
    import torch

    with torch.inference_mode():
        if device == "cpu":
            yield
            return
        before = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        try:
            yield
        finally:
            torch.backends.cudnn.allow_tf32 = before
