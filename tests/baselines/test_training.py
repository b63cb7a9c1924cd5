"""The losses of the rivals, and the care of their codebooks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from baselines.codebook import CodebookCare, k_means
from baselines.recipes import VAR_RECIPE, VQGAN_RECIPE
from baselines.training import AdversarialTokenizer, Losses
from baselines.var import VARTokenizer
from baselines.vqgan import VQGAN
from ddt_llama.training.adversarial import PatchDiscriminator, adaptive_weight, hinge_loss


def brightness(images: Tensor) -> list[Tensor]:
    """Stands in for the perceptual net."""
    return [images + 0.5, nn.functional.avg_pool2d(images, 4) + 0.5]


def trainable(model: VQGAN | VARTokenizer, losses: Losses) -> AdversarialTokenizer:
    torch.manual_seed(0)
    return AdversarialTokenizer(model, losses, PatchDiscriminator(8, 2), brightness).train()


def test_hinge_loss_by_hand() -> None:
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.0, 1.0])
    assert hinge_loss(real, fake).item() == pytest.approx(0.5 * ((0 + 0.5 + 2) / 3 + (0 + 1 + 2) / 3))


def test_adaptive_weight_is_the_ratio_of_gradient_norms() -> None:
    last = nn.Parameter(torch.tensor([1.0, 2.0]))
    # the gradients are 3 and 4, and 0 and 0.5
    weight = adaptive_weight((last * torch.tensor([3.0, 4.0])).sum(), last[1] * 0.5, last)
    assert weight.item() == pytest.approx(5.0 / (0.5 + 1e-4)) and not weight.requires_grad
    assert adaptive_weight(last.sum() * 1e6, last.sum() * 0.0, last).item() == 1e4


def test_published_discriminator_has_the_published_size() -> None:
    shapes = [tuple(layer.weight.shape[:2]) for layer in PatchDiscriminator().main if isinstance(layer, nn.Conv2d)]
    assert shapes == [(64, 3), (128, 64), (256, 128), (512, 256), (1, 512)]
    # the patch logits of a 256-px image are a 30x30 map (Isola et al. 2017, 70x70 patches)
    assert PatchDiscriminator(8).eval()(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_k_means_finds_separate_clusters() -> None:
    torch.manual_seed(0)
    centres = torch.randn(4, 3) * 20
    points = (centres[:, None] + torch.randn(4, 50, 3)).flatten(0, 1)
    found = min((k_means(points, 4) for _ in range(5)), key=lambda c: torch.cdist(points, c).min(1).values.sum())
    # 50 points of unit spread: a mean is within 1 of its centre, the centres are tens apart
    assert torch.cdist(centres, found).min(1).values.max() < 1.0


def test_dead_codes_move_to_where_latents_lie_and_used_ones_follow() -> None:
    torch.manual_seed(0)
    codebook = nn.Embedding(4, 2)
    care = CodebookCare(codebook, follow=True, decay=0.5)
    care.start(codebook, torch.randn(64, 2))
    with torch.no_grad():
        codebook.weight[3] = 100.0
    target = torch.tensor([5.0, 5.0])
    for _ in range(20):
        vectors = target + 0.01 * torch.randn(30, 2)
        care.update(codebook, vectors, torch.arange(30) % 3, revive=True)
    assert (codebook.weight - target).abs().max() < 0.1
    assert 3.0 < care.perplexity <= 4.0 + 1e-4


@pytest.mark.parametrize("name", ["vqgan", "var"])
@pytest.mark.parametrize("follow", [True, False])
def test_a_few_steps_lower_the_loss_and_use_the_codebook(
    name: str, follow: bool, request: pytest.FixtureRequest, images: Tensor
) -> None:
    model = request.getfixturevalue(name)
    losses = Losses(continuous=0.2, adversarial_start=2.0, follow=follow, half=False)
    subject = trainable(model, losses)
    optimizer = torch.optim.AdamW(subject.turns()[0], lr=2e-3)
    seen = []
    for step in range(16):
        optimizer.zero_grad()
        loss, logs = subject.loss(images[:4], 0, step / 16)
        loss.backward()
        optimizer.step()
        seen.append(float(logs["l1"]))
    assert sum(seen[-3:]) < 0.9 * sum(seen[:3])
    codebook = model.quantize.embedding.weight
    assert codebook.requires_grad is not follow
    assert any(parameter is codebook for parameter in subject.turns()[0]) is not follow
    assert subject.care.started and logs["codes"] > 4


def test_the_two_turns_train_their_own_parameters(vqgan: VQGAN, images: Tensor) -> None:
    subject = trainable(vqgan, Losses(continuous=0.0, adversarial_start=0.5, half=False))
    generator, discriminator = subject.turns()
    early, logs = subject.loss(images, 1, 0.2)
    early.backward()
    assert early.item() == 0 and not logs and all(not p.grad.any() for p in discriminator if p.grad is not None)
    total, logs = subject.loss(images, 0, 0.8)
    assert {"l1", "perceptual", "codebook", "fooled", "balance"} <= logs.keys()
    total.backward()
    assert all(parameter.grad is not None for parameter in generator)
    for parameter in (*generator, *discriminator):
        parameter.grad = None
    loss, _ = subject.loss(images, 1, 0.8)
    loss.backward()
    assert all(parameter.grad is None for parameter in generator)
    # all but the last bias, on which real and fake images pull equally while neither is past the margin
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in discriminator[:-1])


@pytest.mark.parametrize(("name", "builder"), [("vqgan", VQGAN), ("var", VARTokenizer)])
def test_export_is_the_published_state_dict_alone(name: str, builder: type, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    subject = trainable(model, Losses())
    assert subject.family == name
    fresh = builder(type(model.config).from_mapping(subject.config()))
    fresh.load_state_dict(subject.export_state())


def test_var_counts_hits_per_scale_as_published(var: VARTokenizer, images: Tensor) -> None:
    var.train()
    latents = var.latents(images * 2 - 1).detach()
    _, _, codes = var.quantize(latents)
    hits = torch.stack([part.flatten().bincount(minlength=var.codebook_size).float() for part in codes])
    assert torch.equal(var.quantize.ema_vocab_hit_SV, hits)
    var.quantize(latents * 0 + 1)
    assert torch.allclose(var.quantize.ema_vocab_hit_SV.sum(1), hits.sum(1))


def test_recipes_ask_for_the_perceptual_net_by_name() -> None:
    class Features:
        perceptual_features = staticmethod(brightness)

    asked = []

    def find(kind: str, name: str) -> type[Features]:
        asked.append((kind, name))
        return Features

    for recipe in (VQGAN_RECIPE, VAR_RECIPE):
        assert len(recipe.build(find).turns()) == 2
    assert asked == [("instrument", "world-features")] * 2
