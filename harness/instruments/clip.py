"""The instrument ``clip-vit-b32``: embeddings of pictures and captions by CLIP ViT-B/32 (Radford et al. 2021, arXiv
2103.00020), the encoder of MagicBrush's CLIP-I and CLIP-T and of most follow-ups.

Weights: a folder of the hub's ``openai/clip-vit-base-patch32``, opened with transformers (``harness.instruments
.weights`` says where it lies). A picture enters as OpenAI's own ``clip.load`` prepares it: short side to 224 by
Pillow's bicubic filter on 8-bit pixels, centre crop, CLIP's mean and deviation. Embeddings are projected, as they come
(not scaled to unit length). A caption of more than 77 tokens is refused, as ``clip.tokenize`` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError
from harness.instruments.devices import looking
from harness.instruments.encoders import Remembered, files_digest, normalised, shared_images
from harness.instruments.weights import CLIP_VIT_B32
from harness.weights.fitting import open_fitting, readable, require_words
from harness.weights.located import Located

NAME = "clip-vit-b32"
SIDE = 224
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""OpenAI/CLIP, clip/clip.py: ``_transform``."""
PROTOCOL = f"short-side-{SIDE}/bicubic-antialias/8-bit/centre-crop/clip-normalised/projected"


class ClipEmbeddings:
    """Columns ``output`` and ``reference`` (pictures), ``caption`` and ``source_caption`` (facts of the case), float32
    vectors; a column is there if every sample of the batch has an image or fact of that name."""

    name = NAME
    images = ("output", "reference")
    facts = ("caption", "source_caption")

    def __init__(self, given: str = "", device: str = "cpu") -> None:
        self.device = device
        self._weights = Located(CLIP_VIT_B32, given)
        self._pictures, self._texts = Remembered(self._look), Remembered(self._read)

    def unavailable(self) -> str:
        return self._weights.problem()

    @cached_property
    def digest(self) -> str:
        """Of the files and of what is done to a picture. Raises UserError where a file is missing."""
        if reason := self.unavailable():
            raise UserError(f"{self.name}: {reason}")
        return hashlib.sha256(f"{files_digest(self._weights)}\n{PROTOCOL}".encode()).hexdigest()

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a caption of more tokens than CLIP reads."""
        found = {name: self._pictures(pictures) for name, pictures in shared_images(samples, self.images).items()}
        for fact in self.facts:
            if samples and all(isinstance(sample.case.facts.get(fact), str) for sample in samples):
                for sample in samples:
                    self._require_short(sample, fact)
                found[fact] = self._texts([sample.case.facts[fact] for sample in samples])
        return found

    def _require_short(self, sample: Sample, fact: str) -> None:
        count = len(self._tokenizer(sample.case.facts[fact])["input_ids"])
        if count > self._longest:
            raise ValueError(f"case '{sample.case.id}': its {fact} has {count} tokens, CLIP reads {self._longest}")

    def _look(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        side = int(self._net.config.vision_config.image_size)
        pixels = normalised(pictures, side, side, MEAN, DEVIATION).to(self.device)
        with looking(self.device):
            seen = self._net.get_image_features(pixel_values=pixels)
        return _vectors(seen)

    def _read(self, texts: Sequence[str]) -> np.ndarray:
        tokens = self._tokenizer(list(texts), padding="max_length", max_length=self._longest, return_tensors="pt")
        tokens = tokens.to(self.device)
        with looking(self.device):
            read = self._net.get_text_features(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
        return _vectors(read)

    @property
    def _longest(self) -> int:
        return int(self._net.config.text_config.max_position_embeddings)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        with readable("tokenizer of CLIP", str(self._weights.path)):
            tokenizer = AutoTokenizer.from_pretrained(
                self._weights.path, local_files_only=True, trust_remote_code=False
            )
        require_words(tokenizer, str(self._weights.path))
        return tokenizer

    @cached_property
    def _net(self) -> Any:
        if reason := self.unavailable():
            raise UserError(f"{self.name}: {reason}")
        import torch
        from transformers import CLIPModel

        net = open_fitting(CLIPModel, self._weights.path, what="CLIP", dtype=torch.float32, local_files_only=True)
        return net.eval().requires_grad_(False).to(self.device)


def _vectors(output: Any) -> np.ndarray:
    """transformers 5 wraps the projected embedding; earlier versions return it bare."""
    vectors: np.ndarray = getattr(output, "pooler_output", output).cpu().numpy()
    return vectors


def open_clip_vit_b32(given: str = "", device: str = "cpu") -> ClipEmbeddings:
    """The catalogue's factory; ``given`` is a folder or a hub id."""
    return ClipEmbeddings(given, device)
