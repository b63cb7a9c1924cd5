"""The trainer of language models: resume, branches, several processes, what its folders hold, what it refuses."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from ddt_llama.mllm.batching import IGNORED
from ddt_llama.mllm.layout import Document
from ddt_llama.mllm.model import MultimodalLM
from ddt_llama.mllm.text import train_text_tokenizer
from ddt_llama.training.classroom import BATCH_COST, Classroom
from ddt_llama.training.language import Clock, LanguageTraining
from ddt_llama.training.precision import usable
from ddt_llama.training.recipe import LanguageRecipe, Stage
from ddt_llama.training.stages import train_language
from harness import cli
from harness.errors import UserError

WORDS = ["red", "green", "blue", "circle", "square", "triangle", "above", "below", "beside", "inside"]
SCRIPT = Path(__file__).parent / "lessons_fakes.py"
spec = importlib.util.spec_from_file_location("lessons_fakes", SCRIPT)
assert spec is not None and spec.loader is not None
fakes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fakes)


def quiet(line: str) -> None: ...


def train(out: Path, values: dict[str, Any] | None = None, **options: Any) -> MultimodalLM:
    train_language(
        values or fakes.recipe(), "fake.toml", out, fakes.find, cache=out.parent / "codes", say=quiet, **options
    )
    return MultimodalLM.from_pretrained(out)


def weights(model: MultimodalLM) -> dict[str, torch.Tensor]:
    return dict(model.language_model.state_dict())


def same(one: MultimodalLM, other: MultimodalLM) -> bool:
    return all(torch.equal(value, weights(other)[key]) for key, value in weights(one).items())


class Killed(Exception):
    pass


@pytest.mark.parametrize("muon", [0.0, 2.0])
def test_a_killed_training_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, muon: float
) -> None:
    values = fakes.recipe(muon=muon)
    values["stages"][0]["branches"] = [0.5]
    whole = train(tmp_path / "whole", values)
    for stop in (3, 8, 15):  # before the branch, after it, in the second stage
        out = tmp_path / f"cut-{stop}"
        advance, taken = LanguageTraining.advance, [0]

        def stopping(
            self: LanguageTraining, end: int, advance: Any = advance, taken: list[int] = taken, stop: int = stop
        ) -> Any:
            if taken[0] == stop:
                raise Killed
            taken[0] += 1
            self.save()
            return advance(self, end)

        with monkeypatch.context() as patch:
            patch.setattr(LanguageTraining, "advance", stopping)
            # inside a branch nothing is saved: the branch is made again
            patch.setattr(LanguageTraining, "branch", _unsaved(LanguageTraining.branch, advance))
            with pytest.raises(Killed):
                train(out, values)
        cut = train(out, values, resume=True)
        assert same(whole, cut), stop
        assert (out / "log.jsonl").read_text().count("\n") == (tmp_path / "whole/log.jsonl").read_text().count("\n")


@pytest.mark.parametrize("stop", [3, 9, 17])  # before the branch, in it, in the second stage
def test_a_stopped_training_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    values = fakes.recipe()
    values["stages"][0]["branches"] = [0.75]
    whole, advance, taken = train(tmp_path / "whole", values), LanguageTraining.advance, [0]

    def signalled(self: LanguageTraining, end: int) -> Any:
        taken[0] += 1
        if taken[0] == stop:
            os.kill(os.getpid(), signal.SIGTERM)
        return advance(self, end)

    monkeypatch.setattr(LanguageTraining, "advance", signalled)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", values)
    log = tmp_path / "cut/log.jsonl"
    log.write_bytes((log.read_bytes() if log.is_file() else b"") + b'{"step": 1')
    assert same(whole, train(tmp_path / "cut", values, resume=True))
    assert log.read_text().count("\n") == (tmp_path / "whole/log.jsonl").read_text().count("\n")


def test_sigterm_on_the_command_line_exits_with_130_and_resume_ends_it(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    train_text_tokenizer(["a red circle left of a square"] * 4, 290).save_pretrained(base)
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'name = "mine"\ntokenizer = "mean-colour"\ndata = "world-lessons"\nbase = "{base}"\nbatch = 2\n'
        '[[stages]]\nname = "pretrain-read"\nsteps = 3\nlearning_rate = 1e-3\n'
    )
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    advance, words = LanguageTraining.advance, ["train", "mllm", str(recipe), "--out", str(tmp_path / "out")]

    def signalled(self: LanguageTraining, end: int) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return advance(self, end)

    monkeypatch.setattr(Classroom, "examine", lambda *given: {})
    for more, patched, code in (([], signalled, 130), (["--resume"], advance, 0)):
        monkeypatch.setattr(LanguageTraining, "advance", patched)
        with pytest.raises(SystemExit) as ended:
            cli.main([*words, *more])
        assert ended.value.code == code, capsys.readouterr().err
    assert (tmp_path / "out/card.json").is_file() and not (tmp_path / "out/state.pt").exists()


def _unsaved(branch: Any, advance: Any) -> Any:
    def run(self: LanguageTraining, share: float) -> None:
        patched, LanguageTraining.advance = LanguageTraining.advance, advance  # type: ignore[method-assign]
        try:
            branch(self, share)
        finally:
            LanguageTraining.advance = patched  # type: ignore[method-assign]

    return run


def test_a_branch_leaves_the_training_as_it_was(tmp_path: Path) -> None:
    plain, values = fakes.recipe(), fakes.recipe()
    values["stages"][0]["branches"] = [0.5, 0.75]
    one, other = train(tmp_path / "plain", plain), train(tmp_path / "branched", values)
    assert same(one, other)
    kept = sorted(path.name for path in (tmp_path / "branched/checkpoints").iterdir())
    assert kept == ["instruct-100", "pretrain-050", "pretrain-075", "pretrain-100"]


def test_a_branch_is_a_training_that_ends_there(tmp_path: Path) -> None:
    """Half of 12 steps with a decay of 3 is a training of 6 steps with a decay of 3."""
    values, short = fakes.recipe(), fakes.recipe()
    values["stages"][0]["branches"] = [0.5]
    short["stages"] = [{**short["stages"][0], "steps": 6, "decay": 0.5}]
    train(tmp_path / "long", values)
    ended = train(tmp_path / "short", short)
    assert same(MultimodalLM.from_pretrained(tmp_path / "long/checkpoints/pretrain-050"), ended)


@pytest.fixture(scope="module")
def by_one_process(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launched(tmp_path_factory.mktemp("one") / "model", 1)


def launched(out: Path, processes: int, *options: str) -> Path:
    """The fakes' recipe with a branch, trained by so many processes on this machine."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    command = [*launch, str(SCRIPT), str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


