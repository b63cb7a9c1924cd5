"""How one multimodal language model is made: a TOML file, read into frozen values.

::

    name = "ddt-llama-2.9m-s0"
    tokenizer = "ddt@zoo/ddt"      # a tokenizer of the catalogue, and its weights
    data = "world-lessons"         # of the catalogue, too
    seed = 0
    order = "native"               # or reversed, shuffled(SEED)
    pictures = true                # false: the texts of the same lessons alone
    code_weight = 0.25             # what an image code weighs in the loss, a text token 1
    batch = 64                     # lessons a step, over all processes
    workers = 0                    # processes that make lessons ahead, which a GPU needs
    muon = 5.0                     # the layers' matrices by Muon, at this multiple of the rate; 0: AdamW for all
    text_vocabulary = 1024

    [model]                        # a new Llama; or base = "FOLDER or hub id" of any causal language model;
                                   # or start = "FOLDER" of a model that this trainer made, to train it further
    hidden_size = 128 ...

    [[stages]]
    name = "pretrain"              # a stage of the data
    steps = 5000
    learning_rate = 3e-3
    decay = 0.1                    # the last tenth of the steps goes down to nothing
    first = 0                      # the lessons to begin with: those that ``start`` had are not had again
    branches = [0.5, 0.75]         # decayed here, too, on the side
    batch = 128                    # lessons a step of this stage, where they differ from the recipe's
    own = 0.75                     # three quarters of its weights are kept, a quarter those of the stage before
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, cast

from harness.errors import UserError, nearest


@dataclass(frozen=True)
class Stage:
    """Some steps over one stage of the data: warm-up, a constant learning rate, and a linear decay to zero at the end.

    ``branches`` are shares of the steps at which a copy is decayed on the side, so that its loss can be compared
    with that of a training which ends there. ``prompt`` is how the model is asked for a picture after this stage.
    ``batch``: lessons a step, 0 for the recipe's. ``own``: what the stage leaves is this share of its own weights and
    for the rest those that the stage before it left, so that a short stage teaches something and takes little away
    (weight-space ensembling: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv 2109.01903).
    Branches are not averaged.
    """

    name: str
    steps: int
    learning_rate: float
    warmup: int = 100
    decay: float = 0.1
    branches: tuple[float, ...] = ()
    first: int = 0
    prompt: Literal["caption", "instruction"] = "caption"
    batch: int = 0
    own: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.own <= 1:
            raise UserError(f"stage '{self.name}': own is a share above 0 and at most 1, not {self.own}")
        if self.steps < 1 or not 0 <= self.decay <= 1 or self.warmup < 0 or not self.learning_rate > 0:
            raise UserError(
                f"stage '{self.name}': steps at least 1, learning_rate above 0, warmup at least 0, decay in [0, 1]"
            )
        if self.first < 0 or self.batch < 0:
            raise UserError(f"stage '{self.name}': first and batch are at least 0, not {self.first} and {self.batch}")
        if any(not self.decay < share < 1 for share in self.branches):
            raise UserError(f"stage '{self.name}': a branch lies between decay ({self.decay}) and 1")

    @property
    def decay_steps(self) -> int:
        return round(self.steps * self.decay)

    def rate(self, step: int, end: int) -> float:
        """The learning rate of a step, of a training that ends before step ``end``."""
        rising = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        falling = min(1.0, (end - step) / (self.decay_steps + 1))
        return self.learning_rate * min(rising, falling)


@dataclass(frozen=True)
class LanguageRecipe:
    """Everything that decides a language model's weights, beside the versions of the libraries."""

    name: str
    tokenizer: str
    data: str
    stages: tuple[Stage, ...]
    model: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""
    start: str = ""
    text_vocabulary: int = 1024
    order: str = "native"
    pictures: bool = True
    code_weight: float = 1.0
    seed: int = 0
    batch: int = 64
    chunk_tokens: int = 8192
    muon: float = 0.0
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    threads: int = 1
    workers: int = 0
    precision: Literal["no", "bf16"] = "no"
    notes: str = ""

    def __post_init__(self) -> None:
        if [bool(self.model), bool(self.base), bool(self.start)].count(True) != 1:
            raise UserError(
                f"recipe '{self.name}' needs either [model] (a new Llama), base (any causal language model) or start "
                "(a model of this trainer, to be trained further)"
            )
        if not self.stages:
            raise UserError(f"recipe '{self.name}' has no [[stages]]")
        if self.stages[0].own < 1:
            raise UserError(f"recipe '{self.name}': no stage before '{self.stages[0].name}' to average with: own = 1")
        if not self.code_weight >= 0:
            raise UserError(f"recipe '{self.name}': code_weight is at least 0, not {self.code_weight}")
        if self.muon < 0:
            raise UserError(f"recipe '{self.name}': muon is a multiple of the learning rate, or 0, not {self.muon}")
        if self.batch < 1 or self.chunk_tokens < 1 or self.workers < 0:
            raise UserError(f"recipe '{self.name}': batch and chunk_tokens are at least 1, workers at least 0")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str) -> LanguageRecipe:
        """What a TOML file says. Raises UserError for unknown, missing and mistyped keys."""
        given = dict(values)
        stages = given.pop("stages", [])
        if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
            raise UserError(f"{where}: stages are written as [[stages]]")
        made = [cast(Stage, _checked(Stage, stage, f"{where}: stage {number}")) for number, stage in enumerate(stages)]
        return cast(LanguageRecipe, _checked(cls, {**given, "stages": tuple(made)}, where))

    def sampled(self, lessons: int) -> LanguageRecipe:
        """The same with at most so many lessons a step."""
        stages = tuple(replace(stage, batch=min(lessons, stage.batch or self.batch)) for stage in self.stages)
        return replace(self, batch=min(lessons, self.batch), stages=stages)

    def plain(self) -> dict[str, Any]:
        """As JSON has it: what a checkpoint states, and must agree with to be resumed."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values


def _checked(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:
    known = {item.name: item for item in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{where}: unknown key '{name}'{nearest(name, known)}")
        if isinstance(value, bool) != (known[name].type == "bool"):
            raise UserError(f"{where}: {name} = {value!r} is not a {known[name].type}")
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    try:
        return kind(**plain)
    except TypeError as error:
        raise UserError(f"{where}: {error}") from None
