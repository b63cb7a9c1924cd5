"""Weights fit their model, whole, or are refused by name: nothing is drawn at random or dropped without a word."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from harness.errors import UserError
from harness.weights.checkpoints import fill_module
from harness.weights.fitting import open_fitting, require_text, require_whole, require_words

ROOT = Path(__file__).parents[2]
MAY_OPEN = {
    "AutoTokenizer",  # text, no weights
    "processor_class",
    "MultimodalLM",  # ours, which opens its parts by open_fitting
    "kind",  # harness.weights.fitting itself
    "opener",  # AutoProcessor, and diffusers' pipeline, which is handed its networks
}
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=11, **shape)).save_pretrained(folder)
    return folder


def opened(folder: Path, **options: Any) -> Any:
    return open_fitting(LlamaForCausalLM, folder, what="causal language model", **options)


def changed(folder: Path, to: Path, change: Callable[[State], Any]) -> Path:
    shutil.copytree(folder, to, dirs_exist_ok=True)
    state = load_file(to / "model.safetensors")
    change(state)
    save_file(state, to / "model.safetensors", {"format": "pt"})
    return to


def test_a_whole_folder_opens(llama: Path) -> None:
    assert opened(llama).config.vocab_size == 11


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("lm_head.weight"), r"does not fit: 1 keys missing \['lm_head.weight'\]"),
        (lambda state: state.update({"x.y": torch.zeros(1)}), r"does not fit: 1 unknown \['x.y'\]"),
        (
            lambda state: state.update({"lm_head.weight": torch.zeros(12, 8)}),
            r"does not fit: 1 of another shape 'lm_head.weight' is \(12, 8\), the model has \(11, 8\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(llama: Path, tmp_path: Path, change: Callable[[State], Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        opened(changed(llama, tmp_path / "copy", change))
    assert "\n" not in str(caught.value)


def test_a_door_names_the_parts_that_it_does_not_use(llama: Path, tmp_path: Path) -> None:
    other = changed(llama, tmp_path / "copy", lambda state: state.update({"text_side.y": torch.zeros(1)}))
    assert opened(other, unused=(r"^text_side\.",)).config.vocab_size == 11
    with pytest.raises(UserError, match="1 unknown"):
        opened(other, unused=(r"^side\.",))


def test_a_damaged_folder_is_one_line(llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "copy")
    whole = (folder / "model.safetensors").read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"\xff" * 100):
        (folder / "model.safetensors").write_bytes(damaged)
        with pytest.raises(UserError, match="no causal language model can be opened at") as caught:
            opened(folder)
        assert "\n" not in str(caught.value)


def test_a_report_names_the_first_of_each_kind() -> None:
    report = {"missing_keys": {"b", "a", "c"}, "unexpected_keys": ["x"], "mismatched_keys": {("w", (1,), (2,))}}
    wanted = r"x.pt does not fit: 3 keys missing \['a', 'b'\], 1 unknown \['x'\], 1 of another shape 'w' is \(1,\)"
    with pytest.raises(UserError, match=wanted):
        require_whole(report, "x.pt")
    require_whole({"missing_keys": {"loss.a"}, "unexpected_keys": {"text.a"}}, "x.pt", unused=["^text"], idle=["^loss"])


def test_a_state_dict_is_filled_by_the_same_rule() -> None:
    layer = torch.nn.Linear(2, 3)
    with pytest.raises(UserError, match=r"here does not fit: 1 keys missing \['bias'\], 1 unknown \['c'\]"):
        fill_module(layer, {"weight": torch.zeros(3, 2), "c": torch.zeros(1)}, "here")
    fill_module(layer, {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}, "here")
    assert bool((layer.weight == 1).all())


@pytest.fixture
def words() -> Any:
    from ddt_llama.mllm.text import train_text_tokenizer

    return train_text_tokenizer(["a red square"] * 4, 280)


def test_a_tokenizer_writes_text_back_and_has_no_more_tokens_than_the_model_rows(words: Any) -> None:
    require_text(words, "here")
    require_words(words, "here", len(words))
    with pytest.raises(UserError, match=f"'here' has tokens up to {len(words) - 1}, the model rows for 20"):
        require_words(words, "here", 20)


def test_an_empty_tokenizer_is_refused() -> None:
    from transformers import CLIPTokenizer, GemmaTokenizer, GPT2Tokenizer

    for kind in (GPT2Tokenizer, GemmaTokenizer):  # what transformers makes where a folder has none
        with pytest.raises(UserError, match="'here' cannot write back a line of plain text"):
            require_text(kind(), "here")
        with pytest.raises(UserError, match="'here' knows no words"):
            require_words(kind(), "here")
    with pytest.raises(UserError, match="'here' knows no words"):
        require_words(CLIPTokenizer(), "here")


def test_nobody_opens_a_library_model_otherwise() -> None:
    """A new door that calls ``from_pretrained`` itself would not read what the library found."""
    for package in ("harness", "ddt_llama", "tasks", "baselines", "reports"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr == "from_pretrained":
                    assert ast.unparse(node.value) in MAY_OPEN, f"{path.relative_to(ROOT)}:{node.lineno}"
