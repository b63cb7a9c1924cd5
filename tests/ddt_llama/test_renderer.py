"""The one-step renderer: trained on frozen codes, it begins as the decoder at pure noise and ends nearer the image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ddt_llama.tokenizer.model import DDTTokenizer, open_tokenizer
from ddt_llama.training.adversarial import PatchDiscriminator, perceptual_distance
from ddt_llama.training.ddt import DDTTraining
from ddt_llama.training.renderer import RendererLosses, RendererTraining
from ddt_llama.training.tokenizer import train
from harness.contracts import Recipe
from harness.errors import UserError
from harness.weights.checkpoints import load_checkpoint

New = Callable[..., DDTTokenizer]


class Stripes:
    description = "stripes"

    def batch(self, step: int, size: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        return torch.rand(size, 3, 1, 1, generator=generator).expand(size, 3, 16, 16).contiguous()


def find(kind: str, name: str) -> Any:
    return lambda seed: Stripes()


def halves(images: Tensor) -> list[Tensor]:
    """A perceptual net that looks at pictures of half and of a quarter of the side."""
    return [functional.avg_pool2d(images, side) for side in (2, 4)]


def recipe(subject: Any, **changes: Any) -> Recipe:
    values: dict[str, Any] = {"steps": 60, "batch": 8, "learning_rate": 3e-3, "warmup": 5, "ema": 0.9, "threads": 1}
    return Recipe("ddt", lambda find: subject, "stripes", **(values | changes))


def quiet(line: str) -> None:
    pass


def error_of(model: DDTTokenizer) -> float:
    images = Stripes().batch(10_000, 16)
    wanted = model.autoencoder.decode(model.autoencoder.encode(images))
    return float((model.decode(model.encode(images), seeds=range(16)) - wanted).square().mean())


@pytest.fixture(scope="module")
def first(new_tokenizer: New, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A DDT that learned for a moment."""
    out = tmp_path_factory.mktemp("renderer") / "first"
    train(recipe(DDTTraining(new_tokenizer(), pool=500, continuous=0.2), steps=120), out, find, say=quiet)
    return str(out)


def test_a_renderer_keeps_every_code_draws_nothing_and_ends_nearer_the_image(
    new_tokenizer: New, first: str, tmp_path: Path
) -> None:
    subject = RendererTraining(new_tokenizer(canvas=True), halves, PatchDiscriminator(8, 1), pool=500)
    train(recipe(subject, start=first), tmp_path / "renderer", find, say=quiet)
    before, after = open_tokenizer(first), open_tokenizer(str(tmp_path / "renderer"))
    images = Stripes().batch(10_000, 16)
    codes = before.encode(images)
    assert torch.equal(codes, after.encode(images))
    assert torch.equal(after.decode(codes, seeds=range(16)), after.decode(codes, seeds=range(16, 32)))
    assert error_of(after) < 0.8 * error_of(before)
    (one, _), (two, card) = (load_checkpoint(place, "ddt") for place in (first, str(tmp_path / "renderer")))
    moved = {key for key in one.keys() & two.keys() if not torch.equal(one[key], two[key])}
    assert moved and all(key.startswith("decoder.") for key in moved)
    assert two.keys() - one.keys() == {"decoder.mask_token", "decoder.positional_embedding"}
    assert card["codes_sha256"], "language models on the codes of the first stage can read these"


def test_it_begins_with_what_the_decoder_knew_at_pure_noise(new_tokenizer: New) -> None:
    model, plain = new_tokenizer(canvas=True), new_tokenizer()
    torch.nn.init.normal_(plain.decoder.final_linear.weight, std=0.02)
    shared = {key: value for key, value in plain.decoder.state_dict().items() if not key.startswith("x_embedder")}
    model.decoder.load_state_dict(shared, strict=False)
    RendererTraining(model, halves).begin_from_weights()
    latents = plain.autoencoder.encode(Stripes().batch(0, 4))
    vectors = plain.quantizer.lookup(plain.quantizer.indices(plain.encoder(latents)))
    with torch.no_grad():
        velocity = plain.decoder(torch.zeros_like(latents), torch.ones(4), vectors, None)
        rendered = model.decoder.render(vectors)
    # the decoder's codes look at the image, a renderer's do not, and its input layer has a bias: near, not equal
    alike = functional.cosine_similarity(rendered.flatten(1), -velocity.flatten(1)).min()
    assert alike > 0.9


def test_the_discriminator_learns_once_it_plays_and_not_before(new_tokenizer: New) -> None:
    model = new_tokenizer(canvas=True)
    subject = RendererTraining(model, halves, PatchDiscriminator(8, 1), RendererLosses(adversarial_start=0.5))
    latents = model.autoencoder.encode(Stripes().batch(0, 4))
    logs = subject.loss(latents, 0, 0.4)[1]
    early = subject.loss(latents, 1, 0.4)[0]
    assert float(early.detach()) == 0 and "fooled" not in logs
    early.backward()
    total, logs = subject.loss(latents, 0, 0.6)
    late, judged = subject.loss(latents, 1, 0.6)
    assert torch.isfinite(total) and float(late.detach()) > 0 and {"real", "fake"} <= judged.keys() and "fooled" in logs


def test_a_decoder_without_a_canvas_is_no_renderer(new_tokenizer: New, first: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="canvas"):
        RendererTraining(new_tokenizer(), halves)
    other = RendererTraining(new_tokenizer(canvas=True, codebook={"codebook_size": 4, "code_width": 4}), halves)
    with pytest.raises(UserError, match="codebook"):
        train(recipe(other, start=first), tmp_path / "out", find, say=quiet)


def test_the_perceptual_distance_is_zero_of_a_picture_to_itself_and_teaches_one_side() -> None:
    made, wanted = (Stripes().batch(step, 2).requires_grad_() for step in (0, 1))
    assert float(perceptual_distance(halves, made, made).detach()) == 0
    perceptual_distance(halves, made, wanted).backward()
    assert made.grad is not None and made.grad.abs().sum() > 0 and wanted.grad is None
