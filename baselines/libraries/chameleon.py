"""Chameleon through transformers: answering. ``chameleon@FOLDER`` or ``chameleon@OWNER/NAME``.

Chameleon Team 2024 (arXiv 2405.09818), for example facebook/chameleon-7b. The library has no decoder for its images
and the released model draws none, so it answers only. The question stands before the picture, as the library's
documentation has it, and the processor adds the end-of-turn token of chat mode. Known deviations: float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.language_model import ANSWER_TOKENS
from baselines.libraries.chat_pictures import answer
from baselines.libraries.hub import Opened, open_transformers


class Chameleon:
    """Satisfies ``AnswersQuestions``."""

    version = 1

    def __init__(self, opened: Opened) -> None:
        self.model, self.processor = opened.model, opened.processor
        self.checkpoint_digest, self.chosen_weights = opened.digest, opened.chosen

    @property
    def image_size(self) -> int:
        return int(self.model.config.vq_config.resolution)

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.device)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"answer_tokens": ANSWER_TOKENS}

    def answer(self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str]) -> Sequence[str]:
        prompts = [f"{question}{self.processor.image_token}" for question in questions]
        return answer(self.model, self.processor, prompts, images)


def open_chameleon(source: str, device: str = "cpu") -> Chameleon:
    """Raises UserError for a folder that holds no Chameleon."""
    from transformers import ChameleonForConditionalGeneration, ChameleonProcessor

    return Chameleon(
        open_transformers("chameleon", ChameleonForConditionalGeneration, ChameleonProcessor, source, device)
    )
