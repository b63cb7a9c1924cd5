"""Measures on held-out pictures while a tokenizer is trained, by the averaged weights that will be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ddt_llama.training.journal import append

VALIDATION = "validation.jsonl"
CHUNK = 128


class Validated(Protocol):
    """A training, as far as validation looks at it."""

    accelerator: Any
    subject: Any
    validation: Any
    out: Path
    step: int
    cpu_seconds: float

    def averaged_weights(self) -> AbstractContextManager[None]: ...


def validate(training: Validated, say: Callable[[str], None]) -> None:
    """One line of ``validation.jsonl``: what each way of decoding reaches, and what the codes say.

    The generator of the training is put back, so that a training with validation ends in the same weights as without.
    """
    if not training.accelerator.is_main_process:
        return
    state = torch.get_rng_state()
    with training.averaged_weights(), torch.no_grad():
        found = measured(training.subject, training.validation, training.accelerator.device)
    torch.set_rng_state(state)
    append(training.out / VALIDATION, {"step": training.step, "cpu_seconds": round(training.cpu_seconds, 1), **found})
    shown = {key: value for key, value in found.items() if isinstance(value, (int, float))}
    say(f"validation at {training.step}: " + "  ".join(f"{key} {value:.4g}" for key, value in shown.items()))


def measured(subject: Any, validation: Any, device: torch.device) -> dict[str, Any]:
    """``NAME: MEASURE`` -> value for every reconstruction that the subject offers, and the measures of its codes."""
    was_training = subject.training
    subject.eval()
    chunks = validation.images.split(CHUNK)
    made: dict[str, list[Tensor]] = {}
    for chunk in chunks:
        for name, images in subject.reconstructions(chunk.to(device)).items():
            made.setdefault(name, []).append(images.float().cpu())
    found: dict[str, Any] = {}
    for name, parts in made.items():
        scores = validation.scores(torch.cat(parts))
        found |= {f"{name}: {key}" if name else key: value for key, value in scores.items()}
    codes_of = getattr(subject, "codes", None)
    if codes_of:
        answers = [answer for chunk in chunks if (answer := codes_of(chunk.to(device))) is not None]
        if answers:
            found |= validation.code_scores(torch.cat([codes.cpu() for codes, _ in answers]), answers[0][1])
    subject.train(was_training)
    return found


@contextmanager
def exchanged(live: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> Iterator[None]:
    """Inside, the tensors of ``live`` hold the values of ``others`` (of those keys that it has)."""
    kept = {key: live[key].clone() for key in others}
    with torch.no_grad():
        for key, value in others.items():
            live[key].copy_(value)
        try:
            yield
        finally:
            for key, value in kept.items():
                live[key].copy_(value)