def by_two_stopped_between(out: Path) -> Path:
    """A training that two processes share the weights of is stopped after its first stage, and goes on."""
    launched(out, 2, "--cut", "--stop")
    saved = torch.load(out / "state.pt", weights_only=True)
    assert (saved["clock"]["stage"], saved["clock"]["step"]) == (1, 0)
    return launched(out, 2, "--cut", "--resume")


@pytest.mark.parametrize("trained", [lambda out: launched(out, 2), by_two_stopped_between], ids=["ddp", "fsdp"])
def test_two_processes_give_the_losses_of_one(
    by_one_process: Path, tmp_path: Path, trained: Callable[[Path], Path]
) -> None:
    """Each takes every other document of the same batch: sums in another order, so the last digits may differ. With
    cut weights also across a stop: what is gathered to be saved is spread again."""
    by_two = trained(tmp_path / "model")
    logs = [[json.loads(line) for line in (out / "log.jsonl").open()] for out in (by_one_process, by_two)]
    assert len(logs[0]) == len(logs[1]) == 2
    for one, two in zip(*logs, strict=True):
        assert (one["step"], one["tokens"]) == (two["step"], two["tokens"])
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)
    # stored in fp16; AdamW turns rounding of tiny gradients into steps of up to the learning rate
    for part in ("checkpoints/pretrain-050", "."):
        first, second = (MultimodalLM.from_pretrained(out / part) for out in (by_one_process, by_two))
        assert weights(first).keys() == weights(second).keys()
        for key, value in weights(first).items():
            torch.testing.assert_close(value, weights(second)[key], atol=5e-3, rtol=0)


