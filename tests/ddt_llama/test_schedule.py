"""The schedule: more noise shows more codes, all of them at pure noise, at least one always."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddt_llama.tokenizer.schedule import Schedule, selftok_order, selftok_stages, to_share
from harness.errors import UserError

SCHEDULES = [
    Schedule(64),
    selftok_stages(64),
    selftok_stages(16),
    Schedule(64, "logit-normal"),
    Schedule(64, "logit-normal", mean=0.5, deviation=0.7),
    Schedule(64, "stages", (0.5, 1.0), (63, 1)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_more_noise_shows_more_codes(schedule: Schedule) -> None:
    counts = schedule.visible_count(torch.linspace(0, 1, 1001))
    assert (counts.diff() >= 0).all()
    assert counts[0] == 1
    assert counts[-1] == schedule.count


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_visible_sets_are_nested_prefixes(a: float, b: float) -> None:
    low, high = sorted((a, b))
    less, more = selftok_stages(32).visible(torch.tensor([low, high]))
    assert not (less & ~more).any()
    assert (less.int().diff() <= 0).all(), "visible codes are a prefix"


def test_uniform_matches_its_formula() -> None:
    counts = Schedule(10).visible_count(torch.tensor([0.0, 0.1, 0.25, 0.5, 0.99, 1.0]))
    assert counts.tolist() == [1, 2, 3, 6, 10, 10]


def test_conventions_convert() -> None:
    assert to_share(0.25, "share") == 0.25
    assert to_share(120, "paper_step", 480) == 0.25
    assert to_share(0.75, "selftok_paper") == 0.25
    codes = torch.arange(6).view(2, 3)
    assert torch.equal(selftok_order(selftok_order(codes)), codes)
    assert selftok_order(codes)[0].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("kind", "ends", "codes"),
    [
        ("stages", (0.5, 1.0), (3, 3)),
        ("stages", (0.5, 0.9), (3, 5)),
        ("stages", (0.9, 0.5), (4, 4)),
        ("linear", (), ()),
    ],
)
def test_a_schedule_that_does_not_add_up_is_refused(kind: str, ends: tuple[float, ...], codes: tuple[int, ...]) -> None:
    with pytest.raises(UserError):
        Schedule(8, kind, ends, codes)  # type: ignore[arg-type]
