"""Files of weights as others publish them: safetensors, or torch's pickles read as data and never run.

``read_weights`` gives the one state dict of a file. Training checkpoints nest it under a name and keep bookkeeping
beside it; classes of such bookkeeping that published files are known to hold are replaced by an empty one of ours, so
that neither the class nor its package is needed and nothing of the file's runs.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from harness.errors import UserError
from harness.paths import user_path
from harness.texts import first_line, read_json_object
from harness.weights.fitting import UNREADABLE

if TYPE_CHECKING:
    from torch import Tensor

NESTS = ("state_dict", "model", "module", "ema")
"""Where training checkpoints keep the weights; the first that is there counts, unless a door knows its publisher's
own order."""
BOOKKEEPING = ("argparse.Namespace", "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")
"""Classes beside the weights in published files: LlamaGen's and taming-transformers' trainers write them."""


class Ignored:
    """Stands for an object of bookkeeping; keeps what the file says of it and does nothing."""


def split_choice(source: str) -> tuple[str, str]:
    """``PATH#NAME`` as (path, which weights of the file): a training writes its own and their running average (ema)."""
    if user_path(source).exists():
        return source, ""
    path, _, asked = source.rpartition("#")
    return (path, asked) if path else (source, "")


def read_weights(path: Path, nests: Sequence[str] = NESTS) -> dict[str, Tensor]:
    """The state dict of a file, as ``read_chosen`` gives it."""
    return read_chosen(path, nests)[0]


def read_chosen(path: Path, nests: Sequence[str] = NESTS, asked: str = "") -> tuple[dict[str, Tensor], str]:
    """(the state dict of a file on the CPU, half precision made float32; the name that it has in the file, "" for
    none). ``nests`` are the names in the order in which the publisher's own code takes them, ``asked`` is the user's.

    Raises UserError, one line, for a file that is none, for a pickle that only running code could read, and for one
    that holds nothing of the name asked for.
    """
    import torch

    whole = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    found: Any = whole
    chosen: list[str] = []
    while isinstance(found, Mapping):
        held = [str(name) for name, value in found.items() if isinstance(value, Mapping)]
        nest = asked if asked in held else next((name for name in nests if name in held), "")
        if not nest or (asked and asked in chosen):
            break
        chosen.append(nest)
        found = found[nest]
    if asked and asked not in chosen:
        there = [str(name) for name, value in whole.items() if isinstance(value, Mapping) and value]
        has = f"it holds {', '.join(there)}" if there else "it holds one set of weights, which has no name"
        raise UserError(f"{path} has no weights called '{asked}': {has}")
    if not isinstance(found, Mapping) or not found:
        raise UserError(f"{path} holds no weights: it is {type(found).__name__}, not names with tensors")
    for key, value in found.items():
        if not isinstance(value, torch.Tensor):
            raise UserError(f"{path} is not a file of weights: '{key}' in it is {type(value).__name__}, not a tensor")
    small = (torch.float16, torch.bfloat16)
    state = {str(key): value.float() if value.dtype in small else value for key, value in found.items()}
    return state, ".".join(chosen)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, *UNREADABLE) as error:
        raise UserError(f"{path} is not a safetensors file: {first_line(error)}") from error


def _read_pickle(path: Path) -> Any:
    import torch

    try:
        mapped = zipfile.is_zipfile(path)  # files of torch before 1.6 cannot be mapped
        with torch.serialization.safe_globals([(Ignored, name) for name in BOOKKEEPING]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except UnpicklingError as error:
        line = next((line.strip() for line in str(error).splitlines() if "GLOBAL" in line), "")
        what = line.partition("GLOBAL ")[2].split(" ")[0] or "something that is not a tensor"
        raise UserError(
            f"{path} is not read, since only running its code would restore {what}: "
            "if you trust it, convert its weights to safetensors"
        ) from error
    except UNREADABLE as error:
        raise UserError(f"{path} is not a file of weights that torch reads: {first_line(error)}") from error


def without(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """All but the keys that begin with ``prefix``."""
    return {key: value for key, value in state.items() if not key.startswith(prefix)}


def sizes_beside(path: Path) -> dict[str, Any]:
    """What ``NAME.json`` beside the file says of its sizes; nothing where there is none."""
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    sizes = read_json_object(beside, 'it must hold the sizes by name, for example {"n_embed": 1024}')
    return {key: tuple(value) if isinstance(value, list) else value for key, value in sizes.items()}
