"""lm-eval's rolling windows, its WikiText detokeniser, its counts and its three ratios, reproduced.

Pack: ``tests/parity/lm_eval`` (see its SOURCE.md). Equal but for the ratios' last bits: one sum of float64 in another
order.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ddt_llama.mllm.likelihood import strided_windows, windows
from harness.metrics.likelihood import bits_per_byte, byte_perplexity, word_perplexity
from tasks.perplexity.lm_eval_documents import detokenised
from tasks.perplexity.scored import text_sizes

PACK = json.loads((Path(__file__).parent / "lm_eval" / "manifest.json").read_text())


@pytest.mark.parametrize("case", PACK["windows"], ids=lambda case: f"{case['tokens']}-{case['max_seq_len']}")
def test_the_windows(case):
    tokens = range(PACK["first_token"], PACK["first_token"] + case["tokens"])
    made = windows(list(tokens), PACK["prefix_token"], case["max_seq_len"])
    assert [[list(one.prompt), list(one.answer)] for one in made] == case["windows"]


def test_strided_windows_with_one_token_of_overlap_are_the_same_but_for_the_last():
    for case in PACK["windows"]:
        tokens = list(range(PACK["first_token"], PACK["first_token"] + case["tokens"]))
        made = strided_windows(tokens, PACK["prefix_token"], case["max_seq_len"], case["max_seq_len"])
        assert [list(one.answer) for one in made] == [answer for _, answer in case["windows"]]
        assert [list(one.prompt) for one in made[:-1]] == [prompt for prompt, _ in case["windows"][:-1]]


def test_the_detokenised_documents():
    assert len(PACK["documents"]) == 50
    for document in PACK["documents"]:
        assert detokenised(document["page"]) == document["target"]


def test_words_and_bytes_are_those_of_the_original():
    for document in PACK["documents"]:
        sizes = text_sizes(document["page"])
        assert (sizes["words"], sizes["bytes"]) == (document["words"], document["bytes"])


@pytest.mark.parametrize("metric", [word_perplexity(), byte_perplexity(), bits_per_byte()], ids=lambda m: m.name)
def test_the_ratios(metric):
    documents = [document for document in PACK["documents"] if document["page"].strip()]
    columns = {"case": range(len(documents)), "number.nats": np.array([-one["loglikelihood"] for one in documents])}
    columns |= {f"number.{name}": np.array([float(one[name]) for one in documents]) for name in ("words", "bytes")}
    tops, bottoms = metric.parts(columns)
    ratio = tops.sum() / bottoms.sum()
    found = metric.traits.monotone(ratio) if metric.traits.monotone else ratio
    assert found == pytest.approx(PACK["aggregates"][metric.name.replace("-", "_")], rel=1e-12)
