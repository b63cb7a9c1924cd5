"""The whole in one folder: what comes back is what was saved, and what does not fit is refused in one line."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from ddt_llama.mllm.batching import pad
from ddt_llama.mllm.folder import open_language_model, weights_digest
from ddt_llama.mllm.generation import generate_images
from ddt_llama.mllm.model import MultimodalLM, TokenizerReference
from ddt_llama.mllm.sampling import GREEDY
from harness.errors import UserError
from harness.weights.checkpoints import digest_of
from harness.weights.digests import sha256_of


@pytest.fixture
def saved(make_model, tmp_path):
    model = make_model("llama", "reversed", classes=10)
    return model, model.save_pretrained(tmp_path / "model", card={"recipe": "none", "seed": 3})


def logits(model):
    batch = pad([model.layout.caption_to_image("a red star", range(16))], model.vocabulary.pad)
    with torch.no_grad():
        return model(batch)


@pytest.mark.parametrize("family", ["llama", "llama-grouped", "gemma2"])
def test_everything_comes_back(make_model, tmp_path, family):
    model = make_model(family, "shuffled(4)", classes=10)
    model.reference = TokenizerReference("ddt", "zoo/ddt", "ab" * 32)
    again = MultimodalLM.from_pretrained(model.save_pretrained(tmp_path / "x", card={"seed": 3}))
    assert again.vocabulary == model.vocabulary
    assert again.layout.order == model.layout.order
    assert again.reference == model.reference
    assert again.card["seed"] == 3
    assert not again.training
    assert logits(again).equal(logits(model))
    for text in ("a red star", "naïve 🙂"):
        assert again.layout.text_only(text) == model.layout.text_only(text)
    prompts = [model.layout.class_to_image(2)]
    assert generate_images(again, prompts, GREEDY).equal(generate_images(model, prompts, GREEDY))


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_half_precision_halves_the_file_and_opens_in_float32(make_model, tmp_path, family):
    model = make_model(family)
    small, full = model.save_pretrained(tmp_path / "s", half=True), model.save_pretrained(tmp_path / "f")
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (small, full)]
    assert 0.5 <= sizes[0] / sizes[1] < 0.6  # the header does not shrink
    again = MultimodalLM.from_pretrained(small)
    assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}
    for name, parameter in again.named_parameters():
        assert parameter.equal(model.get_parameter(name).half().float()), name
    assert next(model.parameters()).dtype == torch.float32


def test_the_card_is_one_that_the_harness_reads_and_transformers_opens_the_folder(saved):
    model, folder = saved
    assert digest_of(str(folder)) == sha256_of(folder / "model.safetensors")
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors"}
    alone = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([model.layout.image_only().ids])
    assert alone(ids).logits.equal(model.language_model(ids).logits)
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata()["format"] == "pt"


def test_shards_open_by_the_same_call(saved):
    model, folder = saved
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    keys = sorted(state)
    halves = {"model-00001-of-00002.safetensors": keys[::2], "model-00002-of-00002.safetensors": keys[1::2]}
    for name, part in halves.items():
        save_file({key: state[key] for key in part}, folder / name, {"format": "pt"})
    index = {"metadata": {}, "weight_map": {key: name for name, part in halves.items() for key in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="have digest"):
        MultimodalLM.from_pretrained(folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "sha256": weights_digest(folder)}))
    assert logits(MultimodalLM.from_pretrained(folder)).equal(logits(model))
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UserError, match="lacks weights that its index names: model-00002"):
        MultimodalLM.from_pretrained(folder)


def test_saving_again_replaces_the_whole(saved, make_model):
    _, folder = saved
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"left over")
    other = make_model("gemma2")
    other.save_pretrained(folder)
    assert logits(MultimodalLM.from_pretrained(folder)).equal(logits(other))
    assert not list(folder.glob("model-*"))
    assert not list(folder.glob(".writing-*"))


def test_a_language_model_that_knows_no_images_is_extended(make_language_model, text_tokenizer, tmp_path):
    bare = make_language_model("llama", 305)
    bare.save_pretrained(tmp_path)
    text_tokenizer.save_pretrained(tmp_path)
    opened, tokenizer = open_language_model(str(tmp_path))
    model = MultimodalLM.extend(opened, tokenizer, TokenizerReference("ddt"), 64, 16)
    assert model.vocabulary.bov == 305
    assert model.vocabulary.size == 305 + 2 + 64
    with pytest.raises(UserError, match=r"no card\.json: it is a language model that knows no images"):
        MultimodalLM.from_pretrained(tmp_path)


def test_a_tokenizer_that_does_not_match_is_refused(make_model, block_tokenizer):
    model = make_model()
    model.check_tokenizer(block_tokenizer)  # 16 codes of 64, as the model's
    images = torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    codes = block_tokenizer.encode(images)
    document = model.layout.image_only(codes[0])
    assert model.vocabulary.to_codes(torch.tensor(document.answer[:16])).equal(codes[0])
    with pytest.raises(UserError, match="speaks 17 codes of 64"):
        make_model(codes=17).check_tokenizer(block_tokenizer)
    with pytest.raises(UserError, match="trained on codes of 'blocks'"):
        model.check_tokenizer(block_tokenizer, TokenizerReference("ddt", "zoo/ddt", "12" * 32))


def rewrite_card(folder, change):
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


def break_vocabulary(folder):
    rewrite_card(folder, lambda card: card["config"]["vocabulary"].update(codebook_size=65))


def drop_a_key(folder):
    state = load_file(folder / "model.safetensors")
    state.pop("model.norm.weight")
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    rewrite_card(folder, lambda card: card.update(sha256=weights_digest(folder)))


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def truncate_with_its_digest(folder):
    truncate(folder)
    rewrite_card(folder, lambda card: card.update(sha256=weights_digest(folder)))


def pickles_only(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "has a config but no weights"),
        (pickles_only, r"no weights.*pytorch_model\.bin is not read"),
        (lambda folder: (folder / "config.json").unlink(), r"it has no config\.json"),
        (lambda folder: (folder / "card.json").write_text("{"), "is not JSON"),
        (lambda folder: rewrite_card(folder, lambda card: card.update(family="ddt")), "holds a 'ddt'"),
        (lambda folder: rewrite_card(folder, lambda card: card["config"].pop("order")), "is not a card of ours"),
        (break_vocabulary, "the vocabulary map has"),
        (truncate, "have digest"),
        (truncate_with_its_digest, "no causal language model can be opened"),
        (drop_a_key, r"1 keys missing \['model\.norm\.weight'\]"),
        (lambda folder: (folder / "config.json").write_text("{}"), "no causal language model can be opened"),
    ],
)
def test_a_damaged_folder_is_one_clear_line(saved, damage, says):
    _, folder = saved
    damage(folder)
    with pytest.raises(UserError, match=says) as caught:
        MultimodalLM.from_pretrained(folder)
    assert "\n" not in str(caught.value)


def test_nothing_there_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="no checkpoint at"):
        MultimodalLM.from_pretrained(tmp_path / "nowhere")


def test_a_tokenizer_of_another_model_is_refused(saved):
    from ddt_llama.mllm.text import train_text_tokenizer

    _, folder = saved
    train_text_tokenizer(["something else altogether"] * 9, 280).save_pretrained(folder)
    with pytest.raises(UserError, match="is not the one that this model was trained with"):
        MultimodalLM.from_pretrained(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_a_file_beside_the_weights_that_was_changed_is_refused(saved, name):
    _, folder = saved
    whole = (folder / name).read_text()
    (folder / name).write_text(whole + " ")
    with pytest.raises(UserError, match=rf"{name} has digest .*, the card says .*: get the folder again"):
        MultimodalLM.from_pretrained(folder)
    (folder / name).write_text(whole)
    MultimodalLM.from_pretrained(folder)
    rewrite_card(folder, lambda card: card.pop("files"))
    (folder / name).write_text(whole + " ")
    MultimodalLM.from_pretrained(folder)  # a card of before says nothing of it


def test_the_digest_is_of_the_shards_that_are_read(saved):
    _, folder = saved
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    save_file(state, folder / "part-1.safetensors", {"format": "pt"})
    index = {"metadata": {}, "weight_map": dict.fromkeys(state, "part-1.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    first = weights_digest(folder)
    state["model.norm.weight"] += 1
    save_file(state, folder / "part-1.safetensors", {"format": "pt"})
    assert weights_digest(folder) != first
