"""One vocabulary for text and images: the text tokenizer's ids stay as they are, ours begin beyond the last of them.

Rows of the language model, from the first to the last::

    0 .. text_size-1     the text tokenizer's own ids (and unused rows of a model that was padded)
    first ..             [BOV] [EOV], then those of [BOS] [EOS] [PAD] that the tokenizer lacks
    first_class ..       one per class, for class-conditional models
    first_code ..        one per entry of the image tokenizer's codebook

The text tokenizer never learns of them, so no text can spell a code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Int
from torch import Tensor, nn

from harness.errors import UserError
from harness.seeding import seed_for

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Vocabulary:
    """Which id means what. ``size`` is the number of rows that the language model has."""

    text_size: int
    bos: int
    eos: int
    pad: int
    bov: int
    eov: int
    classes: int
    first_class: int
    codebook_size: int
    code_count: int
    first_code: int

    @property
    def size(self) -> int:
        return self.first_code + self.codebook_size

    @classmethod
    def extend(
        cls, tokenizer: PreTrainedTokenizerBase, rows: int, codebook_size: int, code_count: int, classes: int = 0
    ) -> Vocabulary:
        """Ids of ours after the tokenizer's last id and the model's last row, whichever is later."""
        if codebook_size < 1 or code_count < 1 or classes < 0:
            raise UserError(f"a vocabulary needs codes: got {code_count} codes of {codebook_size}, {classes} classes")
        text_size = tokenizer_size(tokenizer)
        following = max(text_size, rows)
        ids: dict[str, int] = {}
        for name in ("bov", "eov", "bos", "eos", "pad"):
            known = None if name in ("bov", "eov") else getattr(tokenizer, f"{name}_token_id")
            if known is None:
                ids[name], following = following, following + 1
            else:
                ids[name] = int(known)
        return cls(
            text_size=text_size,
            **ids,
            classes=classes,
            first_class=following,
            codebook_size=codebook_size,
            code_count=code_count,
            first_code=following + classes,
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary of a card. Raises UserError for unknown or missing keys."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(config) != names:
            raise UserError(
                f"this vocabulary map is not ours: keys {sorted(set(config) ^ names)} are unknown or missing"
            )
        return cls(**{name: int(value) for name, value in config.items()})

    def config(self) -> dict[str, int]:
        """JSON-able; ``from_config`` makes it again."""
        return dataclasses.asdict(self)

    def code_ids(self) -> Int[Tensor, " codebook"]:
        """The token ids of all codes, code 0 first."""
        return torch.arange(self.first_code, self.size)

    def to_tokens(self, codes: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
        """Token ids of codes. Raises UserError for codes outside the codebook."""
        if codes.numel() and (int(codes.min()) < 0 or int(codes.max()) >= self.codebook_size):
            raise UserError(
                f"codes {int(codes.min())}..{int(codes.max())} do not match this model's codebook of "
                f"{self.codebook_size}: encode the images with the tokenizer that its card names"
            )
        return codes.long() + self.first_code

    def to_codes(self, tokens: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
        """Codes of token ids. Raises UserError for a token that is no code."""
        if tokens.numel() and (int(tokens.min()) < self.first_code or int(tokens.max()) >= self.size):
            raise UserError(f"token ids must lie in {self.first_code}..{self.size - 1} to be codes")
        return tokens - self.first_code

    def class_id(self, label: int) -> int:
        """The token id of a class. Raises UserError for a class that it lacks."""
        if not 0 <= label < self.classes:
            known = f"classes are 0..{self.classes - 1}" if self.classes else "it has no classes"
            raise UserError(f"this model knows no class {label}: {known}")
        return self.first_class + label


def tokenizer_size(tokenizer: PreTrainedTokenizerBase) -> int:
    """One more than the last id of a text tokenizer (its length, if the ids have no gaps)."""
    return 1 + max(tokenizer.get_vocab().values())


@torch.no_grad()
def extend_embeddings(model: PreTrainedModel, size: int, seed: int = 0) -> None:
    """Grow a language model to ``size`` rows, in place; the old rows keep every bit.

    A new row, of the input embedding and of the output layer each, is normal with the old rows' mean and standard
    deviation in every dimension, independently: it looks like an old row in its first two moments, the codes
    differ from the start, and nothing of the size of a covariance matrix is ever computed. A new bias is the old mean.
    """
    old = row_count(model)
    if size < old:
        raise UserError(f"the language model has {old} rows already, more than the {size} of the vocabulary")
    model.resize_token_embeddings(size, mean_resizing=False)
    if size == old:
        return
    inputs = cast(nn.Embedding, model.get_input_embeddings())
    outputs = cast("nn.Linear | None", model.get_output_embeddings())  # type: ignore[no-untyped-call]
    _fill_rows(inputs.weight, old, seed_for(seed, "input rows"))
    if outputs is None:
        return
    if outputs.weight is not inputs.weight:
        _fill_rows(outputs.weight, old, seed_for(seed, "output rows"))
    if outputs.bias is not None:
        outputs.bias[old:] = outputs.bias[:old].mean()


def row_count(model: PreTrainedModel) -> int:
    """How many tokens a language model has rows for."""
    return cast(nn.Embedding, model.get_input_embeddings()).weight.shape[0]


def _fill_rows(weight: Tensor, old: int, seed: int) -> None:
    known = weight[:old].float()
    noise = torch.randn((len(weight) - old, weight.shape[1]), generator=torch.Generator("cpu").manual_seed(seed))
    spread = known.std(dim=0, correction=0) if old > 1 else torch.zeros_like(known[0])
    weight[old:] = (known.mean(dim=0) + spread * noise.to(weight.device)).to(weight.dtype)
