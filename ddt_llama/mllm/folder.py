"""The folder of a multimodal language model, and language models that know no images yet.

A folder is what transformers writes (``config.json``, ``model.safetensors`` or its shards, the tokenizer's files) and a
``card.json`` with the vocabulary map, the token order, the image tokenizer's name, source and digest, the digest of the
weights, and those of the files beside them (``files``): a text tokenizer that was changed makes another model. So an 8B
folder and a tiny one open by the same call, and transformers alone opens either. Pickles are never read, and code that
comes with a model is never run.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddt_llama.mllm.vocabulary import row_count
from harness.errors import UserError
from harness.paths import user_path
from harness.texts import read_json_object
from harness.weights.checkpoints import CARD, WEIGHTS, locate
from harness.weights.digests import sha256_of
from harness.weights.fitting import open_fitting, quiet_libraries, readable, require_text, require_words

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FAMILY = "mllm"
INDEX = f"{WEIGHTS}.index.json"
PARTS = {"vocabulary", "order", "image_tokenizer"}


@dataclass(frozen=True)
class ModelFolder:
    """What a folder holds, opened."""

    path: Path
    language_model: PreTrainedModel
    text_tokenizer: PreTrainedTokenizerBase
    card: Mapping[str, Any]


def open_language_model(
    source: str, dtype: torch.dtype | str = "auto", writes: bool = True, shared: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model and its text tokenizer, from a folder or from transformers' cache of the hub.

    Raises UserError for a folder without weights in safetensors, or one that transformers cannot open, for a tokenizer
    that is missing or another model's, and where it ``writes`` for one that loses what it reads. ``shared``: as
    ``open_fitting`` has it.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = user_path(source)
    where = str(folder) if folder.is_dir() else source
    if folder.is_dir():
        _require_weights(folder)
    model = open_fitting(
        AutoModelForCausalLM, where, what="causal language model", dtype=dtype, use_safetensors=True, shared=shared
    )
    with readable("text tokenizer", where):
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
    require_words(tokenizer, source, row_count(model))
    if writes:
        require_text(tokenizer, source)
    return model, tokenizer


def read_folder(source: str, dtype: torch.dtype, verify: bool) -> ModelFolder:
    """Open a folder of ours; UserError says in one line what is wrong with it."""
    folder = user_path(source)
    if not folder.is_dir():
        folder = locate(source)
    _require_weights(folder)
    card = _read_card(folder)
    if verify and (found := weights_digest(folder)) != card["sha256"]:
        raise UserError(
            f"the weights in {folder} have digest {found[:16]}, their card says {card['sha256'][:16]}: "
            "get the folder again"
        )
    model, tokenizer = open_language_model(str(folder), dtype)
    return ModelFolder(folder, model, tokenizer, card)


def write_folder(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    config: Mapping[str, Any],
    extra: Mapping[str, Any],
    half: bool,
    weights: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write beside it first, then move file by file, the card last: a folder with a card is whole."""
    whole = model.state_dict() if weights is None else weights
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        fresh = Path(name)
        state = _halved(whole) if half else dict(whole)
        with quiet_libraries():
            model.save_pretrained(fresh, state_dict=state)
        tokenizer.save_pretrained(fresh)
        card = {"family": FAMILY, "config": dict(config), **extra, "sha256": weights_digest(fresh)}
        beside = (path for path in sorted(fresh.iterdir()) if path.suffix != ".safetensors")
        card["files"] = {path.name: sha256_of(path) for path in beside}
        (fresh / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        (folder / CARD).unlink(missing_ok=True)
        for old in folder.glob("model*.safetensors*"):
            old.unlink()
        for path in sorted(fresh.iterdir(), key=lambda path: path.name == CARD):
            os.replace(path, folder / path.name)
    return folder


def _halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """fp16; tensors that are one in memory (tied embeddings) stay one, so that they are written once."""
    known: dict[tuple[int, tuple[int, ...]], Tensor] = {}
    return {
        key: known.setdefault((value.data_ptr(), tuple(value.shape)), value.half())
        if value.is_floating_point()
        else value
        for key, value in state.items()
    }


def weights_digest(folder: Path) -> str:
    """The SHA-256 of ``model.safetensors``; of shards, that of the lines ``NAME SHA-256`` in the order of names, of
    those that the index names: they are what is read."""
    if (folder / WEIGHTS).is_file():
        return sha256_of(folder / WEIGHTS)
    lines = (f"{name} {sha256_of(folder / name)}\n" for name in _named_shards(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _named_shards(folder: Path) -> list[str]:
    """The files that the index names, by name. Raises UserError for an index that names none of this folder."""
    listed = read_json_object(folder / INDEX).get("weight_map")
    names = sorted(set(listed.values())) if isinstance(listed, dict) and all(map(_is_name, listed.values())) else []
    if not names:
        raise UserError(f"{folder / INDEX} names no files of weights in its folder: get it again")
    return names


def _is_name(value: object) -> bool:
    return isinstance(value, str) and Path(value).name == value


def require_files(folder: Path, card: Mapping[str, Any]) -> None:
    """What stands beside the weights is as the card says, as far as it does: cards of before say nothing of it. Raises
    UserError."""
    stated = card.get("files", {})
    if not isinstance(stated, dict) or not all(map(_is_name, stated)):
        raise UserError(f"{folder / CARD} is not a card of ours: 'files' must be digests by name")
    for name, digest in stated.items():
        path = folder / name
        found = sha256_of(path) if path.is_file() else ""
        if found != digest:
            what = f"has digest {found[:16]}" if found else "is missing"
            raise UserError(
                f"{path} {what}, the card says {str(digest)[:16]}: get the folder again (or, where you changed it on "
                f"purpose, make a folder of its own whose {CARD} says so)"
            )


def _require_weights(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a language model: it has no config.json")
    if (folder / WEIGHTS).is_file():
        return
    if (folder / INDEX).is_file():
        named = _named_shards(folder)
        absent = [name for name in named if not (folder / name).is_file()]
        if not absent:
            return
        raise UserError(f"{folder} lacks weights that its index names: {', '.join(absent[:3])}")
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
    hint = f"; {pickles[0]} is not read, since a pickle can run code: convert it to safetensors" if pickles else ""
    raise UserError(f"{folder} has a config but no weights: it needs {WEIGHTS}{hint}")


def _read_card(folder: Path) -> dict[str, Any]:
    if not (folder / CARD).is_file():
        raise UserError(
            f"{folder} has no {CARD}: it is a language model that knows no images; extend it by a tokenizer first"
        )
    card = read_json_object(folder / CARD)
    if card.get("family") != FAMILY:
        raise UserError(f"{folder} holds a '{card.get('family')}', not a '{FAMILY}'")
    config = card.get("config")
    if not isinstance(config, dict) or set(config) != PARTS or not isinstance(card.get("sha256"), str):
        raise UserError(f"{folder / CARD} is not a card of ours: it needs 'sha256' and a 'config' of {sorted(PARTS)}")
    return card
