"""Every stage's time against its floor: where the next factor is.

    python benchmarks/floors.py

A floor is what no program on this machine can go below: the operations over its measured rate of matrix products (of
the same precision), or the bytes that must be read and written once over its measured rate of copying, whichever is
more. Operations are those of the products and convolutions, counted as they are called; bytes are weights, inputs and
outputs. All cores, tiny models of the zoo; the fewest of some repetitions for rates, the median for stages.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from benchmarks.claims import Bench, Claim
from benchmarks.frechet import features
from benchmarks.frechet import statistics as set_statistics
from benchmarks.inception import drawn_weights, write_pictures
from benchmarks.machine import cores
from benchmarks.turns import Ratio
from harness.catalog import open_model
from harness.contracts import Case, Sample
from harness.images import load_converted
from harness.instruments.inception_net import InceptionNet
from harness.metrics.feature_sets import Gaussian
from harness.metrics.moments import Moments
from harness.statistics import ratio_interval
from harness.store.files import Folder
from harness.store.parts import Part, encode_samples, read_part, sample_row

BATCH, PICTURES = 32, 16


@dataclass(frozen=True)
class Rates:
    """Of this machine: operations a second in float32 and float64, bytes copied a second."""

    single: float
    double: float
    copied: float

    @classmethod
    def measured(cls, side: int, megabytes: int) -> Rates:
        def products(kind: torch.dtype) -> float:
            one = torch.randn(side, side, dtype=kind)
            return 2 * side**3 / fewest(lambda: torch.mm(one, one))

        source = torch.zeros(megabytes * 250_000)
        target = torch.empty_like(source)
        # a copy reads and writes each byte
        return cls(
            products(torch.float32), products(torch.float64), 2 * source.nbytes / fewest(lambda: target.copy_(source))
        )


@dataclass(frozen=True)
class Stage:
    """``operations``: None where they are to be counted as they are called; ``moved``: bytes besides weights."""

    name: str
    what: str
    call: Callable[[], Any]
    moved: float
    operations: float | None = None
    module: nn.Module | None = None
    double: bool = False


def fewest(call: Callable[[], Any], rounds: int = 5) -> float:
    return min(timed(call) for _ in range(rounds))


def timed(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def counted(call: Callable[[], Any]) -> float:
    """Operations of its products, convolutions and attentions."""

    def attention(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    further = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention}  # noqa: SLF001
    with FlopCounterMode(display=False, custom_mapping=further) as counter:
        call()
    return float(counter.get_total_flops())


def weight(module: nn.Module | None) -> float:
    return sum(value.nbytes for value in module.state_dict().values()) if module else 0.0


def pictures(scratch: Path) -> Iterator[Stage]:
    files = write_pictures(scratch, PICTURES)
    read = [load_converted(file) for file in files]
    moved = sum(picture.nbytes for picture in read) + sum(file.stat().st_size for file in files)
    yield Stage("read", f"{PICTURES} JPEGs of 500 x 375 decoded", lambda: [load_converted(f) for f in files], moved, 0)
    net = InceptionNet(drawn_weights()).to(memory_format=torch.channels_last)
    pixels = torch.rand(PICTURES, 3, 299, 299) * 2 - 1
    yield Stage(
        "inception", f"InceptionV3 features of {PICTURES} pictures", lambda: net(pixels), pixels.nbytes, module=net
    )


def tokenizers() -> Iterator[Stage]:
    for name in ("vqgan", "var", "ddt"):
        subject: Any = open_model(name, "cpu")
        size = subject.image_size
        images = torch.rand(BATCH, 3, size, size, generator=torch.Generator().manual_seed(0))
        codes: Tensor = subject.encode(images)
        moved, seeds = images.nbytes + codes.nbytes, list(range(BATCH))
        many = f"{BATCH} pictures of {size} pixels"
        yield Stage(
            f"{name}-encode", f"{name}: {many} to codes", lambda s=subject, i=images: s.encode(i), moved, module=subject
        )  # type: ignore[misc]
        yield Stage(
            f"{name}-decode",
            f"{name}: codes to {many}",
            lambda s=subject, c=codes, n=seeds: s.decode(c, seeds=n),  # type: ignore[misc]
            moved,
            module=subject,
        )


def language() -> Iterator[Stage]:
    subject: Any = open_model("ddt-llama", "cpu")
    size = subject.image_size
    images = torch.rand(BATCH, 3, size, size, generator=torch.Generator().manual_seed(0))
    prompts = [f"a photo of {number} red circles" for number in ("two", "three") * (BATCH // 2)]
    questions = ["Is there a red circle in this image? Please answer yes or no."] * BATCH
    parts = [part for part in vars(subject).values() if isinstance(part, nn.Module)]
    module = nn.ModuleList(parts)
    yield Stage(
        "answer",
        f"ddt-llama: {BATCH} questions answered",
        lambda: subject.answer(images, questions),
        images.nbytes,
        module=module,
    )
    yield Stage(
        "generate",
        f"ddt-llama: {BATCH} pictures drawn",
        lambda: subject.generate(prompts, list(range(BATCH))),
        images.nbytes,
        module=module,
    )


def numbers(width: int, count: int) -> Iterator[Stage]:
    x = features(count, width, 1)
    one, two = set_statistics(x), set_statistics(features(count, width, 2))
    yield Stage(
        "moments",
        f"moments of {count:,} vectors of {width}",
        lambda: Moments.of(x),
        x.nbytes,
        2 * count * width**2,
        double=True,
    )
    # two factors and one set of eigenvalues, two products
    operations = (2 / 3 + 4 / 3 + 4) * width**3
    yield Stage(
        "frechet",
        f"Frechet distance from statistics, {width}",
        lambda: Gaussian(*one).distance(Gaussian(*two)),
        2 * one[1].nbytes,
        operations,
        double=True,
    )
    scores, ones = np.random.default_rng(0).random((2, 100_000)).round()
    groups = [str(number // 4) for number in range(len(scores))]
    resampled = 2 * scores.nbytes * 2000 / 4
    yield Stage(
        "interval",
        "interval of 100,000 answers, 2,000 resamples",
        lambda: ratio_interval(scores, ones, groups),
        resampled,
        0,
    )


def storing(scratch: Path) -> Iterator[Stage]:
    rng = np.random.default_rng(0)
    shown = [rng.integers(0, 256, (32, 32, 3), np.uint8) for _ in range(256)]
    rows = [
        sample_row(Sample(Case(f"{n:05d}", f"{n:05d}"), images={"output": picture})) for n, picture in enumerate(shown)
    ]
    data, folder = encode_samples(rows, {}), Folder(scratch)
    yield Stage(
        "encode-part",
        "256 samples with pictures of 32 pixels as a part",
        lambda: encode_samples(rows, {}),
        2 * len(data),
        0,
    )
    yield Stage(
        "write-part",
        f"that part written and synced ({len(data):,} bytes)",
        lambda: folder.write(Part.of("00000", data).file, data),
        len(data),
        0,
    )
    yield Stage("read-part", "that part read", lambda: read_part(data, "that part"), len(data), 0)


def measure(bench: Bench, stage: Stage, rates: Rates) -> None:
    if stage.module:
        stage.module.requires_grad_(False)  # what counts operations follows gradients otherwise
    with torch.inference_mode():
        stage.call()
        operations = counted(stage.call) if stage.operations is None else stage.operations
        times, begun = [], time.perf_counter()
        while len(times) < 3 or (time.perf_counter() - begun < 2 and len(times) < 9):
            times.append(timed(stage.call))
    by_operations = operations / (rates.double if stage.double else rates.single)
    by_bytes = (stage.moved + weight(stage.module)) / rates.copied
    floor, bound = max((by_operations, "operations"), (by_bytes, "bytes"))
    took = f"{1000 * statistics.median(times):.3g} ms, floor {1000 * floor:.3g} ms by {bound}"
    claim = Claim(f"stage-{stage.name}", f"{stage.what}: time over its floor")
    bench.state(claim, Ratio.of([seconds / floor for seconds in times]), took)


def main() -> None:
    warnings.simplefilter("ignore")
    bench = Bench.begin(__doc__)
    torch.set_num_threads(cores())
    rates = Rates.measured(*bench.sized((2048, 400), (128, 4)))
    told = f"float32 {rates.single / 1e9:.3g}, float64 {rates.double / 1e9:.3g} billion a second, {cores()} threads"
    print(f"{told}; {rates.copied / 1e9:.3g} GB/s copied (read and written)")
    matrix, copied = (
        Claim(f"machine-{name}", what, unit=unit)
        for name, what, unit in (
            ("matrix", "rate of float32 matrix products", " billion/s"),
            ("copy", "rate of copying, read and written", " GB/s"),
        )
    )
    bench.state(matrix, Ratio.of([rates.single / 1e9]), told)
    bench.state(copied, Ratio.of([rates.copied / 1e9]))
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        groups = (
            pictures(scratch),
            tokenizers(),
            language(),
            numbers(*bench.sized((2048, 5000), (64, 200))),
            storing(scratch),
        )
        for group in groups:
            for stage in group:
                measure(bench, stage, rates)
    bench.end()


if __name__ == "__main__":
    main()
