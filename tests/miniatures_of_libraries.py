"""Tiny, randomly initialised models of transformers and diffusers, saved as the libraries save them.

Load this file by its path: ``tests`` is never imported by name. Each function writes a folder and returns it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

WORDS = (
    "a an the red blue green circle square ring two three on left of right make it is there what do you see in image"
)
TURNS = (
    "{% for turn in messages %}{% if turn['role'] == 'user' %}USER : {% endif %}"
    "{% for part in turn['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %} "
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}ASSISTANT :{% endif %}"
)
LLAMA = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


def word_tokenizer(special: dict[str, str], extra: list[str] = (), begin: bool = True) -> Any:  # type: ignore[assignment]
    """Words split at spaces. ``special`` names the tokens that the processors ask for (``image_token`` and so on)."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    fixed = ["<pad>", "<bos>", "<eos>", "<unk>"]
    words = [*fixed, *special.values(), *extra, *WORDS.split(), "USER", "ASSISTANT", ":", ",", ".", "?", *"0123456789*"]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)]
    )
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 1)])
    names = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        extra_special_tokens=special,
        additional_special_tokens=list(extra),
        **names,
    )


def spread(model: torch.nn.Module, seed: int = 0) -> None:
    """Weights far enough apart that prompts and seeds make a difference, norms as they are."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim > 1 and "norm" not in name:
                value.copy_(torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5)


def janus(folder: Path) -> str:
    from transformers import (
        JanusConfig,
        JanusForConditionalGeneration,
        JanusImageProcessor,
        JanusProcessor,
        LlamaConfig,
    )

    special = {"image_token": "<image>", "boi_token": "<boi>", "eoi_token": "<eoi>"}
    tokenizer = word_tokenizer(special)
    vision = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 8,
        "patch_size": 4,
        "projection_dim": 32,
        "num_image_tokens": 4,
    }
    vq = {
        "embed_dim": 8,
        "num_embeddings": 32,
        "latent_channels": 32,
        "base_channels": 32,
        "channel_multiplier": [1, 1, 1],
        "num_res_blocks": 1,
        "projection_dim": 32,
        "image_token_embed_dim": 32,
    }
    text = LlamaConfig(**LLAMA, vocab_size=len(tokenizer), max_position_embeddings=128, pad_token_id=0, bos_token_id=1)
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    config = JanusConfig(text_config=text, vision_config=vision, vq_config=vq, image_token_id=image_token)
    model = JanusForConditionalGeneration(config).eval()
    spread(model)
    own = model.generation_config
    own._from_model_config = False  # else the file is read as a copy of config.json, and not at all
    own.pad_token_id, own.bos_token_id, own.eos_token_id = 0, 1, 2
    own.generation_kwargs = {"boi_token_id": tokenizer.convert_tokens_to_ids("<boi>")}
    model.save_pretrained(folder)
    pictures = JanusImageProcessor(
        size={"height": 8, "width": 8}, min_size=8, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    JanusProcessor(pictures, tokenizer, chat_template=TURNS, num_image_tokens=4).save_pretrained(folder)
    return str(folder)


def emu3(folder: Path) -> str:
    from transformers import Emu3Config, Emu3ForConditionalGeneration, Emu3ImageProcessor, Emu3Processor

    special = {
        "image_token": "<image>",
        "boi_token": "<boi>",
        "eoi_token": "<eoi>",
        "image_wrapper_token": "<wrap>",
        "eof_token": "<|extra_201|>",
    }
    visual = [f"<|visual token {index:06d}|>" for index in range(32)]
    tokenizer = word_tokenizer(special, ["<|extra_200|>", *visual], begin=False)
    text = {
        **LLAMA,
        "num_key_value_heads": 1,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 256,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    vq = {
        "codebook_size": 32,
        "embed_dim": 4,
        "latent_channels": 4,
        "base_channels": 32,
        "channel_multiplier": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "attn_resolutions": [3],
        "hidden_size": 32,
        "temporal_downsample_factor": 1,
    }
    config = Emu3Config(text_config=text, vq_config=vq, vocabulary_map=tokenizer.get_vocab())
    model = Emu3ForConditionalGeneration(config).eval()
    spread(model)
    model.save_pretrained(folder)
    pictures = Emu3ImageProcessor(image_mean=[0.5] * 3, image_std=[0.5] * 3, min_pixels=16 * 16, max_pixels=16 * 16)
    Emu3Processor(pictures, tokenizer, chat_template=TURNS).save_pretrained(folder)
    (folder / "sampling.json").write_text('{"image_area": 256}')
    return str(folder)


def chameleon(folder: Path) -> str:
    from transformers import (
        ChameleonConfig,
        ChameleonForConditionalGeneration,
        ChameleonImageProcessor,
        ChameleonProcessor,
    )

    special = {"image_token": "<image>", "boi_token": "<boi>", "eoi_token": "<eoi>"}
    letters = [f"IMGIMG{''.join(chr(ord('A') + int(digit)) for digit in str(index))}Z" for index in range(32)]
    tokenizer = word_tokenizer(special, letters)
    tokenizer.sep_token = "."
    vq = {
        "embed_dim": 8,
        "num_embeddings": 32,
        "latent_channels": 32,
        "base_channels": 32,
        "channel_multiplier": [1, 1, 1],
        "num_res_blocks": 1,
        "resolution": 16,
    }
    config = ChameleonConfig(
        **LLAMA,
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=128,
        vq_config=vq,
        vocabulary_map=tokenizer.get_vocab(),
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = ChameleonForConditionalGeneration(config).eval()
    spread(model)
    model.save_pretrained(folder)
    pictures = ChameleonImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    ChameleonProcessor(pictures, tokenizer, image_seq_length=16).save_pretrained(folder)
    return str(folder)


def _stable_diffusion_parts(channels: int) -> dict[str, Any]:
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    tokenizer = word_tokenizer({})
    tokenizer.model_max_length = 16
    text = CLIPTextConfig(
        **LLAMA, vocab_size=len(tokenizer), max_position_embeddings=16, pad_token_id=0, bos_token_id=1, eos_token_id=2
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        block_out_channels=(16, 16),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=2,
        cross_attention_dim=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        layers_per_block=1,
        sample_size=16,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    encoder = CLIPTextModel(text)
    for part in (unet, encoder):
        spread(part)
    return {"vae": vae, "text_encoder": encoder, "tokenizer": tokenizer, "unet": unet, "scheduler": scheduler}


def stable_diffusion(folder: Path) -> str:
    from diffusers import StableDiffusionPipeline

    parts = _stable_diffusion_parts(4)
    StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    ).save_pretrained(folder)
    (folder / "sampling.json").write_text('{"num_inference_steps": 2}')
    return str(folder)


def instruct_pix2pix(folder: Path) -> str:
    from diffusers import StableDiffusionInstructPix2PixPipeline

    parts = _stable_diffusion_parts(8)
    StableDiffusionInstructPix2PixPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    ).save_pretrained(folder)
    (folder / "sampling.json").write_text('{"num_inference_steps": 2}')
    return str(folder)


def causal_lm(folder: Path) -> str:
    """A language model that knows no pictures."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = word_tokenizer({})
    config = LlamaConfig(**LLAMA, vocab_size=len(tokenizer), max_position_embeddings=64, bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(config).eval()
    spread(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def mllm(folder: Path) -> str:
    """A Gemma-2 on VQGAN's codes, as the trainer saves it; it knows ten classes, too."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    from ddt_llama.mllm.model import MultimodalLM, TokenizerReference
    from ddt_llama.mllm.text import train_text_tokenizer

    torch.manual_seed(0)
    words = train_text_tokenizer([WORDS, "USER: ASSISTANT:"] * 3, 300)
    sizes = {**LLAMA, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 320, "sliding_window": 64}
    kinds = {"tie_word_embeddings": False, "query_pre_attn_scalar": 16}  # tied, it says its last token again and again
    model = Gemma2ForCausalLM(Gemma2Config(vocab_size=len(words), **kinds, **sizes))
    spread(model)
    whole = MultimodalLM.extend(model, words, TokenizerReference.of("vqgan", "zoo/vqgan"), 256, 64, classes=10)
    return str(whole.save_pretrained(folder))
