"""A language model as a subject: what it satisfies, what a batch cannot change, and what it refuses."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from baselines.language_model import LanguageSubject, open_language_subject
from ddt_llama.mllm.model import MultimodalLM, TokenizerReference
from ddt_llama.mllm.sampling import Sampling
from ddt_llama.mllm.text import train_text_tokenizer
from harness import contracts
from harness.catalog import open_model
from harness.errors import UserError
from harness.plan import opened, plan, suite_for

PROMPTS = ["a red circle", "two blue squares on a grey background", "a ring"]
ASKED = "Is there a ring?"


def new_model(reference: TokenizerReference, codebook: int, codes: int, classes: int = 0) -> MultimodalLM:
    torch.manual_seed(0)
    words = train_text_tokenizer([*PROMPTS, ASKED, "USER: make it blue ASSISTANT: yes"] * 3, 280)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(words), max_position_embeddings=256, initializer_range=0.3, **sizes)
    return MultimodalLM.extend(LlamaForCausalLM(config), words, reference, codebook, codes, classes=classes)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    path = Path(__file__).parents[1] / "fakes.py"
    spec = importlib.util.spec_from_file_location("ddtbench_fakes", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.BlockTokenizer(image_size=8, side=4)


@pytest.fixture(scope="module")
def subject(tokenizer: Any) -> LanguageSubject:
    return LanguageSubject(new_model(TokenizerReference("blocks"), 64, 16, classes=3).eval(), tokenizer)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand((3, 3, 8, 8), generator=torch.Generator().manual_seed(1))


def test_it_satisfies_all_protocols(subject: LanguageSubject) -> None:
    for name in (
        "GeneratesImages",
        "GeneratesClasses",
        "EditsImages",
        "AnswersQuestions",
        "ScoresAnswers",
        "ScoresText",
        "ScoresTextInStrides",
        "ScoresImages",
        "ScoresCodes",
        "DrawsCodes",
        "EditsWithGuidance",
    ):
        assert isinstance(subject, getattr(contracts, name)), name


def test_pictures_depend_on_their_prompt_and_seed_alone(subject: LanguageSubject, images: torch.Tensor) -> None:
    whole = subject.generate(PROMPTS, [1, 2, 3])
    assert whole.shape == (3, 3, 8, 8) and float(whole.min()) >= 0 and float(whole.max()) <= 1
    alone = torch.cat([subject.generate([prompt], [seed]) for prompt, seed in zip(PROMPTS, (1, 2, 3), strict=True)])
    assert torch.equal(whole, alone)
    assert not torch.equal(whole[0], subject.generate(PROMPTS[:1], [9])[0])
    edited = subject.edit(images, PROMPTS, [1, 2, 3])
    assert torch.equal(edited.flip(0), subject.edit(images.flip(0), PROMPTS[::-1], [3, 2, 1]))
    assert subject.generate_classes([0, 2], [5, 5]).shape == (2, 3, 8, 8)


def test_the_way_of_asking_follows_the_last_stage(subject: LanguageSubject, tokenizer: Any) -> None:
    model = new_model(TokenizerReference("blocks"), 64, 16).eval()
    model.card = {"training": {"prompt": "instruction"}}
    instructed = LanguageSubject(model, tokenizer)
    user = model.text_tokenizer("USER:")["input_ids"]
    assert list(instructed._asked("a ring").prompt[1 : 1 + len(user)]) == user
    assert list(subject._asked("a ring").prompt[1 : 1 + len(user)]) != user


def test_answers_are_text_without_codes(subject: LanguageSubject, images: torch.Tensor) -> None:
    answers = subject.answer(images, [ASKED] * 3)
    assert len(answers) == 3 and all(isinstance(answer, str) for answer in answers)


def test_likelihoods_add_up(subject: LanguageSubject, images: torch.Tensor) -> None:
    long = "a red circle " * 120
    alone, given = subject.score_text([PROMPTS[0], long]), subject.score_text(PROMPTS, images)
    words = subject.model.text_tokenizer(PROMPTS[0], add_special_tokens=False)["input_ids"]
    assert alone[0].tokens == given[0].tokens == len(words)
    assert alone[1].tokens > 256, "a long text is read in windows"
    assert all(0 < item.nats < 1e5 for item in [*alone, *given])
    codes = subject.score_images(images, PROMPTS)
    assert [(item.tokens, item.choices) for item in codes] == [(16, 64)] * 3
    assert codes[0].nats != pytest.approx(subject.score_images(images)[0].nats, abs=1e-3)


def test_codes_are_scored_one_by_one_in_the_order_of_reading(subject: LanguageSubject, images: torch.Tensor) -> None:
    whole, rows = subject.score_images(images), subject.score_codes(images)
    for one, row in zip(whole, rows, strict=True):
        assert sum(row.nats) == pytest.approx(one.nats, rel=1e-5)
        assert (len(row.nats), len(row.entropies), row.choices) == (16, 16, 64)
        assert all(0 < entropy <= math.log(64) + 1e-6 for entropy in row.entropies)
    again = subject.score_codes(images.flip(0))
    assert again[0].nats == pytest.approx(rows[2].nats, rel=1e-4), "what else is in the batch changes nothing"
    # what stands first is predicted from the markers alone, whatever the picture
    assert rows[0].entropies[0] == pytest.approx(rows[1].entropies[0]) and rows[0].entropies[1] != rows[1].entropies[1]


def test_codes_are_drawn_as_the_pictures_are(subject: LanguageSubject, tokenizer: Any) -> None:
    codes = subject.draw_codes(PROMPTS, [1, 2, 3])
    assert torch.equal(tokenizer.decode(codes), subject.generate(PROMPTS, [1, 2, 3]))
    assert torch.equal(tokenizer.decode(subject.draw_class_codes([1], [4])), subject.generate_classes([1], [4]))


def test_guidance_of_an_edit_can_be_set_for_a_call(subject: LanguageSubject, images: torch.Tensor) -> None:
    stated = subject.edit(images, PROMPTS, [1, 2, 3])
    assert torch.equal(stated, subject.edit_guided(images, PROMPTS, [1, 2, 3], subject.editing.guidance))
    assert not torch.equal(stated, subject.edit_guided(images, PROMPTS, [1, 2, 3], 8.0))
    assert torch.equal(stated, subject.edit(images, PROMPTS, [1, 2, 3])), "and is not kept"


def test_overlapping_windows_count_the_same_tokens_and_give_them_more(subject: LanguageSubject) -> None:
    texts = [PROMPTS[0], "a red circle " * 120]
    apart, overlapping = subject.score_text(texts), subject.score_text_in_strides(texts, 0.5)
    assert [(item.tokens, item.choices) for item in apart] == [(item.tokens, item.choices) for item in overlapping]
    assert overlapping[0].nats == pytest.approx(apart[0].nats, rel=1e-5), "one window either way"
    assert overlapping[1].nats != pytest.approx(apart[1].nats, rel=1e-5)


def test_settings_name_how_it_draws(subject: LanguageSubject, tokenizer: Any) -> None:
    other = LanguageSubject(subject.model, tokenizer, drawing=Sampling(guidance=1.5))
    assert other.settings != subject.settings and other.settings["drawing"]["guidance"] == 1.5


@pytest.mark.parametrize(
    ("prompt", "message"),
    [("", "empty"), ("   ", "empty"), ("a ring " * 300, "do not fit"), ("\ud800", "UTF-8")],
)
def test_a_bad_prompt_is_one_line(subject: LanguageSubject, prompt: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        subject.generate([prompt], [0])


def test_pictures_of_another_size_are_refused(subject: LanguageSubject) -> None:
    with pytest.raises(UserError, match="8x8, not 16x12"):
        subject.answer(torch.zeros(1, 3, 16, 12), [ASKED])
    with pytest.raises(UserError, match="no class 3"):
        subject.generate_classes([3], [0])


def test_a_caption_longer_than_the_context_after_its_picture_is_refused(subject: LanguageSubject, images: Any) -> None:
    with pytest.raises(UserError, match="context of 256"):
        subject.score_text(["a ring " * 300], images[:1])


def test_a_folder_opens_with_the_tokenizer_of_its_card(tmp_path: Path) -> None:
    vqgan = open_model("vqgan")
    reference = TokenizerReference.of("vqgan", "zoo/vqgan")
    model = new_model(reference, vqgan.codebook_size, vqgan.code_count)
    model.save_pretrained(tmp_path / "good")
    opened = open_language_subject(str(tmp_path / "good"))
    assert opened.generate(["a ring"], [0]).shape == (1, 3, 32, 32)
    model.reference = dataclasses.replace(reference, sha256="0" * 64)
    model.save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="was trained on codes of"):
        open_language_subject(str(tmp_path / "other"))
    wrong = new_model(reference, 64, 16)
    wrong.save_pretrained(tmp_path / "wrong")
    with pytest.raises(UserError, match="speaks 16 codes of 64"):
        open_language_subject(str(tmp_path / "wrong"))
    (tmp_path / "good/model.safetensors").unlink()
    with pytest.raises(UserError, match="no weights"):
        open_language_subject(str(tmp_path / "good"))


def trained(folder: Path, classes: int = 0, **training: Any) -> Path:
    model = new_model(TokenizerReference("mean-colour"), 256, 3, classes)
    return model.save_pretrained(folder, card={"training": training} if training else {})


@pytest.mark.parametrize(
    ("classes", "training", "can", "cannot"),
    [
        (0, {"taught": ["caption to image", "text"]}, "perplexity@image-codes", "mme@world"),
        (0, {"taught": ["image to caption", "question"]}, "mme@world", "geneval@world"),
        (3, {"taught": ["class to image", "image"]}, "perplexity@image-codes", "geneval@world"),
        (0, {"prompt": "caption"}, "geneval@world", "mme@world"),  # cards of before
        (0, {"prompt": "instruction"}, "mme@world", ""),
        (0, {"recipe": {"pictures": False}}, "perplexity@captions", "geneval@world"),
        (3, {}, "", "geneval@world"),
    ],
)
def test_the_card_says_what_can_be_asked(
    tmp_path: Path, classes: int, training: dict[str, Any], can: str, cannot: str
) -> None:
    folder = trained(tmp_path / "model", classes, **training)
    for task, fits in ((can, True), (cannot, False)):
        if not task:
            continue
        suite = suite_for(task, models=[f"mllm@{folder}"], limit=1)
        if fits:
            assert plan(suite)[0].spec.model.startswith("mllm@model-")
        else:
            with pytest.raises(UserError, match="which model 'mllm' is not"):
                plan(suite)
    opened.cache_clear()


def test_a_model_is_called_what_its_recipe_is_called(tmp_path: Path) -> None:
    """A Gemma-2 on VQGAN's codes could be opened as vqgan-llama alone, and was called VQGAN-LLaMA."""
    recipe = {"name": "gemma2-on-colours"}
    folder = trained(tmp_path / "model", taught=["caption to image"], recipe=recipe)
    (run,) = plan(suite_for("geneval@world", models=[f"mllm@{folder}"], limit=1))
    assert run.shown == "gemma2-on-colours" and len(run.spec.checkpoint) == 64
    with pytest.raises(UserError, match="there is no folder"):
        open_model("mllm@/nowhere")
    opened.cache_clear()


