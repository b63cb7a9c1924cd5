"""Selftok's diffusion decoder, ours beside its authors', on the same drawn weights: three Euler steps.

    python benchmarks/selftok.py --authors PATH     # a checkout of github.com/selftok-team/SelftokTokenizer

At reduced width (six blocks of 384) and at the released width (1,536) with two blocks. Latents must be equal to 1e-4 of
the largest. Timed is what follows the lookup of the codes and comes before the autoencoder, which is the same library's
for both. Peak memory is that of a process which builds one of them and decodes. Nothing of the checkout is kept.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.children import answer, ask_child, asked_of_child, peak
from benchmarks.claims import Bench, Claim
from benchmarks.drawn import drawn
from benchmarks.machine import cores
from benchmarks.turns import Ratio, take_turns
from ddt_llama.tokenizer.decoder import TokenDecoder
from ddt_llama.tokenizer.flow import euler
from ddt_llama.tokenizer.layers import code_positions
from ddt_llama.tokenizer.schedule import Schedule
from ddt_llama.tokenizer.selftok import convert

STEPS, CHANNELS, CODE_WIDTH = 3, 16, 16
EQUAL = 1e-4
STAGES = "200,400,600,800,1000"
FASTER, MEMORY = 1.5, 500.0


@dataclass(frozen=True)
class Sizes:
    """``heads`` are the authors' depth, from which they take the width (64 each); ``blocks`` of them are kept."""

    name: str
    heads: int
    blocks: int
    grid: int = 32
    codes: int = 512
    per_stage: str = "192,184,72,48,16"
    table: int = 192

    @property
    def width(self) -> int:
        return 64 * self.heads


REDUCED, REAL = Sizes("reduced", 6, 6), Sizes("real", 24, 2)
TINY = Sizes("reduced", 2, 2, 8, 16, "6,5,2,2,1", 12), Sizes("real", 3, 2, 8, 16, "6,5,2,2,1", 12)


