"""The trainer of every tokenizer of the zoo, from a recipe: accelerate underneath, seeded, resumable, logged.

``out/`` holds ``log.jsonl`` (a line per 20 steps: step, seconds, losses), ``validation.jsonl`` (where the recipe asks
for it), ``state.pt`` (everything that resuming needs, replaced in one rename) and, at the end, ``model.safetensors``
and ``card.json``. A resumed training continues the same streams: data are addressed by step, and the generator's state
is saved. On one machine it ends in the same weights; on another device they differ by rounding. Started by
``torchrun``, several processes share a training: each takes its own batches and the gradients are averaged.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ddt_llama.training.compiling import compile_modules
from ddt_llama.training.ending import Ending
from ddt_llama.training.journal import LOG_EVERY, append, close_board, forget_after, mean_of, read_state, silent
from ddt_llama.training.optimizers import Paced, optimizers_of_turns
from ddt_llama.training.precision import usable
from ddt_llama.training.start import described, require_same_recipe, start_from, started_from
from ddt_llama.training.streaming import Places, batches
from ddt_llama.training.validation import VALIDATION, exchanged, validate
from harness.contracts import Recipe, TrainingImages
from harness.errors import UserError
from harness.seeding import seed_for
from harness.weights.checkpoints import codes_digest_of, read_back, save_checkpoint
from harness.writing import written_whole

SAVE_SECONDS = 300.0
Find = Callable[[str, str], Any]


def learning_rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to ``final_share`` of the peak."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    share = (step - recipe.warmup) / max(1, steps - recipe.warmup)
    floor = recipe.final_share
    return recipe.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


class Training:
    """One training: module, optimisers, averaged weights and counters, with save and resume."""

    def __init__(self, recipe: Recipe, out: Path, find: Find, steps: int, threads: int) -> None:
        from accelerate import Accelerator

        torch.set_num_threads(threads)
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.steps = recipe, out, steps
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision=usable(recipe.precision))
        self.subject = cast(Any, recipe.build(find))
        if recipe.start:
            start_from(recipe.start, self.subject, self._state())
        self.subject.to(self.accelerator.device)
        compile_modules(self.subject, recipe)
        self.images: TrainingImages = find("stream", recipe.data)(seed_for(recipe.seed, "data"))
        # a trainable may turn the images into what it learns from (latents), once
        prepare = getattr(self.subject, "prepare_data", None)
        self.data: TrainingImages = prepare(self.images) if prepare else self.images
        self.validation = find("stream", recipe.validation)() if recipe.validation and recipe.validate_every else None
        self._batches: Iterator[Tensor] | None = None
        # the module stays unwrapped, since its losses are not its forward pass; _share() averages the gradients instead
        self.turns: list[list[Paced]] = [
            [replace(paced, optimizer=self.accelerator.prepare(paced.optimizer)) for paced in made]
            for made in optimizers_of_turns(self.subject, recipe)
        ]
        self.average: dict[str, Tensor] = {}
        self.step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0

    # -- one step

    def advance(self) -> dict[str, float]:
        """One step of every turn on one batch; returns the logged values."""
        images = self._next_batch().to(self.accelerator.device)
        rate = learning_rate_at(self.recipe, self.step, self.steps)
        logs: dict[str, float] = {"lr": rate}
        for turn, made in enumerate(self.turns):
            for paced in made:
                paced.begin(rate)
            with self.accelerator.autocast():
                loss, seen = self.subject.loss(images, turn, self.step / self.steps)
            if not torch.isfinite(loss):
                raise UserError(
                    f"the loss of {self.recipe.name} is {loss.item()} at step {self.step}: lower the learning rate"
                )
            self.accelerator.backward(loss)
            parameters = [parameter for paced in made for parameter in paced.parameters]
            self._share(parameters)
            self.accelerator.clip_grad_norm_(parameters, self.recipe.clip)
            for paced in made:
                paced.optimizer.step()
            logs |= {f"loss{turn or ''}": loss.item()} | {key: float(value) for key, value in seen.items()}
        self._average_weights()
        self.step += 1
        return logs

    def _next_batch(self) -> Any:
        if self._batches is None:
            processes, rank = self.accelerator.num_processes, self.accelerator.process_index
            steps = range(self.step * processes + rank, self.steps * processes, processes)
            self._batches = batches(Places(self.data, self.recipe.batch, steps), self.recipe.workers)
        return next(self._batches)

    def _share(self, parameters: Sequence[nn.Parameter]) -> None:
        """With several processes: the mean of their gradients, and rank 0's buffers (codebooks) for all."""
        if self.accelerator.num_processes == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad = self.accelerator.reduce(parameter.grad, reduction="mean")
        for buffer in self.subject.buffers():
            torch.distributed.broadcast(buffer, src=0)

    def _average_weights(self) -> None:
        if not self.recipe.ema:
            return
        # a young average must not remember the random start: its decay grows with the step
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for key, value in self._state().items():
            if value.dtype.is_floating_point and key in self.average:
                self.average[key].lerp_(value, 1 - decay)
            else:
                self.average[key] = value.detach().clone()

    def _state(self) -> dict[str, Tensor]:
        export = getattr(self.subject, "export_state", None)
        return dict(export() if export else self.subject.state_dict())

    def averaged_weights(self) -> AbstractContextManager[None]:
        """Inside, the module holds what its checkpoint would give back."""
        return exchanged(self._state(), self._kept())

    def _kept(self) -> dict[str, Tensor]:
        """What a checkpoint gives back: averaged weights where there are any, buffers that the quantiser sets as they
        are, all in half precision (which a codebook's closest entries do not survive)."""
        live = self._state()
        averaged = set(getattr(self.subject, "averaged_keys", lambda names: names)(list(self.average)))
        return {
            key: read_back(self.average[key] if key in averaged and value.is_floating_point() else value).clone()
            for key, value in live.items()
        }

    # -- save, resume, finish

    @property
    def optimizers(self) -> list[Any]:
        return [paced.optimizer for made in self.turns for paced in made]

    def save(self) -> None:
        """Everything that resuming needs, whole or not at all."""
        with written_whole(self.out / "state.pt") as file:
            torch.save(
                {
                    "module": self.subject.state_dict(),
                    # also those that a checkpoint leaves out: without its counts a codebook would begin again
                    "buffers": dict(self.subject.named_buffers()),
                    "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                    "average": self.average,
                    "step": self.step,
                    "steps": self.steps,
                    "seconds": self.seconds,
                    "cpu_seconds": self.cpu_seconds,
                    "generator": torch.get_rng_state(),
                    "recipe": described(self.recipe),
                },
                file,
            )

    def resume(self) -> None:
        """Continue from ``out/state.pt``. Raises UserError."""
        path = self.out / "state.pt"
        saved = read_state(path)
        require_same_recipe(path, saved, self.recipe, self.steps)
        self.subject.load_state_dict(saved["module"])
        for name, buffer in self.subject.named_buffers():
            buffer.copy_(saved["buffers"][name])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        live = self._state()
        self.average = {key: value.to(live[key].device) for key, value in saved["average"].items()}
        self.step = saved["step"]
        self.seconds, self.cpu_seconds = saved["seconds"], saved["cpu_seconds"]
        torch.set_rng_state(saved["generator"])

    def finish(self, last: dict[str, float]) -> Path:
        """Weights and card; then the resuming state is dropped."""
        finish = getattr(self.subject, "finish", None)
        if finish:
            with torch.no_grad():
                finish(self.images.batch(self.steps, 512))
        state = self._kept()
        card: dict[str, Any] = {
            "config": dict(self.subject.config()),
            "training": {
                "recipe": described(self.recipe),
                "data": self.data.description,
                "steps": self.steps,
                "images_seen": self.steps * self.recipe.batch,
                "cpu_threads": torch.get_num_threads(),
                "cpu_hours": round(self.cpu_seconds / 3600, 3),
                "cpu_hours_of_parts": dict(getattr(self.subject, "cpu_hours_of_parts", {})),
                "final": {key: round(value, 5) for key, value in last.items()},
                "torch": torch.__version__,
            },
        }
        examine = getattr(self.subject, "examine", None)
        if examine:
            card["training"]["examined"] = examine()
        if self.recipe.start:
            card["training"]["started_from"] = started_from(self.recipe.start)
        if self.recipe.start and getattr(self.subject, "keeps_codes", False):
            card["codes_sha256"] = codes_digest_of(self.recipe.start)
        save_checkpoint(self.out, self.subject.family, state, card)
        (self.out / "state.pt").unlink(missing_ok=True)
        return self.out


