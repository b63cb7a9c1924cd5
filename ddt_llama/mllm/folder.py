"""The folder of a multimodal language model, and language models that know no images yet.

A folder is what transformers writes (``config.json``, ``model.safetensors`` or its shards, the tokenizer's files) and a
``card.json`` with the vocabulary map, the token order, the image tokenizer's name, source and digest, and the digest of
the weights. So an 8B folder and a tiny one open by the same call, and transformers alone opens either. Pickles are
never read, and code that comes with a model is never run.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checkpoints import CARD, WEIGHTS, locate, sha256_of
from harness.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FAMILY = "mllm"
INDEX = f"{WEIGHTS}.index.json"
PARTS = {"vocabulary", "order", "image_tokenizer"}


@dataclass(frozen=True)
class Folder:
    """What a folder holds, opened."""

    language_model: PreTrainedModel
    text_tokenizer: PreTrainedTokenizerBase
    card: Mapping[str, Any]


def open_language_model(
    source: str, dtype: torch.dtype | str = "auto"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model and its text tokenizer, from a folder or from transformers' cache of the hub.

    Raises UserError for a folder without weights in safetensors, or one that transformers cannot open.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = Path(source).expanduser()
    where = str(folder) if folder.is_dir() else source
    if folder.is_dir():
        _require_weights(folder)
    try:
        with _quiet():
            opened: Any = AutoModelForCausalLM.from_pretrained(
                where, dtype=dtype, use_safetensors=True, output_loading_info=True
            )
        tokenizer = AutoTokenizer.from_pretrained(where)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"no causal language model can be opened at '{source}': {reason}") from error
    model, found = opened
    wrong = {kind: sorted(map(str, found[kind])) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    for kind, keys in wrong.items():
        if keys:
            name = kind.replace("_", " ")
            raise UserError(f"the weights at '{source}' do not fit their config: {len(keys)} {name} {keys[:2]}")
    return model, tokenizer


def read_folder(source: str, dtype: torch.dtype, verify: bool) -> Folder:
    """Open a folder of ours; UserError says in one line what is wrong with it."""
    folder = Path(source).expanduser()
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
    return Folder(model, tokenizer, card)


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
        with _quiet():
            model.save_pretrained(fresh, state_dict=state)
        tokenizer.save_pretrained(fresh)
        card = {"family": FAMILY, "config": dict(config), **extra, "sha256": weights_digest(fresh)}
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own progress bars: a tiny model needs none."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def weights_digest(folder: Path) -> str:
    """The SHA-256 of ``model.safetensors``; of shards, that of the lines ``NAME SHA-256`` in the order of names."""
    if (folder / WEIGHTS).is_file():
        return sha256_of(folder / WEIGHTS)
    lines = (f"{shard.name} {sha256_of(shard)}\n" for shard in sorted(folder.glob("model-*.safetensors")))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _require_weights(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a language model: it has no config.json")
    if (folder / WEIGHTS).is_file():
        return
    if (folder / INDEX).is_file():
        named = set(_json(folder / INDEX).get("weight_map", {}).values())
        absent = sorted(name for name in named if not (folder / name).is_file())
        if named and not absent:
            return
        raise UserError(f"{folder} lacks weights that its index names: {', '.join(absent[:3]) or 'none are named'}")
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
    hint = f"; {pickles[0]} is not read, since a pickle can run code: convert it to safetensors" if pickles else ""
    raise UserError(f"{folder} has a config but no weights: it needs {WEIGHTS}{hint}")


def _read_card(folder: Path) -> dict[str, Any]:
    if not (folder / CARD).is_file():
        raise UserError(
            f"{folder} has no {CARD}: it is a language model that knows no images; extend it by a tokenizer first"
        )
    card = _json(folder / CARD)
    if card.get("family") != FAMILY:
        raise UserError(f"{folder} holds a '{card.get('family')}', not a '{FAMILY}'")
    config = card.get("config")
    if not isinstance(config, dict) or set(config) != PARTS or not isinstance(card.get("sha256"), str):
        raise UserError(f"{folder / CARD} is not a card of ours: it needs 'sha256' and a 'config' of {sorted(PARTS)}")
    return card


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} is not a JSON object")
    return value
