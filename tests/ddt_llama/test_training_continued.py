"""Going on: from weights (``start``), from a saved state (``--resume``), to a second stage on frozen codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ddt_llama.mllm.model import TokenizerReference
from ddt_llama.tokenizer.model import DDTTokenizer, open_tokenizer
from ddt_llama.training.compiling import compile_modules
from ddt_llama.training.ddt import DDTTraining
from ddt_llama.training.optimizers import optimizers_of_turns
from ddt_llama.training.revival import revive
from ddt_llama.training.sampler import SamplerTraining
from ddt_llama.training.streaming import Places, batches
from ddt_llama.training.tokenizer import train
from harness.contracts import Recipe
from harness.errors import UserError
from harness.weights.checkpoints import load_checkpoint, read_card


class Stripes:
    description = "stripes"

    def batch(self, step: int, size: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(step)
        return torch.rand(size, 3, 1, 1, generator=generator).expand(size, 3, 16, 16).contiguous()


class Held:
    """Validation pictures whose only measure is the mean error."""

    description = "held stripes"
    images = Stripes().batch(10_000, 6)

    def scores(self, made: torch.Tensor) -> dict[str, float]:
        return {"error": float((made - self.images).abs().mean())}

    def code_scores(self, codes: torch.Tensor, codebook_size: int) -> dict[str, Any]:
        return {"codes": codes.tolist(), "codebook": codebook_size}


def find(kind: str, name: str) -> Any:
    return Held if name == "held" else lambda seed: Stripes()


New = Callable[..., DDTTokenizer]


def recipe(subject: Any, **changes: Any) -> Recipe:
    values: dict[str, Any] = {"steps": 20, "batch": 8, "learning_rate": 3e-3, "warmup": 5, "ema": 0.9, "threads": 1}
    return Recipe("ddt", lambda find: subject, "stripes", **(values | changes))


def first_stage(new: New, **changes: Any) -> Recipe:
    return recipe(DDTTraining(new(), pool=500, continuous=0.2), **changes)


def quiet(line: str) -> None:
    pass


class Stop(Exception):
    pass


def stop_at_15(line: str) -> None:
    if line.startswith("validation at 15"):
        raise Stop


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(str(folder), "ddt")[0]


@pytest.mark.parametrize("muon", [0.0, 5.0])
def test_a_ddt_resumes_to_the_same_weights_with_the_counts_of_its_codebook(
    new_tokenizer: New, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, muon: float
) -> None:
    """The codebook's moving averages are no part of the checkpoint, and were lost on the way: k-means began again."""
    asked = {"validation": "held", "validate_every": 5, "muon": muon}
    train(first_stage(new_tokenizer, **asked), tmp_path / "whole", find, say=quiet)
    monkeypatch.setattr("ddt_llama.training.tokenizer.SAVE_SECONDS", 0.0)
    with pytest.raises(Stop):
        train(first_stage(new_tokenizer, **asked), tmp_path / "cut", find, say=stop_at_15)
    train(first_stage(new_tokenizer, **asked), tmp_path / "cut", find, resume=True, say=quiet)
    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    lines = [[json.loads(line) for line in (tmp_path / name / "validation.jsonl").open()] for name in ("whole", "cut")]
    for both in zip(*lines, strict=True):
        without = [{key: value for key, value in line.items() if key != "cpu_seconds"} for line in both]
        assert without[0] == without[1]
    assert [line["step"] for line in lines[1]] == [5, 10, 15, 20]


def test_muon_moves_the_matrices_of_the_blocks_and_nothing_else(new_tokenizer: New) -> None:
    training = DDTTraining(new_tokenizer(), pool=500)
    adam, muon = optimizers_of_turns(training, recipe(training, muon=5.0))[0]
    names = {id(parameter): name for name, parameter in training.model.named_parameters()}
    by_muon = {names[id(parameter)] for parameter in muon.parameters}
    by_adam = {names[id(parameter)] for parameter in adam.parameters}
    assert "decoder.joint_blocks.0.x_block.qkv.weight" in by_muon
    assert "encoder.blocks.1.q_mlp.fc2.weight" in by_muon
    assert not any("adaLN" in name or "final" in name or "embedder" in name for name in by_muon)
    assert by_muon.isdisjoint(by_adam)
    assert by_muon | by_adam == {name for name, p in training.model.named_parameters() if p.requires_grad}
    muon.begin(1e-3)
    assert [group["lr"] for group in muon.optimizer.param_groups] == [5e-3]


