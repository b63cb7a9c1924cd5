"""One training of a multimodal language model, on accelerate: its steps, seeded and resumable.

``out/`` holds ``log.jsonl``, ``state.pt`` (what resuming needs), ``checkpoints/STAGE-SHARE`` (a model at the end of a
stage, or decayed at a branch of it) and, at the end, the last stage's model itself.

Several processes (``accelerate launch`` or ``torchrun``; DDP, or FSDP by accelerate's configuration) share each batch
of lessons: a process takes every n-th document, and a token weighs the same whoever has it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ddt_llama.mllm.batching import Batch
from ddt_llama.mllm.model import MultimodalLM
from ddt_llama.training.classroom import EXAMINED, Classroom
from ddt_llama.training.ending import Ending
from ddt_llama.training.feed import Feed, Step
from ddt_llama.training.journal import read_state, silent, thinned
from ddt_llama.training.optimizers import optimizers
from ddt_llama.training.precision import usable
from ddt_llama.training.recipe import LanguageRecipe, Stage
from ddt_llama.training.sharding import agreed, evened, gathered, recut, spread
from harness.errors import UserError
from harness.writing import written_whole


@dataclass
class Clock:
    """Where a training stands, and what it has taken so far and on which devices, with what the model that it started
    from had taken."""

    stage: int = 0
    step: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens: int = 0
    pictures: int = 0
    device: str = ""
    taught: list[str] = field(default_factory=list)


class LanguageTraining:
    """One training: model, optimiser and clock, with branches, save and resume."""

    def __init__(
        self,
        recipe: LanguageRecipe,
        out: Path,
        classroom: Classroom,
        model: MultimodalLM,
        say: Callable[[str], None] = silent,
    ) -> None:
        from accelerate import Accelerator, DistributedType

        self.recipe, self.out, self.classroom, self.model, self.say = recipe, out, classroom, model, say
        precision = usable(recipe.precision, say)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision=precision)
        inner: Any = model.language_model
        self.sharded = self.accelerator.distributed_type == DistributedType.FSDP
        if recipe.muon and self.sharded:
            raise UserError(f"recipe '{recipe.name}': Muon needs whole matrices, FSDP cuts them: use DDP, or muon = 0")
        # each optimiser, and its rate as a multiple of the stage's
        self.factors = (1.0, recipe.muon)[: 2 if recipe.muon else 1]
        made = optimizers(inner, recipe, self.accelerator.device.type != "mps")
        model.language_model, *self.optimizers = self.accelerator.prepare(inner, *made)
        model.train()
        self.clock = self._here(_begun(model))
        self.ending = Ending()
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        self.feed = Feed(classroom, recipe.workers, process, processes)
        self._coming: Iterator[Step] = iter(())
        self._next = (-1, -1, -1)

    @property
    def stage(self) -> Stage:
        return self.recipe.stages[self.clock.stage]

    def _here(self, clock: Clock) -> Clock:
        """A clock that says on which device the training goes on, behind those it ran on before."""
        device = _device_name(self.accelerator.device)
        ran = clock.device.split(", then ") if clock.device else []
        clock.device = ", then ".join(ran if ran[-1:] == [device] else [*ran, device])
        return clock

    # -- one step

    def advance(self, end: int) -> dict[str, float]:
        """One step of the current stage, of a training (or branch) that ends before step ``end``."""
        lessons = self._lessons(end)
        rate = self.stage.rate(self.clock.step, end)
        for optimizer, factor in zip(self.optimizers, self.factors, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        chunks = evened(lessons.chunks, self.accelerator) if self.sharded else lessons.chunks
        total = torch.zeros((), device=self.accelerator.device)
        for number, batch in enumerate(chunks):
            # gradients are exchanged once a step, with the last chunk
            last = number + 1 == len(chunks)
            with nullcontext() if last else self.accelerator.no_sync(self.model.language_model):
                total += self._learn(batch.to(self.accelerator.device), lessons.learned)
        total = cast(Tensor, self.accelerator.reduce(total, reduction="mean"))
        if not torch.isfinite(total):
            raise UserError(
                f"the loss of {self.recipe.name} is {total.item()} at step {self.clock.step} of "
                f"{self.stage.name}: lower the learning rate"
            )
        self.accelerator.clip_grad_norm_(self.model.language_model.parameters(), self.recipe.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.clock.step += 1
        self.clock.tokens += lessons.tokens
        self.clock.pictures += lessons.pictures
        self.clock.taught = sorted({*self.clock.taught, *lessons.kinds})
        return {"lr": rate, "loss": total.item()}

    def _lessons(self, end: int) -> Step:
        """The lessons of the step that the clock stands at, of a run up to ``end``."""
        here = (self.clock.stage, self.clock.step, end)
        if here != self._next:
            first, size = self.stage.first, self.stage.batch or self.recipe.batch
            self._coming = self.feed.steps(self.stage.name, first + self.clock.step, first + end, size)
        self._next = (self.clock.stage, self.clock.step + 1, end)
        return next(self._coming)

    def _learn(self, batch: Batch, learned: int) -> Tensor:
        """Backward through the summed loss of some documents, over all learned tokens of the step; its value.

        Tokens are counted whatever they weigh, so that a weight of codes changes nothing for text.
        """
        with self.accelerator.autocast():
            losses = self.model.token_losses(batch)
        if self.recipe.code_weight != 1:
            codes = batch.labels >= self.model.vocabulary.first_code
            losses = losses * torch.where(codes, self.recipe.code_weight, 1.0)
        # processes' gradients are averaged, so each one's share is multiplied by their number
        loss: Tensor = losses.sum() * (self.accelerator.num_processes / learned)
        self.accelerator.backward(loss)
        return loss.detach()

    # -- save, branch, resume, finish

    def save(self) -> None:
        """Everything that resuming needs, whole or not at all. Called in all processes together."""
        state = self._snapshot()
        if not self.accelerator.is_main_process:
            return
        with written_whole(self.out / "state.pt") as file:
            torch.save({**state, "clock": asdict(self.clock), "recipe": self.recipe.plain()}, file)

    def due(self, opinion: bool) -> bool:
        """Whether to save now. Clocks differ, and where weights are cut all save together: the main process decides."""
        return agreed(opinion, self.accelerator) if self.sharded else opinion

    def _snapshot(self) -> dict[str, Any]:
        if self.sharded:
            return gathered(self.model.language_model, self._bare_optimizers)
        return {
            "model": self.accelerator.get_state_dict(self.model.language_model),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def _restore(self, saved: Mapping[str, Any]) -> None:
        if self.sharded:
            spread(self.model.language_model, self._bare_optimizers, saved)
            return
        self.accelerator.unwrap_model(self.model.language_model).load_state_dict(saved["model"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)

    @property
    def _bare_optimizers(self) -> list[torch.optim.Optimizer]:
        return [prepared.optimizer for prepared in self.optimizers]

    def resume(self) -> None:
        """Continue from ``out/state.pt``. Raises UserError."""
        path = self.out / "state.pt"
        saved = read_state(path)
        if saved["recipe"] != self.recipe.plain():
            raise UserError(
                f"{path} was made by another recipe, not by {self.recipe.name} as it is now: name another folder"
            )
        self._restore(saved)
        self.clock = self._here(Clock(**saved["clock"]))

    def branch(self, share: float) -> None:
        """Decay a copy on the side, up to ``share`` of the stage's steps, keep it as a checkpoint, and go back.

        The clock goes back, too: a card's time is that of its own model's steps, without the branches on the way.
        Saved before; a branch that is stopped is made again.
        """
        before, clock = copy.deepcopy(self._snapshot()), Clock(**asdict(self.clock))
        end = round(share * self.stage.steps)
        while self.clock.step < end:
            self.advance(end)
            if self.ending.asked(self.accelerator):
                self.ending.leave(self.say, f"in a branch of {self.stage.name}")
        self.keep(share)
        self._restore(before)
        self.clock = clock

    def average(self) -> None:
        """Take only the stage's ``own`` share of the weights, and for the rest those that the stage before left."""
        before = self.checkpoint(1.0, self.recipe.stages[self.clock.stage - 1])
        left: Mapping[str, Tensor] = MultimodalLM.from_pretrained(before).language_model.state_dict()
        saved = self._snapshot()
        mixed = {key: torch.lerp(left[key].to(value), value, self.stage.own) for key, value in saved["model"].items()}
        self._restore({**saved, "model": mixed})

    def checkpoint(self, share: float, stage: Stage | None = None) -> Path:
        """Where the model of this stage (or another) is kept after ``share`` of its steps."""
        return self.out / "checkpoints" / f"{(stage or self.stage).name}-{round(100 * share):03d}"

    def keep(self, share: float, folder: Path | None = None) -> dict[str, float]:
        """Write the model as it is now, in fp16 with its card; returns what it was examined on."""
        weights = self._snapshot()["model"]
        prepared, inner = self.model.language_model, self.accelerator.unwrap_model(self.model.language_model)
        self.model.language_model = inner
        self.model.eval()
        examined = self.classroom.examine(self.model, EXAMINED, self.recipe.batch)
        if self.sharded:
            recut(inner)
        if self.accelerator.is_main_process:
            self.model.save_pretrained(
                folder or self.checkpoint(share),
                half=True,
                card={"training": self._card(share, examined)},
                weights=weights,
            )
        # whether a checkpoint is there decides what comes next, in all processes alike
        self.accelerator.wait_for_everyone()
        self.model.language_model = prepared
        self.model.train()
        return examined

    def _card(self, share: float, examined: Mapping[str, float]) -> dict[str, Any]:
        inner: Any = self.model.language_model
        embedded = inner.get_input_embeddings().weight.numel()
        parameters = sum(p.numel() for p in inner.parameters())
        return {
            "recipe": self.recipe.plain(),
            "started_from": self.model.card.get("sha256", ""),
            "stage": self.stage.name,
            "share": share,
            "prompt": self.stage.prompt,
            "taught": sorted(self.clock.taught),
            "data": self.classroom.lessons.description,
            "parameters": parameters,
            "non_embedding_parameters": parameters - embedded,
            "steps": self.clock.step,
            "tokens_seen": self.clock.tokens,
            "pictures_seen": self.clock.pictures,
            # six per parameter and token: forward, and backward twice (Kaplan et al. 2020, section 2.1)
            "training_flops": 6 * (parameters - embedded) * self.clock.tokens,
            "cpu_threads": torch.get_num_threads(),
            "precision": self.accelerator.mixed_precision,
            "device": self.clock.device,
            "cpu_hours": round(self.clock.cpu_seconds / 3600, 3),
            "hours": round(self.clock.seconds / 3600, 3),
            "validation_nats_per_token": {key: round(value, 5) for key, value in examined.items()},
            "losses": [[line["step"], round(line["loss"], 5)] for line in thinned(self.out / "log.jsonl")],
            "torch": torch.__version__,
        }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _begun(model: MultimodalLM) -> Clock:
    """The clock of a training: that of the model which it goes on with, or zero."""
    before: Mapping[str, Any] = model.card.get("training", {})
    return Clock(
        seconds=3600 * before.get("hours", 0.0),
        cpu_seconds=3600 * before.get("cpu_hours", 0.0),
        tokens=before.get("tokens_seen", 0),
        pictures=before.get("pictures_seen", 0),
        device=before.get("device", ""),
        taught=list(before.get("taught", ())),
    )
