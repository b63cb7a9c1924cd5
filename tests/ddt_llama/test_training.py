"""The trainer: learns, resumes to the same weights, refuses what it must; the quantiser's codebook stays alive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ddt_llama.tokenizer.model import DDTTokenizer, open_tokenizer
from ddt_llama.tokenizer.quantizer import CosineQuantizer
from ddt_llama.training.ddt import DDTTraining
from ddt_llama.training.journal import append, close_board
from ddt_llama.training.tokenizer import learning_rate_at, train
from harness.contracts import Recipe
from harness.errors import UserError
from harness.weights.checkpoints import load_checkpoint


class Stripes:
    description = "stripes"

    def batch(self, step: int, size: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(step)
        return torch.rand(size, 3, 1, 1, generator=generator).expand(size, 3, 16, 16).contiguous()


class Pair(nn.Module):
    """Two turns, as in adversarial training: each optimiser must move its own parameters only."""

    family = "pair"

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def turns(self) -> list[list[nn.Parameter]]:
        return [list(self.first.parameters()), list(self.second.parameters())]

    def loss(self, images: torch.Tensor, turn: int, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        noisy = images.mean((2, 3)) + 0.01 * torch.randn(len(images), 3)
        error = ((self.first, self.second)[turn](noisy) - images.mean((2, 3))).square().mean()
        return error, {"error": error.detach()}

    def config(self) -> dict[str, Any]:
        return {}


def find(kind: str, name: str) -> Any:
    return lambda seed: Stripes()


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "steps": 60,
        "batch": 8,
        "learning_rate": 3e-2,
        "warmup": 5,
        "ema": 0.9,
        "threads": 1,
    } | changes
    return Recipe("pair", lambda find: Pair(), "stripes", **values)


def quiet(line: str) -> None:
    pass


def test_it_learns_and_writes_a_card(tmp_path: Path) -> None:
    train(recipe(), tmp_path / "out", find, say=quiet)
    lines = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 60
    assert lines[-1]["loss"] < lines[0]["loss"] / 2
    assert lines[-1]["loss1"] < lines[0]["loss1"] / 2
    state, card = load_checkpoint(str(tmp_path / "out"), "pair")
    assert set(state) == {"first.weight", "first.bias", "second.weight", "second.bias"}
    assert card["training"]["steps"] == 60
    assert card["training"]["recipe"]["seed"] == 0
    assert not (tmp_path / "out/state.pt").exists()


def test_a_resumed_training_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(recipe(), tmp_path / "whole", find, say=quiet)

    class Stop(Exception):
        pass

    def stop_late(line: str) -> None:
        if line.startswith("40/"):
            raise Stop

    monkeypatch.setattr("ddt_llama.training.tokenizer.SAVE_SECONDS", 0.0)
    with pytest.raises(Stop):
        train(recipe(), tmp_path / "cut", find, say=stop_late)
    with pytest.raises(UserError, match="--resume"):
        train(recipe(), tmp_path / "cut", find, say=quiet)
    torch.rand(100)  # the resumed stream must not depend on where the global generator stands
    train(recipe(), tmp_path / "cut", find, resume=True, say=quiet)
    whole, cut = (load_checkpoint(str(tmp_path / name), "pair")[0] for name in ("whole", "cut"))
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut/log.jsonl").read_text().splitlines()]
    assert steps == [20, 40, 60], "a resumed log has no step twice"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_training_is_saved_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    train(recipe(), tmp_path / "whole", find, say=quiet)
    said: list[str] = []

    def stop_at(line: str) -> None:
        said.append(line)
        if line.startswith("20/"):
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        train(recipe(), tmp_path / "cut", find, say=stop_at)
    assert "at step 20: saved; the same command with --resume" in said[-1]
    with (tmp_path / "cut/log.jsonl").open("ab") as log:
        log.write(b'{"step": 40, "los')
    train(recipe(), tmp_path / "cut", find, resume=True, say=quiet)
    whole, cut = (load_checkpoint(str(tmp_path / name), "pair")[0] for name in ("whole", "cut"))
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut/log.jsonl").read_text().splitlines()]
    assert steps == [20, 40, 60]


def test_two_processes_train_as_one_with_twice_the_batch(tmp_path: Path) -> None:
    """The mean of two halves' gradients is the gradient of the whole; stored in fp16, whose step near 1 is 1e-3."""
    script = str(Path(__file__).parent / "two_processes.py")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
    for count, batch in ((1, 8), (2, 4)):
        command = [*launch, str(count), script, str(tmp_path / str(count)), str(batch)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = (load_checkpoint(str(tmp_path / name), "line")[0] for name in "12")
    for key in one:
        torch.testing.assert_close(one[key], two[key], atol=1e-3, rtol=0)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in "12"]
    assert len(logs[1]) == len(logs[0]) == 1


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to resume"):
        train(recipe(), tmp_path / "none", find, resume=True, say=quiet)
    with pytest.raises(UserError, match="lower the learning rate"):
        train(recipe(learning_rate=1e30, clip=1e30), tmp_path / "far", find, say=quiet)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    train(recipe(), tmp_path / "out", find, dry_run=True, say=said.append)
    assert not (tmp_path / "out").exists()
    assert "minutes" in said[0]


