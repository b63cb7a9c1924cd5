"""``world+fashion-validation``: what choices during a tokenizer's training are made on. Test pictures stay unseen.

The scenes are of the split ``val``. Fashion-MNIST has no third part, so the last of its training images stand in: a
tokenizer has seen them, and its figure on them is said to be of training images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tasks.data.fashion_mnist import SIDE, open_fashion, padded_rgb

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

DEAD = 0.5
"""A position whose codes say less than this many bits over scenes and products is called dead."""


class MixtureValidation:
    """``scenes`` validation scenes, then as many training images of Fashion-MNIST (``harness.contracts``)."""

    def __init__(self, scenes: int = 256) -> None:
        self.count = scenes

    @property
    def description(self) -> str:
        return f"{self.count:,} validation scenes and the last {self.count:,} training images of Fashion-MNIST"

    @cached_property
    def truths(self) -> Sequence[Sequence[Mapping[str, Any]]]:
        """The objects of each scene."""
        return [scene.facts()["objects"] for scene in self._scenes.scenes()]

    @cached_property
    def _scenes(self) -> Any:
        from tasks.world.sampling import scenes_of

        return scenes_of("val", 0, self.count)

    @cached_property
    def images(self) -> Float[Tensor, "batch 3 32 32"]:
        import torch

        from harness.images import from_bytes
        from tasks.world.draw import draw

        photographs, _ = open_fashion("train")
        return torch.cat([draw(self._scenes), from_bytes(padded_rgb(photographs[-self.count :]))])

    def scores(self, made: Float[Tensor, "batch 3 32 32"]) -> Mapping[str, float]:
        """``psnr`` and ``fashion psnr`` in dB, mean over images (28x28, one channel); object ``f1``; the share of
        scenes with every object ``right`` and none besides."""
        from harness.images import from_bytes, to_bytes
        from tasks.world.detector import WorldDetector, compared

        seen, truth = (from_bytes(to_bytes(pictures)) for pictures in (made, self.images))
        scenes, inside = slice(0, self.count), slice(2, 2 + SIDE)
        found = compared(WorldDetector().detect_tensor(seen[scenes]), self.truths)
        true, spurious, lost = (sum(found[name]) for name in ("tp", "fp", "fn"))
        right = [not extra and not absent for extra, absent in zip(found["fp"], found["fn"], strict=True)]
        products = (pictures[self.count :, :1, inside, inside] for pictures in (seen, truth))
        return {
            "psnr": _psnr(seen[scenes], truth[scenes]),
            "f1": 2 * true / (2 * true + spurious + lost),
            "right": sum(right) / len(right),
            "fashion psnr": _psnr(*products),
        }

    def code_scores(self, codes: Int[Tensor, "batch codes"], codebook_size: int) -> Mapping[str, Any]:
        """``bits`` of the mixture and ``scene bits`` (Miller-Madow), ``dead`` positions, ``bits by position``."""
        from harness.metrics.codebook import bits_by_position

        both = bits_by_position(codes.numpy(), codebook_size)
        return {
            "bits": float(both.sum()),
            "scene bits": float(bits_by_position(codes[: self.count].numpy(), codebook_size).sum()),
            "dead": int((both < DEAD).sum()),
            "bits by position": [round(float(value), 2) for value in both],
        }


def _psnr(made: Tensor, truth: Tensor) -> float:
    error = (made - truth).square().flatten(1).mean(dim=1).clamp(min=1e-10)
    return float((-10 * error.log10()).mean())


def open_mixture_validation(scenes: int = 256) -> MixtureValidation:
    """The catalogue's factory."""
    return MixtureValidation(scenes)
