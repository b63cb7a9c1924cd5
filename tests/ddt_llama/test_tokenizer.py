"""Invariants of the DDT tokenizer: masks, seeds, batches, times, errors, checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ddt_llama.tokenizer.flow import estimate_clean, euler, mix, spread_times
from ddt_llama.tokenizer.model import DDTTokenizer, open_tokenizer
from harness.contracts import Denoises, ImageTokenizer
from harness.errors import UserError
from harness.seeding import noise_for
from harness.weights.checkpoints import save_checkpoint

CLOSE = 2e-5  # float32 sums in another order: batched and single matrix products differ in the last bits


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_it_satisfies_the_contracts(tokenizer: DDTTokenizer) -> None:
    assert isinstance(tokenizer, ImageTokenizer)
    assert isinstance(tokenizer, Denoises)


def test_a_hidden_code_cannot_reach_the_output(tokenizer: DDTTokenizer, images: torch.Tensor) -> None:
    """Zeroing alone would leave the code's position and bias as a key; the mask must remove those too."""
    codes = tokenizer.encode(images)
    visible = torch.ones_like(codes, dtype=torch.bool)
    visible[:, 3] = False
    changed = codes.clone()
    changed[:, 3] = (codes[:, 3] + 7) % 32
    assert torch.equal(tokenizer.decode(codes, visible), tokenizer.decode(changed, visible))
    assert not torch.equal(tokenizer.decode(codes), tokenizer.decode(changed))


def test_the_schedule_hides_late_codes_at_little_noise(tokenizer: DDTTokenizer, images: torch.Tensor) -> None:
    codes = tokenizer.encode(images)
    changed = codes.clone()
    changed[:, -1] = (codes[:, -1] + 7) % 32
    early, late = tokenizer.add_noise(images, 0.3), tokenizer.add_noise(images, 1.0)
    assert torch.equal(tokenizer.denoise(codes, early, 0.3), tokenizer.denoise(changed, early, 0.3))
    assert not torch.equal(tokenizer.denoise(codes, late, 1.0), tokenizer.denoise(changed, late, 1.0))


def test_an_explicit_full_mask_is_no_mask(tokenizer: DDTTokenizer, images: torch.Tensor) -> None:
    codes = tokenizer.encode(images)
    assert torch.equal(tokenizer.decode(codes), tokenizer.decode(codes, torch.ones_like(codes, dtype=torch.bool)))


def test_what_modulates_the_codes_is_worked_out_once_for_all_steps(
    tokenizer: DDTTokenizer, images: torch.Tensor
) -> None:
    """And every bit of the picture is as if each step had done it again."""
    codes, asked = tokenizer.encode(images), []
    hook = tokenizer.decoder.joint_blocks[0].context_block.t_embedder.register_forward_hook(lambda *_: asked.append(1))
    tokenizer.sampler_steps = 4
    together = tokenizer.decode(codes)
    assert len(asked) == 1
    with torch.no_grad():
        vectors = tokenizer._vectors(codes)
        start = noise_for(None, len(codes), tokenizer.latent_shape)
        latents = euler(lambda x, t: tokenizer._velocity(x, t, vectors, None), start, 4)
    assert len(asked) == 1 + 4 and torch.equal(tokenizer.autoencoder.decode(latents), together)
    hook.remove()


def test_the_seed_of_an_image_is_its_own(tokenizer: DDTTokenizer, images: torch.Tensor) -> None:
    codes = tokenizer.encode(images)
    together = tokenizer.decode(codes, seeds=[5, 6, 7, 8, 9])
    alone = tokenizer.decode(codes[2:3], seeds=[7])
    torch.testing.assert_close(together[2:3], alone, atol=CLOSE, rtol=0)
    assert torch.equal(together, tokenizer.decode(codes, seeds=[5, 6, 7, 8, 9]))
    assert not torch.equal(together[2:3], tokenizer.decode(codes[2:3], seeds=[8]))
    with pytest.raises(ValueError, match="3 seeds for 5 images"):
        tokenizer.decode(codes, seeds=[1, 2, 3])


def test_denoise_at_time_zero_is_the_autoencoder(tokenizer: DDTTokenizer, images: torch.Tensor) -> None:
    codes = tokenizer.encode(images)
    clean = tokenizer.add_noise(images, 0.0)
    torch.testing.assert_close(tokenizer.denoise(codes, clean, 0.0), tokenizer.autoencoder.decode(clean))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (torch.zeros(2, 7, dtype=torch.long), "8 codes per image"),
        (torch.full((2, 8), 32), "0..31"),
        (torch.full((2, 8), -1), "0..31"),
    ],
)
def test_codes_that_do_not_fit_are_refused(tokenizer: DDTTokenizer, codes: torch.Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tokenizer.decode(codes)


def test_masks_and_images_that_do_not_fit_are_refused(tokenizer: DDTTokenizer) -> None:
    with pytest.raises(ValueError, match="visible mask"):
        tokenizer.decode(torch.zeros(2, 8, dtype=torch.long), torch.ones(2, 7, dtype=torch.bool))
    with pytest.raises(UserError, match="16-pixel images"):
        tokenizer.encode(torch.zeros(1, 3, 32, 32))


def test_a_checkpoint_rebuilds_the_tokenizer(tokenizer: DDTTokenizer, images: torch.Tensor, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "ddt", "ddt", tokenizer.state_dict(), {"config": tokenizer.config()}, half=False)
    again = open_tokenizer(str(tmp_path / "ddt"))
    codes = tokenizer.encode(images)
    assert torch.equal(again.encode(images), codes)
    assert torch.equal(again.decode(codes), tokenizer.decode(codes))
    with pytest.raises(UserError, match="holds a 'ddt'"):
        from ddt_llama.tokenizer.latents import open_autoencoder

        open_autoencoder(str(tmp_path / "ddt"))


def test_euler_follows_a_straight_path_exactly() -> None:
    """With the true velocity of one straight path, any number of steps lands on the clean end."""
    clean, noise = torch.randn(3, 4), torch.randn(3, 4)
    for steps in (1, 3, 10):
        torch.testing.assert_close(euler(lambda x, t: noise - clean, noise, steps), clean, atol=1e-5, rtol=0)
    t = torch.tensor([0.1, 0.5, 1.0])
    torch.testing.assert_close(estimate_clean(mix(clean, noise, t), noise - clean, t), clean, atol=1e-6, rtol=0)


def test_spread_times_are_uniform_and_stratified() -> None:
    t = spread_times(100, torch.Generator().manual_seed(3))
    assert torch.equal((t.sort().values * 100).floor(), torch.arange(100.0))
