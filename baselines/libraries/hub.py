"""Models that transformers and diffusers keep: their folder, here or on the Hugging Face hub, and opening it safely.

Only safetensors and text files are read, and no code of the folder's is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest
from harness.paths import user_path
from harness.texts import read_json_object
from harness.walk import walk
from harness.weights.digests import sha256_of
from harness.weights.fitting import open_fitting, readable, require_words
from harness.weights.places import Weights
from harness.weights.published_files import split_choice

READ = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""What is fetched from a hub, and what the digest is of."""
SAMPLING = "sampling.json"


def place_of(source: str, config: str = "config.json") -> tuple[Path, str]:
    """(folder, which of its weights) of ``FOLDER[#WEIGHTS]`` or ``OWNER/NAME[#REVISION[#WEIGHTS]]``; "" for the default
    ones, ``ema`` for those of ``model.ema.safetensors``. Raises UserError where there is neither, or no ``config``."""
    place, chosen = split_choice(source)
    if not user_path(place).is_dir():
        name, revision, chosen = [*source.split("#", 2), "", ""][:3]
        place = str(_fetched(name, revision))
    folder = Weights(holds=(config,), noun="folder of save_pretrained").find(place)
    if chosen and not any(folder.rglob(f"*.{chosen}*.safetensors")):
        raise UserError(f"{folder} has no weights called '{chosen}' (no file *.{chosen}.safetensors): leave it out")
    return folder, chosen


def _fetched(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(READ)))
    except HFValidationError:
        raise UserError(f"there is no folder '{name}', and it is not a hub id (OWNER/NAME)") from None
    except Exception as error:  # every network library below raises its own
        raise UserError(
            f"there is no folder '{name}', and the hub could not be asked for it ({type(error).__name__}): "
            f"download {name} on a machine with a network, and name its folder"
        ) from error


def sampling_in(folder: Path, known: Sequence[str]) -> dict[str, Any]:
    """What the user's own ``sampling.json`` in the folder sets otherwise than the published way; nothing without one.
    Raises UserError for a name that is not known."""
    file = folder / SAMPLING
    if not file.is_file():
        return {}
    chosen = read_json_object(file, f'it must hold settings by name, for example {{"{known[0]}": 1}}')
    for name in chosen:
        if name not in known:
            raise UserError(f"{file}: unknown setting '{name}'{nearest(name, known)}")
    return chosen


def digest_of_folder(folder: Path) -> str:
    """SHA-256 over the names and digests of the files that are read, links followed as the libraries follow them."""
    files = sorted(walk(folder, [pattern.removeprefix("*") for pattern in READ]).files.values())
    lines = (f"{path.relative_to(folder).as_posix()} {sha256_of(path)}" for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Opened:
    """A model of transformers in float32 with its processor, where it lies, and the digest of its files."""

    model: Any
    processor: Any
    folder: Path
    digest: str
    chosen: str = ""


def open_transformers(kind: str, model_class: Any, processor_class: Any, source: str, device: str) -> Opened:
    """Raises UserError for a folder of another kind, for weights that do not fit it (the library would draw at random
    what is missing), and for what the library cannot read."""
    folder, chosen = place_of(source)
    found = read_json_object(folder / "config.json").get("model_type")
    if found != kind:
        raise UserError(f"{folder} holds a '{found}', not a '{kind}'")
    import torch

    what = f"model of the kind '{kind}'"
    model = open_fitting(
        model_class,
        folder,
        what=what,
        dtype=torch.float32,
        use_safetensors=True,
        local_files_only=True,
        variant=chosen or None,
        shared=True,
    )
    with readable(what, str(folder)):
        processor = processor_class.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    require_words(processor.tokenizer, str(folder))
    processor.tokenizer.padding_side = "left"  # what is generated must follow the prompt
    return Opened(model.to(device).eval().requires_grad_(False), processor, folder, digest_of_folder(folder), chosen)
