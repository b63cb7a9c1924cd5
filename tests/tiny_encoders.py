"""Tiny encoders with random weights, of the real classes, saved as their folders are. Load this file by its path."""

from __future__ import annotations

from pathlib import Path

import torch


def save_clip(folder: Path) -> Path:
    """CLIP with 2 layers, 16 pixels and a vocabulary of bytes."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    ends = {"bos_token_id": vocabulary["<|startoftext|>"], "eos_token_id": vocabulary["<|endoftext|>"]}
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    text = CLIPTextConfig(**shape, **ends, vocab_size=len(words), max_position_embeddings=77, projection_dim=8)
    vision = CLIPVisionConfig(**shape, image_size=16, patch_size=8, projection_dim=8)
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)
    CLIPModel(config).save_pretrained(folder)
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


def save_dino(folder: Path) -> Path:
    """A ViT with 2 layers that takes DINO's 224 pixels in patches of 56."""
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(1)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    ViTModel(ViTConfig(**shape, image_size=224, patch_size=56), add_pooling_layer=False).save_pretrained(folder)
    return folder