def test_the_learning_rate_warms_up_and_falls() -> None:
    rates = [learning_rate_at(recipe(warmup=10, steps=100), step, 100) for step in range(101)]
    assert rates[9] == max(rates) == 3e-2
    assert rates[100] == pytest.approx(3e-2 * 0.02)
    assert all(a >= b for a, b in pairwise(rates[9:]))


def test_ddt_training_lowers_the_flow_loss_and_round_trips(trainable_tokenizer: DDTTokenizer, tmp_path: Path) -> None:
    subject = DDTTraining(trainable_tokenizer, pool=1000, commitment=0.25)
    small = Recipe(
        "ddt", lambda find: subject, "stripes", steps=60, batch=16, learning_rate=3e-3, warmup=5, ema=0.9, threads=1
    )
    train(small, tmp_path / "out", find, say=quiet)
    lines = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert lines[-1]["flow"] < lines[0]["flow"]
    codes = open_tokenizer(str(tmp_path / "out")).encode(Stripes().batch(0, 4))
    assert codes.shape == (4, 8)


def test_annealing_ends_in_the_schedule(trainable_tokenizer: DDTTokenizer) -> None:
    subject = DDTTraining(trainable_tokenizer)
    t = torch.linspace(0, 1, 9)
    assert subject._visible(t, 0.0).all()
    assert torch.equal(subject._visible(t, 0.4), trainable_tokenizer.schedule.visible(t))


def test_dead_codes_come_back() -> None:
    torch.manual_seed(0)
    quantizer = CosineQuantizer(8, 32, 4, decay=0.8)
    features = torch.randn(4, 64, 8)
    quantizer(features)
    quantizer.codebook.fill_(0).add_(torch.eye(4)[0])  # every code in one place: at most one can be nearest
    quantizer.average.copy_(quantizer.codebook)
    for _ in range(40):
        quantizer(features)
    assert len(quantizer.indices(features).unique()) > 24


def test_straight_through_gradient_reaches_the_encoder() -> None:
    quantizer = CosineQuantizer(8, 32, 4)
    features = torch.randn(2, 5, 8, requires_grad=True)
    vectors, commitment, _ = quantizer(features)
    (vectors.square().sum() + commitment).backward()
    assert features.grad is not None
    assert features.grad.abs().sum() > 0


def test_tensorboard_is_given_the_values_of_the_log_and_after_resuming_no_step_twice(tmp_path: Path) -> None:
    import json

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = tmp_path / "board"
    train(recipe(), tmp_path / "out", find, say=quiet, board=board)
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    wanted = [(line["step"], pytest.approx(line["loss"])) for line in lines]
    assert wanted, "the recipe is long enough for a line"

    def shown() -> list[tuple[int, float]]:
        events = EventAccumulator(str(board))
        events.Reload()
        assert set(events.Tags()["scalars"]) == lines[0].keys() - {"step"}
        return [(event.step, event.value) for event in events.Scalars("loss")]

    assert shown() == wanted
    append(tmp_path / "again.jsonl", lines[-1], board)
    close_board(board)
    assert shown() == wanted, "a step that is taken again stands in the place of the one before"