def train(
    recipe: Recipe,
    out: Path,
    find: Find,
    *,
    resume: bool = False,
    dry_run: bool = False,
    steps: int | None = None,
    threads: int | None = None,
    board: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Make the checkpoint of ``recipe`` in ``out``. ``dry_run`` times three steps and writes nothing.

    Raises UserError when ``out`` already holds a training and ``resume`` was not asked for.
    """
    steps = steps or recipe.steps
    training = Training(recipe, out, find, steps, threads or recipe.threads)
    parameters = sum(p.numel() for turn in training.subject.turns() for p in turn)
    if dry_run:
        return _rehearse(training, parameters, say)
    if (out / "state.pt").exists() and not resume:
        raise UserError(f"{out} holds an unfinished training: add --resume to continue it, or name another folder")
    out.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(out).free < 50_000_000:
        raise UserError(f"less than 50 MB free at {out}")
    if resume:
        training.resume()
        for name in ("log.jsonl", VALIDATION):
            forget_after(out / name, training.step)
    if not training.accelerator.is_main_process:
        say = silent
    say(f"{recipe.name}: {parameters:,} parameters, {steps:,} steps of {recipe.batch}, {training.data.description}")
    with Ending() as ending:
        try:
            last = _loop(training, ending, say, board)
        finally:
            close_board(board)
    if training.accelerator.is_main_process:
        training.finish(last)
    # who leaves while others still write takes the group down with it
    training.accelerator.wait_for_everyone()
    training.accelerator.end_training()
    return out


def _rehearse(training: Training, parameters: int, say: Callable[[str], None]) -> Path:
    training.advance()
    start = time.perf_counter()
    for _ in range(3):
        training.advance()
    rate = (time.perf_counter() - start) / 3
    total = rate * training.steps / 60
    say(
        f"{training.recipe.name}: {parameters:,} parameters, {rate:.2f} s a step, "
        f"{training.steps:,} steps: about {total:.0f} minutes"
    )
    return training.out


def _loop(
    training: Training, ending: Ending, say: Callable[[str], None], board: Path | None = None
) -> dict[str, float]:
    log: dict[str, float] = {}
    sums: list[dict[str, float]] = []
    begun = saved = time.perf_counter()
    first, before, cpu_before = training.step, training.seconds, training.cpu_seconds - time.process_time()
    while training.step < training.steps:
        sums.append(training.advance())
        now = time.perf_counter()
        training.seconds, training.cpu_seconds = before + now - begun, cpu_before + time.process_time()
        if training.step % LOG_EVERY == 0 or training.step == training.steps:
            log = mean_of(sums)
            sums = []
            if training.accelerator.is_main_process:
                line = {"step": training.step, "seconds": round(training.seconds, 1), **log}
                append(training.out / "log.jsonl", line, board)
            rate = (training.step - first) / (now - begun)
            left = (training.steps - training.step) / rate / 60
            values = " ".join(f"{key} {value:.4g}" for key, value in log.items() if key != "lr")
            say(f"{training.step}/{training.steps}  {rate:.2f} steps/s  {left:.1f} min left  {values}")
        if training.validation is not None and (
            training.step % training.recipe.validate_every == 0 or training.step == training.steps
        ):
            validate(training, say)
        stopping = training.step < training.steps and ending.asked(training.accelerator)
        if stopping or now - saved > SAVE_SECONDS:
            if training.accelerator.is_main_process:
                training.save()
            saved = now
        if stopping:
            ending.leave(say, f"at step {training.step}")
    return log
