"""Where the weights of GenEval's judges lie. Imports no torch: ``ddtbench list instruments`` asks."""

from __future__ import annotations

from harness.weights.places import CONFIG, Weights

DETECTOR_FILE = "mask2former_swin-s-p4-w7-224_lsj_8x2_50e_coco.pth"
DETECTOR_CURE = f"set DDTBENCH_DETECTOR to a folder or hub id of transformers, or to mmdet's {DETECTOR_FILE}"
DETECTOR_WEIGHTS = "model.safetensors"
DETECTOR = Weights(
    files=((DETECTOR_FILE, ""),),
    holds=(DETECTOR_WEIGHTS, CONFIG),
    variable="DDTBENCH_DETECTOR",
    prepared=("detectors", "detectors/mask2former"),
    hub_ids=True,
    absent=f"Mask2Former's weights are missing: {DETECTOR_CURE}",
)

CLASSIFIER_FILE = "ViT-L-14.pt"
CLASSIFIER_CURE = f"set DDTBENCH_COLOUR_CLIP to OpenAI's {CLASSIFIER_FILE}, or to a folder in open_clip's format"
CLASSIFIER_WEIGHTS = "open_clip_model.safetensors"
CLASSIFIER = Weights(
    # SHA-256, which stands in the address that open_clip fetches it from (``open_clip/pretrained.py``)
    files=((CLASSIFIER_FILE, "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),),
    holds=(CLASSIFIER_WEIGHTS, "open_clip_config.json"),
    variable="DDTBENCH_COLOUR_CLIP",
    prepared=("detectors",),
    absent=f"the colour classifier's weights are missing: {CLASSIFIER_CURE}",
)
