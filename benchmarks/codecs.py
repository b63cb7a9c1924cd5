"""VQGAN, LlamaGen's VQ-16 and VAR's tokenizer beside their authors' code, on the same drawn weights: encode, decode.

    python benchmarks/codecs.py --authors FOLDER

FOLDER holds checkouts of any of taming-transformers (CompVis), LlamaGen and VAR (FoundationVision), under these names;
what is not there is left out. The published widths, a picture of 128 pixels, all cores. Codes must be equal (one in a
thousand may fall on a tie) and pictures equal to 1e-4 of the largest. Ours goes through what opens published weights.
Nothing of the checkouts is kept.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.published.doors import VAR_VAE, placed
from baselines.published.llamagen_vq import convert, vq16_config
from baselines.var import VARConfig, VARTokenizer
from baselines.vqgan import VQGAN, VQGANConfig
from benchmarks.claims import Bench, Claim
from benchmarks.drawn import drawn_like
from benchmarks.machine import cores
from benchmarks.turns import take_turns

SIDE, CODES = 128, 16384
EQUAL, TIES = 1e-4, 1e-3
WHAT = {"encode": "picture to codes", "decode": "codes to picture"}


@dataclass(frozen=True)
class Pair:
    """One tokenizer twice: ours, and the authors' way from signed pictures to codes and back."""

    ours: Any
    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]


