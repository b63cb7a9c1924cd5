"""The environment of a computation: what must be equal for equal bytes, and what is only good to know.

``Environment.digest`` covers Python, torch, transformers, device kind and threads. It is stored in every part, so that
a run resumed under another environment is noticed. Host, time and the versions of further libraries stand beside it in
``environment.json`` and promise nothing. Versions are read from package metadata: nothing heavy is imported for them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from harness.errors import UserError
from harness.spec import canonical_json

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ENVIRONMENT = "environment.json"
FURTHER_PACKAGES = ("numpy", "pillow", "pyarrow", "safetensors", "tokenizers", "torchvision")


def package_version(name: str) -> str:
    """The installed version of a distribution, or ``absent``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def device_kind(device: str) -> str:
    """What kind of device computes: ``cpu x86_64``, or the name of the GPU (imports torch only for a GPU)."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        import torch

        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{kind} {platform.machine()}"


@dataclass(frozen=True)
class Environment:
    """What decides bytes besides the spec."""

    python: str
    torch: str
    transformers: str
    device: str
    threads: int

    @classmethod
    def current(cls, threads: int, device: str = "cpu", processes: int = 1) -> Environment:
        """The environment of this process, or of several that compute together."""
        return cls(
            platform.python_version(),
            package_version("torch"),
            package_version("transformers"),
            device_kind(device) + (f" x{processes}" if processes > 1 else ""),
            threads,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """The first 16 hex digits of the SHA-256 of its canonical JSON."""
        return _digest(self.to_dict())


def _digest(values: object) -> str:
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()[:16]


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs, in words: ``torch 2.14.1 here, 2.13.0 there``."""
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return "; ".join(f"{name} {new.get(name, 'unknown')} here, {old.get(name, 'unknown')} there" for name in names)


def checked_record(record: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The content of an ``environment.json``, in which each environment has the digest under which it stands: another
    was changed after it was written, and would name versions that made nothing. Raises UserError."""
    observed = record.get("observed", {})
    each = [record.get("environments", {}), *(observed.values() if isinstance(observed, Mapping) else [None])]
    if not all(map(_holds, each)) or not isinstance(record.get("runs", []), list):
        raise UserError(f"{where} was changed after it was written")
    return record


def _holds(known: object) -> bool:
    try:
        return isinstance(known, Mapping) and all(_digest(item) == digest for digest, item in known.items())
    except (UserError, ValueError, RecursionError):  # what JSON reads and does not write
        return False


def circumstances() -> dict[str, Any]:
    """Host, time and further versions, for ``environment.json``; never part of a byte promise."""
    return {
        "host": platform.node(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": {name: package_version(name) for name in FURTHER_PACKAGES},
    }


def limit_threads(threads: int) -> None:
    """Make torch use ``threads`` threads and deterministic kernels, if it is imported; later imports read the
    variables.

    Called again before each batch, since a subject or task may import torch as late as there.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "set_num_threads"):
        return
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False  # it picks kernels by timing, so that two runs could differ
    torch.backends.cudnn.deterministic = True


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """``limit_threads`` for a while: what was set before is restored, so that a notebook does not stay slow."""
    variables = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else None
    limit_threads(threads)
    try:
        yield
    finally:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch is not None and before is not None:
            torch.set_num_threads(before)
