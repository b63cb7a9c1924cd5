"""What the files of a model's folder may name: files beside them and classes of the libraries, and nothing else.

The libraries that open models follow names in the JSON files of a folder. Code is never run from there
(``trust_remote_code=False`` wherever a folder is opened); here is refused what leads out of the folder or names code by
another way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.texts import read_json

INDEX = "*.index.json"
ADAPTER = "adapter_config.json"
KERNELS = ("attn_implementation", "_attn_implementation", "experts_implementation")
"""Keys of a ``config.json`` in which ``OWNER/NAME`` is code that the library would fetch and run."""


def require_tame(folder: Path) -> None:
    """Raise UserError for a folder whose index names weights outside of it, that is an adapter to weights elsewhere,
    or that asks for kernels from a hub."""
    if (folder / ADAPTER).is_file():
        raise UserError(
            f"{folder} is an adapter ({ADAPTER}), which says itself what it is put on: merge it into its model's "
            "weights (merge_and_unload, save_pretrained) and name that folder"
        )
    for path in sorted(folder.glob(INDEX)):
        listed = read_json(path)
        named = listed.get("weight_map") if isinstance(listed, dict) else None
        if not isinstance(named, dict) or not named:
            raise UserError(f"{path} names no files of weights: get it again")
        for name in named.values():
            if not _is_file_name(name):
                raise UserError(f"{path} names {json.dumps(name)[:80]}, which is not in its folder: get it again")
    if (folder / "config.json").is_file():
        for key, value in _everywhere(read_json(folder / "config.json")):
            if key in KERNELS and isinstance(value, str) and "/" in value:
                raise UserError(
                    f"{folder / 'config.json'}: {key} is '{value[:80]}', code from a hub, which is not run: remove it"
                )


def _is_file_name(name: object) -> bool:
    return isinstance(name, str) and name not in ("", "..") and Path(name).name == name and "\0" not in name


def _everywhere(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _everywhere(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _everywhere(inner)
