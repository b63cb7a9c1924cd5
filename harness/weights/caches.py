"""Where libraries keep what they have downloaded, found by path: neither torch nor the hub's library is imported, and
nothing is fetched."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(#[\w./-]+)?")
MAIN = "main"
CLEAN_FID = Path("/tmp")


def is_hub_id(text: str) -> bool:
    """Whether ``OWNER/NAME[#REVISION]`` (or ``NAME``, of the hub's first models) could be one."""
    return bool(_HUB_ID.fullmatch(text)) and ".." not in text


def hub_cache() -> Path:
    """The folder of ``models--OWNER--NAME`` folders, as huggingface_hub finds it."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    home = os.environ.get("HF_HOME") or os.path.join(_cache(), "huggingface")
    return _expanded(named or os.path.join(home, "hub"))


def hub_snapshot(hub_id: str) -> Path | None:
    """The folder of a model's files at ``OWNER/NAME[#REVISION]``, by default that of its branch ``main``; None where
    the cache has none."""
    if not is_hub_id(hub_id):
        return None
    name, _, revision = hub_id.partition("#")
    folder = hub_cache() / f"models--{name.replace('/', '--')}"
    ref = folder / "refs" / (revision or MAIN)
    try:
        commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def torch_hub() -> Path:
    """Where ``torch.hub`` keeps downloaded files: pytorch-fid, torch-fidelity, torchmetrics, torchvision."""
    home = os.environ.get("TORCH_HOME") or os.path.join(_cache(), "torch")
    return _expanded(home) / "hub" / "checkpoints"


def package_folder(name: str) -> Path:
    """The folder of a Python package, which is not imported: only a file of it is wanted."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path(os.devnull)


def of_library(name: str) -> tuple[str, Path]:
    """(in words, the folder) of what ``torch`` or ``clean-fid`` has fetched."""
    known = {"torch": ("torch hub's cache", torch_hub()), "clean-fid": ("clean-fid's folder", CLEAN_FID)}
    return known[name]


def _cache() -> str:
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(Path.home(), ".cache")


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(path)))
