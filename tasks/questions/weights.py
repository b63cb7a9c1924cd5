"""Where the weights of a judge that answers questions lie. Imports no torch: ``ddtbench list instruments`` asks."""

from __future__ import annotations

from harness.weights.places import CONFIG, Weights

JUDGE_CURE = (
    "set DDTBENCH_JUDGE to the folder or hub id of a vision-language model (GenEval 2's own is Qwen3-VL-8B-Instruct)"
)
JUDGE = Weights(
    holds=("*.safetensors", CONFIG),
    variable="DDTBENCH_JUDGE",
    hub_ids=True,
    absent=f"no vision-language model; {JUDGE_CURE}",
)
