"""What passes between the parts: frozen values, and small Protocols that subjects, tasks, instruments and metrics
satisfy.

Conventions, everywhere:

* images at every border are float32 RGB in [0, 1], layout ``batch 3 height width``; stored images are 8-bit PNG;
* codes are int64 in ``[0, codebook_size)``, layout ``batch codes``, in the tokenizer's native order;
* ``visible`` is a bool mask ``batch codes``; ``None`` means all codes;
* ``seeds`` holds one 64-bit seed per image, so that the composition of a batch cannot change a draw; ``None`` means
  seed 0 for every image;
* time ``t`` is the share of noise: 0 is the clean image, 1 is pure noise, and **more noise means more codes visible**.

This module imports no torch: ``ddtbench list`` must answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

# ------------------------------------------------------------------------------------------------ catalogue

Kind = Literal["model", "task", "suite", "metric", "instrument", "data", "recipe", "trainer", "published"]


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue: a name and the place it is loaded from, only when asked for.

    ``place`` is ``"module:attribute"``. What the attribute is depends on ``kind``: for a model, a callable
    ``open(source: str, device: str) -> subject`` where ``source`` is a folder, file or hub id (``""``: nothing to
    open); for a task, ``build(argument: str, subject) -> Task`` where ``argument`` is what follows ``@`` in
    ``NAME@ARGUMENT``; for a suite, a function without arguments that returns a SuiteSpec; for a metric or an
    instrument, a function without arguments; for data, a ``TrainingImages`` factory ``open(seed: int)``; for a
    recipe, a ``Recipe`` or a function that returns one. ``provides`` names the Protocols a model satisfies;
    ``source`` is the default checkpoint, relative to the checkout.
    """

    kind: Kind
    name: str
    place: str
    summary: str
    provides: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    paper: str = ""


# ----------------------------------------------------------------------------------------- what passes between stages


@dataclass(frozen=True)
class Case:
    """One question put to a subject. ``id`` survives code changes: it is the join key of every paired comparison.

    ``group`` is the cluster for the bootstrap (a prompt, an image), ``stratum`` an optional tag that tables break
    down by, ``facts`` is JSON-able ground truth that measuring needs (objects of a scene, caption ...).
    """

    id: str
    group: str
    stratum: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """What a subject made of a case. A failure has a ``reason`` and nothing else; it is counted, never scored 0.

    ``images`` are named 8-bit RGB arrays ``height width 3`` ("reference" is what the subject was shown or should have
    made, "output" what it made, further names as the task says); they are stored as PNG.
    """

    case: Case
    outcome: Literal["ok", "failed"] = "ok"
    reason: str = ""
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    codes: Sequence[int] = ()
    text: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, the method that made the interval, and how many cases were scored and failed.

    ``value is None`` means *not measured*, and ``absent`` says why. ``failures_wrong`` is the value with every failed
    case counted at the metric's worst (None where the metric has no worst). ``fingerprint`` is the protocol: two
    estimates may be ranked only if equal.
    """

    metric: str
    version: int
    value: float | None
    low: float | None
    high: float | None
    method: str
    scored: int
    failed: int
    direction: Literal["higher", "lower", "none"]
    unit: str = ""
    stratum: str = ""
    failures_wrong: float | None = None
    absent: str = ""
    fingerprint: Mapping[str, Any] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------ subjects


@runtime_checkable
class ImageTokenizer(Protocol):
    """Images to codes and back. Bits per image = code_count * log2(codebook_size)."""

    @property
    def image_size(self) -> int: ...

    @property
    def code_count(self) -> int: ...

    @property
    def codebook_size(self) -> int: ...

    def encode(self, images: Float[Tensor, "batch 3 size size"]) -> Int[Tensor, "batch codes"]: ...

    def decode(
        self,
        codes: Int[Tensor, "batch codes"],
        visible: Bool[Tensor, "batch codes"] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """Images in [0, 1] from any subset of the codes; each tokenizer states what an absent code is."""
        ...


@runtime_checkable
class Denoises(Protocol):
    """A diffusion tokenizer: codes let it estimate the clean image from any timestep."""

    def add_noise(
        self, images: Float[Tensor, "batch 3 size size"], t: float, seeds: Sequence[int] | None = None
    ) -> Tensor:
        """The noisy state x_t = t * noise + (1 - t) * x_0 in the tokenizer's own space (latents or pixels)."""
        ...

    def denoise(
        self,
        codes: Int[Tensor, "batch codes"],
        noisy: Tensor,
        t: float,
        visible: Bool[Tensor, "batch codes"] | None = None,
    ) -> Float[Tensor, "batch 3 size size"]:
        """The estimate of the clean image from ``noisy`` at time ``t`` and the codes which the schedule shows there."""
        ...