def test_muon_is_refused_where_it_cannot_train(new_tokenizer: New) -> None:
    second_stage = SamplerTraining(new_tokenizer())
    with pytest.raises(UserError, match="'ddt': this training names no matrices for Muon: leave muon out"):
        optimizers_of_turns(second_stage, recipe(second_stage, muon=5.0))
    with pytest.raises(UserError, match="a multiple of the learning rate, or 0, not -1"):
        optimizers_of_turns(second_stage, recipe(second_stage, muon=-1.0))


def test_what_a_training_names_is_compiled(new_tokenizer: New, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.nn.Module] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **how: seen.append(module))
    monkeypatch.setattr("ddt_llama.training.compiling.shutil.which", lambda name: name)
    training = DDTTraining(new_tokenizer(), pool=500)
    train(recipe(training, steps=1, compiled=True), tmp_path / "out", find, say=quiet)
    assert seen == [training.model.encoder, training.model.decoder]
    train(recipe(training, steps=1), tmp_path / "plain", find, say=quiet)
    assert len(seen) == 2


def test_compiling_is_refused_where_it_cannot_be(new_tokenizer: New, monkeypatch: pytest.MonkeyPatch) -> None:
    training = DDTTraining(new_tokenizer(), pool=500)
    with pytest.raises(UserError, match="names no modules to compile"):
        compile_modules(object(), recipe(training, compiled=True))
    monkeypatch.setenv("CXX", "a-compiler-that-is-not-there")
    with pytest.raises(UserError, match="needs a C\\+\\+ compiler"):
        compile_modules(training, recipe(training, compiled=True))


def test_validation_changes_no_weight_and_measures_what_is_kept(new_tokenizer: New, tmp_path: Path) -> None:
    train(first_stage(new_tokenizer), tmp_path / "without", find, say=quiet)
    train(first_stage(new_tokenizer, validation="held", validate_every=8), tmp_path / "with", find, say=quiet)
    one, two = weights(tmp_path / "without"), weights(tmp_path / "with")
    assert all(torch.equal(one[key], two[key]) for key in one)
    last = [json.loads(line) for line in (tmp_path / "with/validation.jsonl").open()][-1]
    kept = open_tokenizer(str(tmp_path / "with"))
    again = kept.reconstructions(Held.images, [1, 8, 25])
    assert last["step"] == 20
    # exactly: a checkpoint is stored in fp16, in which close entries of a codebook change places
    assert (last["codes"], last["codebook"]) == (kept.encode(Held.images).tolist(), 32)
    for name, images in again.items():
        assert last[f"{name}: error"] == Held().scores(images)["error"]


def test_a_training_that_never_quantises_is_validated_without_codes(new_tokenizer: New, tmp_path: Path) -> None:
    training = DDTTraining(new_tokenizer(), pool=500, continuous=1.0)
    train(recipe(training, validation="held", validate_every=20), tmp_path / "out", find, say=quiet)
    last = json.loads((tmp_path / "out/validation.jsonl").read_text())
    assert "codes" not in last
    made = training.reconstructions(Held.images)["1 step"]
    kept = training.model
    assert torch.equal(made, kept.reconstructions(Held.images, [1], continuous=True)["1 step"])
    assert not torch.equal(made, kept.reconstructions(Held.images, [1])["1 step"])


