"""The miniatures, written here in the official schemas, and a tiny vision-language model of random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import commands

WORDS = (
    *("<pad>", "<unk>", "<image>", "USER:", "ASSISTANT:", "Yes", "yes", "No", "one", "two", "One", "Two", "1", "2"),
    *("Answer", "in", "word.", "Are", "there", "any", "kites", "the", "image?", "Does", "this", "image", "show"),
)
TEMPLATE = (
    "{% for m in messages %}USER: {% for c in m['content'] %}{% if c['type'] == 'image' %}<image> "
    "{% else %}{{ c['text'] }} {% endif %}{% endfor %}{% endfor %}ASSISTANT:"
)


@pytest.fixture(scope="session")
def miniatures() -> Path:
    return Path(__file__).parent / "miniatures"


@pytest.fixture(scope="session")
def tiny_vlm(tmp_path_factory) -> Path:
    """LLaVA of a few thousand weights, saved as transformers saves it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )
    from transformers.models.clip import CLIPImageProcessor

    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", additional_special_tokens=["<image>"]
    )
    pictures = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        num_additional_image_tokens=1,
    )
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=8
    )
    text = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    torch.manual_seed(0)
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=WORDS.index("<image>"))
    folder = tmp_path_factory.mktemp("vlm")
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def fresh_instruments():
    """They are made once per process: these tests name other weights each time."""
    commands._instrument.cache_clear()
    yield
    commands._instrument.cache_clear()
