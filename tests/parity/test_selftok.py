"""The released Selftok tokenizer's numbers, from its authors' code on seeded weights, reproduced by our modules.

Packs: ``tests/parity/selftok*`` (numbers made by running selftok-team/SelftokTokenizer @4695474; no source code, no
trained weights). Tolerance: max|a - b| <= 3e-5 max|b|, the packs' own suggestion: the largest deviation of the
reference against itself under other thread counts and kernels is 7e-7, a wrong norm epsilon gives 7e-4 and more.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ddt_llama.tokenizer.decoder import TokenDecoder
from ddt_llama.tokenizer.encoder import TokenEncoder
from ddt_llama.tokenizer.flow import euler, mix
from ddt_llama.tokenizer.quantizer import CosineQuantizer
from ddt_llama.tokenizer.schedule import Schedule, selftok_stages
from ddt_llama.tokenizer.selftok import convert, our_key
from harness.errors import UserError

pytestmark = pytest.mark.parity
HERE = Path(__file__).parent


def seeded(name: str, shape: list[int] | tuple[int, ...]) -> Tensor:
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def filled(entry: dict) -> Tensor | None:
    """A tensor by the packs' fill rule; None for tables that the constructor keeps."""
    fill = entry["fill"]
    if "keep" in fill:
        return None
    if "const" in fill:
        return torch.full(entry["shape"], float(fill["const"]))
    value = fill["mean"] + fill["std"] * seeded(entry["key"], entry["shape"])
    if fill.get("op") == "l2norm_last":
        value = value / value.norm(dim=-1, keepdim=True)
    return value.softmax(-1) if fill.get("op") == "softmax_last" else value


class Reference:
    def __init__(self) -> None:
        self.manifest = json.loads((HERE / "selftok/manifest.json").read_text())
        self.expected = load_file(HERE / "selftok/expected.safetensors")
        state = {entry["key"]: filled(entry) for entry in self.manifest["keys"]}
        state["model.context_pos_embed"] = self.expected["init.context_pos_embed"]
        ours = convert({key: value for key, value in state.items() if value is not None})
        self.encoder = TokenEncoder(16, 16, 8, 2, 2, 32, 4, 48, 4, table=16)
        self.quantizer = CosineQuantizer(48, 256)
        self.decoder = TokenDecoder(16, 16, 16, 8, 2, 2, 128, 2, table=12)
        self.own_positions = self.decoder.context_pos_embed.clone()
        for name in ("encoder", "quantizer", "decoder"):
            part = {key.removeprefix(f"{name}."): value for key, value in ours.items() if key.startswith(f"{name}.")}
            getattr(self, name).load_state_dict(part)
        self.schedule = Schedule(16, "stages", (0.2, 0.4, 0.6, 0.8, 1.0), (6, 5, 2, 2, 1))

    def same(self, name: str, value: Tensor) -> None:
        wanted = self.expected[name]
        assert (value.view_as(wanted) - wanted).abs().max() <= 3e-5 * wanted.abs().max(), name


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@torch.no_grad()
def test_codes_and_velocity_equal_the_released_tokenizer(reference: Reference) -> None:
    latents = seeded("input.latent", (2, 16, 8, 8))
    features = reference.encoder(latents)
    reference.same("query_features", features)
    reference.same("quantizer_in", reference.quantizer.project_in(features))
    codes = reference.quantizer.indices(features)
    assert torch.equal(codes, reference.expected["indices"])
    vectors = reference.quantizer.lookup(codes)
    reference.same("tokens", vectors)
    t = reference.expected["input.times"]
    noisy = mix(latents, seeded("input.noise", (2, 16, 8, 8)), t)
    reference.same("x_t", noisy)
    shown = reference.schedule.visible(t)
    assert torch.equal(shown, reference.expected["visible_mask"].bool())
    reference.same("velocity", reference.decoder(noisy, t, vectors, shown))
    reference.same("velocity_all_visible", reference.decoder(noisy, t, vectors, None))
    start = reference.expected["euler.noise"]
    decoded = euler(lambda x, at: reference.decoder(x, at, vectors, reference.schedule.visible(at)), start, 5)
    reference.same("euler.result", decoded)