def taming(checkout: Path, side: int, ch: int) -> Pair:
    """What ``VQModel`` of taming-transformers is made of, without Lightning around it."""
    sys.path.insert(0, str(checkout))
    from taming.modules.diffusionmodules.model import Decoder, Encoder  # type: ignore[import-not-found]
    from taming.modules.vqvae.quantize import VectorQuantizer2  # type: ignore[import-not-found]

    sizes = {"ch": ch, "out_ch": 3, "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [side // 16]}
    sizes |= {"in_channels": 3, "resolution": side, "z_channels": 2 * ch, "double_z": False, "dropout": 0.0}
    width = 2 * ch
    theirs = nn.ModuleDict(
        {
            **{"encoder": Encoder(**sizes), "decoder": Decoder(**sizes)},
            **{"quantize": VectorQuantizer2(CODES, width, beta=0.25)},
            **{"quant_conv": nn.Conv2d(width, width, 1), "post_quant_conv": nn.Conv2d(width, width, 1)},
        }
    ).eval()
    state = drawn_like(theirs.state_dict())
    theirs.load_state_dict(state)
    ours = VQGAN(VQGANConfig.from_mapping({"embed_dim": width, "n_embed": CODES, "ddconfig": sizes}))
    ours.load_state_dict(state)

    def encode(signed: Tensor) -> Tensor:
        found: Tensor = theirs["quantize"](theirs["quant_conv"](theirs["encoder"](signed)))[2][2]
        return found.view(len(signed), -1)

    def decode(codes: Tensor) -> Tensor:
        shape = (len(codes), side // 16, side // 16, width)
        vectors = theirs["quantize"].get_codebook_entry(codes.flatten(), shape)
        made: Tensor = theirs["decoder"](theirs["post_quant_conv"](vectors))
        return made

    return Pair(ours, encode, decode)


def llamagen(checkout: Path, side: int, ch: int) -> Pair:
    sys.path.insert(0, str(checkout))
    from tokenizer.tokenizer_image import vq_model  # type: ignore[import-not-found]

    theirs = vq_model.VQModel(vq_model.ModelArgs(codebook_size=CODES, codebook_embed_dim=8, z_channels=2 * ch)).eval()
    if ch != 128:  # which the published constructor fixes
        theirs.encoder = vq_model.Encoder(ch=ch, z_channels=2 * ch).eval()
        theirs.decoder = vq_model.Decoder(ch=ch, z_channels=2 * ch).eval()
    state = drawn_like(theirs.state_dict())
    theirs.load_state_dict(state)
    ours = VQGAN(vq16_config(side, ch=ch, z_channels=2 * ch, codebook_size=CODES))
    ours.load_state_dict(convert(state))

    def encode(signed: Tensor) -> Tensor:
        found: Tensor = theirs.encode(signed)[2][2]
        return found.view(len(signed), -1)

    def decode(codes: Tensor) -> Tensor:
        made: Tensor = theirs.decode_code(codes.flatten(), [len(codes), 8, side // 16, side // 16])
        return made

    return Pair(ours, encode, decode)


def var(checkout: Path, side: int, ch: int) -> Pair:
    sys.path.insert(0, str(checkout))
    from models.vqvae import VQVAE  # type: ignore[import-not-found]

    scales = tuple(scale for scale in VAR_VAE.v_patch_nums if scale <= side // 16)
    ch = VAR_VAE.ch if ch == 128 else ch
    theirs = VQVAE(vocab_size=VAR_VAE.vocab_size, z_channels=VAR_VAE.z_channels, ch=ch, v_patch_nums=scales).eval()
    state = drawn_like(theirs.state_dict())
    theirs.load_state_dict(state)
    ours = VARTokenizer(VARConfig(VAR_VAE.vocab_size, VAR_VAE.z_channels, ch, scales))
    ours.load_state_dict(state)

    def decode(codes: Tensor) -> Tensor:
        maps = list(codes.split([scale * scale for scale in scales], dim=1))
        made: Tensor = theirs.idxBl_to_img(maps, same_shape=True, last_one=True)
        return made

    return Pair(ours, lambda signed: torch.cat(theirs.img_to_idxBl(signed), dim=1), decode)


KNOWN: dict[str, tuple[str, Callable[[Path, int, int], Pair]]] = {
    "vqgan": ("taming-transformers", taming),
    "llamagen": ("LlamaGen", llamagen),
    "var": ("VAR", var),
}


def measure(bench: Bench, name: str, pair: Pair, side: int) -> None:
    ours = placed(pair.ours, "cpu")
    images = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    codes = ours.encode(images)
    pairs: dict[str, dict[str, Callable[[], Tensor]]] = {
        "encode": {"ours": lambda: ours.encode(images), "authors": lambda: pair.encode(2 * images - 1)},
        "decode": {"ours": lambda: ours.decode(codes), "authors": lambda: pair.decode(codes).add(1).div(2).clamp(0, 1)},
    }
    for verb, calls in pairs.items():
        with torch.no_grad():
            turns = take_turns(calls, bench.sized(7, 1), budget=20)
        first, second = turns.values["ours"], turns.values["authors"]
        if verb == "encode":
            gap = float((first != second).float().mean())
            bench.require(gap <= TIES, f"codes of {name}: {gap:.1%} differ")
        else:
            gap = float((first - second).abs().max())
            bench.require(gap <= EQUAL, f"pictures of {name}: {gap:.1e}")
        print(turns.told())
        claim = Claim(f"codec-{name}-{verb}", f"{name}, {WHAT[verb]}, speed beside the authors'", least=1.0)
        took = f"{turns.median('ours'):.3g} s, theirs {turns.median('authors'):.3g} s"
        bench.state(claim, turns.speed_of("ours", "authors"), f"{took}; {side} pixels, {cores()} threads")


def main() -> None:
    warnings.simplefilter("ignore")
    bench = Bench.begin(__doc__, lambda parser: parser.add_argument("--authors", type=Path, help="their checkouts"))
    torch.set_num_threads(cores())
    authors, side, ch = bench.options.authors, *bench.sized((SIDE, 128), (64, 32))
    for name, (folder, make) in KNOWN.items():
        if authors is None or not (authors / folder).is_dir():
            bench.left_out(f"{name} beside its authors' code: --authors FOLDER that holds {folder}")
            continue
        with contextlib.redirect_stdout(io.StringIO()):  # what their constructors print
            pair = make((authors / folder).resolve(), side, ch)
        measure(bench, name, pair, side)
    bench.end()


if __name__ == "__main__":
    main()
