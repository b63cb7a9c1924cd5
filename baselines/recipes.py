"""How the zoo's VQGAN and VAR tokenizer are made: published architectures, scaled down by configuration alone.

``ddtbench train tokenizer vqgan --out zoo/vqgan`` makes one again (``var`` the other), on one thread, in about 20
minutes of CPU time each (0.3 to 0.5 s a step). On the 1,000 test scenes of the world and the 10,000 test images of
Fashion-MNIST (28x28, one channel), seed 0:

* vqgan: object F1 0.9996, 30.4 dB; 24.9 dB; all 256 codes used, perplexity 138;
* var: object F1 0.989 (0.975 with combinations never trained on), 28.3 dB; 23.1 dB; all 64 codes used, perplexity 36.
"""

from __future__ import annotations

from typing import Any

from baselines.convnet import ConvNetConfig
from baselines.training import AdversarialTokenizer, Find, Losses
from baselines.var import VARConfig, VARTokenizer
from baselines.vqgan import VQGAN, VQGANConfig
from ddt_llama.training.adversarial import PatchDiscriminator, PerceptualFeatures
from harness.contracts import Recipe, Trainable

SMALL_VQGAN = VQGANConfig(
    embed_dim=16,
    n_embed=256,
    convnet=ConvNetConfig(
        ch=16,
        ch_mult=(1, 2, 4),
        num_res_blocks=1,
        attn_resolutions=(8,),
        resolution=32,
        z_channels=64,
        norm_groups=8,
    ),
)
"""32 px to 8x8 codes of 256: 512 bits."""

SMALL_VAR = VARConfig(
    vocab_size=64,
    z_channels=16,
    ch=16,
    v_patch_nums=(1, 2, 4, 8),
    ch_mult=(1, 2, 4),
    num_res_blocks=1,
    norm_groups=8,
)
"""32 px to 1 + 4 + 16 + 64 = 85 codes of 64: 510 bits."""


def _perceptual(find: Find) -> PerceptualFeatures:
    """The world's feature net. UserError where it has not been trained: a recipe must not change with what lies
    about."""
    features: PerceptualFeatures = find("instrument", "world-features")().perceptual_features
    return features


def build_vqgan(find: Find) -> Trainable:
    return AdversarialTokenizer(VQGAN(SMALL_VQGAN), Losses(), PatchDiscriminator(32, 2), _perceptual(find))


def build_var(find: Find) -> Trainable:
    model = VARTokenizer(SMALL_VAR)
    model.quantize.quant_resi.start_as_identity()
    return AdversarialTokenizer(model, Losses(codebook=0.5), PatchDiscriminator(32, 2), _perceptual(find))


_SHARED: dict[str, Any] = {
    "data": "world+fashion",
    "batch": 64,
    "learning_rate": 2e-3,
    "warmup": 100,
    "betas": (0.9, 0.99),
    "ema": 0.995,
    "threads": 1,
}

VQGAN_RECIPE = Recipe(name="vqgan", build=build_vqgan, steps=2400, **_SHARED)

VAR_RECIPE = Recipe(name="var", build=build_var, steps=2400, **_SHARED)
