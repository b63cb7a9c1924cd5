"""The quantisers of ``benchmarks/quantisers.py`` cost the same bits, and begin from one checkpoint."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from ddt_llama.training.start import start_from
from harness.weights.checkpoints import load_checkpoint

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "quantisers.py"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("quantisers_side_by_side", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", script().BOOKS)
def test_each_spends_512_bits_and_takes_what_it_can_from_the_start(name: str) -> None:
    training = script().OnSharedLatents([], script().BOOKS[name])
    model = training.model
    assert model.code_count * math.log2(model.codebook_size) == 512
    start_from("zoo/ddt", training, training.export_state())
    brought = load_checkpoint("zoo/ddt", "ddt")[0]
    key = "encoder.blocks.0.q_mlp.fc1.weight"
    assert torch.equal(model.state_dict()[key], brought[key].float())
    own = "autoencoder.net.encoder.conv_in.weight"
    assert not torch.equal(model.state_dict()[own], brought[own].float())
