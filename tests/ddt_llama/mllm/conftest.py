"""Language models of a few thousand random weights, a text tokenizer, and a fake image tokenizer."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from ddt_llama.mllm.model import MultimodalLM, TokenizerReference
from ddt_llama.mllm.text import train_text_tokenizer

TEXTS = ["a red circle left of a blue square", "USER: is there a green star? ASSISTANT: yes", "two yellow crosses"]
SIZE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def text_tokenizer():
    return train_text_tokenizer(TEXTS * 4, 300)


def new_language_model(family: str, rows: int) -> Any:
    """Weights large enough that logits differ by about 1, so that no two best tokens tie."""
    torch.manual_seed(0)
    common = {"vocab_size": rows, "max_position_embeddings": 160, "initializer_range": 0.2, **SIZE}
    if family == "gemma2":
        config = Gemma2Config(num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8, sliding_window=12, **common)
        model = Gemma2ForCausalLM(config)
    else:
        groups = 2 if family == "llama-grouped" else 4
        biases = {"attention_bias": groups == 2, "mlp_bias": groups == 2, "tie_word_embeddings": groups == 2}
        model = LlamaForCausalLM(LlamaConfig(num_key_value_heads=groups, **biases, **common))
    for name, parameter in model.named_parameters():
        if "bias" in name or "norm" in name:  # ones and zeros would hide a wrong path
            torch.nn.init.normal_(parameter, mean=float("norm" in name), std=0.5)
    return model


@pytest.fixture(scope="session")
def make_language_model() -> Callable[..., Any]:
    return new_language_model


@pytest.fixture(scope="session")
def make_model(text_tokenizer) -> Callable[..., MultimodalLM]:
    def make(family: str = "llama", order: str = "native", classes: int = 0, codes: int = 16) -> MultimodalLM:
        rows = len(text_tokenizer) + 5  # a model padded beyond its tokenizer, as released ones are
        language_model = new_language_model(family, rows)
        model = MultimodalLM.extend(
            language_model, text_tokenizer, TokenizerReference("blocks"), 64, codes, classes=classes, order=order
        )
        return model.eval()

    return make


@pytest.fixture(scope="session")
def block_tokenizer():
    path = Path(__file__).parents[2] / "fakes.py"
    spec = importlib.util.spec_from_file_location("ddtbench_fakes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.BlockTokenizer(image_size=8, side=4)
