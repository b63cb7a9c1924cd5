"""Perplexities and bits: by hand, weighted by corpus, on the scale of their intervals, finite or absent."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from harness.contracts import Case, Estimate, MetricTraits, Sample
from harness.measure import measure
from harness.metrics.likelihood import (
    bits_from_context,
    bits_per_byte,
    bits_per_text,
    byte_perplexity,
    nll_bits_per_image,
    nll_bits_per_pixel,
    nll_over_log_codebook,
    word_perplexity,
)
from harness.metrics.ratio import Ratio
from harness.spec import RunSpec
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder

TEXT = (word_perplexity(), byte_perplexity(), bits_per_byte(), bits_per_text())
CODES = (nll_bits_per_image(), nll_bits_per_pixel(), nll_over_log_codebook())


def estimates(
    root: Path, metrics: tuple[Ratio, ...], rows: list[dict[str, float]], clusters: int = 100
) -> dict[str, Estimate]:
    """What is measured of a run with these numbers, case by case."""
    folder = RunFolder.create_or_open(root, RunSpec("fake", 1, "", "task", 1, "r1"))
    samples = [Sample(Case(f"case-{i:03d}", f"group-{i % clusters}"), numbers=row) for i, row in enumerate(rows)]
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {}))
    folder.write_manifest(instruments={}, unavailable={})
    return {estimate.metric: estimate for estimate in measure(folder, metrics, {})}


def test_two_texts_by_hand(tmp_path: Path) -> None:
    """3 words, 12 bytes, 6 nats; and 1 word, 4 bytes, 10 nats: 16 nats over 4 words and over 16 bytes."""
    rows = [{"nats": 6.0, "words": 3.0, "bytes": 12.0}, {"nats": 10.0, "words": 1.0, "bytes": 4.0}]
    found = estimates(tmp_path, TEXT, rows)
    assert found["word-perplexity"].value == pytest.approx(54.598150033, rel=1e-9)  # e^4
    assert found["byte-perplexity"].value == pytest.approx(2.718281828, rel=1e-9)  # e
    assert found["bits-per-byte"].value == pytest.approx(1.442695041, rel=1e-9)  # log2 e
    assert found["bits-per-text"].value == pytest.approx(11.541560327, rel=1e-9)  # 8 log2 e, mean of the two


def test_two_images_by_hand(tmp_path: Path) -> None:
    """Codebook of 16, 4 codes: 16 bits when all are equally likely. 8 ln 2 and 4 ln 2 nats: 8 and 4 bits."""
    shared = {"bits": 16.0, "pixels": 64.0}
    found = estimates(tmp_path, CODES, [{"nats": bits * math.log(2), **shared} for bits in (8.0, 4.0)])
    assert found["nll-bits-per-image"].value == pytest.approx(6.0, rel=1e-12)
    assert found["nll-bits-per-pixel"].value == pytest.approx(12 / 128, rel=1e-12)
    assert found["nll-over-log-codebook"].value == pytest.approx(12 / 32, rel=1e-12)


def test_chance_is_256_8_and_1(tmp_path: Path) -> None:
    texts = [{"nats": size * math.log(256), "words": 1.0, "bytes": size} for size in (3.0, 50.0)]
    found = estimates(tmp_path / "texts", TEXT, texts)
    assert found["byte-perplexity"].value == pytest.approx(256)
    assert found["bits-per-byte"].value == pytest.approx(8)
    images = [{"nats": 64 * math.log(1000), "bits": 64 * math.log2(1000), "pixels": 1024.0}] * 3
    found = estimates(tmp_path / "images", CODES, images)
    assert found["nll-over-log-codebook"].value == pytest.approx(1)
    assert found["nll-bits-per-image"].value == pytest.approx(64 * math.log2(1000))


def test_a_perplexitys_interval_is_that_of_the_ratio_exponentiated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [{"nats": float(rng.uniform(5, 90)), "words": float(rng.integers(1, 9)), "bytes": 30.0} for _ in range(60)]
    found = estimates(tmp_path, TEXT, rows)
    bits, perplexity = found["bits-per-byte"], found["byte-perplexity"]
    for name in ("value", "low", "high"):
        assert getattr(perplexity, name) == pytest.approx(2 ** getattr(bits, name), rel=1e-12)
    assert perplexity.method == bits.method and "bootstrap" in bits.method
    words = found["word-perplexity"]
    assert words.low is not None and words.high is not None and words.value is not None
    assert 1 <= words.low < words.value < words.high


def test_stored_scores_are_before_the_exponent(tmp_path: Path) -> None:
    """So that models are paired case by case on nats: a perplexity is no mean over cases."""
    estimates(tmp_path, (byte_perplexity(),), [{"nats": 6.0, "bytes": 12.0}, {"nats": 10.0, "bytes": 4.0}])
    (path,) = tmp_path.rglob("scores.parquet")
    import pyarrow.parquet as pq

    table = pq.read_table(path).to_pydict()
    assert (table["numerator"], table["denominator"]) == ([6.0, 10.0], [12.0, 4.0])


def test_the_bound_with_failures_counted_wrong_is_on_the_same_scale(tmp_path: Path) -> None:
    metric = Ratio("m", ("number.nats",), direction="lower", worst=3.0, traits=MetricTraits(monotone=math.exp))
    folder = RunFolder.create_or_open(tmp_path, RunSpec("fake", 1, "", "task", 1, "r1"))
    samples = [Sample(Case("a", "a"), numbers={"nats": 1.0}), Sample(Case("b", "b"), "failed", "no answer")]
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {}))
    folder.write_manifest(instruments={}, unavailable={})
    (found,) = measure(folder, [metric], {})
    assert found.value == pytest.approx(math.e) and found.failures_wrong == pytest.approx(math.exp(2))


def test_a_perplexity_that_no_float_can_hold_is_absent_and_its_ratio_stands(tmp_path: Path) -> None:
    found = estimates(tmp_path, TEXT, [{"nats": 1000.0, "words": 1.0, "bytes": 10.0}] * 2)
    assert found["word-perplexity"].value is None
    assert found["word-perplexity"].absent == "too large to be written as a number"
    assert found["bits-per-byte"].value == pytest.approx(100 / math.log(2))


def test_what_context_saves_has_a_sign_and_a_paired_interval(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    saved = rng.normal(4 * math.log(2), 0.1, 50)
    found = estimates(tmp_path, (bits_from_context(),), [{"nats_saved": float(value)} for value in saved])
    (estimate,) = found.values()
    assert estimate.value == pytest.approx(float(saved.mean()) / math.log(2))
    assert estimate.low is not None and estimate.low > 3.8 and estimate.direction == "higher"
    worse = estimates(tmp_path / "worse", (bits_from_context(),), [{"nats_saved": -1.0}])
    assert worse["bits-from-context"].value == pytest.approx(-1 / math.log(2)), "no bound hides a model that is misled"
