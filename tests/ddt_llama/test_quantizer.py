"""Quantisers side by side: nearest codes, numbers that come back, own books, parts, levels, gradients, evenness."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from ddt_llama.tokenizer.quantizer import CosineQuantizer, make_quantizer
from harness.errors import UserError

CODES, WIDTH = 6, 24
KINDS: dict[str, dict[str, Any]] = {
    "shared": {"codebook_size": 64, "code_width": 8},
    "own books": {"codebook_size": 64, "code_width": 8, "own_books": True},
    "product": {"codebook_size": 64, "code_width": 8, "parts": 2},
    "own product": {"codebook_size": 64, "code_width": 9, "parts": 3, "own_books": True},
    "diverse": {"codebook_size": 64, "code_width": 8, "diversity": 0.1, "reset": "position"},
    "rotation": {"codebook_size": 64, "code_width": 8, "gradient": "rotation"},
    "fsq": {"kind": "fsq", "levels": [4, 4, 4]},
    "odd fsq": {"kind": "fsq", "levels": [8, 5]},
}


def made(name: str) -> Any:
    torch.manual_seed(0)
    return make_quantizer(WIDTH, CODES, **KINDS[name])


def features(images: int = 40, seed: int = 1) -> torch.Tensor:
    return torch.randn(images, CODES, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", KINDS)
def test_codes_are_numbers_of_the_book_and_look_up_what_training_showed(name: str) -> None:
    quantizer = made(name)
    quantizer.start(features(300))  # more vectors than codes, or two codes would be one
    quantizer.decay = 1.0  # the book stands still, so that training and use see the same one
    quantizer.dead = 0.0
    vectors, _, indices = quantizer(features())
    assert indices.shape == (40, CODES)
    assert int(indices.min()) >= 0 and int(indices.max()) < quantizer.codebook_size
    assert torch.equal(indices, quantizer.indices(features()))
    # a product in another order of additions
    torch.testing.assert_close(vectors, quantizer.lookup(indices), atol=1e-5, rtol=0)
    assert quantizer.lookup(indices).shape == (40, CODES, quantizer.code_width)


@pytest.mark.parametrize("name", KINDS)
def test_every_number_of_the_book_has_a_vector_of_its_own(name: str) -> None:
    quantizer = made(name)
    numbers = torch.arange(quantizer.codebook_size)[:, None].expand(-1, CODES)
    vectors = quantizer.lookup(numbers)
    for position in range(CODES):
        apart = torch.cdist(vectors[:, position], vectors[:, position]) + torch.eye(len(numbers))
        assert float(apart.detach().min()) > 1e-4


@pytest.mark.parametrize("name", KINDS)
def test_an_image_is_coded_alike_in_any_batch(name: str) -> None:
    quantizer = made(name)
    whole = quantizer.indices(features())
    assert torch.equal(whole, torch.cat([quantizer.indices(row[None]) for row in features()]))


@pytest.mark.parametrize("name", KINDS)
def test_training_reaches_the_features(name: str) -> None:
    quantizer = made(name)
    shown = features().requires_grad_()
    vectors, beside, _ = quantizer(shown)
    (vectors.square().mean() + vectors[..., 0].mean() + beside).backward()
    assert shown.grad is not None and float(shown.grad.abs().sum()) > 0


def test_the_nearest_code_is_nearest_part_by_part() -> None:
    quantizer = made("own product")
    unit = quantizer.unit_features(features()).unflatten(-1, (3, -1))
    books = quantizer.codebook.view(CODES, 3, 4, 3)
    numbers = (unit[:, :, :, None] * books).sum(-1).argmax(-1)  # images codes parts
    assert torch.equal(quantizer.indices(features()), (numbers * torch.tensor([1, 4, 16])).sum(-1))


def test_levels_are_the_nearest_and_reach_from_end_to_end() -> None:
    quantizer = made("odd fsq")
    bounded = quantizer.bounded(torch.cat([features(), 50 * features(seed=3)]))
    codes = quantizer.indices(torch.cat([features(), 50 * features(seed=3)]))
    values = quantizer.lookup(codes) * (quantizer.levels // 2)
    assert float((values - bounded).detach().abs().max()) <= 0.5 + 1e-3
    assert sorted(values[..., 0].unique().tolist()) == [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    assert sorted(values[..., 1].unique().tolist()) == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_the_rotation_carries_features_onto_codes_and_keeps_the_length_of_gradients() -> None:
    quantizer = made("rotation")
    unit = F.normalize(features()[..., :8], dim=-1).requires_grad_()
    chosen = F.normalize(torch.randn(40, CODES, 8), dim=-1)
    turned = quantizer._through(unit, chosen)
    torch.testing.assert_close(turned, chosen, atol=1e-5, rtol=0)
    along = torch.randn_like(turned)
    (turned * along).sum().backward()
    torch.testing.assert_close(unit.grad.norm(dim=-1), along.norm(dim=-1), atol=1e-5, rtol=1e-5)


def test_evenness_is_one_for_even_use_and_falls_with_one_code() -> None:
    quantizer = made("diverse")
    one = torch.full((1, 40 * CODES, 64), -1.0)
    one[..., 3] = 1.0
    quantizer.usage.zero_()[:, 3] = 1.0
    assert float(quantizer._evenness(one, 40, CODES)) < 0.01
    quantizer.usage.fill_(1 / 64)
    assert float(quantizer._evenness(torch.zeros(1, 40 * CODES, 64), 40, CODES)) == pytest.approx(1.0, abs=1e-5)


def test_dead_codes_are_drawn_rather_from_positions_that_use_few() -> None:
    quantizer = made("diverse")
    quantizer.usage.fill_(1 / 64)
    quantizer.usage[0].zero_()[0] = 1.0  # the first position says one thing: its perplexity is 1, the others' 64
    grouped = torch.zeros(1, 40, CODES, 8)
    grouped[:, :, 0] = 1.0
    drawn = quantizer._drawn(grouped.view(1, -1, 8), torch.zeros(2000, dtype=torch.long), 40, CODES)
    share = float(drawn[:, 0].mean())
    assert share == pytest.approx(1 / (1 + 5 / 64), abs=0.03)  # 1 against five times 1/64


def test_k_means_of_many_images_finds_each_position_its_own_book() -> None:
    places = F.normalize(torch.randn(CODES, 1, WIDTH), dim=-1)
    spread = (places + 0.3 * torch.randn(CODES, 400, WIDTH)).transpose(0, 1)
    quantizer = made("own books")
    quantizer.start(spread)
    unit = quantizer.unit_features(spread)
    chosen = quantizer.codebook[quantizer._rows(quantizer.indices(spread))].flatten(-2)
    shared = made("shared")
    shared.load_state_dict(
        {**shared.state_dict(), **{k: v for k, v in quantizer.state_dict().items() if "book" not in k}}
    )
    shared.start(spread)
    theirs = shared.codebook[shared._rows(shared.indices(spread))].flatten(-2)
    assert (unit - chosen).square().sum(-1).mean() < 0.8 * (unit - theirs).square().sum(-1).mean()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"codebook_size": 100, "code_width": 8, "parts": 3}, "no 3 equal parts"),
        ({"codebook_size": 64, "code_width": 7, "parts": 2}, "no 2 equal parts"),
        ({"kind": "vq", "codebook_size": 64}, "unknown quantiser 'vq'"),
    ],
)
def test_a_book_that_cannot_be_is_one_line(config: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        make_quantizer(WIDTH, CODES, **config)
    with pytest.raises(UserError, match="need the number of codes"):
        CosineQuantizer(WIDTH, 64, 8, own_books=True)


def test_noise_moves_features_that_pass_by_its_length_in_training_alone() -> None:
    torch.manual_seed(0)
    quantizer = CosineQuantizer(WIDTH, codebook_size=64, code_width=16, noise=0.2)
    unit = quantizer.unit_features(torch.randn(64, CODES, WIDTH)).detach()
    moved = quantizer._moved(unit)  # what the LayerNorm after it would hide
    torch.testing.assert_close(moved.norm(dim=-1), torch.ones(64, CODES))
    # a sixteenth of the noise is along the feature, and takes no part
    assert float((moved - unit).square().sum(-1).mean()) == pytest.approx(0.2 * 15 / 16, rel=0.15)
    assert quantizer.eval()._moved(unit) is unit
