"""Lessons over a few random pictures, and a recipe. Not a test; also run in each process of a training."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch

from ddt_llama.training import stages
from harness.contracts import Lesson
from harness.seeding import rng_for

WORDS = ("red", "green", "blue", "circle", "square", "left", "right", "of", "a", "two")


class FakeLessons:
    description = "fake lessons"
    picture_count = 40
    class_count = 3

    def pictures(self, first: int, count: int) -> torch.Tensor:
        rows = [torch.rand((3, 1, 1), generator=torch.Generator().manual_seed(first + i)) for i in range(count)]
        return torch.stack(rows).expand(-1, -1, 8, 8).contiguous()

    def texts(self) -> list[str]:
        return [f"a {one} {other} USER: ASSISTANT:" for one in WORDS for other in WORDS]

    def lessons(self, stage: str, step: int, size: int) -> list[Lesson]:
        rng = rng_for("fake", stage, step)
        kinds = {
            "pretrain": ("text", "image", "caption to image", "image to caption", "class to image"),
            "instruct": ("question", "edit", "instruction to image"),
            "validation": ("text", "caption to image"),
        }[stage]
        made = []
        for _ in range(size):
            text = " ".join(rng.choice(WORDS, size=int(rng.integers(1, 6))))
            image, edited = (int(value) for value in rng.integers(self.picture_count, size=2))
            kind: Any = kinds[int(rng.integers(len(kinds)))]
            turns = (("how many", "two"), ("which", "red")) if kind == "question" else ()
            made.append(Lesson(kind, text, "blue", image, edited, int(rng.integers(3)), turns))
        return made


def recipe(**changes: Any) -> dict[str, Any]:
    """The mapping of a TOML file."""
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    stages = [
        {"name": "pretrain", "steps": 12, "learning_rate": 1e-2, "warmup": 2, "decay": 0.25},
        {"name": "instruct", "steps": 6, "learning_rate": 5e-3, "warmup": 2, "prompt": "instruction"},
    ]
    model = {**sizes, "num_key_value_heads": 2, "max_position_embeddings": 96}
    base = {"name": "fake", "tokenizer": "blocks", "data": "fake", "text_vocabulary": 280, "batch": 8}
    return {**base, "chunk_tokens": 160, "model": model, "stages": stages, **changes}


def find(kind: str, name: str) -> Any:
    if kind == "stream":
        return lambda seed: FakeLessons()
    path = Path(__file__).parents[1] / "fakes.py"
    spec = importlib.util.spec_from_file_location("ddtbench_fakes", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda source, device: module.BlockTokenizer(image_size=8, side=4)


def cut_weights() -> None:
    """Let accelerate cut weights (FSDP2) on CPUs, too, where its own configuration does so on accelerators alone."""
    import accelerate

    class Sharded(accelerate.Accelerator):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.state.distributed_type = accelerate.DistributedType.FSDP
            self.state.fsdp_plugin = accelerate.FullyShardedDataParallelPlugin(
                fsdp_version=2, auto_wrap_policy="transformer_based_wrap", cpu_ram_efficient_loading=False
            )

    accelerate.Accelerator = Sharded  # type: ignore[misc]


def branched() -> dict[str, Any]:
    """A recipe whose first stage has a branch."""
    values = recipe()
    values["stages"][0]["branches"] = [0.5]
    return values


def main(out: Path, options: list[str]) -> None:
    """A training for several processes: ``--cut`` their weights, ``--stop`` after the first stage, ``--resume``."""
    if "--cut" in options:
        cut_weights()
    if "--stop" in options:
        stages._run_stage = stop_in_the_second(stages._run_stage)
    stages.train_language(branched(), "fake.toml", out, find, cache=out.parent / "codes", resume="--resume" in options)


def stop_in_the_second(run: Any) -> Any:
    def stopping(training: Any, say: Any, *further: Any) -> None:
        if training.clock.stage == 1:
            training.accelerator.wait_for_everyone()
            sys.exit(0)
        run(training, say, *further)

    return stopping


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
