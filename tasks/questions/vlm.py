"""The instrument ``vlm-answers``: a local vision-language model answers a case's questions about its image.

Any model that transformers opens by ``AutoModelForImageTextToText`` with a chat template. As in GenEval 2's script: the
image and the question are one user's turn, and of the next token's probabilities those are summed with which a spelling
of the right answer begins. Each question is asked by itself, without padding, so that its answer depends on no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError
from harness.instruments.devices import looking
from harness.weights.digests import sha256_of
from harness.weights.fitting import open_fitting, readable, require_words
from harness.weights.located import Located
from tasks.questions.judging import Answer, dumps
from tasks.questions.weights import JUDGE, JUDGE_CURE

NAME = "vlm-answers"
FILES = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")


class VlmAnswers:
    """Column ``answers``, see ``judging``. ``source`` as ``DDTBENCH_JUDGE``: a folder or a hub id."""

    name = NAME

    def __init__(self, source: str = "", device: str = "cpu") -> None:
        self._weights, self.device = Located(JUDGE, source), device

    def unavailable(self) -> str:
        """Why it cannot be used, or ""."""
        reason = self._weights.problem()
        return f"judge missing: {reason}" if reason else ""

    @cached_property
    def digest(self) -> str:
        """Over names and contents of the model's files, tokenizer and chat template included."""
        if reason := self.unavailable():
            raise UserError(reason)
        files = sorted({path for pattern in FILES for path in self._weights.path.glob(pattern)})
        return hashlib.sha256("\n".join(f"{path.name} {sha256_of(path)}" for path in files).encode()).hexdigest()

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. A sample that stands several times (a batch is filled up with its last) is asked once."""
        once = {id(sample): sample for sample in samples}
        seen = {key: dumps(self._answers(sample)) for key, sample in once.items()}
        return {"answers": [seen[id(sample)] for sample in samples]}

    def _answers(self, sample: Sample) -> list[Answer]:
        picture = sample.images["output"]
        return [self.ask(picture, item["asked"], item["answers"]) for item in sample.case.facts["questions"]]

    def ask(self, picture: np.ndarray, text: str, answers: Sequence[str]) -> Answer:
        """One question about an 8-bit RGB picture."""
        from PIL import Image

        model, processor = self._model
        content = [{"type": "image", "image": Image.fromarray(picture)}, {"type": "text", "text": text}]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            tokenize=True,
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self.device)
        with looking(self.device):
            logits = model(**inputs).logits[0, -1].float()
        probabilities = logits.softmax(-1)
        first = {processor.tokenizer.encode(answer, add_special_tokens=False)[0] for answer in answers}
        said = processor.tokenizer.decode([int(probabilities.argmax())])
        return Answer(float(probabilities[sorted(first)].sum()), said)

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        """(model, processor). Raises UserError for a folder that holds none, or no chat template."""
        from transformers import AutoModelForImageTextToText, AutoProcessor

        if reason := self.unavailable():
            raise UserError(reason)
        what, opener = f"vision-language model ({JUDGE_CURE})", cast(Any, AutoProcessor)
        with readable(what, str(self._weights.path)):
            processor = opener.from_pretrained(self._weights.path, local_files_only=True, trust_remote_code=False)
        model = open_fitting(
            AutoModelForImageTextToText,
            self._weights.path,
            what=what,
            dtype="auto",
            use_safetensors=True,
            local_files_only=True,
        )
        require_words(processor.tokenizer, str(self._weights.path))
        if not getattr(processor, "chat_template", None):
            raise UserError(f"{self._weights.path} has no chat template: take an instruction-tuned model; {JUDGE_CURE}")
        model.train(False)
        return model.requires_grad_(False).to(self.device), processor


def open_vlm(given: str = "", device: str = "cpu") -> VlmAnswers:
    """The catalogue's factory; ``given`` is a folder or a hub id."""
    return VlmAnswers(given, device)
