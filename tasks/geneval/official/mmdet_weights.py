"""Mask2Former as MMDetection 2.x stores it, in the class of transformers: a map of names, every key accounted for.

GenEval's own script opens ``mask2former_swin-s-p4-w7-224_lsj_8x2_50e_coco`` (file ``..._20220504_001756-743b7d99.pth``,
the name ends in the start of its SHA-256) with mmdet 2.27. What differs between the two programs, besides names:

* Swin's queries, keys and values are one matrix there (``qkv``), and so are those of the decoder's self-attention
  (``in_proj``); here they are three.
* Where Swin merges patches, the four pixels lie inside the channels there (``nn.Unfold``: channel, row, column) and
  outside of them here (column, row, channel).
* ``relative_position_index`` is stored there and computed here. Two tensors are only here and take no part:
  ``swin.layernorm`` (the last feature map has a norm of its own) and the weights of the loss.

Verified: the keys and shapes of this configuration as mmdet 2.28.2 builds it (649, one to one), and on seeded weights
of a small configuration the logits of classes and masks and the detections of mmdet's own code
(``tests/parity/mask2former``). Not verified: the published file itself, which was not at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError
from harness.texts import first_line
from harness.weights.checkpoints import fill_module
from harness.weights.fitting import UNREADABLE
from tasks.geneval.official.weights import DETECTOR_FILE

if TYPE_CHECKING:
    from torch import Tensor

"""As GenEval's ``download_models.sh`` calls it."""

OFFICIAL_DIGEST = "743b7d99"
"""The start of its SHA-256, as MMDetection's release names it."""

UNUSED = ("model.pixel_level_module.encoder.swin.layernorm.", "criterion.")
"""What transformers' class holds and mmdet's file does not; no part of what is detected."""


@dataclass(frozen=True)
class Rule:
    """Keys that match ``there`` whole become ``here`` (``\\1`` is the first group ...), after ``change``.

    Several names in ``here`` share the tensor in equal parts along its first axis; none means that it is left out.
    """

    there: str
    here: tuple[str, ...]
    change: Callable[[Tensor], Tensor] | None = None


def _merged(tensor: Tensor) -> Tensor:
    """The last axis from (channel, row, column) to (column, row, channel)."""
    parts: Tensor = tensor.reshape(*tensor.shape[:-1], -1, 2, 2)
    return parts.movedim(-3, -1).transpose(-3, -2).flatten(-3)


_SWIN = "model.pixel_level_module.encoder.swin"
_BLOCK = rf"{_SWIN}.encoder.layers.\1.blocks.\2"
_PIXEL = "model.pixel_level_module.decoder"
_PIXEL_LAYER = rf"{_PIXEL}.encoder.layers.\1"
_HEAD = "model.transformer_module"
_LAYER = rf"{_HEAD}.decoder.layers.\1"
_B, _P, _T = r"backbone\.stages\.(\d+)\.blocks\.(\d+)", r"panoptic_head\.pixel_decoder", r"panoptic_head"
_E, _D = rf"{_P}\.encoder\.layers\.(\d+)", rf"{_T}\.transformer_decoder\.layers\.(\d+)"
_ANY = r"(weight|bias)"

