"""What the models of transformers share at the border: pictures in, answers out, pictures back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from baselines.language_model import ANSWER_TOKENS
from harness.errors import UserError
from harness.images import to_bytes


def as_pillow(images: Float[Tensor, "batch 3 height width"]) -> list[Image.Image]:
    """8-bit pictures, rounded to nearest; the library's processor resizes and normalises them."""
    return [Image.fromarray(pixels) for pixels in to_bytes(images)]


def chat(processor: Any, source: object, text: str, picture: bool, system: str = "") -> str:
    """One user turn in the model's own chat template, up to where the model answers."""
    if not getattr(processor, "chat_template", None):
        raise UserError(f"{source} has no chat template (chat_template.jinja), so nothing says how this model is asked")
    content = [*([{"type": "image"}] if picture else []), {"type": "text", "text": text}]
    turns = [{"role": "user", "content": content}]
    if system:
        turns.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
    asked: str = processor.apply_chat_template(turns, add_generation_prompt=True)
    return asked


def check_prompts(prompts: Sequence[str]) -> None:
    """Raises UserError for an empty prompt."""
    if any(not prompt.strip() for prompt in prompts):
        raise UserError("the prompt is empty")


def check_context(length: int, context: int | None) -> None:
    """Raises UserError where what is read and made does not fit the model's context."""
    if context and length > context:
        raise UserError(f"{length} tokens of prompt and picture do not fit the context of {context}")


@torch.no_grad()
def answer(model: Any, processor: Any, prompts: Sequence[str], images: Tensor, **options: Any) -> list[str]:
    """Greedy answers of at most ``ANSWER_TOKENS`` tokens, left-padded to one batch."""
    inputs = processor(text=list(prompts), images=as_pillow(images), padding=True, return_tensors="pt").to(model.device)
    length = inputs["input_ids"].shape[1]
    check_context(length + ANSWER_TOKENS, model.config.get_text_config().max_position_embeddings)
    made = model.generate(**inputs, max_new_tokens=ANSWER_TOKENS, do_sample=False, **options)
    texts: list[str] = processor.batch_decode(made[:, length:], skip_special_tokens=True)
    return [text.strip() for text in texts]


def denormalised(made: Float[Tensor, "batch 3 size size"], processor: Any) -> Float[Tensor, "batch 3 size size"]:
    """Decoded pictures in [0, 1]. The libraries' own ``postprocess`` drops the fraction when it makes 8-bit pixels;
    ours are rounded to nearest where they are stored."""
    mean, std = (made.new_tensor(getattr(processor.image_processor, f"image_{name}")) for name in ("mean", "std"))
    return (made.float() * std[:, None, None] + mean[:, None, None]).clamp(0, 1)
