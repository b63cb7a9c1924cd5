"""Cosine vector quantisation: nearest code by largest cosine, EMA codebook, k-means start, dead codes reset.

DDT-LLaMA: linear projection to 16 dimensions, nearest code by cosine, EMA updates, dead entries reset to encoder
outputs of the batch. Constants are those of the released Selftok code (decay 0.99, threshold 0.2 of the expected
hits). By default, at small scale, without Selftok's entropy term and with reset from anywhere in the batch; both
published parts are there by configuration (``diversity``, ``reset``), and so are books of other shapes: one for each
position (``own_books``), and a code made of ``parts`` smaller ones (a product code).
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ddt_llama.tokenizer.fsq import FiniteScalarQuantizer
from harness.errors import UserError

SHARPNESS = 10.0
"""What cosines are multiplied by before a soft assignment (released Selftok)."""
REMEMBERED = 0.8
"""Share of the moving average in the frequencies whose entropy is raised (released Selftok)."""
SAMPLED = 200_000
"""Vectors that k-means looks at for one book."""


class CosineQuantizer(nn.Module):
    """Features ``B K D`` to indices, and indices to what the decoder sees ``B K code_width`` (a LayerNorm follows the
    lookup).

    Inside, vectors are kept as ``G N C``: ``G`` books, one for all positions or one for each, times the parts of a
    code. The buffer ``codebook`` holds them one under another, ``G * entries`` rows of ``C``.

    Examples:
        >>> quantizer = CosineQuantizer(width=96, codebook_size=256)
        >>> codes = quantizer.indices(torch.randn(2, 64, 96))
        >>> codes.shape, quantizer.lookup(codes).shape
        (torch.Size([2, 64]), torch.Size([2, 64, 16]))
    """

    codebook: Tensor
    average: Tensor
    hits: Tensor
    started: Tensor
    usage: Tensor

    def __init__(
        self,
        width: int,
        codebook_size: int,
        code_width: int = 16,
        decay: float = 0.99,
        dead: float = 0.2,
        codes: int = 0,
        own_books: bool = False,
        parts: int = 1,
        diversity: float = 0.0,
        reset: Literal["batch", "position"] = "batch",
        gradient: Literal["straight", "rotation"] = "straight",
        noise: float = 0.0,
    ) -> None:
        """``codes``: positions of an image, which own books, ``diversity`` and reset by position need to know.
        ``noise``: in training, features that pass as they are are moved by noise of this squared length (of a unit
        vector), so that they say no more than codes as far from them could (as in NSVQ, Vali and Bäckström 2022, which
        puts noise in the place of the quantisation error).
        """
        super().__init__()
        entries = round(codebook_size ** (1 / parts))
        if entries**parts != codebook_size or code_width % parts:
            raise UserError(f"a codebook of {codebook_size} and width {code_width} has no {parts} equal parts")
        if (own_books or diversity or reset == "position") and not codes:
            raise UserError("own books, diversity and reset by position need the number of codes")
        self.codebook_size, self.code_width, self.decay, self.dead = codebook_size, code_width, decay, dead
        self.codes, self.own_books, self.parts, self.entries = codes, own_books, parts, entries
        self.diversity, self.reset, self.gradient, self.noise = diversity, reset, gradient, noise
        self.books = (codes if own_books else 1) * parts
        self.project_in = nn.Linear(width, code_width)
        self.out_norm = nn.LayerNorm(code_width, eps=1e-6)
        rows = torch.randn(self.books * entries, code_width // parts)
        self.register_buffer("codebook", F.normalize(rows, dim=-1))
        # training only: what the moving averages need; never exported
        self.register_buffer("average", self.codebook.clone(), persistent=False)
        self.register_buffer("hits", torch.ones(self.books * entries), persistent=False)
        self.register_buffer("started", torch.zeros(()), persistent=False)
        self.register_buffer("usage", torch.ones(codes * parts, entries) / entries, persistent=False)

    # -- shapes: B K C <-> G N C

    def _grouped(self, unit: Float[Tensor, "B K W"]) -> Float[Tensor, "G N C"]:
        batch, count, _ = unit.shape
        x = unit.view(batch, count, self.parts, -1)
        if self.own_books:
            return x.permute(1, 2, 0, 3).reshape(self.books, batch, -1)
        return x.permute(2, 0, 1, 3).reshape(self.books, batch * count, -1)

    def _ungrouped(self, grouped: Tensor, batch: int, count: int) -> Tensor:
        """``G N ...`` as ``B K parts ...``."""
        rest = grouped.shape[2:]
        if self.own_books:
            return grouped.view(count, self.parts, batch, *rest).movedim(2, 0)
        return grouped.view(self.parts, batch, count, *rest).movedim(0, 2)

    def _rows(self, codes: Int[Tensor, "B K"]) -> Int[Tensor, "B K parts"]:
        """The row of ``codebook`` of each part of each code."""
        digits = torch.stack([codes // self.entries**part % self.entries for part in range(self.parts)], dim=-1)
        first = torch.arange(self.parts, device=codes.device)
        if self.own_books:
            first = first + self.parts * torch.arange(codes.shape[1], device=codes.device)[:, None]
        rows: Tensor = digits + first * self.entries
        return rows

    def _numbered(self, nearest: Int[Tensor, "G N"], batch: int, count: int) -> Int[Tensor, "B K"]:
        """One number for the parts of a code."""
        powers = self.entries ** torch.arange(self.parts, device=nearest.device)
        numbers: Tensor = (self._ungrouped(nearest, batch, count) * powers).sum(dim=-1)
        return numbers

    def _cosines(self, grouped: Float[Tensor, "G N C"]) -> Float[Tensor, "G N V"]:
        books = self.codebook.view(self.books, self.entries, -1)
        # the update writes into the book, which a backward pass through these cosines needs as it was
        cosines: Tensor = grouped @ (books.clone() if grouped.requires_grad else books).transpose(1, 2)
        return cosines

    # -- reading and writing codes

    def unit_features(self, features: Float[Tensor, "B K D"]) -> Float[Tensor, "B K C"]:
        with torch.autocast(features.device.type, enabled=False):  # nearest-code decisions in full precision
            projected = self.project_in(features.float())
            parts = projected.view(*projected.shape[:-1], self.parts, -1)
            return F.normalize(parts, dim=-1).flatten(-2)

    def indices(self, features: Float[Tensor, "B K D"]) -> Int[Tensor, "B K"]:
        """The code of the largest cosine."""
        nearest = self._cosines(self._grouped(self.unit_features(features))).argmax(dim=-1)
        return self._numbered(nearest, *features.shape[:2])

    def lookup(self, codes: Int[Tensor, "B K"]) -> Float[Tensor, "B K C"]:
        """What the decoder sees for these codes."""
        return self.out_norm(self.codebook[self._rows(codes)].flatten(-2))  # type: ignore[no-any-return]

    # -- training

    def forward(self, features: Float[Tensor, "B K D"], continuous: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Training: (decoder input with a gradient to the features, what to lower beside the image's error, indices).

        Updates the codebook. What to lower is the commitment, less ``diversity`` times the entropy of the positions'
        frequencies. ``continuous`` lets the features through as they are: an encoder must first learn to say something
        about the image, or k-means would find one cluster per position and the commitment would keep it there (seen;
        docs/log.md).
        """
        unit = self.unit_features(features)
        grouped = self._grouped(unit)
        if not continuous and not self.started:
            self.start(features)
        cosines = self._cosines(grouped.detach() if not self.diversity else grouped)
        nearest = cosines.argmax(dim=-1)
        indices = self._numbered(nearest, *unit.shape[:2])
        if continuous:
            return self.out_norm(self._moved(unit)), unit.new_zeros(()), indices
        chosen = self.codebook[self._rows(indices)].flatten(-2)
        beside = (unit - chosen).square().sum(dim=-1).mean()
        if self.diversity:
            beside = beside - self.diversity * self._evenness(cosines, *unit.shape[:2])
        self._update(grouped.detach(), nearest, *unit.shape[:2])
        return self.out_norm(self._through(unit, chosen)), beside, indices

    def _moved(self, unit: Float[Tensor, "B K C"]) -> Float[Tensor, "B K C"]:
        """By noise of the asked length; each part stays of unit length."""
        if not self.noise or not self.training:
            return unit
        parts = unit.view(*unit.shape[:-1], self.parts, -1)
        drawn = torch.randn(parts.shape).to(parts.device)  # on the CPU, so that every device sees the same
        return F.normalize(parts + drawn * (self.noise / parts.shape[-1]) ** 0.5, dim=-1).flatten(-2)

    def _through(self, unit: Float[Tensor, "B K C"], chosen: Float[Tensor, "B K C"]) -> Float[Tensor, "B K C"]:
        """The chosen codes, with a gradient to the features: the identity, or the rotation that carries each feature
        onto its code (Fifty et al., arXiv 2410.06424, section 4; both have unit length in each part)."""
        if self.gradient == "straight":
            return unit + (chosen - unit).detach()
        e, q = (x.view(*x.shape[:-1], self.parts, -1) for x in (unit, chosen))
        still = e.detach()
        middle = F.normalize(still + q, dim=-1)
        turned: Tensor = e - 2 * (e * middle).sum(-1, keepdim=True) * middle + 2 * (e * still).sum(-1, keepdim=True) * q
        return turned.flatten(-2)

    def _evenness(self, cosines: Float[Tensor, "G N V"], batch: int, count: int) -> Float[Tensor, ""]:
        """Mean over positions of the entropy of their codes' soft frequencies, as a share of the largest; a part of
        the frequencies is remembered from batches before."""
        soft = self._ungrouped((SHARPNESS * cosines).softmax(dim=-1), batch, count).mean(dim=0).flatten(0, 1)
        mixed = REMEMBERED * self.usage + (1 - REMEMBERED) * soft
        entropy = -(mixed * (mixed + 1e-9).log()).sum(dim=-1)
        return entropy.mean() / torch.log(torch.tensor(float(self.entries)))

    @torch.no_grad()
    def resume_from_codebook(self) -> None:
        """Go on from a codebook that is there: its codes count as used as often as expected."""
        self.average.copy_(self.codebook)
        self.hits.fill_(1.0)
        self.started.fill_(1.0)

    @torch.no_grad()
    def start(self, features: Float[Tensor, "B K D"], rounds: int = 10) -> None:
        """Spherical k-means, by itself on the first batch; of many images where a training gives them."""
        grouped = self._grouped(self.unit_features(features))
        books = self.codebook.view(self.books, self.entries, -1)
        for book, vectors in zip(books, grouped, strict=True):
            if len(vectors) > SAMPLED:
                vectors = vectors[torch.randperm(len(vectors))[:SAMPLED]]
            book.copy_(_centres(vectors, self.entries, rounds))
        self.resume_from_codebook()

    @torch.no_grad()
    def _update(self, grouped: Float[Tensor, "G N C"], nearest: Int[Tensor, "G N"], batch: int, count: int) -> None:
        rows = (nearest + self.entries * torch.arange(self.books, device=nearest.device)[:, None]).flatten()
        flat = grouped.flatten(0, 1)
        expected = grouped.shape[1] / self.entries
        hits = torch.bincount(rows, minlength=len(self.hits)).float()
        sums = torch.zeros_like(self.average).index_add_(0, rows, flat)
        self.hits.lerp_(hits / expected, 1 - self.decay)
        self.average.lerp_(sums / expected, 1 - self.decay)
        self.codebook.copy_(F.normalize(self.average, dim=-1))
        if len(self.usage):
            counted = F.one_hot(self._ungrouped(nearest, batch, count), self.entries).float()
            self.usage.lerp_(counted.mean(dim=0).flatten(0, 1), 1 - self.decay)
        dead = (self.hits < self.dead).nonzero().flatten()
        if len(dead):
            drawn = self._drawn(grouped, dead // self.entries, batch, count)
            self.codebook[dead] = drawn
            # a reborn code gets the weight at which it is just alive, so that it must earn its place
            self.average[dead] = drawn * self.dead
            self.hits[dead] = self.dead

    def _drawn(
        self, grouped: Float[Tensor, "G N C"], books: Int[Tensor, " D"], batch: int, count: int
    ) -> Float[Tensor, "D C"]:
        """A vector of this batch for each dead code: from anywhere, or rather from positions that use few codes."""
        if self.reset == "batch" or self.own_books:
            return grouped[books, torch.randint(grouped.shape[1], (len(books),), device=grouped.device)]
        entropy = -(self.usage * (self.usage + 1e-9).log()).sum(dim=-1).view(count, self.parts)
        few = (1 / entropy.exp()).T[books]
        position = torch.multinomial(few, 1).flatten()
        image = torch.randint(batch, (len(books),), device=grouped.device)
        return grouped[books, image * count + position]


def _centres(vectors: Float[Tensor, "N C"], count: int, rounds: int) -> Float[Tensor, "V C"]:
    picks = torch.randperm(len(vectors))[:count] if len(vectors) >= count else torch.randint(len(vectors), (count,))
    centres = vectors[picks].clone()
    for _ in range(rounds):
        nearest = (vectors @ centres.T).argmax(dim=-1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, vectors)
        used = sums.norm(dim=-1) > 1e-6
        centres[used] = F.normalize(sums[used], dim=-1)
    return centres


def make_quantizer(
    width: int, codes: int, kind: str = "cosine", **config: Any
) -> CosineQuantizer | FiniteScalarQuantizer:
    """The quantiser that a configuration names: ``cosine`` (default) or ``fsq`` (with ``levels``). Raises UserError."""
    if kind == "fsq":
        return FiniteScalarQuantizer(width, **config)
    if kind != "cosine":
        raise UserError(f"unknown quantiser '{kind}'; known: cosine, fsq")
    return CosineQuantizer(width, codes=codes, **config)
