"""The multimodal language model: any causal LM of transformers, its text tokenizer, and a reference to any image
tokenizer.

One call opens it whatever its size; ``ddt_llama.mllm.folder`` says what lies in its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ddt_llama.mllm.batching import IGNORED, Batch
from ddt_llama.mllm.folder import ModelFolder, read_folder, require_files, write_folder
from ddt_llama.mllm.layout import SequenceLayout, TokenOrder
from ddt_llama.mllm.vocabulary import Vocabulary, extend_embeddings, row_count, tokenizer_size
from harness.contracts import ImageTokenizer
from harness.errors import UserError
from harness.weights.checkpoints import codes_digest_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenizerReference:
    """Which image tokenizer the codes are of: its name in the catalogue, where its weights lie, and the SHA-256 of
    those that made the codes ("": it has none)."""

    name: str
    source: str = ""
    sha256: str = ""

    @classmethod
    def of(cls, name: str, source: str) -> TokenizerReference:
        """The reference to a checkpoint folder, with the digest of its codes that its card states."""
        return cls(name, source, codes_digest_of(source))


class MultimodalLM(nn.Module):
    """A language model that reads and writes text and image codes in one sequence (DDT-LLaMA section 4)."""

    def __init__(
        self,
        language_model: PreTrainedModel,
        text_tokenizer: PreTrainedTokenizerBase,
        vocabulary: Vocabulary,
        reference: TokenizerReference,
        order: TokenOrder | str = "native",
    ) -> None:
        super().__init__()
        rows = row_count(language_model)
        if rows != vocabulary.size:
            raise UserError(f"the vocabulary map has {vocabulary.size} tokens, the language model {rows} rows")
        if tokenizer_size(text_tokenizer) != vocabulary.text_size:
            raise UserError(
                f"the vocabulary map has {vocabulary.text_size} text tokens, the text tokenizer "
                f"{tokenizer_size(text_tokenizer)}: it is not the one that this model was trained with"
            )
        self.language_model = language_model
        self.text_tokenizer = text_tokenizer
        self.vocabulary = vocabulary
        self.reference = reference
        self.layout = SequenceLayout(vocabulary, text_tokenizer, order)
        self.card: Mapping[str, Any] = {}

    @classmethod
    def extend(
        cls,
        language_model: PreTrainedModel,
        text_tokenizer: PreTrainedTokenizerBase,
        reference: TokenizerReference,
        codebook_size: int,
        code_count: int,
        *,
        classes: int = 0,
        order: TokenOrder | str = "native",
        seed: int = 0,
    ) -> MultimodalLM:
        """Teach a text-only language model the words for images, in place; its text logits keep their values."""
        rows = row_count(language_model)
        vocabulary = Vocabulary.extend(text_tokenizer, rows, codebook_size, code_count, classes)
        extend_embeddings(language_model, vocabulary.size, seed)
        language_model.config.bos_token_id, language_model.config.eos_token_id = vocabulary.bos, vocabulary.eos
        return cls(language_model, text_tokenizer, vocabulary, reference, order)

    # -- what it computes

    def forward(self, batch: Batch) -> Float[Tensor, "rows length vocabulary"]:
        """Logits of the token that follows each position; packed documents do not see each other."""
        out = self.language_model(input_ids=batch.input_ids, position_ids=batch.positions, use_cache=False)
        logits: Tensor = out.logits
        return logits

    def token_losses(self, batch: Batch) -> Float[Tensor, "rows length"]:
        """-log p of the token at each position given what precedes it in its document, in nats; 0 where it is not
        learned."""
        logits = self(batch)[:, :-1]
        losses = F.cross_entropy(logits.flatten(0, 1).float(), batch.labels[:, 1:].flatten(), reduction="none")
        return F.pad(losses.view(logits.shape[:2]), (1, 0))

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Mean of the token losses over the learned tokens of the batch (0 if there are none)."""
        count = (batch.labels[:, 1:] != IGNORED).sum().clamp(min=1)
        return self.token_losses(batch).sum() / count

    def check_tokenizer(self, tokenizer: ImageTokenizer, reference: TokenizerReference | None = None) -> None:
        """Raise UserError unless this image tokenizer's codes are the ones that this model speaks."""
        words = self.vocabulary
        if (tokenizer.code_count, tokenizer.codebook_size) != (words.code_count, words.codebook_size):
            raise UserError(
                f"this model speaks {words.code_count} codes of {words.codebook_size} ('{self.reference.name}'), the "
                f"image tokenizer {tokenizer.code_count} of {tokenizer.codebook_size}: open the one its card names"
            )
        if reference is not None and reference.sha256 != self.reference.sha256:
            raise UserError(
                f"this model was trained on codes of '{self.reference.name}' {self.reference.sha256[:16]}, not of "
                f"'{reference.name}' {reference.sha256[:16]}: open the tokenizer checkpoint that its card names"
            )

    # -- its folder

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        half: bool = False,
        card: Mapping[str, Any] | None = None,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Path:
        """Write the whole: language model (in fp16 if ``half``), text tokenizer, vocabulary map, token order, image
        tokenizer reference, and whatever else ``card`` says of how it was made. ``weights`` are the language model's
        where it does not hold them whole itself."""
        config = {
            "vocabulary": self.vocabulary.config(),
            "order": self.layout.order.name,
            "image_tokenizer": vars(self.reference),
        }
        return write_folder(Path(folder), self.language_model, self.text_tokenizer, config, card or {}, half, weights)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        verify: bool = True,
    ) -> MultimodalLM:
        """Open a folder of ``save_pretrained``, in evaluation mode. ``verify``: compare weights and the files beside
        them with their digests.

        Raises UserError for a folder without weights, with pickles only, damaged, or whose parts do not fit.
        """
        opened: ModelFolder = read_folder(str(source), dtype, verify)
        config = opened.card["config"]
        model = cls(
            opened.language_model,
            opened.text_tokenizer,
            Vocabulary.from_config(config["vocabulary"]),
            TokenizerReference(**config["image_tokenizer"]),
            config["order"],
        )
        if verify:
            require_files(opened.path, opened.card)
        model.card = opened.card
        return model.to(device).eval()
