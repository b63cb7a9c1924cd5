"""How our checkpoints are made: one function per recipe; the docstring says what it costs and gives.

``ddtbench train tokenizer NAME --out zoo/NAME`` makes each of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.contracts import Recipe, Trainable

if TYPE_CHECKING:
    from ddt_llama.tokenizer.model import DDTTokenizer

Find = Callable[[str, str], Any]

FIRST_STAGE = "zoo/ddt"
LONG_AUTOENCODER = "zoo/autoencoder-long"
SHARED_BOOK: Mapping[str, Any] = {"codebook_size": 256, "code_width": 16}
CONTINUOUS = "zoo/ddt-continuous"
OWN, OWN_LONG = "zoo/ddt-own", "zoo/ddt-own-long"
OWN_BOOKS: Mapping[str, Any] = {**SHARED_BOOK, "own_books": True}
COPIES = {55: 24, 56: 28, 59: 32, 60: 36, 61: 40, 62: 44, 63: 48}
"""Positions of ``OWN`` that tell scenes from products and nothing else -> those that they begin again as copies of."""
STEPS = 8
"""Euler steps after the second stage, which trains chains up to this length."""

SMALL_AUTOENCODER: dict[str, Any] = {
    "image_size": 32,
    "network": {
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ["DownEncoderBlock2D"] * 3,
        "up_block_types": ["UpDecoderBlock2D"] * 3,
        "block_out_channels": [24, 48, 64],
        "layers_per_block": 1,
        "latent_channels": 8,
        "norm_num_groups": 8,
        "mid_block_add_attention": False,
    },
}


def build_autoencoder(find: Find) -> Trainable:
    from ddt_llama.tokenizer.latents import LatentAutoencoder
    from ddt_llama.training.autoencoder import AutoencoderTraining

    perceptual = find("instrument", "world-features")().perceptual_features
    return AutoencoderTraining(LatentAutoencoder(**SMALL_AUTOENCODER), perceptual)


def small_ddt(
    sampler_steps: int,
    autoencoder_at: str = "zoo/autoencoder",
    codebook: Mapping[str, Any] = SHARED_BOOK,
    canvas: bool = False,
) -> DDTTokenizer:
    """A new DDT tokenizer of the zoo's size on a trained autoencoder, decoding in so many Euler steps.

    ``codebook``: the quantiser (``make_quantizer``). ``canvas``: its decoder is a one-step renderer.
    """
    from dataclasses import asdict

    from ddt_llama.tokenizer.latents import open_autoencoder
    from ddt_llama.tokenizer.model import DDTTokenizer
    from ddt_llama.tokenizer.schedule import selftok_stages

    autoencoder = open_autoencoder(autoencoder_at)
    codes = 64
    schedule = {
        key: list(value) if isinstance(value, tuple) else value for key, value in asdict(selftok_stages(codes)).items()
    }
    model = DDTTokenizer(
        autoencoder=autoencoder.config(),
        codes=codes,
        codebook=codebook,
        encoder={"depth": 4, "width": 64, "heads": 4, "query_width": 128, "query_heads": 4},
        decoder={"depth": 4, "width": 128, "heads": 4, **({"canvas": True} if canvas else {})},
        schedule=schedule,
        sampler_steps=sampler_steps,
    )
    model.autoencoder.load_state_dict(autoencoder.state_dict())
    model.autoencoder.card = autoencoder.card
    return model


def build_ddt(find: Find) -> Trainable:
    from ddt_llama.training.ddt import DDTTraining

    model = small_ddt(1)  # chosen on validation scenes: docs/decisions/0008-one-step-decoding.md
    hours = model.autoencoder.card["training"]["cpu_hours"]
    return DDTTraining(model, pool=80_000, cpu_hours_of_parts={"autoencoder": hours})


def build_continuous_ddt(find: Find) -> Trainable:
    """Features without quantisation, on the better autoencoder: what every quantiser of the study starts from."""
    from ddt_llama.training.ddt import DDTTraining

    return DDTTraining(small_ddt(1, LONG_AUTOENCODER), continuous=1.0, anneal=0.0, dropped=0.1, keeps=("autoencoder.",))


def build_own_ddt(find: Find) -> Trainable:
    """A codebook for each position, on the better autoencoder; half of the times are pure noise, where all codes are
    shown: codes learn most there, and what the sampler lacks the second stage gives back."""
    from ddt_llama.training.ddt import DDTTraining

    return DDTTraining(
        small_ddt(1, LONG_AUTOENCODER, OWN_BOOKS),
        full_noise=0.5,
        continuous=0.0,
        anneal=0.0,
        dropped=0.1,
        start_images=20_000,
        keeps=("autoencoder.", "quantizer.codebook"),
    )


def build_own_ddt_on(find: Find) -> Trainable:
    """The same, gone on with: seven positions that say nothing begin again, and all books are started anew."""
    from ddt_llama.training.ddt import DDTTraining

    return DDTTraining(
        small_ddt(1, LONG_AUTOENCODER, OWN_BOOKS),
        full_noise=0.5,
        continuous=0.0,
        anneal=0.0,
        dropped=0.1,
        start_images=20_000,
        keeps=("quantizer.codebook",),
        copies=COPIES,
    )


def build_sampler(find: Find) -> Trainable:
    from ddt_llama.training.sampler import SamplerTraining

    return SamplerTraining(small_ddt(STEPS), pool=80_000)


def build_own_sampler(find: Find) -> Trainable:
    from ddt_llama.training.sampler import SamplerTraining

    return SamplerTraining(small_ddt(STEPS, LONG_AUTOENCODER, OWN_BOOKS), pool=80_000)


def build_own_renderer(find: Find) -> Trainable:
    from ddt_llama.training.adversarial import PatchDiscriminator
    from ddt_llama.training.renderer import RendererTraining

    perceptual = find("instrument", "world-features")().perceptual_features
    return RendererTraining(small_ddt(1, LONG_AUTOENCODER, OWN_BOOKS, True), perceptual, PatchDiscriminator(32, 2))


AUTOENCODER = Recipe(
    "autoencoder",
    build_autoencoder,
    data="world+fashion",
    steps=2200,
    batch=64,
    learning_rate=2e-3,
    ema=0.995,
    threads=1,
    precision="bf16",
)
AUTOENCODER_LONG = Recipe(
    "autoencoder-long",
    build_autoencoder,
    data="world+fashion",
    start="zoo/autoencoder",
    steps=2700,
    batch=64,
    learning_rate=1.5e-3,
    warmup=50,
    ema=0.995,
    threads=1,
    precision="bf16",
    validation="world+fashion-validation",
    validate_every=900,
)
DDT = Recipe(
    "ddt",
    build_ddt,
    data="world+fashion",
    steps=6000,
    batch=64,
    learning_rate=2e-3,
    warmup=200,
    ema=0.999,
    threads=1,
    precision="bf16",
)
DDT_CONTINUOUS = Recipe(
    "ddt-continuous",
    build_continuous_ddt,
    data="world+fashion",
    start=FIRST_STAGE,
    steps=600,
    batch=64,
    learning_rate=1.5e-3,
    warmup=50,
    ema=0.995,
    threads=1,
    validation="world+fashion-validation",
    validate_every=200,
)
DDT_CHAINED = Recipe(
    "ddt-chained",
    build_sampler,
    data="world+fashion",
    start=FIRST_STAGE,
    steps=1200,
    batch=32,
    learning_rate=1e-3,
    warmup=50,
    ema=0.99,
    threads=1,
    precision="bf16",
)
DDT_OWN = Recipe(
    "ddt-own",
    build_own_ddt,
    data="world+fashion",
    start=CONTINUOUS,
    steps=2600,
    batch=64,
    learning_rate=1.5e-3,
    warmup=50,
    ema=0.99,
    threads=1,
    validation="world+fashion-validation",
    validate_every=650,
)
DDT_OWN_LONG = Recipe(
    "ddt-own-long",
    build_own_ddt_on,
    data="world+fashion",
    start=OWN,
    steps=3900,
    batch=64,
    learning_rate=1.5e-3,
    warmup=50,
    ema=0.99,
    threads=1,
    precision="bf16",
    compiled=True,
    validation="world+fashion-validation",
    validate_every=1300,
)
DDT_OWN_CHAINED = Recipe(
    "ddt-own-chained",
    build_own_sampler,
    data="world+fashion",
    start=OWN_LONG,
    steps=1200,
    batch=32,
    learning_rate=1e-3,
    warmup=50,
    ema=0.99,
    threads=1,
    precision="bf16",
    compiled=True,
    validation="world+fashion-validation",
    validate_every=300,
)
DDT_OWN_RENDERER = Recipe(
    "ddt-own-renderer",
    build_own_renderer,
    data="world+fashion",
    start=OWN_LONG,
    steps=1600,
    batch=64,
    learning_rate=1e-3,
    warmup=50,
    ema=0.99,
    threads=1,
    validation="world+fashion-validation",
    validate_every=400,
)
