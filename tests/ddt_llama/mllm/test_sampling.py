"""The distribution is transformers' own, a uniform picks from it exactly, and guidance is the published one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from ddt_llama.mllm.sampling import GREEDY, Sampling, choose, guide, probabilities, uniforms
from harness.errors import UserError


def logits_of(seed: int, shape: tuple[int, ...] = (5, 40)) -> torch.Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.2, 3), st.integers(0, 50), st.floats(0.05, 1))
def test_the_distribution_is_that_of_transformers(seed, temperature, top_k, top_p):
    logits = logits_of(seed)
    scores = TemperatureLogitsWarper(float(temperature))(None, logits)
    if top_k:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1:
        scores = TopPLogitsWarper(top_p)(None, scores)
    found = probabilities(logits, Sampling(temperature, top_k, top_p))
    torch.testing.assert_close(found, scores.softmax(-1), atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.7, top_k=5), Sampling(1.3, top_p=0.6)])
def test_evenly_spread_uniforms_draw_each_token_as_often_as_its_probability(sampling):
    count = 4000
    logits = logits_of(3, (1, 40)).expand(count, -1)
    drawn = choose(logits, sampling, (torch.arange(count) + 0.5) / count)
    share = torch.bincount(drawn, minlength=40) / count
    # a token's interval holds its length in points of the grid, give or take one at either end
    torch.testing.assert_close(share.double(), probabilities(logits[:1], sampling)[0], atol=2 / count, rtol=0)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_ends_of_the_interval_never_draw_what_has_no_chance(seed):
    logits = logits_of(seed, (2, 9))
    sampling = Sampling(top_k=3)
    just_below = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    drawn = choose(logits, sampling, just_below)
    assert (probabilities(logits, sampling).gather(1, drawn[:, None]) > 0).all()


def test_temperature_zero_takes_the_best():
    logits = logits_of(1)
    assert choose(logits, GREEDY, torch.zeros(5)).equal(logits.argmax(-1))
    assert choose(logits, Sampling(top_k=1), torch.full((5,), 0.9)).equal(logits.argmax(-1))


@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0, -1.0])
def test_guidance_of_raw_logits_is_guidance_of_log_probabilities(guidance):
    logits = logits_of(2, (6, 40))
    conditional, unconditional = logits.log_softmax(-1).chunk(2)
    published = (guidance * (conditional - unconditional) + unconditional).softmax(-1)
    mixed = guide(logits[:3] if guidance == 1 else logits, guidance)
    torch.testing.assert_close(mixed.softmax(-1), published)


def test_a_stream_depends_on_its_own_seed_alone():
    together = uniforms([5, 6, 7], 3, 10)
    for row, seed in enumerate([5, 6, 7]):
        assert uniforms([seed], 1, 10)[0].equal(together[row])
    assert uniforms([6], 1, 4)[0].equal(together[1, :4])
    assert not together[0].equal(together[1])
    assert uniforms(None, 2, 3)[1].equal(uniforms([0], 1, 3)[0])
    with pytest.raises(ValueError, match="2 seeds for 3"):
        uniforms([1, 2], 3, 4)


@pytest.mark.parametrize(
    "setting",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"guidance": float("inf")},
    ],
)
def test_impossible_settings_are_refused(setting):
    with pytest.raises(UserError, match="must"):
        Sampling(**setting)