def test_answers_are_scored_given_picture_and_question(subject: LanguageSubject, images: torch.Tensor) -> None:
    """As the sum over its tokens that the model itself states, whatever else is in the batch."""
    answers = ["yes", "no", "a ring"]
    together = subject.score_answers(images, [ASKED] * 3, answers)
    alone = [subject.score_answers(images[row : row + 1], [ASKED], [answers[row]])[0] for row in range(3)]
    for one, other in zip(together, alone, strict=True):
        assert one.nats == pytest.approx(other.nats, rel=1e-5)  # padding moves float32's last bits
        assert one.nats > 0 and one.tokens == other.tokens > 0 and one.choices == subject.model.vocabulary.text_size
    elsewhere = subject.score_answers(images.flip(0), [ASKED] * 3, answers)
    assert elsewhere[0].nats != together[0].nats
    assert subject.score_answers(images[:1], ["a red circle"], ["yes"])[0].nats != together[0].nats


def test_an_answer_is_no_longer_than_asked(subject: LanguageSubject, images: torch.Tensor) -> None:
    short = subject.answer(images, [ASKED] * 3, longest=2)
    for few, many in zip(short, subject.answer(images, [ASKED] * 3), strict=True):
        assert len(few) <= len(many)


def test_a_decoder_trained_further_on_the_same_codes_is_another_run(tokenizer: Any) -> None:
    """The codes decide which models fit; the pictures depend on the decoder too, so it stands in a run's key."""
    model = new_model(TokenizerReference("blocks", "", "12" * 32), 64, 16)

    class Settled(type(tokenizer)):  # type: ignore[misc]
        settings: ClassVar = {"sampler": "euler", "sampler_steps": 8}
        card: ClassVar = {"sha256": "34" * 32, "codes_sha256": "12" * 32}

    assert "decoder" not in LanguageSubject(model, tokenizer).settings
    settled = Settled(image_size=8, side=4)
    decoder = {"sampler": "euler", "sampler_steps": 8, "weights": "34" * 8}
    assert LanguageSubject(model, settled).settings["decoder"] == decoder
    settled.card = {"sha256": "12" * 32}
    assert "weights" not in LanguageSubject(model, settled).settings["decoder"]
