"""Emu3 through transformers: text to image (Emu3-Gen), and answering (Emu3-Chat). ``emu3@FOLDER`` or
``emu3@OWNER/NAME``.

Wang et al. 2024 (arXiv 2409.18869); checkpoints in transformers' format, for example Emu3-community/Emu3-Chat-hf. One
class opens both; each is made for one of the two. Drawing as the authors' ``image_generation.py`` (baaivision/Emu3 at
005719f): the positive suffix, the negative prompt, guidance 3, top-k 2048, temperature 1, a square of the library's
720 px; ``sampling.json`` in the folder sets another ``image_area``, which is part of how a checkpoint was trained.

Known deviations: one seeded stream per picture (``baselines.seeded_draw``); conditional and negative prompt run as one
left-padded batch, where the authors run them one after the other; generation ends with the last row, so the three
closing tokens, which the grammar gives, are not generated; 8-bit pixels rounded to nearest; float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from baselines.language_model import ANSWER_TOKENS
from baselines.libraries.chat_pictures import answer, chat, check_context, check_prompts, denormalised
from baselines.libraries.hub import Opened, open_transformers, sampling_in
from baselines.seeded_draw import SeededDraw
from ddt_llama.mllm.sampling import Sampling

DRAWING = Sampling(temperature=1.0, top_k=2048, guidance=3.0)
POSITIVE = " masterpiece, film grained, best quality."
NEGATIVE = (
    "lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, fewer digits, cropped, worst quality, "
    "low quality, normal quality, jpeg artifacts, signature, watermark, username, blurry."
)
SYSTEM = "You are a helpful assistant."
CLOSING = 3
"""End of picture, end of image, end of text: transformers' decoder expects and drops them."""


class Emu3:
    """Satisfies ``GeneratesImages`` and ``AnswersQuestions``."""

    version = 1

    def __init__(self, opened: Opened, drawing: Sampling = DRAWING, image_area: int | None = None) -> None:
        self.model, self.processor, self.drawing = opened.model, opened.processor, drawing
        self.folder, self.checkpoint_digest, self.chosen_weights = opened.folder, opened.digest, opened.chosen
        self.image_area = image_area or int(self.processor.image_area)

    @property
    def side(self) -> int:
        """Codes per row and per column of what is drawn."""
        found = self.processor.calculate_generate_size("1:1", self.image_area, self.processor.downsample_ratio)
        return int(found[0])

    @property
    def image_size(self) -> int:
        return self.side * int(self.model.model.vqmodel.spatial_scale_factor)

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.device)

    @property
    def settings(self) -> Mapping[str, Any]:
        prompts = {"positive": POSITIVE, "negative": NEGATIVE}
        return {"drawing": {**asdict(self.drawing), **prompts}, "answer_tokens": ANSWER_TOKENS}

    @torch.no_grad()
    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        check_prompts(prompts)
        asked = [f"{prompt}{POSITIVE}" for prompt in prompts] + [NEGATIVE] * len(prompts)
        options = {"return_for_image_generation": True, "image_area": self.image_area}
        inputs = self.processor(text=asked, padding=True, return_tensors="pt", **options).to(self.device)
        side, length = self.side, inputs["input_ids"].shape[1]
        steps, names = side * (side + 1), self.model.vocabulary_mapping
        check_context(length + steps, self.model.config.text_config.max_position_embeddings)
        draw = SeededDraw(
            self.drawing,
            seeds,
            steps,
            columns=torch.tensor(names.image_tokens),
            forced=lambda step: names.eol_token_id if step % (side + 1) == side else None,
            twins=True,
        )
        made = self.model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=steps,
            do_sample=False,
            guidance_scale=1.0,  # ours is in the draw
            logits_processor=[draw],
        )
        codes = functional.pad(made[: len(prompts), length:], (0, CLOSING))
        return denormalised(self.model.decode_image_tokens(image_tokens=codes, height=side, width=side), self.processor)

    def answer(self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str]) -> Sequence[str]:
        asked = [chat(self.processor, self.folder, question, True, SYSTEM) for question in questions]
        return answer(self.model, self.processor, asked, images)


def open_emu3(source: str, device: str = "cpu") -> Emu3:
    """Raises UserError for a folder that holds no Emu3."""
    from transformers import Emu3ForConditionalGeneration, Emu3Processor

    opened = open_transformers("emu3", Emu3ForConditionalGeneration, Emu3Processor, source, device)
    chosen = sampling_in(opened.folder, [*asdict(DRAWING), "image_area"])
    area = chosen.pop("image_area", None)
    return Emu3(opened, replace(DRAWING, **chosen), area)
