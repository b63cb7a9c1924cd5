"""A plain causal language model as it is: what lm-eval's rolling log-likelihoods say of the same text.

The reference is written here, window by window as lm-eval cuts and scores them (``get_rolling_token_windows`` and
``make_disjoint_window`` of lm_eval/utils.py, ``_loglikelihood_tokens`` of lm_eval/models/huggingface.py), since that
package is not a dependency.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from baselines.libraries import causal_lm
from ddt_llama.mllm.text import train_text_tokenizer
from harness import cli, contracts
from harness.catalog import open_model
from harness.errors import UserError
from harness.store.run_folder import find_run_folders

TEXT = "the quick brown fox jumps over the lazy dog; a red circle stands left of two blue squares. " * 3
CONTEXT = 16


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp(request.param)
    words = train_text_tokenizer([TEXT], 300)
    torch.manual_seed(0)
    if request.param == "gpt2":  # no begin marker: lm-eval takes the end marker
        words.bos_token = None
        sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": CONTEXT, "initializer_range": 0.4}
        model: Any = GPT2LMHeadModel(GPT2Config(vocab_size=len(words) + 3, **sizes))
    else:
        sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
        limits = {"max_position_embeddings": CONTEXT, "initializer_range": 0.4}
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **sizes, **limits))
    model.save_pretrained(place)
    words.save_pretrained(place)
    return place


def reference(folder: Path, text: str) -> tuple[float, int]:
    """(log-likelihood, tokens) as lm-eval computes them for ``--model hf`` in float32."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, words = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    tokens = words.encode(text, add_special_tokens=False)
    prefix = words.eos_token_id if words.bos_token_id is None else words.bos_token_id
    first = min(CONTEXT, len(tokens))
    pairs = [([prefix, *tokens[: first - 1]], tokens[:first])]
    done = first
    while done < len(tokens):
        count = min(len(tokens) - done, CONTEXT)
        end = done + count
        pairs.append((tokens[end - CONTEXT - 1 : end - 1], tokens[end - count : end]))
        done = end
    total = 0.0
    for given, wanted in pairs:
        context = given[: len(given) - (len(wanted) - 1)]
        read = (context + wanted)[-(CONTEXT + 1) :][:-1]
        with torch.no_grad():
            scores = torch.log_softmax(model(torch.tensor([read])).logits, dim=-1)[0, -len(wanted) :]
        total += float(scores.gather(1, torch.tensor(wanted)[:, None]).double().sum())
    return total, len(tokens)


@pytest.mark.parametrize("length", [1, 5, 15, 16, 17, 31, 32, 33, 90, 270])
def test_the_log_likelihood_is_lm_evals(folder: Path, length: int) -> None:
    subject, text = open_model(f"hf-lm@{folder}"), TEXT[:length]
    (found,) = subject.score_text([text])
    nats, tokens = reference(folder, text)
    assert found.tokens == tokens and found.nats == pytest.approx(-nats, rel=1e-8, abs=1e-5)
    assert found.choices == subject.rows


def test_its_three_numbers_are_lm_evals_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    """exp and log 2 of sums over the corpus, per white-space word and per byte of UTF-8."""
    lines = [TEXT[:120].strip(), "a red square", TEXT[30:200].strip()]
    file = tmp_path / "mine.txt"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", f"perplexity@{file}", "--model", f"hf-lm@{folder}", "--out", str(tmp_path / "runs")])
    assert ended.value.code == 0
    (run,) = find_run_folders(str(tmp_path / "runs"))
    found = {item.metric: item.value for item in run.read_estimates()}
    cases = [json.loads(row)["text"] if row.startswith("{") else row for row in lines]
    nats = -sum(reference(folder, text)[0] for text in cases)
    words = sum(len(re.split(r"\s+", text)) for text in cases)
    size = sum(len(text.encode()) for text in cases)
    assert found["word-perplexity"] == pytest.approx(math.exp(nats / words), rel=1e-6)
    assert found["byte-perplexity"] == pytest.approx(math.exp(nats / size), rel=1e-6)
    assert found["bits-per-byte"] == pytest.approx(nats / size / math.log(2), rel=1e-6)


def test_slices_of_a_long_window_change_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = open_model(f"hf-lm@{folder}")
    (whole,) = subject.score_text([TEXT])
    monkeypatch.setattr(causal_lm, "LOGITS", 5 * subject.rows)
    (sliced,) = subject.score_text([TEXT])
    assert sliced.tokens == whole.tokens and sliced.nats == pytest.approx(whole.nats, rel=1e-6)


def test_strides_give_more_context(folder: Path) -> None:
    subject = open_model(f"hf-lm@{folder}")
    (half,) = subject.score_text_in_strides([TEXT], 0.5)
    (rolling,) = subject.score_text([TEXT])
    assert half.tokens == rolling.tokens and half.nats != rolling.nats
    assert isinstance(subject, contracts.ScoresText) and isinstance(subject, contracts.ScoresTextInStrides)
    assert len(subject.checkpoint_digest) == 64


def test_what_it_refuses(folder: Path, tmp_path: Path) -> None:
    subject = open_model(f"hf-lm@{folder}")
    with pytest.raises(UserError, match="empty"):
        subject.score_text([" "])
    with pytest.raises(UserError, match="reads text alone"):
        subject.score_text(["a"], torch.zeros(1, 3, 8, 8))
    GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="knows no words"):
        open_model(f"hf-lm@{tmp_path}")


def launched(words: list[str]) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "harness.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("folder", ["llama"], indirect=True)
def test_two_processes_of_a_launcher_hold_one_model_together(folder: Path, tmp_path: Path) -> None:
    """Tensor parallel by transformers, over two processes on a CPU: the first one stores what both made."""
    file, runs = tmp_path / "mine.txt", {name: tmp_path / name for name in ("alone", "together")}
    file.write_text("\n".join([TEXT[:120].strip(), "a red square", TEXT[30:200].strip()]) + "\n", encoding="utf-8")
    words = ["run", f"perplexity@{file}", "--model", f"hf-lm@{folder}", "--device", "cpu", "--out"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, str(runs["alone"])])
    assert ended.value.code == 0
    done = launched([*words, str(runs["together"])])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Next: ddtbench report") == 1
    (alone,), (together,) = (find_run_folders(str(root)) for root in runs.values())
    assert together.key == alone.key and together.manifest()["failed"] == 0
    (made,) = together.folder.read_json("environment.json")["environments"].values()
    assert made["device"].endswith(" x2")
    expected = {item.metric: item.value for item in alone.read_estimates()}
    assert len(expected) >= 3
    assert {item.metric: item.value for item in together.read_estimates()} == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["gpt2"], indirect=True)
def test_a_model_that_cannot_be_shared_out_is_one_line(folder: Path, tmp_path: Path) -> None:
    done = launched(["run", "perplexity@world", "--model", f"hf-lm@{folder}", "--out", str(tmp_path)])
    (line, *_) = [line for line in done.stderr.splitlines() if line.startswith("ddtbench:")]
    assert done.returncode != 0 and "no causal language model can be opened" in line and "has no `tp_plan`" in line
    assert not list(tmp_path.iterdir())
