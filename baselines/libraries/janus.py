"""Janus and Janus-Pro through transformers: text to image, and answering. ``janus@FOLDER`` or ``janus@OWNER/NAME``.

Chen et al. 2025 (arXiv 2501.17811); checkpoints in transformers' format, for example deepseek-community/Janus-Pro-1B.
Drawing as the authors' ``generation_inference.py`` (deepseek-ai/Janus at cab2784): guidance 5, temperature 1, no top-k.

Known deviations: one seeded stream per picture (``baselines.seeded_draw``); 8-bit pixels rounded to nearest; float32;
the unconditional prompt's padding is masked where a batch pads it (as transformers does it). What transformers 5.24.0
gets wrong and is not used here: ``generate`` with guidance 1 or less in image mode (its doubled rows do not fit its
buffer; our draw gives it one row per picture), logits processors in text mode (dropped), and the processor's
``post_process_multimodal_output`` for images (raises: it takes "PIL.Image.Image" for a kind of tensor).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.language_model import ANSWER_TOKENS
from baselines.libraries.chat_pictures import answer, chat, check_context, check_prompts, denormalised
from baselines.libraries.hub import Opened, open_transformers, sampling_in
from baselines.seeded_draw import SeededDraw
from ddt_llama.mllm.sampling import Sampling
from harness.errors import UserError

DRAWING = Sampling(temperature=1.0, guidance=5.0)


class Janus:
    """Satisfies ``GeneratesImages`` and ``AnswersQuestions``."""

    version = 1

    def __init__(self, opened: Opened, drawing: Sampling = DRAWING) -> None:
        self.model, self.processor, self.drawing = opened.model, opened.processor, drawing
        self.folder, self.checkpoint_digest, self.chosen_weights = opened.folder, opened.digest, opened.chosen

    @property
    def image_size(self) -> int:
        return int(self.model.config.vision_config.image_size)

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.device)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"drawing": asdict(self.drawing), "answer_tokens": ANSWER_TOKENS}

    @torch.no_grad()
    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        check_prompts(prompts)
        asked = [chat(self.processor, self.folder, prompt, picture=False) for prompt in prompts]
        inputs = self.processor(text=asked, generation_mode="image", padding=True, return_tensors="pt").to(self.device)
        codes = self.model.config.vision_config.num_image_tokens
        check_context(inputs["input_ids"].shape[1] + codes, self.model.config.text_config.max_position_embeddings)
        made = self.model.generate(
            **inputs,
            generation_mode="image",
            do_sample=False,
            guidance_scale=1.0,  # ours is in the draw
            logits_processor=[SeededDraw(self.drawing, seeds, codes)],
        )
        return denormalised(self.model.model.vqmodel.decode(made), self.processor)

    def answer(self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str]) -> Sequence[str]:
        asked = [chat(self.processor, self.folder, question, picture=True) for question in questions]
        return answer(self.model, self.processor, asked, images, generation_mode="text")


def open_janus(source: str, device: str = "cpu") -> Janus:
    """Raises UserError for a folder that holds no Janus, or no picture tokens in its generation_config.json."""
    from transformers import JanusForConditionalGeneration, JanusProcessor

    opened = open_transformers("janus", JanusForConditionalGeneration, JanusProcessor, source, device)
    if "boi_token_id" not in (getattr(opened.model.generation_config, "generation_kwargs", None) or {}):
        raise UserError(f"{source}: its generation_config.json lacks generation_kwargs.boi_token_id, which images need")
    return Janus(opened, replace(DRAWING, **sampling_in(opened.folder, list(asdict(DRAWING)))))