# ---------------------------------------------------------------------------------------- tasks, instruments, metrics


class Task(Protocol):
    """One benchmark: its cases, how a subject is asked, which instruments look at the samples, which metrics count."""

    @property
    def name(self) -> str:
        """The name with its argument, safe in a path, for example ``reconstruction-fashion``."""
        ...

    @property
    def version(self) -> int: ...

    @property
    def examines(self) -> str:
        """The name of the Protocol a subject must satisfy, for example ``ImageTokenizer``."""
        ...

    @property
    def data_revision(self) -> str:
        """A digest or version of the data, part of the run's key."""
        ...

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The protocol of the numbers, JSON-able: reference set, crop, resize filter, rounding ..."""
        ...

    @property
    def instruments(self) -> Sequence[str]: ...

    @property
    def metrics(self) -> Sequence[str]: ...

    def cases(self) -> Sequence[Case]: ...

    def load(self, case: Case) -> Any:
        """The input of one case. An exception here fails that case only."""
        ...

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> Sequence[Sample]:
        """One batch. An exception makes the engine ask again case by case, so that only the guilty case fails."""
        ...

    def probe(self, subject: Any) -> Mapping[str, float]:
        """What asking costs: parameters, FLOPs, milliseconds per image ... (never part of the byte promise)."""
        ...


class Instrument(Protocol):
    """Sees samples in batches: detector, feature extractor, perceptual net. ``digest`` names the version of what it
    sees with."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def unavailable(self) -> str:
        """Why it cannot be used here (a missing backbone ...), or an empty string."""
        ...

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """Columns of equal length, one row per sample: floats, ints, strings (JSON for structures) or float32
        vectors."""
        ...


Columns = Mapping[str, Any]
"""Per-case arrays in case order, ok cases only: ``case``, ``group``, ``stratum``, ``facts`` (JSON strings), ``codes``
(list of int arrays), ``number.<name>``, and ``<instrument>.<column>`` for each observed column. Vectors are 2-d float
arrays."""


class RatioMetric(Protocol):
    """A metric that is a ratio of sums over cases (a mean is a ratio with denominators 1). Clustered bootstrap."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def direction(self) -> Literal["higher", "lower", "none"]: ...
    @property
    def unit(self) -> str: ...
    @property
    def worst(self) -> float | None: ...
    @property
    def needs(self) -> Sequence[str]:
        """The columns that it reads; if one is absent the estimate is *not measured*, with the reason."""
        ...

    def parts(self, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """(numerators, denominators), float64, one per case."""
        ...


class SetMetric(Protocol):
    """A metric of a set: features -> sufficient statistics -> value, and statistics add. Grouped jackknife."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def direction(self) -> Literal["higher", "lower", "none"]: ...
    @property
    def unit(self) -> str: ...
    @property
    def needs(self) -> Sequence[str]: ...

    def state(self, columns: Columns) -> Any:
        """Sufficient statistics of these cases; states of disjoint cases add with ``+``."""
        ...

    def value(self, state: Any) -> float: ...


# ------------------------------------------------------------------------------------------------ training


class TrainingImages(Protocol):
    """An endless, seeded stream of training images, addressed by step so that a resumed training sees the same data."""

    @property
    def description(self) -> str: ...

    def batch(self, step: int, size: int) -> Float[Tensor, "batch 3 height width"]: ...


class Trainable(Protocol):
    """A torch Module with its losses. The trainer alternates between ``turns`` optimisers (a GAN has two).

    Optional: ``prepare_data(images) -> stream`` (once, before the first step), ``finish(images)`` (after the last),
    ``export_state()`` (what the checkpoint holds), ``averaged_keys(names)`` (which of them may be averaged),
    ``examine()`` (held-out figures for the card), ``cpu_hours_of_parts``.
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
    entry."""

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
