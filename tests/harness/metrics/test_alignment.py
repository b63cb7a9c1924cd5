"""Cosines by hand, invariants of directions, and which column is whose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.editing import alignment
from tasks.editing.similarity_entries import ENCODER_ENTRIES


def columns(**vectors: np.ndarray) -> dict[str, np.ndarray]:
    return {f"clip-vit-b32.{name}": np.asarray(rows, np.float32) for name, rows in vectors.items()}


def drawn(seed: int, count: int = 5, width: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(count, width)) for name in ("output", "reference", "caption", "source_caption")}


def test_cosines_by_hand() -> None:
    found, ones = alignment.clip_i().parts(
        columns(output=[[3, 4], [1, 0], [1, 0]], reference=[[6, 8], [0, 2], [-5, 0]])
    )
    assert found.tolist() == [1.0, 0.0, -1.0] and ones.tolist() == [1.0] * 3


def test_cvs_is_clip_i_times_100_and_says_that_it_is_assumed() -> None:
    seen = columns(**drawn(0))
    assert np.allclose(alignment.cvs_assumed().parts(seen)[0], 100 * alignment.clip_i().parts(seen)[0], rtol=1e-12)
    assert "not known" in alignment.cvs_assumed().traits.protocol["cvs"]
    assert alignment.cvs_assumed().traits.bounds == (-100.0, 100.0) and alignment.cvs_assumed().worst == -100.0


@given(st.integers(0, 1000))
def test_the_direction_is_torchs_cosine_of_differences_of_unit_vectors(seed: int) -> None:
    vectors = drawn(seed)
    units = {
        name: torch.nn.functional.normalize(torch.from_numpy(rows).float(), dim=1) for name, rows in vectors.items()
    }
    wanted = torch.cosine_similarity(
        units["output"] - units["reference"], units["caption"] - units["source_caption"], dim=1
    )
    found, counts = alignment.clip_dir().parts(columns(**vectors))
    assert counts.tolist() == [1.0] * 5
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)  # float32 differences of unit vectors on torch's side


def test_the_direction_ignores_lengths_and_turns_with_the_captions() -> None:
    vectors = drawn(3)
    longer = {name: rows * np.arange(1, 6)[:, None] for name, rows in vectors.items()}
    first = alignment.clip_dir().parts(columns(**vectors))[0]
    np.testing.assert_allclose(alignment.clip_dir().parts(columns(**longer))[0], first, atol=1e-6)
    swapped = {**vectors, "caption": vectors["source_caption"], "source_caption": vectors["caption"]}
    np.testing.assert_allclose(alignment.clip_dir().parts(columns(**swapped))[0], -first, atol=1e-6)


def test_equal_captions_do_not_count_and_a_copy_has_no_direction() -> None:
    vectors = drawn(4)
    vectors["caption"][0] = vectors["source_caption"][0]
    vectors["output"][1] = vectors["reference"][1]
    found, counts = alignment.clip_dir().parts(columns(**vectors))
    assert counts.tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]
    assert found[:2].tolist() == [0.0, 0.0] and np.isfinite(found).all() and (found[2:] != 0).all()


def test_a_vector_of_zeros_is_not_finite_instead_of_a_score() -> None:
    found, _ = alignment.dino().parts({name: np.zeros((1, 3)) for name in alignment.dino().needs})
    assert np.isnan(found).all()


@pytest.mark.parametrize("entry", [e for e in ENCODER_ENTRIES if e.kind == "metric"], ids=lambda entry: entry.name)
def test_every_metric_is_called_as_its_line_of_the_catalogue(entry) -> None:
    from importlib import import_module

    module, _, attribute = entry.place.partition(":")
    metric = getattr(import_module(module), attribute)()
    assert metric.name == entry.name
    assert (metric.direction == "lower") == entry.name.startswith("l")