def test_a_stage_keeps_its_own_share_of_the_weights(tmp_path: Path) -> None:
    """Against the mean of two checkpoints, taken by hand; they are stored in fp16."""
    values = fakes.recipe()
    values["stages"][1]["own"] = 0.25
    train(tmp_path / "plain", fakes.recipe())
    mixed = weights(train(tmp_path / "mixed", values))
    before, own = (
        weights(MultimodalLM.from_pretrained(tmp_path / "plain/checkpoints" / name))
        for name in ("pretrain-100", "instruct-100")
    )
    for key, value in mixed.items():
        torch.testing.assert_close(value, 0.75 * before[key] + 0.25 * own[key], atol=1e-3, rtol=2e-3)
    assert any(not torch.allclose(value, own[key], atol=1e-2) for key, value in mixed.items())
    kept = MultimodalLM.from_pretrained(tmp_path / "mixed/checkpoints/instruct-100")
    assert same(kept, MultimodalLM.from_pretrained(tmp_path / "mixed"))


@pytest.mark.parametrize(
    ("stage", "own", "said"), [(0, 0.5, "no stage before 'pretrain'"), (1, 0.0, "a share above 0")]
)
def test_a_share_of_weights_that_cannot_be(stage: int, own: float, said: str) -> None:
    values = fakes.recipe()
    values["stages"][stage]["own"] = own
    with pytest.raises(UserError, match=said):
        LanguageRecipe.from_mapping(values, "fake.toml")


def test_it_learns_and_its_card_says_how(tmp_path: Path) -> None:
    values = fakes.recipe()
    values["stages"][0] |= {"steps": 60}
    model = train(tmp_path / "out", values)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "out/log.jsonl").open()]
    assert losses[-2] < losses[0] - 0.3
    made = model.card["training"]
    assert made["stage"] == "instruct" and made["prompt"] == "instruction" and made["recipe"]["seed"] == 0
    assert made["tokens_seen"] > 66 * 8 and set(made["validation_nats_per_token"]) == {"text", "caption to image"}
    assert made["device"] == ("cpu" if not torch.cuda.is_available() else torch.cuda.get_device_name())
    assert made["hours"] >= 0 and made["losses"][-1] == [66, pytest.approx(losses[-1], abs=1e-4)]
    assert not (tmp_path / "out/state.pt").exists()


def test_tensorboard_is_given_the_numbers_of_the_log(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tmp_path / "out", board=tmp_path / "board")
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    numbers = {name for line in lines for name, value in line.items() if isinstance(value, int | float)} - {"step"}
    assert lines and set(events.Tags()["scalars"]) == numbers
    for name in numbers:
        wanted = [(line["step"], pytest.approx(line[name])) for line in lines if name in line]
        assert [(event.step, event.value) for event in events.Scalars(name)] == wanted


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    train(tmp_path / "one"), train(tmp_path / "two")
    assert (tmp_path / "one/model.safetensors").read_bytes() == (tmp_path / "two/model.safetensors").read_bytes()


def test_workers_change_nothing(tmp_path: Path) -> None:
    """Through a branch, which reads ahead and goes back, a stage that ends while more is ready, and a resume."""
    values = fakes.recipe()
    values["stages"][0]["branches"] = [0.5]
    alone = train(tmp_path / "alone", values)
    helped = train(tmp_path / "helped", {**values, "workers": 2})
    assert same(alone, helped)
    assert alone.card["training"]["tokens_seen"] == helped.card["training"]["tokens_seen"]
    share = "checkpoints/pretrain-050/model.safetensors"
    assert (tmp_path / "alone" / share).read_bytes() == (tmp_path / "helped" / share).read_bytes()


def test_workers_need_a_system_that_forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(UserError, match="set workers = 0"):
        train(tmp_path / "out", {**fakes.recipe(), "workers": 1})


def test_the_size_of_chunks_changes_nothing(tmp_path: Path) -> None:
    """The loss is a sum over all learned tokens of a step, however they are padded."""
    losses = []
    for tokens in (1, 100, 100_000):
        recipe = LanguageRecipe.from_mapping(fakes.recipe(chunk_tokens=tokens), "fake.toml")
        room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
        losses.append(LanguageTraining(recipe, tmp_path, room, model).advance(12)["loss"])
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)


