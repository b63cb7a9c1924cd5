"""A tiny vision-language model from disk answers questions; the probability is that of the right answer's spellings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from harness.contracts import Case, Sample
from harness.errors import UserError
from tasks.questions.vlm import VlmAnswers

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def sample(number, *questions):
    asked = [{"text": text, "asked": text, "answers": list(answers), "parents": []} for text, answers in questions]
    return Sample(Case(str(number), "p", "", {"questions": asked}), images={"output": PICTURE})


def test_spellings_are_summed_once_each_and_all_of_them_make_one(tiny_vlm):
    looks = VlmAnswers(str(tiny_vlm))
    text = "Are there any kites in the image? Answer in one word."
    yes, small, both = (looks.ask(PICTURE, text, answers) for answers in (["Yes"], ["yes"], ["Yes", "yes", " Yes"]))
    assert both.probability == pytest.approx(yes.probability + small.probability, rel=1e-5)  # float32 sums
    everything = looks.ask(PICTURE, text, list(looks._model[1].tokenizer.get_vocab()))
    assert everything.probability == pytest.approx(1, abs=1e-5)
    assert 0 < yes.probability < 1 and yes.said == small.said != ""


def test_an_answer_depends_on_question_and_picture_and_not_on_the_batch(tiny_vlm):
    looks = VlmAnswers(str(tiny_vlm))
    one = sample(0, ("Are there any kites", ["Yes"]), ("Does this image show one", ["No"]))
    other = Sample(one.case, images={"output": 255 - PICTURE})
    rows = looks.observe([one, other, one])["answers"]
    assert rows[0] == rows[2] == looks.observe([one])["answers"][0] != rows[1]
    first, second = json.loads(rows[0])
    assert first != second


def test_a_missing_judge_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("DDTBENCH_JUDGE", raising=False)
    assert VlmAnswers().unavailable().startswith("judge missing: no vision-language model; set DDTBENCH_JUDGE to")
    assert "holds no *.safetensors: it must be" in VlmAnswers(str(tmp_path)).unavailable()
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"no vision-language model .* can be opened at"):
        VlmAnswers(str(tmp_path)).ask(PICTURE, "?", ["Yes"])


def test_a_judge_that_lacks_a_weight_is_refused(tiny_vlm, tmp_path):
    copy = Path(shutil.copytree(tiny_vlm, tmp_path / "copy"))
    state = load_file(copy / "model.safetensors")
    lost = next(key for key in sorted(state) if "projector" in key)
    save_file({key: value for key, value in state.items() if key != lost}, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"does not fit: 1 keys missing .*projector"):
        VlmAnswers(str(copy)).ask(PICTURE, "?", ["Yes"])


def test_the_digest_covers_weights_and_template(tiny_vlm, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_vlm, copy)
    assert VlmAnswers(str(copy)).digest == VlmAnswers(str(tiny_vlm)).digest
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    assert VlmAnswers(str(copy)).digest != VlmAnswers(str(tiny_vlm)).digest
