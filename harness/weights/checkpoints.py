"""Checkpoints: a folder with ``model.safetensors`` and ``card.json``. Pickles are refused, digests are checked.

The card is the provenance: family, configuration, SHA-256 of the weights, and, for what we trained, recipe, seed,
data, steps, time and final losses. Weights may be stored in half precision; they are read back in float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError
from harness.paths import user_path
from harness.texts import read_json_object
from harness.weights.digests import sha256_of
from harness.weights.fitting import require_whole
from harness.weights.places import Weights
from harness.writing import written_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "model.safetensors"
CARD = "card.json"


CHECKPOINT = Weights(holds=(WEIGHTS, CARD), in_checkout=True, noun="checkpoint")


def locate(source: str) -> Path:
    """The folder of a checkpoint: as given, or relative to the checkout. Raises UserError if it is no checkpoint
    folder."""
    if not source:
        raise UserError("this model needs a checkpoint; name one as NAME@FOLDER")
    try:
        return CHECKPOINT.find(source)
    except UserError as error:
        raise UserError(f"{error}{_about_pickles(user_path(source))}") from None


def _about_pickles(place: Path) -> str:
    pickles = [place] if place.is_file() else sorted(place.glob("*.p*t*")) + sorted(place.glob("*.ckpt"))
    if not pickles:
        return ""
    return f"; {pickles[0].name} is not read, since a pickle can run code: convert it to safetensors"


def read_card(source: str) -> dict[str, Any]:
    """The card alone, without opening the weights."""
    path = locate(source) / CARD
    card = read_json_object(path)
    if not {"family", "config", "sha256"} <= card.keys():
        raise UserError(f"{path} is not a card of ours: it needs 'family', 'config' and 'sha256'")
    return card


def digest_of(source: str) -> str:
    """The SHA-256 of the weights as the card states it ('' for a model without a checkpoint)."""
    return str(read_card(source)["sha256"]) if source else ""


def codes_digest_of(source: str) -> str:
    """Which codes the tokenizer of a checkpoint makes: the SHA-256 of the weights that first made them.

    A decoder trained further on frozen codes has other weights and the same codes (``codes_sha256`` of its card), so
    that what learned from those codes stays valid. '' for a model without a checkpoint.
    """
    card = read_card(source) if source else {"sha256": ""}
    return str(card.get("codes_sha256") or card["sha256"])


def load_checkpoint(source: str, family: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(weights in float32, card). Raises UserError for a wrong family, a wrong digest or an unreadable file."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = locate(source)
    card = read_card(source)
    if card["family"] != family:
        raise UserError(f"{folder} holds a '{card['family']}', not a '{family}'")
    found = sha256_of(folder / WEIGHTS)
    if found != card["sha256"]:
        raise UserError(
            f"{folder / WEIGHTS} has digest {found[:16]}, its card says {card['sha256'][:16]}: get the file again"
        )
    try:
        state = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise UserError(f"{folder / WEIGHTS} is not a safetensors file: {error}") from error
    return {
        key: value.float() if value.dtype in (torch.float16, torch.bfloat16) else value for key, value in state.items()
    }, card


def fill_module(module: nn.Module, state: Mapping[str, Tensor], where: str, *, assign: bool = False) -> None:
    """Load every key exactly; the error names the first keys that are missing, unknown or of another shape. ``assign``:
    take the tensors themselves (for a module that was made without memory)."""
    own = module.state_dict()
    shapes = [(key, state[key].shape, own[key].shape) for key in own.keys() & state.keys()]
    found = {
        "missing_keys": own.keys() - state.keys(),
        "unexpected_keys": state.keys() - own.keys(),
        "mismatched_keys": [shape for shape in shapes if shape[1] != shape[2]],
    }
    require_whole(found, where)
    module.load_state_dict(dict(state), assign=assign)


def _halved(value: Tensor) -> Tensor:
    import torch

    return value.half() if value.dtype == torch.float32 else value


def read_back(value: Tensor) -> Tensor:
    """What a checkpoint that holds ``value`` in half precision gives back."""
    return _halved(value).to(value.dtype)


def save_checkpoint(
    folder: Path, family: str, state: Mapping[str, Tensor], card: Mapping[str, Any], half: bool = True
) -> Path:
    """Write weights (floating tensors in fp16 if ``half``) and card, each whole or not at all."""
    from safetensors.torch import save_file

    small = {key: (_halved(value) if half else value).contiguous().cpu() for key, value in state.items()}
    with written_whole(folder / WEIGHTS) as file:
        save_file(small, file)
        file.chmod(0o644)  # safetensors writes for the owner alone
        full = {"family": family, **card, "sha256": sha256_of(file)}
    with written_whole(folder / CARD) as file:
        file.write_text(json.dumps(full, indent=2, sort_keys=False) + "\n", encoding="utf-8")
    return folder
