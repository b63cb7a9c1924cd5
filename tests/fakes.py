"""Subjects that behave in a known way. Load this file by its path: ``tests`` is never imported by name."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from harness.contracts import CodeScores, Likelihood
from harness.seeding import noise_for

LEVELS = 4


class BlockTokenizer:
    """Satisfies ImageTokenizer and Denoises: one code per block, its mean colour in four levels per channel.

    An absent code is mid-grey. ``denoise`` blends what the codes say with the noisy pixels, by the share of noise.
    The first code is seen at every time, all of them at t = 1.
    """

    version = 1

    def __init__(self, image_size: int = 32, side: int = 8) -> None:
        self.image_size = image_size
        self.side = side
        self.code_count = side * side
        self.codebook_size = LEVELS**3
        self.batches: list[int] = []

    def encode(self, images: Tensor) -> Tensor:
        assert images.shape[1:] == (3, self.image_size, self.image_size) and images.dtype == torch.float32
        self.batches.append(len(images))
        means = torch.nn.functional.adaptive_avg_pool2d(images, self.side).flatten(2)
        levels = (means * (LEVELS - 1)).round().long()
        return (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]

    def decode(self, codes: Tensor, visible: Tensor | None = None, seeds: Sequence[int] | None = None) -> Tensor:
        levels = torch.stack([codes // LEVELS**2, codes // LEVELS % LEVELS, codes % LEVELS], dim=1)
        colours = levels.float() / (LEVELS - 1)
        if visible is not None:
            colours = torch.where(visible[:, None], colours, 0.5)
        blocks = colours.reshape(len(codes), 3, self.side, self.side)
        return torch.nn.functional.interpolate(blocks, size=self.image_size, mode="nearest")

    def add_noise(self, images: Tensor, t: float, seeds: Sequence[int] | None = None) -> Tensor:
        return t * noise_for(seeds, len(images), images.shape[1:]) + (1 - t) * images

    def denoise(self, codes: Tensor, noisy: Tensor, t: float, visible: Tensor | None = None) -> Tensor:
        shown = torch.zeros(codes.shape, dtype=torch.bool)
        shown[:, : max(1, round(t * self.code_count))] = True
        shown = shown if visible is None else shown & visible
        return (t * self.decode(codes, shown) + (1 - t) * noisy).clamp(0, 1)


class Blind(BlockTokenizer):
    """Fails on any image that is all one colour, by raising: what an engine must survive."""

    def encode(self, images: Tensor) -> Tensor:
        if bool((images.flatten(1).std(dim=1) == 0).any()):
            raise RuntimeError("cannot see a flat image")
        return super().encode(images)


class Speaker(BlockTokenizer):
    """Satisfies ScoresText, ScoresTextInStrides and ScoresImages too: a byte of text costs ln 256, a code the log of
    the codebook's size, and each a quarter less after a picture or a caption. Satisfies AnswersQuestions: yes to every
    other length of question, and the other way round for dark pictures. Satisfies EditsImages: mirrors every picture,
    and darkens it by the length of the instruction and the seed. Satisfies GeneratesImages and GeneratesClasses: flat
    pictures, as light as the length of the prompt (or the class) and the seed say."""

    class_count = 10

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        return self.generate_classes([len(prompt) for prompt in prompts], seeds)

    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> Tensor:
        shades = [(label % 16 + seed % 16) / 32 for label, seed in zip(labels, seeds, strict=True)]
        return torch.tensor(shades)[:, None, None, None].expand(-1, 3, self.image_size, self.image_size)

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        assert images.shape == (len(instructions), 3, self.image_size, self.image_size) and len(seeds) == len(images)
        shades = [1 - (len(text) % 8 + seed % 8) / 32 for text, seed in zip(instructions, seeds, strict=True)]
        return images.flip(3) * torch.tensor(shades)[:, None, None, None]

    def answer(self, images: Tensor, questions: Sequence[str]) -> list[str]:
        assert images.shape == (len(questions), 3, self.image_size, self.image_size)
        dark = (images.flatten(1).mean(dim=1) < 0.5).tolist()
        return ["Yes" if len(text) % 2 == shade else "No" for text, shade in zip(questions, dark, strict=True)]

    def edit_guided(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int], guidance: float) -> Tensor:
        return self.edit(images, instructions, seeds) / guidance

    def score_codes(self, images: Tensor) -> list[CodeScores]:
        """Surer from code to code, and as sure as it is right."""
        codes = self.encode(images)
        sure = [math.log(self.codebook_size) / (1 + place / codes.shape[1]) for place in range(codes.shape[1])]
        return [CodeScores(sure, sure, self.codebook_size) for _ in codes]

    def score_text(self, texts: Sequence[str], images: Tensor | None = None) -> list[Likelihood]:
        sizes = [len(text.encode()) for text in texts]
        assert images is None or images.shape == (len(texts), 3, self.image_size, self.image_size)
        return [Likelihood((1 if images is None else 0.75) * size * math.log(256), size, 256) for size in sizes]

    def score_text_in_strides(self, texts: Sequence[str], share: float) -> list[Likelihood]:
        assert 0 < share < 1
        return self.score_text(texts)

    def score_images(self, images: Tensor, prompts: Sequence[str] | None = None) -> list[Likelihood]:
        codes = self.encode(images)
        assert prompts is None or len(prompts) == len(codes)
        full = (1 if prompts is None else 0.75) * math.log(self.codebook_size)
        return [Likelihood(full * len(row), len(row), self.codebook_size) for row in codes]