def test_codes_weigh_what_the_recipe_says(tmp_path: Path) -> None:
    """The loss of a step is that of its text and, this much, that of its codes."""
    losses = {}
    for weight in (0.0, 0.25, 1.0):
        recipe = LanguageRecipe.from_mapping(fakes.recipe(code_weight=weight), "fake.toml")
        room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
        losses[weight] = LanguageTraining(recipe, tmp_path, room, model).advance(12)["loss"]
    assert 0 < losses[0.0] < losses[1.0]
    assert losses[0.25] == pytest.approx(0.75 * losses[0.0] + 0.25 * losses[1.0], abs=1e-5)


def test_lessons_are_divided_at_the_least_cost(tmp_path: Path) -> None:
    """Against every division of eight documents in order of length."""
    recipe = LanguageRecipe.from_mapping(fakes.recipe(), "fake.toml")
    room, _ = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    for seed in range(20):
        lengths = torch.randint(2, 90, (8,), generator=torch.Generator().manual_seed(seed)).tolist()
        found = room.chunks([Document((1,) * length) for length in lengths])
        assert sorted(int(row.sum()) for batch in found for row in (batch.input_ids == 1)) == sorted(lengths)
        ordered, costs = sorted(lengths), []
        for cuts in itertools.product((False, True), repeat=7):
            ends = [place + 1 for place, cut in enumerate(cuts) if cut] + [8]
            groups = [ordered[first:end] for first, end in itertools.pairwise([0, *ends])]
            if all(len(group) == 1 or len(group) * group[-1] <= recipe.chunk_tokens for group in groups):
                costs.append(sum(len(group) * group[-1] + BATCH_COST for group in groups))
        assert sum(batch.input_ids.numel() + BATCH_COST for batch in found) == min(costs)


def test_muon_trains_the_matrices_of_the_layers_alone(tmp_path: Path) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(muon=5.0), "fake.toml")
    room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    training = LanguageTraining(recipe, tmp_path, room, model)
    adam, muon = training.optimizers
    shapes = [tuple(p.shape) for group in muon.param_groups for p in group["params"]]
    assert len(shapes) == 2 * 7 and all(model.vocabulary.size not in shape for shape in shapes)
    counted = sum(p.numel() for one in (adam, muon) for group in one.param_groups for p in group["params"])
    assert counted == sum(p.numel() for p in model.language_model.parameters())
    training.advance(12)
    rates = [group["lr"] for one in (adam, muon) for group in one.param_groups]
    assert rates == pytest.approx([5e-3, 5e-3, 2.5e-2])


def test_muon_refuses_cut_matrices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(muon=5.0), "fake.toml")
    room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    monkeypatch.setattr(accelerate.Accelerator, "distributed_type", accelerate.DistributedType.FSDP)
    with pytest.raises(UserError, match="use DDP"):
        LanguageTraining(recipe, tmp_path, room, model)


def test_without_pictures_only_texts_are_learned(tmp_path: Path) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(pictures=False), "fake.toml")
    room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    documents = room.documents("pretrain", 0, 50)
    assert documents and all(max(document.ids) < model.vocabulary.first_code for document in documents)
    assert model.vocabulary.bov not in {token for document in documents for token in document.ids}


def test_a_conversation_teaches_its_answers_alone(tmp_path: Path) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(), "fake.toml")
    room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    lesson = next(item for item in lessons_of("instruct") if item.kind == "question")
    document = room.document(lesson)
    learned = [token for token, counts in zip(document.ids, document.learned, strict=True) if counts]
    said = [part.strip() for part in model.text_tokenizer.decode(learned).split("<|end|>") if part.strip()]
    assert said == ["blue", "two", "red"]
    batch = room.chunks([document])[0]
    assert int((batch.labels != IGNORED).sum()) == len(learned)


