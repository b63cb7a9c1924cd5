"""What a tokenizer or a language model costs: parameters, FLOPs, milliseconds per image, CPU-hours of training.

Costs stand beside scores and are never part of a byte promise: times depend on the machine and on what else it does.

* FLOPs: one image decoded, a multiply-add is 2; matrix products, convolutions and attention are counted, nothing else.
* Milliseconds: the median of a few repetitions (of one, where that takes seconds) of a whole batch, divided by its
  size, on the threads of this process.
* Decoder parameters: those of ``decoder_modules()`` where the subject says what decoding needs, else of its
  ``decoder``.
* A language model's training FLOPs: as its card states them, six per parameter (without embeddings) and token (Kaplan
  et al. 2020, section 2.1).
* CPU-hours: of a training on a CPU, as the checkpoint's card states them, with those of its frozen parts (the
  autoencoder under DDT's latents).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from harness.provenance import card_of, provenance_of

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

REPETITIONS, PATIENCE = 3, 3.0
"""How often a batch is timed, and after how many seconds not again: what takes long varies little."""


def tokenizer_cost(
    subject: Any, images: Float[Tensor, "batch 3 size size"], repetitions: int = REPETITIONS
) -> Mapping[str, float]:
    """Costs of an ImageTokenizer on this batch; what cannot be known of it (a codec's FLOPs ...) is left out."""
    import torch

    count = len(images)
    images = images.to(device_of(subject))
    with torch.no_grad():
        codes = subject.encode(images)
        encode = median_seconds(lambda: subject.encode(images), repetitions, images.device)
        decode = median_seconds(lambda: subject.decode(codes, seeds=range(count)), repetitions, images.device)
        flops = decode_flops(subject, codes[:1]) if _module(subject) is not None else 0
    cost = {
        "encode_ms_per_image": 1000 * encode / count,
        "decode_ms_per_image": 1000 * decode / count,
        "probe_batch": float(count),
        "probe_threads": float(torch.get_num_threads()),
        **_parameters(subject),
        **_training(subject),
    }
    return cost | ({"decode_flops": float(flops)} if flops else {})


def language_cost(subject: Any) -> Mapping[str, float]:
    """What a language model's card says of its size and its training; {} for a subject that has no such card."""
    training = card_of(getattr(subject, "model", None)).get("training", {})
    names = {
        "non_embedding_parameters": "language_parameters",
        "tokens_seen": "training_tokens",
        "training_flops": "training_flops",
    }
    if training.get("device", "cpu") == "cpu":
        names["cpu_hours"] = "training_cpu_hours"
    found = {stored: training.get(name) for name, stored in names.items()}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def device_of(subject: Any) -> torch.device:
    """Where a subject wants its images: its ``device``, else where its parameters are, else the CPU."""
    import torch

    if stated := provenance_of(subject).device:
        return torch.device(stated)
    module = _module(subject)
    places = (value.device for value in module.parameters()) if module is not None else iter(())
    return next(places, torch.device("cpu"))


def _module(subject: Any) -> torch.nn.Module | None:
    """The network: the subject itself, or the one that it wraps (a control keeps it as ``inside``)."""
    import torch

    inner = getattr(subject, "inside", subject)
    return inner if isinstance(inner, torch.nn.Module) else None


def decode_flops(subject: Any, codes: Tensor) -> int:
    """FLOPs of decoding these codes; 0 where nothing was counted (the subject computes outside torch)."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    # The counter knows no formula for the CPU's fused attention kernels: the plain ones do the same products, counted.
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        counter = stack.enter_context(FlopCounterMode(display=False))
        subject.decode(codes, seeds=range(len(codes)))
    return int(counter.get_total_flops())


def median_seconds(call: Callable[[], object], repetitions: int, device: torch.device) -> float:
    """The median over at most so many repetitions within ``PATIENCE``, after one call to warm up."""
    import torch

    times: list[float] = []
    started = time.perf_counter()
    while len(times) <= repetitions and (len(times) < 2 or time.perf_counter() - started < PATIENCE):
        begun = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def _parameters(subject: Any) -> dict[str, float]:
    import torch

    network = _module(subject)
    if network is None:
        return {}
    total = float(_count(network.parameters()))
    stated: Callable[[], Sequence[Any]] | None = getattr(network, "decoder_modules", None)
    found = stated() if stated else [getattr(network, "decoder", None)]
    modules = [module for module in found if isinstance(module, torch.nn.Module)]
    if not modules:
        return {"parameters": total}
    decoder = _count(value for module in modules for value in module.parameters())
    return {"parameters": total, "decoder_parameters": float(decoder)}


def _count(parameters: Iterable[Tensor]) -> int:
    """Each tensor once, also where modules share it."""
    return sum({id(value): value.numel() for value in parameters}.values())


def _training(subject: Any) -> dict[str, float]:
    training = card_of(_module(subject)).get("training", {})
    hours = training.get("cpu_hours") if isinstance(training, Mapping) else None
    if not isinstance(hours, int | float):
        return {}
    return {"training_cpu_hours": float(hours) + sum(training.get("cpu_hours_of_parts", {}).values())}