class Theirs:
    """The authors' encoder, decoder and sampler, which asks the encoder for its mask at every step."""

    def __init__(self, checkout: Path, sizes: Sizes) -> None:
        _make_importable(checkout)
        from mimogpt.models.selftok.diti_utils import DiTi_cont  # type: ignore[import-not-found]
        from mimogpt.models.selftok.models_ours import QformerEncoder  # type: ignore[import-not-found]
        from mimogpt.models.selftok.sd3.mmdit import MMDiT  # type: ignore[import-not-found]
        from mimogpt.models.selftok.sd3.rectified_flow import RectifiedFlow  # type: ignore[import-not-found]

        self.diti = DiTi_cont(1000, sizes.codes, STAGES, sizes.per_stage)
        quantizer = {
            **{"codebook_size": 256, "code_dim": CODE_WIDTH, "w_diversity": 1.0, "w_commit": 1.0, "K": sizes.codes},
            **{"ema_entropy_ratio": 0.8, "decay": 0.99, "dead_code_threshold": 0.2, "reset_cluster_size": 0.2},
            **{"continuous": False, "reg": [0.1, 0.3], "smart_re_K": sizes.codes},
        }
        shared = {"K": sizes.codes, "input_size": sizes.grid, "encoder_hidden_size": CODE_WIDTH, "diti": self.diti}
        encoder = {"query_dim": 512, "query_heads": 8, "time_adaln": True, "qformer_mode": "dual", "qk_norm": False}
        self.encoder = QformerEncoder(
            **{**shared, **encoder, "patch_size": 2, "hidden_size": 64, "num_heads": 4, "depth": 2},
            **{"in_channels": CHANNELS, "bidirectional": False, "quantizer_config": quantizer, "pre_norm": False},
            **{"post_norm": True, "xavier_init": False, "attn_mask": False, "pos_embed_max_size": 2 * sizes.grid},
        ).eval()
        # as that of a trained one: no k-means at the first call
        dict(self.encoder.named_buffers())["quantizer._codebook.initted"].fill_(True)
        embedder = {"in_features": CODE_WIDTH, "out_features": sizes.width}
        self.decoder = MMDiT(
            **{
                **shared,
                "pos_embed_max_size": sizes.table,
                "patch_size": 2,
                "depth": sizes.heads,
                "dtype": torch.float,
            },
            **{"num_patches": sizes.table**2, "adm_in_channels": CODE_WIDTH, "device": "meta", "time_adaln": "pos_emb"},
            **{"context_embedder_config": {"target": "torch.nn.Linear", "params": embedder}, "in_channels": CHANNELS},
            **{"train_filter": None, "freeze_filter": [], "class_dropout_prob": 0.1, "init_method": None},
        ).eval()
        blocks = list(self.decoder.joint_blocks)
        self.decoder.joint_blocks = nn.ModuleList([*blocks[: sizes.blocks - 1], blocks[-1]])
        self.state = {
            name: value if name == "context_pos_embed" else drawn(f"model.{name}", value.shape)
            for name, value in self.decoder.state_dict().items()
        }
        self.decoder.load_state_dict(self.state, assign=True)
        self.flow = RectifiedFlow(STEPS, 1.0, None, val_schedule="uniform", parameterization="velocity", is_eval=True)

    @torch.no_grad()
    def __call__(self, tokens: Tensor, noise: Tensor) -> Tensor:
        start = torch.full((len(tokens),), float(self.flow.timestep_map[0])).long()
        shown = self.encoder.get_encoder_mask(tokens, self.diti.to_indices(start))
        request = {"encoder_hidden_states": tokens * shown[..., None], "mask": shown, "context_see_xt": True}
        found: Tensor = self.flow.p_sample_loop(
            self.decoder,
            noise.shape,
            noise,
            K=tokens.shape[1],
            start_t=STEPS,
            model_kwargs=request,
            x_0=noise,
            encoder=self.encoder,
            diti=self.diti,
            ori_hidden_states=tokens,
            cond_vary=True,
        )
        return found


def decoder_of(sizes: Sizes) -> TokenDecoder:
    grid, heads = sizes.grid, sizes.heads
    return TokenDecoder(sizes.codes, CODE_WIDTH, CHANNELS, grid, 2, sizes.blocks, sizes.width, heads, sizes.table)


class Ours:
    """Our decoder with our sampler."""

    def __init__(self, sizes: Sizes, state: Mapping[str, Tensor]) -> None:
        with torch.device("meta"):
            self.decoder = decoder_of(sizes)
        self.decoder.positions = code_positions(sizes.codes)
        self.decoder.load_state_dict(state, assign=True)
        self.decoder.eval().requires_grad_(False)
        self.decoder.needed_only = True  # as the door of released weights has it
        counts = tuple(int(count) for count in sizes.per_stage.split(","))
        self.schedule = Schedule(sizes.codes, "stages", (0.2, 0.4, 0.6, 0.8, 1.0), counts)

    @torch.no_grad()
    def __call__(self, tokens: Tensor, noise: Tensor) -> Tensor:
        parts = self.decoder.code_parts()
        return euler(lambda x, t: self.decoder(x, t, tokens, self.schedule.visible(t), parts), noise, STEPS)


def our_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Their decoder's weights under our names."""
    whole = {f"model.{name}": value for name, value in state.items()}
    whole["encoder.quantizer._codebook.embed"] = torch.zeros(1, 1, 1)  # which a whole state has
    return {key.removeprefix("decoder."): value for key, value in convert(whole).items() if key.startswith("decoder.")}


def any_state(sizes: Sizes) -> dict[str, Tensor]:
    """Weights of the right shapes, for a process that knows nothing of the authors' code."""
    with torch.device("meta"):
        shapes = decoder_of(sizes).state_dict()
    return {name: drawn(name, value.shape) for name, value in shapes.items()}