def lessons_of(stage: str) -> list[Any]:
    return list(fakes.FakeLessons().lessons(stage, 0, 50))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A language model of 300 rows as its authors save it, without the files of its tokenizer."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 600, "bos_token_id": 1, "eos_token_id": 2}
    GPT2LMHeadModel(GPT2Config(vocab_size=300, **sizes)).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (0, "knows no words (1 tokens)"),
        (-1, "cannot write back a line of plain text"),
        (320, "has tokens up to 319, the model rows for 300"),
    ],
)
def test_a_base_without_its_tokenizer_is_refused_before_anything_is_encoded(
    tmp_path: Path, base: Path, tokens: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """transformers makes an empty tokenizer where there is none, and all text was nothing."""
    if tokens == -1:  # words alone, of which most are unknown
        PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(WordLevel({"a": 0, "b": 1, "?": 2, "red": 3, "square": 4}, "?")),
            unk_token="?",
            eos_token="b",
        ).save_pretrained(base)
    elif tokens:
        texts = [f"{first} {second} of the many words that there are" for first in WORDS for second in WORDS]
        train_text_tokenizer(texts, tokens).save_pretrained(base)
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'name = "mine"\ntokenizer = "mean-colour"\ndata = "world-lessons"\nbase = "{base}"\n'
        '[[stages]]\nname = "pretrain"\nsteps = 6\nlearning_rate = 1e-3\n'
    )
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "mllm", str(recipe), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and says in said and str(base) in said
    assert not (tmp_path / "data" / "codes").exists() and not (tmp_path / "out").exists()


def test_a_base_with_its_tokenizer_is_extended(tmp_path: Path, base: Path) -> None:
    train_text_tokenizer(["a red circle left of a square"] * 4, 290).save_pretrained(base)
    recipe = LanguageRecipe.from_mapping(fakes.recipe(base=str(base), model={}), "fake.toml")
    room, model = Classroom.open(recipe, fakes.find, tmp_path / "codes", quiet)
    assert model.vocabulary.text_size <= 290 and room.codes.shape == (40, 16)


def test_codes_are_made_once(tmp_path: Path) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(), "fake.toml")
    room, _ = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    files = list(tmp_path.glob("*.npy"))
    assert len(files) == 1 and room.codes.shape == (40, 16)
    written = files[0].stat().st_mtime_ns
    again, _ = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    assert torch.equal(room.codes, again.codes) and files[0].stat().st_mtime_ns == written


def test_the_rate_warms_up_stays_and_falls() -> None:
    stage = Stage("pretrain", steps=100, learning_rate=1.0, warmup=10, decay=0.2)
    rates = [stage.rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:80] == [1.0] * 71
    assert rates[80:] == sorted(rates[80:], reverse=True) and 0 < rates[-1] < 0.06


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sead": 1}, "unknown key 'sead'"),
        ({"model": {}}, "either"),
        ({"base": "somewhere"}, "either"),
        ({"start": "somewhere"}, "either"),
        ({"stages": []}, "no \\[\\[stages\\]\\]"),
        ({"stages": [{"name": "pretrain", "steps": 0, "learning_rate": 1e-3}]}, "steps at least 1"),
        ({"stages": [{"name": "pretrain", "learning_rate": 1e-3}]}, "steps"),
        ({"stages": [{"name": "pretrain", "steps": 9, "learning_rate": 1e-3, "branches": [1.5]}]}, "branch"),
        ({"stages": [{"name": "pretrain", "steps": 9, "learning_rate": 1e-3, "batch": -1}]}, "batch are at least 0"),
        ({"pictures": 1}, "pictures = 1"),
        ({"muon": -1.0}, "muon is a multiple"),
        ({"code_weight": -0.5}, "code_weight is at least 0"),
        ({"workers": -1}, "workers at least 0"),
        ({"order": "sideways"}, "unknown token order"),
        ({"model": {**fakes.recipe()["model"], "max_position_embeddings": 10}}, "holds no image"),
    ],
)
def test_a_bad_recipe_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(tmp_path / "out", fakes.recipe(**changes))
    assert not (tmp_path / "out").exists()


