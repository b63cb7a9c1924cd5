"""Parity packs: what the published code computes on weights that anybody can rebuild from their names.

Each tensor is drawn from a generator seeded with the CRC-32 of its key, scaled as the manifest says; check sums tell a
different random stream from a wrong model.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

HERE = Path(__file__).parent


def filled(entry: dict[str, Any]) -> Tensor | None:
    """One tensor of a manifest's key list; None for a table that the constructor keeps."""
    fill, key = entry["fill"], entry["key"]
    if "keep" in fill:
        return None
    if "const" in fill:
        return torch.full(tuple(entry["shape"]), float(fill["const"]))
    generator = torch.Generator("cpu").manual_seed(zlib.crc32(key.encode()))
    value: Tensor = fill["mean"] + fill["std"] * torch.randn(tuple(entry["shape"]), generator=generator)
    if fill.get("op") == "l2norm_last":
        value = value / value.norm(dim=-1, keepdim=True)
    elif fill.get("op") == "softmax_last":
        value = value.softmax(-1)
    elif fill.get("op") == "abs":
        value = value.abs()
    check = entry["check"]
    # float32 values summed in float64: the order of the sum is all that may differ, and the rounding of an operation
    allowed = (1e-7 if "op" in fill else 1e-9) * check["abs_sum"]
    assert abs(value.double().sum().item() - check["sum"]) <= allowed, f"another random stream: {key}"
    return value


class Pack:
    """One folder: ``manifest``, ``expected`` outputs, ``state`` of the model."""

    # largest deviation of the reference against itself (two threads, other kernels): 7.7e-6 of the peak; a wrong norm
    # epsilon gives 7e-4 and more
    tolerance = 3e-5

    def __init__(self, name: str) -> None:
        self.folder = HERE / name
        self.manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        self.expected = load_file(self.folder / "expected.safetensors")
        made = {entry["key"]: filled(entry) for entry in self.manifest["keys"]}
        self.state = {key: value for key, value in made.items() if value is not None}

    def real(self, name: str) -> dict[str, Any]:
        """A manifest of a published size."""
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def same(self, name: str, value: Tensor) -> None:
        """The output ``name`` is reproduced: integers exactly, floats within the tolerance, relative to the peak."""
        wanted = self.expected[name]
        assert value.shape == wanted.shape or value.numel() == wanted.numel() == 1, name
        if wanted.dtype == torch.int64:
            assert torch.equal(value, wanted), name
        else:
            deviation = (value - wanted).abs().max() / wanted.abs().max()
            assert deviation <= self.tolerance, f"{name}: {deviation:.1e} of the peak"


@pytest.fixture(scope="module")
def open_pack() -> Callable[[str], Pack]:
    """``open_pack(folder name)``."""
    return Pack


def sliced(text: str) -> tuple[slice, ...]:
    """``[:1, :8, ::4]`` as slices."""
    parts = [
        [int(number) if number else None for number in part.strip().split(":")] for part in text.strip("[]").split(",")
    ]
    return tuple(slice(*part) for part in parts)


@contextmanager
def compared_taps(pack: Pack, model: nn.Module, our_name: Callable[[str], str]) -> Iterator[None]:
    """Every intermediate value that the pack lists is compared as it is first computed."""
    seen: set[str] = set()
    handles = []
    for name, tap in pack.manifest["checkpoints"].items():

        def compare(module: nn.Module, inputs: Any, output: Tensor, name: str = name, cut: str = tap["slice"]) -> None:
            if name not in seen:
                seen.add(name)
                pack.same(f"tap.{name}", output[sliced(cut)])

        handles.append(model.get_submodule(our_name(tap["module"])).register_forward_hook(compare))
    yield
    for handle in handles:
        handle.remove()
    assert seen == set(pack.manifest["checkpoints"])


@pytest.fixture(scope="module")
def taps() -> Callable[..., AbstractContextManager[None]]:
    """``taps(pack, model, our_name)``: within it the pack's intermediate values are compared."""
    return lambda pack, model, our_name=lambda name: name: compared_taps(pack, model, our_name)
