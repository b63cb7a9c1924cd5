"""Images per second with guidance: ours, transformers.generate, a plain doubled-batch loop, and the arithmetic floor.

    python benchmarks/generation.py --size 0.2M --size 2.9M --batch 32 --codes 64

The claim is at least 3 times transformers.generate at the smallest size, and twice at 2.9M.

All three write the same codes from the same random weights (float32, greedy); the script checks that, and allows a
first difference only where the two best guided logits are within 1e-4. The floor is the time of the matrix products
alone, same shapes, same count: no program in this arithmetic can be faster. Rounds alternate between the programs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, LogitsProcessor, LogitsProcessorList

from benchmarks.claims import Bench, Claim
from benchmarks.turns import take_turns
from ddt_llama.mllm.batching import pad_left
from ddt_llama.mllm.decoders import cache_word
from ddt_llama.mllm.generation import generate_tokens
from ddt_llama.mllm.sampling import Sampling

SIZES = {
    "0.2M": {"hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 4, "num_attention_heads": 4},
    "0.5M": {"hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 5, "num_attention_heads": 4},
    "1.2M": {"hidden_size": 144, "intermediate_size": 384, "num_hidden_layers": 5, "num_attention_heads": 6},
    "2.9M": {"hidden_size": 192, "intermediate_size": 576, "num_hidden_layers": 6, "num_attention_heads": 6},
}
TEXT, CODEBOOK, CONTEXT = 1024, 256, 256
TIE = 1e-4


class CodesOnly(LogitsProcessor):
    """The grammar for transformers.generate: nothing but codes."""

    def __init__(self, size: int, kept: Tensor) -> None:
        self.bias = torch.full((size,), float("-inf"))
        self.bias[kept] = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores + self.bias


def make_model(size: str) -> LlamaForCausalLM:
    """Random weights, large enough that logits differ."""
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=TEXT + CODEBOOK, max_position_embeddings=CONTEXT, **SIZES[size])
    config.initializer_range = 0.08
    return LlamaForCausalLM(config).eval()


def make_prompts(batch: int, longest: int) -> list[list[int]]:
    """Captions of different length."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(longest // 2, longest + 1, (batch,), generator=generator).tolist()
    return [torch.randint(3, TEXT, (length,), generator=generator).tolist() for length in lengths]


def ours(model: LlamaForCausalLM, prompts: Sequence[list[int]], codes: int, guidance: float) -> Tensor:
    kept = torch.arange(TEXT, TEXT + CODEBOOK)
    sampling = Sampling(temperature=0.0, guidance=guidance)
    return generate_tokens(model, prompts, kept, codes, sampling, unconditional=[[1, 2]] * len(prompts))


def library(model: LlamaForCausalLM, prompts: Sequence[list[int]], codes: int, guidance: float) -> Tensor:
    ids, real = pad_left(prompts, 0)
    processors = LogitsProcessorList([CodesOnly(TEXT + CODEBOOK, torch.arange(TEXT, TEXT + CODEBOOK))])
    out = model.generate(
        ids,
        attention_mask=real.long(),
        guidance_scale=guidance,
        negative_prompt_ids=torch.tensor([[1, 2]] * len(prompts)),
        logits_processor=processors,
        do_sample=False,
        max_new_tokens=codes,
        eos_token_id=None,
        pad_token_id=0,
    )
    return out[:, ids.shape[1] :]


@torch.inference_mode()
def doubled(model: LlamaForCausalLM, prompts: Sequence[list[int]], codes: int, guidance: float) -> Tensor:
    """What one writes by hand: both halves in one batch, the library's forward pass and its growing cache."""
    ids, real = pad_left([*prompts, *[[1, 2]] * len(prompts)], 0)
    mask, positions = real.long(), (real.long().cumsum(-1) - 1).clamp(min=0)
    cache, out = DynamicCache(config=model.config), []
    for _ in range(codes):
        cached = {cache_word(model.forward): cache}
        logits = model(ids, attention_mask=mask, position_ids=positions, **cached).logits[:, -1]
        conditional, unconditional = logits.chunk(2)
        scores = (unconditional + guidance * (conditional - unconditional))[:, TEXT:]
        out.append(scores.argmax(-1) + TEXT)
        ids = torch.cat([out[-1], out[-1]])[:, None]
        mask = F.pad(mask, (0, 1), value=1)
        positions = positions[:, -1:] + 1
    return torch.stack(out, dim=1)


