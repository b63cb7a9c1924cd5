"""A training whose weights are cut among processes (FSDP): gathered to be saved, spread again, and kept in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FSDPModule

from ddt_llama.mllm.batching import Batch


def gathered(model: Any, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Any]:
    """Weights and optimisers, whole in the main process and empty elsewhere. Called in all processes together."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights, states = get_state_dict(model, list(optimizers), options=options)
    return {"model": weights, "optimizers": states}


def spread(model: Any, optimizers: Sequence[torch.optim.Optimizer], saved: Mapping[str, Any]) -> None:
    """The reverse: what the main process has goes to all."""
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    # not by set_state_dict, which leaves the weights out where a process has none to give
    set_model_state_dict(model, saved["model"], options=options)
    set_optimizer_state_dict(model, list(optimizers), saved["optimizers"], options=options)


def recut(model: torch.nn.Module) -> None:
    """Cut again what a pass that no backward followed has left whole."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def evened(chunks: list[Batch], accelerator: Accelerator) -> list[Batch]:
    """As many chunks in every process, since each pass gathers weights from all: who has fewer goes through one again
    that teaches nothing."""
    counts: Any = accelerator.gather(torch.tensor([len(chunks)], device=accelerator.device))
    return chunks + [chunks[0].unlearned()] * (int(counts.max()) - len(chunks))


def agreed(opinion: bool, accelerator: Accelerator) -> bool:
    """The main process's opinion, in all of them."""
    opinions: Any = accelerator.gather(torch.tensor([opinion], device=accelerator.device))
    return bool(opinions[0])
