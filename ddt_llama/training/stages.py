"""A recipe of a language model, run: its stages, their branches, the log, and the model that is left at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ddt_llama.training.classroom import Classroom
from ddt_llama.training.journal import LOG_EVERY, append, close_board, forget_after, mean_of, silent
from ddt_llama.training.language import Clock, LanguageTraining
from ddt_llama.training.recipe import LanguageRecipe
from harness.errors import UserError

SAVE_SECONDS = 300.0
SAMPLE = 8
"""Lessons of a step of a dry run, which takes one step of each stage after one to warm up."""


def train_language(
    values: Mapping[str, Any],
    where: str,
    out: Path,
    find: Callable[[str, str], Any],
    *,
    cache: Path,
    resume: bool = False,
    dry_run: bool = False,
    board: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Make the language model of a recipe (the mapping of a TOML file, read from ``where``) in ``out``.

    ``dry_run`` times a few pictures and a few steps of each stage, and writes nothing. Raises UserError when ``out``
    already holds a training and ``resume`` was not asked for.
    """
    if not (dry_run or resume) and (out / "state.pt").exists():
        raise UserError(f"{out} holds an unfinished training: add --resume to continue it, or name another folder")
    recipe = LanguageRecipe.from_mapping(values, where)
    whole, recipe = recipe, recipe.sampled(SAMPLE) if dry_run else recipe
    torch.set_num_threads(recipe.threads)
    classroom, model = Classroom.open(recipe, find, cache, say, rehearsed=whole if dry_run else None)
    training = LanguageTraining(recipe, out, classroom, model, say)
    if not training.accelerator.is_main_process:
        say = training.say = silent
    rows = sum(p.numel() for p in model.language_model.parameters())
    say(f"{recipe.name}: {rows:,} parameters, {model.vocabulary.size:,} tokens, {classroom.lessons.description}")
    if dry_run:
        _rehearse(training, whole, say)
        return out
    out.mkdir(parents=True, exist_ok=True)
    if resume:
        training.resume()
        done = sum(stage.steps for stage in recipe.stages[: training.clock.stage])
        forget_after(out / "log.jsonl", done + training.clock.step)
    with training.ending:
        while training.clock.stage < len(recipe.stages):
            try:
                _run_stage(training, say, board)
            finally:
                close_board(board)
            training.clock.stage, training.clock.step = training.clock.stage + 1, 0
            training.save()
    training.clock.stage, training.clock.step = len(recipe.stages) - 1, recipe.stages[-1].steps
    training.keep(1.0, out)
    if training.accelerator.is_main_process:
        (out / "state.pt").unlink(missing_ok=True)
    # who leaves while others still write takes the group down with it
    training.accelerator.wait_for_everyone()
    training.accelerator.end_training()
    return out


def _run_stage(training: LanguageTraining, say: Callable[[str], None], board: Path | None = None) -> None:
    stage, clock = training.stage, training.clock
    branches = {round(share * stage.steps) - stage.decay_steps: share for share in stage.branches}
    before = sum(earlier.steps for earlier in training.recipe.stages[: clock.stage])
    rows: list[dict[str, float]] = []
    first, begun, saved = clock.step, time.perf_counter(), time.perf_counter()
    while training.clock.step < stage.steps:
        clock = training.clock
        share = branches.get(clock.step)
        if share is not None and not training.checkpoint(share).joinpath("card.json").is_file():
            training.save()
            training.branch(share)
            say(f"{stage.name}: kept {training.checkpoint(share)}")
            continue
        now, cpu = time.perf_counter(), time.process_time()
        rows.append(training.advance(stage.steps))
        clock.seconds += time.perf_counter() - now
        clock.cpu_seconds += time.process_time() - cpu
        if clock.step % LOG_EVERY == 0 or clock.step == stage.steps:
            log, rows = mean_of(rows), []
            if training.accelerator.is_main_process:
                line = {"step": before + clock.step, "seconds": round(clock.seconds, 1), "tokens": clock.tokens, **log}
                append(training.out / "log.jsonl", line, board)
            left = (stage.steps - clock.step) * (time.perf_counter() - begun) / (clock.step - first) / 60
            say(f"{stage.name} {clock.step}/{stage.steps}  loss {log['loss']:.4f}  {left:.1f} min left")
        if training.ending.asked(training.accelerator):
            training.save()
            training.ending.leave(say, f"at step {clock.step} of {stage.name}")
        if training.due(time.perf_counter() - saved > SAVE_SECONDS):
            training.save()
            saved = time.perf_counter()
    if stage.own < 1:
        training.average()
    examined = training.keep(1.0)
    say(f"{stage.name}: " + ", ".join(f"{key} {value:.4f}" for key, value in examined.items()) + " nats a token")


def _rehearse(training: LanguageTraining, whole: LanguageRecipe, say: Callable[[str], None]) -> None:
    """Steps of few lessons each, told as those of the ``whole`` recipe: a step takes as long as its lessons."""
    for number, stage in enumerate(training.recipe.stages):
        training.clock, end = Clock(stage=number), max(2, stage.steps)
        for step in range(2):  # what lessons draw once and keep is no part of a step
            training.classroom.documents(stage.name, stage.first + step, stage.batch)
        if number == 0:
            training.advance(end)
        tokens, begun = training.clock.tokens, time.perf_counter()
        training.advance(end)
        seconds = time.perf_counter() - begun
        a_step = seconds * (whole.stages[number].batch or whole.batch) / stage.batch
        steps = stage.steps + round(len(stage.branches) * stage.decay_steps)
        say(
            f"{stage.name}: {a_step:.2f} s a step, {(training.clock.tokens - tokens) / seconds:,.0f} tokens/s, "
            f"{steps:,} steps: about {steps * a_step / 60:.0f} minutes"
        )