RULES: tuple[Rule, ...] = (
    # Swin
    Rule(rf"backbone\.patch_embed\.projection\.{_ANY}", (rf"{_SWIN}.embeddings.patch_embeddings.projection.\1",)),
    Rule(rf"backbone\.patch_embed\.norm\.{_ANY}", (rf"{_SWIN}.embeddings.norm.\1",)),
    Rule(rf"{_B}\.norm1\.{_ANY}", (rf"{_BLOCK}.layernorm_before.\3",)),
    Rule(rf"{_B}\.norm2\.{_ANY}", (rf"{_BLOCK}.layernorm_after.\3",)),
    Rule(
        rf"{_B}\.attn\.w_msa\.relative_position_bias_table",
        (rf"{_BLOCK}.attention.relative_position_bias.relative_position_bias_table",),
    ),
    Rule(rf"{_B}\.attn\.w_msa\.relative_position_index", ()),
    Rule(rf"{_B}\.attn\.w_msa\.qkv\.{_ANY}", tuple(rf"{_BLOCK}.attention.{part}_proj.\3" for part in "qkv")),
    Rule(rf"{_B}\.attn\.w_msa\.proj\.{_ANY}", (rf"{_BLOCK}.attention.o_proj.\3",)),
    Rule(rf"{_B}\.ffn\.layers\.0\.0\.{_ANY}", (rf"{_BLOCK}.mlp.fc1.\3",)),
    Rule(rf"{_B}\.ffn\.layers\.1\.{_ANY}", (rf"{_BLOCK}.mlp.fc2.\3",)),
    Rule(
        r"backbone\.stages\.(\d+)\.downsample\.(reduction\.weight|norm\.weight|norm\.bias)",
        (rf"{_SWIN}.encoder.layers.\1.downsample.\2",),
        _merged,
    ),
    *(
        Rule(
            rf"backbone\.norm{stage}\.{_ANY}",
            (rf"model.pixel_level_module.encoder.hidden_states_norms.stage{stage + 1}.\1",),
        )
        for stage in range(4)
    ),
    # pixel decoder: levels from coarse to fine on both sides
    Rule(rf"{_P}\.input_convs\.(\d+)\.conv\.{_ANY}", (rf"{_PIXEL}.input_projections.\1.0.\2",)),
    Rule(rf"{_P}\.input_convs\.(\d+)\.gn\.{_ANY}", (rf"{_PIXEL}.input_projections.\1.1.\2",)),
    Rule(
        rf"{_E}\.attentions\.0\.(sampling_offsets|attention_weights|value_proj|output_proj)\.{_ANY}",
        (rf"{_PIXEL_LAYER}.self_attn.\2.\3",),
    ),
    Rule(rf"{_E}\.norms\.0\.{_ANY}", (rf"{_PIXEL_LAYER}.self_attn_layer_norm.\2",)),
    Rule(rf"{_E}\.ffns\.0\.layers\.0\.0\.{_ANY}", (rf"{_PIXEL_LAYER}.fc1.\2",)),
    Rule(rf"{_E}\.ffns\.0\.layers\.1\.{_ANY}", (rf"{_PIXEL_LAYER}.fc2.\2",)),
    Rule(rf"{_E}\.norms\.1\.{_ANY}", (rf"{_PIXEL_LAYER}.final_layer_norm.\2",)),
    Rule(rf"{_P}\.level_encoding\.weight", (f"{_PIXEL}.level_embed",)),
    Rule(rf"{_P}\.lateral_convs\.0\.conv\.weight", (f"{_PIXEL}.adapter_1.0.weight",)),
    Rule(rf"{_P}\.lateral_convs\.0\.gn\.{_ANY}", (rf"{_PIXEL}.adapter_1.1.\1",)),
    Rule(rf"{_P}\.output_convs\.0\.conv\.weight", (f"{_PIXEL}.layer_1.0.weight",)),
    Rule(rf"{_P}\.output_convs\.0\.gn\.{_ANY}", (rf"{_PIXEL}.layer_1.1.\1",)),
    Rule(rf"{_P}\.mask_feature\.{_ANY}", (rf"{_PIXEL}.mask_projection.\1",)),
    # transformer decoder: attention to the picture first, then among the queries
    Rule(rf"{_D}\.attentions\.0\.attn\.in_proj_{_ANY}", (rf"{_LAYER}.cross_attn.in_proj_\2",)),
    Rule(rf"{_D}\.attentions\.0\.attn\.out_proj\.{_ANY}", (rf"{_LAYER}.cross_attn.out_proj.\2",)),
    Rule(rf"{_D}\.attentions\.1\.attn\.in_proj_{_ANY}", tuple(rf"{_LAYER}.self_attn.{part}_proj.\2" for part in "qkv")),
    Rule(rf"{_D}\.attentions\.1\.attn\.out_proj\.{_ANY}", (rf"{_LAYER}.self_attn.out_proj.\2",)),
    Rule(rf"{_D}\.norms\.0\.{_ANY}", (rf"{_LAYER}.cross_attn_layer_norm.\2",)),
    Rule(rf"{_D}\.norms\.1\.{_ANY}", (rf"{_LAYER}.self_attn_layer_norm.\2",)),
    Rule(rf"{_D}\.ffns\.0\.layers\.0\.0\.{_ANY}", (rf"{_LAYER}.fc1.\2",)),
    Rule(rf"{_D}\.ffns\.0\.layers\.1\.{_ANY}", (rf"{_LAYER}.fc2.\2",)),
    Rule(rf"{_D}\.norms\.2\.{_ANY}", (rf"{_LAYER}.final_layer_norm.\2",)),
    Rule(rf"{_T}\.transformer_decoder\.post_norm\.{_ANY}", (rf"{_HEAD}.decoder.layernorm.\1",)),
    Rule(rf"{_T}\.query_embed\.weight", (f"{_HEAD}.queries_embedder.weight",)),
    Rule(rf"{_T}\.query_feat\.weight", (f"{_HEAD}.queries_features.weight",)),
    Rule(rf"{_T}\.level_embed\.weight", (f"{_HEAD}.level_embed.weight",)),
    Rule(rf"{_T}\.cls_embed\.{_ANY}", (r"class_predictor.\1",)),
    *(
        Rule(
            rf"{_T}\.mask_embed\.{2 * layer}\.{_ANY}",
            (rf"{_HEAD}.decoder.mask_predictor.mask_embedder.{layer}.0.\1",),
        )
        for layer in range(3)
    ),
)


def to_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """mmdet's weights under transformers' names. Raises UserError for a key that no rule knows."""
    found: dict[str, Tensor] = {}
    for key, tensor in state.items():
        rule, names = _rule_for(key)
        changed = rule.change(tensor) if rule.change else tensor
        parts = changed.chunk(len(names)) if len(names) > 1 else (changed,) * len(names)
        found.update(zip(names, (part.clone() for part in parts), strict=True))
    return found


def _rule_for(key: str) -> tuple[Rule, list[str]]:
    for rule in RULES:
        if match := re.fullmatch(rule.there, key):
            return rule, [match.expand(name) for name in rule.here]
    raise UserError(f"'{key}' is not a key of mmdet 2.x's Mask2Former with Swin: is this {DETECTOR_FILE}?")


def read_mmdet(path: Path) -> dict[str, Tensor]:
    """The weights in a checkpoint of mmdet, read without running code. Raises UserError for another kind of file."""
    import pickle

    import torch

    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, *UNREADABLE) as error:
        raise UserError(f"{path} is not a checkpoint of mmdet ({first_line(error)}): get it again") from error
    state = stored.get("state_dict") if isinstance(stored, dict) else None
    if not isinstance(state, Mapping):
        raise UserError(f"{path} holds no 'state_dict': it must be mmdet's {DETECTOR_FILE}")
    return dict(state)


def fill_from_mmdet(model: Any, state: Mapping[str, Tensor], where: str) -> None:
    """Fill a ``Mask2FormerForUniversalSegmentation`` of the same configuration; every key of both must be accounted
    for. Raises UserError otherwise, for example for the panoptic checkpoint (134 classes)."""
    kept = {key: value for key, value in model.state_dict().items() if key.startswith(UNUSED)}
    fill_module(model, kept | to_transformers(state), where)
