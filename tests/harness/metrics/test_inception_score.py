"""Inception score: torch-fidelity's on the same logits, bounds, parts that add."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.metrics import NotMeasured
from harness.metrics.by_features import inception_score as by_protocol
from harness.metrics.by_features import inception_score_unsplit
from harness.metrics.inception_score import SPLITS, inception_score


def logits(count: int = 203, classes: int = 40) -> np.ndarray:
    return (3 * np.random.default_rng(0).normal(size=(count, classes))).astype(np.float32)


def columns(values: np.ndarray) -> dict[str, object]:
    names = np.array([f"case-{number:04d}" for number in range(len(values))], object)
    return {"case": names, "inception-adm.output_logits_unbiased": values}


@pytest.mark.parity
@pytest.mark.parametrize("splits", [1, 7, SPLITS])
def test_it_is_that_of_torch_fidelity(splits: int) -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    theirs = isc_features_to_metric(torch.from_numpy(logits()), splits, shuffle=False)["inception_score_mean"]
    assert inception_score(logits(), splits) == pytest.approx(theirs, rel=1e-6)


def test_unsplit_is_the_formula() -> None:
    x = logits().astype(np.float64)
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    wanted = np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())
    metric = inception_score_unsplit("adm")
    assert metric.value(metric.state(columns(logits()))) == pytest.approx(wanted, rel=1e-10)


def test_one_answer_scores_1_and_sure_and_varied_answers_score_the_classes() -> None:
    assert inception_score(np.zeros((40, 5))) == pytest.approx(1)
    assert inception_score(np.tile(2000 * np.eye(5), (20, 1))) == pytest.approx(5)


def test_states_of_parts_add_up_to_the_whole() -> None:
    table = columns(logits())
    for metric in (by_protocol("adm"), inception_score_unsplit("adm")):
        given = metric.given(table)
        parts = [{name: values[a:b] for name, values in table.items()} for a, b in ((0, 80), (80, 203))]  # type: ignore[index]
        joined = given.state(parts[0]) + given.state(parts[1])
        assert given.value(joined) == pytest.approx(given.value(given.state(table)), rel=1e-12)
    # 10 splits see fewer pictures each, so that each mean answer is less even
    assert by_protocol("adm").value(by_protocol("adm").state(table)) < given.value(joined)


def test_splits_do_not_depend_on_the_order_of_the_cases() -> None:
    table, order = columns(logits()), np.random.default_rng(1).permutation(203)
    mixed = {name: values[order] for name, values in table.items()}  # type: ignore[index]
    metric = by_protocol("adm")
    assert metric.value(metric.state(mixed)) == pytest.approx(metric.value(metric.state(table)), rel=1e-12)


def test_too_few_pictures_are_not_measured() -> None:
    with pytest.raises(NotMeasured, match="needs 20 pictures or more, not 19"):
        by_protocol("adm").given(columns(logits(19)))
    with pytest.raises(ValueError, match="9 pictures are too few for 10 splits"):
        inception_score(logits(9))