@torch.no_grad()
def test_what_cannot_reach_the_output_may_be_left_out(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden codes, and what the codes of the last block see: the released numbers, from less arithmetic."""
    vectors, t = reference.expected["tokens"], reference.expected["input.times"]
    noisy = mix(seeded("input.latent", (2, 16, 8, 8)), seeded("input.noise", (2, 16, 8, 8)), t)
    seen: list[int] = []
    hook = reference.decoder.joint_blocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    monkeypatch.setattr(reference.decoder, "needed_only", True)
    reference.same("velocity", reference.decoder(noisy, t, vectors, reference.schedule.visible(t)))
    reference.same("velocity_all_visible", reference.decoder(noisy, t, vectors, None))
    parts, start = reference.decoder.code_parts(), reference.expected["euler.noise"]
    decoded = euler(lambda x, at: reference.decoder(x, at, vectors, reference.schedule.visible(at), parts), start, 5)
    hook.remove()
    reference.same("euler.result", decoded)
    counts = [int(reference.schedule.visible(torch.tensor([at])).sum()) for at in (1.0, 0.8, 0.6, 0.4, 0.2)]
    assert seen[2:] == counts and counts[-1] < counts[0] == 16


def test_our_own_position_table_is_theirs(reference: Reference) -> None:
    reference.same("init.context_pos_embed", reference.own_positions)


def test_schedule_equals_the_released_one_at_every_thousandth() -> None:
    """In exact arithmetic; the released float32 arithmetic is one lower at a few of the 1001 times, which we do not
    copy."""
    expected = load_file(HERE / "selftok_schedule/expected.safetensors")
    times = torch.arange(1001, dtype=torch.float64) / 1000
    ours = selftok_stages(512).visible_count(times) - 1
    assert torch.equal(ours, expected["k_grid_from_integer"].long())


def test_every_key_of_the_real_checkpoint_is_used_or_named_as_unused() -> None:
    real = json.loads((HERE / "selftok/manifest_real_256_512tokens.json").read_text())
    shapes = (
        {entry["key"]: tuple(entry["shape"]) for entry in real["keys"]}
        if isinstance(real["keys"][0], dict)
        else {key: tuple(shape) for key, shape, *_ in real["keys"]}
    )
    assert len(shapes) == 998
    with torch.device("meta"):
        modules = {
            "encoder": TokenEncoder(512, 16, 32, 2, 16, 64, 4, 512, 8, table=64),
            "quantizer": CosineQuantizer(512, 32768),
            "decoder": TokenDecoder(512, 16, 16, 32, 2, 24, 1536, 24, table=192),
        }
    own = {
        f"{name}.{key}": tuple(value.shape)
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    named = {our_key(key, 24): shape for key, shape in shapes.items()}
    named.pop(None)
    named["quantizer.codebook"] = named["quantizer.codebook"][1:]
    assert named == own


@pytest.fixture(scope="module")
def renderer(open_pack: Callable[[str], Any]) -> tuple[Any, CosineQuantizer, TokenDecoder]:
    pack = open_pack("selftok_renderer")
    decoder = TokenDecoder(16, 16, 16, 8, 2, 2, 128, 2, table=12, canvas=True)
    state = pack.state | {"model.context_pos_embed": decoder.context_pos_embed}
    quantizer = CosineQuantizer(48, 256)
    ours = convert(state)
    for name, module in (("quantizer", quantizer), ("decoder", decoder)):
        module.load_state_dict({key[len(name) + 1 :]: v for key, v in ours.items() if key.startswith(name)})
    return pack, quantizer, decoder


@torch.no_grad()
def test_the_renderer_computes_the_released_latent(renderer: tuple[Any, CosineQuantizer, TokenDecoder]) -> None:
    pack, quantizer, decoder = renderer
    seen: list[tuple[Tensor, Tensor]] = []
    handle = decoder.joint_blocks[0].register_forward_hook(lambda module, inputs, output: seen.append(output))
    vectors = quantizer.lookup(pack.expected["input.indices"])
    pack.same("tokens", vectors)
    pack.same("latent", decoder.render(vectors))
    handle.remove()
    pack.same("tap.block0.context", seen[0][0][:1])
    pack.same("tap.block0.image", seen[0][1][:1])


@torch.no_grad()
def test_a_hidden_code_cannot_reach_the_rendered_latent(
    renderer: tuple[Any, CosineQuantizer, TokenDecoder],
) -> None:
    """An extension of ours: the released renderer always shows every code."""
    _, quantizer, decoder = renderer
    first, second = (
        quantizer.lookup(torch.randint(256, (2, 16), generator=g)) for g in (torch.Generator(), seeded_1())
    )
    visible = torch.arange(16).remainder(3).eq(0).expand(2, -1)
    mixed = torch.where(visible[..., None], first, second)
    assert torch.equal(decoder.render(first, visible), decoder.render(mixed, visible))
    assert not torch.equal(decoder.render(first), decoder.render(mixed))
    assert decoder.render(first, torch.zeros_like(visible)).isfinite().all()


def seeded_1() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_every_key_of_the_real_renderer_is_used_or_named_as_unused() -> None:
    real = json.loads((HERE / "selftok_renderer/manifest_real_renderer_512tokens.json").read_text())
    assert len(real["keys"]) == 998
    with torch.device("meta"):
        decoder = TokenDecoder(512, 16, 16, 32, 2, 24, 1536, 24, table=192, canvas=True)
    named = {our_key(entry["key"], 24): tuple(entry["shape"]) for entry in real["keys"]}
    ours = {f"decoder.{key}": tuple(value.shape) for key, value in decoder.state_dict().items()}
    assert {key: shape for key, shape in named.items() if key and key.startswith("decoder.")} == ours


def test_a_foreign_key_is_an_error() -> None:
    with pytest.raises(UserError, match="not a key of the released Selftok"):
        our_key("vision_tower.weight", 24)