def test_what_cannot_go_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to resume"):
        train(tmp_path / "none", resume=True)
    out = tmp_path / "other"
    out.mkdir()
    recipe = LanguageRecipe.from_mapping(fakes.recipe(), "fake.toml")
    room, model = Classroom.open(recipe, fakes.find, tmp_path, quiet)
    LanguageTraining(recipe, out, room, model).save()
    with pytest.raises(UserError, match="--resume"):
        train(out)
    with pytest.raises(UserError, match="another recipe"):
        train(out, fakes.recipe(seed=1), resume=True)


def test_a_dry_run_trains_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    train_language(fakes.recipe(), "f", tmp_path / "out", fakes.find, cache=tmp_path, dry_run=True, say=said.append)
    assert not (tmp_path / "out").exists() and "minutes" in said[-1]
    assert Clock().tokens == 0


def test_pictures_drawn_in_another_way_are_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = LanguageRecipe.from_mapping(fakes.recipe(), "fake.toml")
    Classroom.open(recipe, fakes.find, tmp_path, quiet)
    drawn = fakes.FakeLessons.pictures
    monkeypatch.setattr(fakes.FakeLessons, "pictures", lambda self, first, count: 1 - drawn(self, first, count))
    Classroom.open(recipe, fakes.find, tmp_path, quiet)
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_a_model_is_trained_further_on_other_lessons(tmp_path: Path) -> None:
    first = train(tmp_path / "first")
    values = fakes.recipe(start=str(tmp_path / "first"))
    del values["model"]
    values["stages"] = [{"name": "pretrain", "steps": 4, "learning_rate": 1e-9, "warmup": 0, "first": 12}]
    asked: list[int] = []
    lessons = fakes.FakeLessons.lessons
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            fakes.FakeLessons,
            "lessons",
            lambda self, stage, step, size: (asked.append(step), lessons(self, stage, step, size))[1],
        )
        more = train(tmp_path / "more", values)
    assert asked[:4] == [12, 13, 14, 15]
    for key, value in weights(first).items():  # a rate of next to nothing leaves the weights that it began with
        torch.testing.assert_close(value, weights(more)[key], atol=1e-3, rtol=1e-3)
    before, after = first.card["training"], more.card["training"]
    assert after["tokens_seen"] > before["tokens_seen"] and after["cpu_hours"] >= before["cpu_hours"]
    assert after["started_from"] == first.card["sha256"] and before["started_from"] == ""
    with pytest.raises(UserError, match="reads its codes native, not reversed"):
        train(tmp_path / "turned", values | {"order": "reversed"})


def test_a_card_names_every_device_that_the_training_ran_on(tmp_path: Path) -> None:
    assert train(tmp_path / "0").card["training"]["device"] == "cpu"
    card = json.loads((tmp_path / "0" / "card.json").read_text())
    card["training"]["device"] = "a GPU"
    (tmp_path / "0" / "card.json").write_text(json.dumps(card))
    stages = [{"name": "pretrain", "steps": 1, "learning_rate": 1e-3}]
    for number in (1, 2):  # the second goes on where the first did, which adds nothing
        values = fakes.recipe(start=str(tmp_path / str(number - 1)), stages=stages)
        del values["model"]
        assert train(tmp_path / str(number), values).card["training"]["device"] == "a GPU, then cpu"


def test_a_stage_has_a_batch_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = [{**stage, "steps": 2} for stage in fakes.recipe()["stages"]]
    asked: list[tuple[str, int]] = []
    lessons = fakes.FakeLessons.lessons

    def noting(self: Any, stage: str, step: int, size: int) -> list[Any]:
        asked.append((stage, size))
        return list(lessons(self, stage, step, size))

    monkeypatch.setattr(fakes.FakeLessons, "lessons", noting)
    train(tmp_path / "out", fakes.recipe(stages=[stages[0], {**stages[1], "batch": 3}]))
    taught = [entry for entry in asked if entry[0] != "validation"]
    assert taught == [("pretrain", 8)] * 2 + [("instruct", 3)] * 2


def test_bf16_is_used_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    for has, expected in ((True, "bf16"), (False, "no")):
        monkeypatch.setattr("ddt_llama.training.precision.bf16_pays", lambda has=has: has)
        assert usable("bf16", said.append) == expected and usable("no", said.append) == "no"
    assert said == ["this processor has no bf16 instructions: training in float32"]
