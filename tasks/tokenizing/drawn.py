"""Pictures that a model drew, as test images: ``drawn-by:MODEL`` in the place of a data set.

A model of texts is asked for the captions of the world's test scenes, a model of classes for its classes in turn; each
case has a seed of its own. Where the model draws codes of a tokenizer, and that very tokenizer (the same weights) is
the one that is examined, it is given the codes as they were drawn; every other one encodes the picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness import catalog
from harness.contracts import Case, DrawsCodes, GeneratesClasses, GeneratesImages
from harness.errors import UserError
from harness.provenance import card_of, provenance_of
from harness.seeding import seed_for
from harness.spec import canonical_json, path_safe

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Int, UInt8
    from torch import Tensor

PREFIX = "drawn-by:"
CASES = 200
CHUNK = 8
"""Pictures that are drawn at once."""
DIGITS = 16


class DrawnSource:
    """``drawn-by:MODEL``. Satisfies ``sources.ImageSource``."""

    def __init__(self, model: str) -> None:
        """Raises UserError for a model that is unknown, cannot be opened, or draws nothing."""
        self.model = model
        subject = _opened(model)
        self.provides = _draws(model, subject)
        self.native_size: int | None = int(subject.image_size)
        self.name = path_safe(f"drawn-by-{model}")
        what = "captions of the world's test scenes" if self.of_texts else "its classes in turn"
        self.about = f"pictures that {model} drew, asked for {what}"
        stated = provenance_of(subject, model)
        known = [stated.version, dict(stated.settings), stated.checkpoint_digest or _digest(subject), self._asked()]
        self.revision = f"drawn-{hashlib.sha256(canonical_json(known).encode()).hexdigest()[:DIGITS]}"

    @property
    def of_texts(self) -> bool:
        return self.provides == "GeneratesImages"

    def _asked(self) -> list[str | int]:
        if not self.of_texts:
            count = int(_opened(self.model).class_count)
            return [row % count for row in range(CASES)]
        from tasks.world.captions import caption
        from tasks.world.sampling import scenes_of

        return [caption(scene) for scene in scenes_of("test", 0, CASES).scenes()]

    def cases(self) -> Sequence[Case]:
        kind = "caption" if self.of_texts else "label"
        names = [f"drawn-{row:04d}" for row in range(CASES)]
        return tuple(Case(name, name, "", {kind: what}) for name, what in zip(names, self._asked(), strict=True))

    def image(self, case: Case) -> UInt8[np.ndarray, "height width 3"]:
        picture: np.ndarray = _chunk(self.model, self.provides, self._chunk_of(case))[1][self._row(case)]
        return picture

    def drawn_codes(self, cases: Sequence[Case], subject: Any) -> Int[Tensor, "batch codes"] | None:
        """The codes as the model drew them, if they are this tokenizer's; else None."""
        import torch

        model = _opened(self.model)
        if not isinstance(model, DrawsCodes) or not _digest(subject) or _digest(model.tokenizer) != _digest(subject):
            return None
        rows = [_chunk(self.model, self.provides, self._chunk_of(case))[0][self._row(case)] for case in cases]
        return torch.stack(rows)

    def _chunk_of(self, case: Case) -> tuple[tuple[str, Any], ...]:
        first = _number(case) // CHUNK * CHUNK
        asked = self._asked()
        return tuple((f"drawn-{row:04d}", asked[row]) for row in range(first, min(first + CHUNK, CASES)))

    def _row(self, case: Case) -> int:
        return _number(case) % CHUNK


def _number(case: Case) -> int:
    return int(case.id.rpartition("-")[2])


def _draws(model: str, subject: Any) -> str:
    """The Protocol by which it draws."""
    entry = catalog.lookup("model", catalog.split_name(model)[0])
    provides = provenance_of(subject, model).provides or entry.provides
    for name, kind in (("GeneratesImages", GeneratesImages), ("GeneratesClasses", GeneratesClasses)):
        if name in provides and isinstance(subject, kind):
            return name
    raise UserError(f"{PREFIX}{model}: this model draws no pictures; name one that GeneratesImages or GeneratesClasses")


def _digest(subject: Any) -> str:
    """The SHA-256 of a tokenizer's weights, or of a language model's, as its card says; "" where none does."""
    card = card_of(subject) or card_of(getattr(subject, "model", None))
    return str(card.get("sha256", "")) or (provenance_of(subject).checkpoint_digest or "")


@cache
def _opened(model: str) -> Any:
    return catalog.open_model(model, "cpu")


@cache
def _chunk(model: str, provides: str, asked: tuple[tuple[str, Any], ...]) -> tuple[Any, np.ndarray]:
    """(codes or None, pictures) of some cases, given as (id, what is asked for)."""
    import torch

    from harness.answers import pixels_of

    subject = _opened(model)
    seeds = [seed_for("drawn", name) for name, _ in asked]
    words = [what for _, what in asked]
    codes = None
    with torch.no_grad():
        if isinstance(subject, DrawsCodes):
            draw = subject.draw_codes if provides == "GeneratesImages" else subject.draw_class_codes
            codes = draw(words, seeds)
            images = subject.tokenizer.decode(codes, seeds=seeds)
        else:
            made = subject.generate if provides == "GeneratesImages" else subject.generate_classes
            images = made(words, seeds)
    return codes, pixels_of(images, len(asked), int(subject.image_size), rounding="nearest")
