"""The instrument ``vlm-answers``: a local vision-language model answers a case's questions about its image.

Any model that transformers opens by ``AutoModelForImageTextToText`` with a chat template. As in GenEval 2's script: the
image and the question are one user's turn, and of the next token's probabilities those are summed with which a spelling
of the right answer begins. Each question is asked by itself, without padding, so that its answer depends on no other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from harness.contracts import Sample
from harness.errors import UserError
from harness.paths import user_path
from harness.weights.checkpoints import sha256_of
from harness.weights.fitting import open_fitting, readable, require_words
from tasks.geneval.official.mask2former import DEVICE_VARIABLE
from tasks.questions.judging import Answer, dumps

NAME = "vlm-answers"
VARIABLE = "DDTBENCH_JUDGE"
CURE = f"set {VARIABLE} to the folder or hub id of a vision-language model (GenEval 2's own is Qwen3-VL-8B-Instruct)"
FILES = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")


class VlmAnswers:
    """Column ``answers``, see ``judging``. ``source`` as ``DDTBENCH_JUDGE``: a folder or a hub id."""

    name = NAME

    def __init__(self, source: str = "") -> None:
        self.source = source or os.environ.get(VARIABLE, "")
        self.device = os.environ.get(DEVICE_VARIABLE, "cpu")

    def unavailable(self) -> str:
        """Why it cannot be used, or "". A hub id is fetched here."""
        try:
            found = any(self.folder.glob("*.safetensors"))
        except UserError as error:
            return str(error)
        return "" if found else f"judge missing: no .safetensors in {self.folder.name}; {CURE}"

    @cached_property
    def folder(self) -> Path:
        """Raises UserError where there is none."""
        if not self.source:
            raise UserError(f"judge missing: no vision-language model; {CURE}")
        path = user_path(self.source)
        if path.is_dir():
            return path
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(self.source, allow_patterns=list(FILES)))
        except (OSError, ValueError) as error:
            line = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"judge missing: '{self.source}' is not a folder, and was not fetched ({line}); {CURE}"
            ) from error

    @cached_property
    def digest(self) -> str:
        """Over names and contents of the model's files, tokenizer and chat template included."""
        if reason := self.unavailable():
            raise UserError(reason)
        files = sorted({path for pattern in FILES for path in self.folder.glob(pattern)})
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
        import torch
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
        with torch.inference_mode():
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
        what, opener = f"vision-language model ({CURE})", cast(Any, AutoProcessor)
        with readable(what, str(self.folder)):
            processor = opener.from_pretrained(self.folder, local_files_only=True)
        model = open_fitting(
            AutoModelForImageTextToText,
            self.folder,
            what=what,
            dtype="auto",
            use_safetensors=True,
            local_files_only=True,
        )
        require_words(processor.tokenizer, str(self.folder))
        if not getattr(processor, "chat_template", None):
            raise UserError(f"{self.folder} has no chat template: take an instruction-tuned model; {CURE}")
        model.train(False)
        return model.requires_grad_(False).to(self.device), processor


def open_vlm() -> VlmAnswers:
    """The catalogue's factory."""
    return VlmAnswers()