def floor(model: LlamaForCausalLM, prompts: Sequence[list[int]], codes: int, guidance: float) -> Tensor:
    """The matrix products alone: each weight once per step, attention at its true length, the head on codes."""
    del guidance
    config, rows, longest = model.config, 2 * len(prompts), max(map(len, prompts))
    heads, width = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    d, f = config.hidden_size, config.intermediate_size
    weights = [torch.randn(d, 3 * d), torch.randn(d, d), torch.randn(d, 2 * f), torch.randn(f, d)]
    head = torch.randn(d, CODEBOOK)
    cache = torch.randn(rows * heads, longest + codes, width)
    with torch.inference_mode():
        for step in range(codes):
            length = longest if step == 0 else 1
            wide, deep = torch.randn(rows * length, d), torch.randn(rows * length, f)
            query = torch.randn(rows * heads, length, width)
            seen = cache[:, : longest + step]
            for _ in range(config.num_hidden_layers):
                for weight in weights:
                    torch.mm(deep if weight is weights[3] else wide, weight)
                torch.bmm(torch.bmm(query, seen.transpose(1, 2)), seen)
            torch.mm(wide[:rows], head)
    return torch.empty(0)


OURS, LIBRARY, DOUBLED, FLOOR = "ours", "transformers.generate", "doubled-batch loop", "arithmetic floor"
PROGRAMS: Mapping[str, Callable[..., Tensor]] = {OURS: ours, LIBRARY: library, DOUBLED: doubled, FLOOR: floor}


@torch.inference_mode()
def check_equal(
    model: LlamaForCausalLM, prompts: Sequence[list[int]], first: Tensor, second: Tensor, guidance: float
) -> int:
    """How many rows differ, each only from a tie on. Raises SystemExit where it is no tie."""
    differing = (first != second).any(dim=1).nonzero().flatten().tolist()
    for row in differing:
        at = int((first[row] != second[row]).nonzero()[0])
        begun = first[row, :at].tolist()
        conditional, unconditional = (
            model(torch.tensor([[*prompt, *begun]])).logits[0, -1, TEXT:] for prompt in (prompts[row], [1, 2])
        )
        best = (unconditional + guidance * (conditional - unconditional)).topk(2).values
        if float(best[0] - best[1]) > TIE:
            raise SystemExit(f"row {row} differs at code {at}, where the two best logits are {best.tolist()}")
    return len(differing)


def measure(bench: Bench, size: str, claim: Claim) -> None:
    """One size: the claim, and beside it the share of the floor."""
    options, model = bench.options, make_model(size)
    prompts = make_prompts(options.batch, options.prompt)
    calls = {
        name: (lambda program=program: program(model, prompts, options.codes, options.guidance))
        for name, program in PROGRAMS.items()
    }
    turns = take_turns(calls, options.rounds)  # type: ignore[arg-type]
    inner = sum(p.numel() for p in model.model.layers.parameters())
    print(f"{size}: {inner:,} parameters outside of embeddings")
    print(turns.told())
    for name in (LIBRARY, DOUBLED):
        ties = check_equal(model, prompts, turns.values[OURS], turns.values[name], options.guidance)
        print(f"    equal greedy output to {name}: yes ({ties} of {options.batch} rows part at a tie)")
    sizes = f"batch {options.batch}, {options.codes} codes, guidance {options.guidance:g}, {options.threads} threads"
    rates = {name: options.batch / turns.median(name) for name in (OURS, LIBRARY, DOUBLED)}
    told = f"{rates[OURS]:.3g} images/s, theirs {rates[LIBRARY]:.3g}, doubled batch {rates[DOUBLED]:.3g}; {sizes}"
    bench.state(claim, turns.speed_of(OURS, LIBRARY), f"{told}; equal greedy output")
    share = Claim(f"{claim.name}-floor", f"the floor's time of ours at {size} (1: no program can be faster)")
    bench.state(share, turns.time_of(FLOOR, OURS), f"matrix products alone {turns.median(FLOOR):.3g} s")


def main() -> None:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--size", action="append", choices=SIZES, help="default: 0.2M and 2.9M")
        parser.add_argument("--batch", type=int, default=32)
        parser.add_argument("--codes", type=int, default=64)
        parser.add_argument("--prompt", type=int, default=20, help="tokens of the longest prompt")
        parser.add_argument("--guidance", type=float, default=3.0)
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--threads", type=int, default=torch.get_num_threads())

    bench = Bench.begin(__doc__, add)
    torch.set_num_threads(bench.options.threads)
    if bench.options.tiny:
        vars(bench.options).update(batch=2, codes=4, rounds=2)
    for size in bench.options.size or ["0.2M", "2.9M"]:
        least = {"0.2M": 3.0, "2.9M": 2.0}.get(size)
        measure(
            bench, size, Claim(f"generation-{size}", f"guided images at {size}, speed beside {LIBRARY}", least=least)
        )
    bench.end()


if __name__ == "__main__":
    main()