def test_another_recipe_cannot_resume(new_tokenizer: New, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddt_llama.training.tokenizer.SAVE_SECONDS", 0.0)
    asked = {"validation": "held", "validate_every": 5}
    with pytest.raises(Stop):
        train(first_stage(new_tokenizer, **asked), tmp_path / "cut", find, say=stop_at_15)
    for changes, said in (
        ({"learning_rate": 1e-3}, "learning_rate 0.003 there and 0.001 here"),
        ({"batch": 4}, "batch 8 there and 4 here"),
        ({"seed": 1}, "seed 0 there and 1 here"),
        ({"steps": 50}, "steps 20 there and 50 here"),
    ):
        with pytest.raises(UserError, match=said):
            train(first_stage(new_tokenizer, **asked, **changes), tmp_path / "cut", find, resume=True, say=quiet)


def test_a_training_goes_on_from_weights_and_its_card_says_so(new_tokenizer: New, tmp_path: Path) -> None:
    train(first_stage(new_tokenizer), tmp_path / "first", find, say=quiet)
    start = str(tmp_path / "first")
    still = first_stage(new_tokenizer, start=start, steps=1, learning_rate=0.0, ema=0.0)
    train(still, tmp_path / "still", find, say=quiet)
    first, second = weights(tmp_path / "first"), weights(tmp_path / "still")
    books = {key for key in first if key.startswith("quantizer.codebook")}
    assert books
    for key in first.keys() - books:  # at rate 0 nothing moves: the training began with these weights
        torch.testing.assert_close(first[key], second[key], atol=0, rtol=0)
    # one step of a moving average with decay 0.99: k-means did not start the book anew
    assert all((first[key] * second[key]).sum(-1).mean() > 0.9 for key in books)
    began = read_card(str(tmp_path / "still"))["training"]["started_from"]
    assert began["sha256"] == read_card(start)["sha256"]
    assert began["images_seen"] == 20 * 8


def test_a_training_goes_on_with_another_autoencoder_and_a_quantiser_of_its_own(
    new_tokenizer: New, tmp_path: Path
) -> None:
    train(first_stage(new_tokenizer, steps=2), tmp_path / "first", find, say=quiet)
    model = new_tokenizer(codebook={"codebook_size": 16, "code_width": 8, "own_books": True})
    with torch.no_grad():
        for parameter in model.autoencoder.parameters():
            parameter.mul_(2)
    own = {key: value.clone() for key, value in model.state_dict().items() if key.startswith("autoencoder.")}
    training = DDTTraining(
        model, pool=500, continuous=0.0, start_images=500, keeps=("autoencoder.", "quantizer.codebook")
    )
    still = recipe(training, start=str(tmp_path / "first"), steps=1, learning_rate=0.0, ema=0.0)
    train(still, tmp_path / "still", find, say=quiet)
    first, second = weights(tmp_path / "first"), weights(tmp_path / "still")
    for key, value in own.items():
        torch.testing.assert_close(second[key], value, atol=0, rtol=2e-3)  # a checkpoint is stored in fp16
    brought = [key for key in first if not key.startswith(("autoencoder.", "quantizer.codebook"))]
    assert all(torch.equal(first[key], second[key]) for key in brought)
    assert second["quantizer.codebook"].shape == (8 * 16, 8)


def test_a_silent_position_begins_again_as_a_copy_and_the_others_stay(new_tokenizer: New, tmp_path: Path) -> None:
    train(first_stage(new_tokenizer), tmp_path / "first", find, say=quiet)
    state = weights(tmp_path / "first")
    silent, other = 6, 2
    model = new_tokenizer()
    model.load_state_dict(state)
    positions = model.encoder.positions
    before = [block.adaLN_modulation(block.t_embedder(positions)) for block in model.encoder.blocks]
    torch.manual_seed(0)
    revive(model, {silent: other})
    for block, was in zip(model.encoder.blocks, before, strict=True):
        now = block.adaLN_modulation(block.t_embedder(positions))
        wanted = was.clone()
        wanted[silent] = was[other]
        # fitted, not copied: the error is small beside how far the two positions lie apart
        assert (now - wanted).square().mean() < 0.02 * (was[silent] - was[other]).square().mean()
    apart = model.encoder.query_tokens[0, silent] - model.encoder.query_tokens[0, other]
    assert 0 < apart.norm() < model.encoder.query_tokens[0].norm()
    kept = [place for place in range(len(positions)) if place != silent]
    assert torch.equal(model.encoder.query_tokens[0, kept], state["encoder.query_tokens"][0, kept])


def test_a_recipe_revives_what_it_names(new_tokenizer: New, tmp_path: Path) -> None:
    train(first_stage(new_tokenizer, steps=2), tmp_path / "first", find, say=quiet)
    training = DDTTraining(new_tokenizer(), pool=500, continuous=0.0, copies={6: 2})
    still = recipe(training, start=str(tmp_path / "first"), steps=1, learning_rate=0.0, ema=0.0)
    train(still, tmp_path / "still", find, say=quiet)
    first, second = weights(tmp_path / "first"), weights(tmp_path / "still")
    moved = (first["encoder.query_tokens"] != second["encoder.query_tokens"]).any(-1)[0]
    assert moved.nonzero().flatten().tolist() == [6]


def test_a_start_that_does_not_fit_is_one_line(new_tokenizer: New, tmp_path: Path) -> None:
    train(first_stage(new_tokenizer, steps=2), tmp_path / "first", find, say=quiet)
    start = str(tmp_path / "first")
    card = json.loads((tmp_path / "first/card.json").read_text())
    for change, said in (
        ({"codes": 9}, "codes is 9 there and 8 here"),
        ({"schedule": {**card["config"]["schedule"], "stage_codes": [4, 4]}}, r"schedule.stage_codes is \[4, 4\]"),
    ):
        other = {**card, "config": {**card["config"], **change}}
        (tmp_path / "first/card.json").write_text(json.dumps(other))
        with pytest.raises(UserError, match=said):
            train(first_stage(new_tokenizer, start=start), tmp_path / "out", find, say=quiet)
    (tmp_path / "first/card.json").write_text(json.dumps({**card, "family": "vqgan"}))
    with pytest.raises(UserError, match="holds a 'vqgan', not a 'ddt'"):
        train(first_stage(new_tokenizer, start=start), tmp_path / "out", find, say=quiet)
    assert not (tmp_path / "out").exists()


def chain_error(model: DDTTokenizer) -> float:
    """Squared error of latents at the end of chains of four steps, mean over 8 draws."""
    torch.manual_seed(7)
    latents = model.autoencoder.encode(Held.images)
    training = SamplerTraining(model, chains=(4,), pixel_weight=0.0)
    with torch.no_grad():
        return sum(float(training.loss(latents, 0, 0.0)[0]) for _ in range(8)) / 8


def test_the_second_stage_keeps_every_code_and_ends_nearer_the_image(new_tokenizer: New, tmp_path: Path) -> None:
    train(first_stage(new_tokenizer, steps=120), tmp_path / "first", find, say=quiet)
    start = str(tmp_path / "first")
    second = recipe(
        SamplerTraining(new_tokenizer(), pool=500, chains=(1, 2, 4)), start=start, steps=50, learning_rate=1e-3
    )
    train(second, tmp_path / "second", find, say=quiet)
    before, after = open_tokenizer(start), open_tokenizer(str(tmp_path / "second"))
    images = Held.images
    assert torch.equal(before.encode(images), after.encode(images))
    assert chain_error(after) < 0.95 * chain_error(before)
    one, two = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert {key.partition(".")[0] for key in one if not torch.equal(one[key], two[key])} == {"decoder"}
    assert TokenizerReference.of("ddt", str(tmp_path / "second")) == replace(
        TokenizerReference.of("ddt", start), source=str(tmp_path / "second")
    ), "what learned from the codes of the first stage can read those of the second"


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_make_the_same_batches(workers: int) -> None:
    made = list(batches(Places(Stripes(), 4, range(3, 11, 2)), workers))
    assert all(torch.equal(batch, Stripes().batch(step, 4)) for batch, step in zip(made, (3, 5, 7, 9), strict=True))
