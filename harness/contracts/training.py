"""What training takes: streams of data, modules with their losses, and recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


class TrainingImages(Protocol):
    """An endless, seeded stream of training images, addressed by step so that a resumed training sees the same data."""

    @property
    def description(self) -> str: ...

    def batch(self, step: int, size: int) -> Float[Tensor, "batch 3 height width"]: ...


class ValidationImages(Protocol):
    """Held-out pictures and what is measured on reconstructions of them, for choices during a training."""

    @property
    def description(self) -> str: ...

    @property
    def images(self) -> Float[Tensor, "batch 3 height width"]: ...

    def scores(self, made: Float[Tensor, "batch 3 height width"]) -> Mapping[str, float]:
        """Measures of ``made`` against ``images``, in order: PSNR in dB, shares in [0, 1]."""
        ...

    def code_scores(self, codes: Int[Tensor, "batch codes"], codebook_size: int) -> Mapping[str, Any]:
        """What the codes of ``images`` say: bits used, by position, and how many positions are dead."""
        ...


LessonKind = Literal[
    "text",
    "image",
    "caption to image",
    "image to caption",
    "class to image",
    "instruction to image",
    "question",
    "edit",
]


@dataclass(frozen=True)
class Lesson:
    """One thing that a multimodal language model learns, before it becomes tokens.

    ``text`` is the text, the caption, the question or the instruction; ``image`` and ``edited`` are rows of the
    stream's pictures (-1: none). ``turns`` are further questions on the same picture, with their answers.
    """

    kind: LessonKind
    text: str = ""
    answer: str = ""
    image: int = -1
    edited: int = -1
    label: int = -1
    turns: tuple[tuple[str, str], ...] = ()


class TrainingLessons(Protocol):
    """Lessons over a fixed set of pictures, so that a tokenizer reads each picture once. Seeded, addressed by step."""

    @property
    def description(self) -> str: ...

    @property
    def picture_count(self) -> int: ...

    @property
    def class_count(self) -> int: ...

    def pictures(self, first: int, count: int) -> Float[Tensor, "count 3 height width"]: ...

    def texts(self) -> Sequence[str]:
        """What a text tokenizer is trained on."""
        ...

    def lessons(self, stage: str, step: int, size: int) -> Sequence[Lesson]:
        """One batch of a stage: ``pretrain``, ``instruct``, or ``validation`` (pictures and texts of no other stage).
        Raises UserError for a stage that it lacks."""
        ...


class Trainable(Protocol):
    """A torch Module with its losses. The trainer alternates between ``turns`` optimisers (a GAN has two).

    Optional: ``prepare_data(images) -> stream`` (once, before the first step), ``finish(images)`` (after the last),
    ``export_state()`` (what the checkpoint holds), ``averaged_keys(names)`` (which of them may be averaged),
    ``examine()`` (held-out figures for the card), ``cpu_hours_of_parts``, ``reconstructions(images)`` (name -> what the
    module makes of them now) and ``codes(images)`` (with the size of their codebook), both for validation;
    ``begin_from_weights()`` (once, when a recipe's ``start`` was read), ``keeps_codes = True`` (a tokenizer whose codes
    stay those of its ``start``), ``free_settings`` (keys of ``config()`` in which a ``start`` may differ),
    ``own_weights`` (beginnings of the names of weights that a ``start`` does not bring) and ``matrices()`` (what Muon
    may train).
    """

    def turns(self) -> Sequence[Sequence[Any]]:
        """The parameters of each optimiser: one list, or generator and discriminator."""
        ...

    def loss(self, images: Any, turn: int, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss to minimise at this turn and what to log; ``progress`` in [0, 1] is the share of steps done.

        ``images`` is a batch of the stream: images, or what ``prepare_data`` made of them (latents, labelled pictures).
        """
        ...

    def config(self) -> Mapping[str, Any]:
        """JSON-able; with the weights it rebuilds the module."""
        ...


@dataclass(frozen=True)
class Recipe:
    """How one checkpoint of the zoo is made. ``build`` receives ``find(kind, name)``, which loads any catalogue
    entry.

    ``start`` is a checkpoint folder of the same family and shape whose weights the training begins with. ``validation``
    names the data (``ValidationImages``) on which the averaged weights are measured every ``validate_every`` steps.
    ``workers`` processes make the batches (0: this one; a GPU waits for none that is made ahead). ``muon``: the
    matrices that the trainable names (``matrices()``) are trained by Muon, at this multiple of the rate; 0: AdamW for
    all. ``compiled``: the modules that the trainable names (``compilable()``) are compiled by torch.compile.
    """

    name: str
    build: Callable[[Callable[[str, str], Any]], Trainable]
    data: str
    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema: float = 0.0
    final_share: float = 0.02
    seed: int = 0
    threads: int = 2
    precision: Literal["no", "bf16"] = "no"
    notes: str = ""
    start: str = ""
    validation: str = ""
    validate_every: int = 0
    workers: int = 0
    muon: float = 0.0
    compiled: bool = False