def inputs(sizes: Sizes) -> tuple[Tensor, Tensor]:
    """Code vectors and noise of one picture."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(1, sizes.codes, CODE_WIDTH, generator=generator)
    return tokens, torch.randn(1, CHANNELS, sizes.grid, sizes.grid, generator=generator)


def _make_importable(checkout: Path) -> None:
    """Their package without what it imports and does not need, on a machine without CUDA."""
    sys.path.insert(0, str(checkout))
    utilities = types.ModuleType("mimogpt.utils")
    utilities.hf_logger = logging.getLogger(__name__)  # type: ignore[attr-defined]
    utilities.Registry = dict  # type: ignore[attr-defined]
    models = types.ModuleType("mimogpt.models")
    models.__path__ = [str(checkout / "mimogpt" / "models")]
    sys.modules |= {"mimogpt.utils": utilities, "mimogpt.models": models}
    if not torch.cuda.is_available():
        torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign,assignment]


def in_child(who: str, authors: str, sizes: Mapping[str, Any]) -> float:
    """The peak memory of one of them, in MB."""
    asked = Sizes(**sizes)
    program: Callable[[Tensor, Tensor], Tensor]
    program = Theirs(Path(authors), asked) if who == "theirs" else Ours(asked, any_state(asked))
    with torch.inference_mode(who == "ours"):
        program(*inputs(asked))
    return peak()


def measure(bench: Bench, sizes: Sizes, authors: Path) -> None:
    theirs = Theirs(authors, sizes)
    ours, given = Ours(sizes, our_state(theirs.state)), inputs(sizes)
    calls: dict[str, Callable[[], Tensor]] = {"ours": lambda: ours(*given), "authors": lambda: theirs(*given)}
    turns = take_turns(calls, bench.sized(5, 2), budget=60)
    gap = float((turns.values["ours"] - turns.values["authors"]).abs().max() / turns.values["authors"].abs().max())
    bench.require(gap <= EQUAL, f"latents at {sizes.name} width: {gap:.1e} of the largest")
    print(turns.told())
    claim = Claim(
        f"selftok-{sizes.name}", f"Selftok decode at {sizes.name} width, speed beside the authors'", least=FASTER
    )
    took = f"{turns.median('ours'):.3g} s, theirs {turns.median('authors'):.3g} s"
    shape = f"{sizes.blocks} blocks of {sizes.width}, {sizes.codes} codes, {STEPS} steps, {cores()} threads"
    bench.state(claim, turns.speed_of("ours", "authors"), f"{took}; {shape}; latents within {gap:.0e}")
    del theirs, ours, calls
    who = {name: {"who": name, "authors": str(authors), "sizes": asdict(sizes)} for name in ("ours", "theirs")}
    peaks = {name: float(ask_child(__file__, request, cores())) for name, request in who.items()}
    memory = Claim(f"selftok-{sizes.name}-memory", "the same, peak memory less the authors'", most=MEMORY, unit=" MB")
    told = f"{peaks['ours']:,.0f} MB, theirs {peaks['theirs']:,.0f} MB"
    bench.state(memory, Ratio.of([peaks["ours"] - peaks["theirs"]]), told)


def main() -> None:
    warnings.simplefilter("ignore")
    if (request := asked_of_child()) is not None:
        with contextlib.redirect_stdout(io.StringIO()):
            found = in_child(**request)
        answer(found)
        return
    bench = Bench.begin(__doc__, lambda parser: parser.add_argument("--authors", type=Path, help="their checkout"))
    authors = bench.options.authors
    if authors is None or not (authors / "mimogpt").is_dir():
        bench.left_out("Selftok beside its authors' code: --authors PATH of a checkout (it has a folder mimogpt)")
        bench.end()
    for sizes in bench.sized((REDUCED, REAL), TINY):
        measure(bench, sizes, authors.resolve())
    bench.end()


if __name__ == "__main__":
    main()
