"""Progressive decoding: the image from the first 1, K/8, 2K/8, ... K codes, and from the last ones.

Paper: the strips of partial decodings in DDT-LLaMA (arXiv 2504.14666, project page) and Selftok (arXiv 2505.07538).
Data and licences: ``tasks/tokenizing/sources.py``.

Protocol: codes are shown in the tokenizer's native order (``first-...``) and in reverse (``last-...``); what an
absent code is, each tokenizer states (DDT: zero and masked; VAR: a missing scale adds nothing; VQGAN: the mean
code). Both orders are shown because tokenizers do not agree on which end is coarse: VAR's first codes are coarse,
DDT's first codes are the fine detail, so that DDT's strip reads from coarse to fine in reverse. PSNR against the
shown image, on the pixels that the source compares. Of scenes of the world it is also counted which attributes of each
object, and whether the background, can be told from a picture (``tasks.world.recovery``).

Known gaps: no tokenizer but VAR was trained on prefixes of this kind; DDT has seen only prefixes, and hidden ones
at low noise, so its suffixes are outside of what it learned (the Selftok report says the same of its own figure).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.answers import codes_of
from harness.contracts import SHARE, Case, Sample
from harness.errors import UserError
from harness.metrics.ratio import Ratio
from harness.metrics.reconstruction import decibel
from tasks.tokenizing.base import TokenizerTask
from tasks.tokenizing.cost import device_of
from tasks.tokenizing.drawn import DrawnSource
from tasks.tokenizing.reconstruction import bits_spent
from tasks.tokenizing.shown import OF_SCENES, PROGRESSIVE
from tasks.tokenizing.sources import ImageSource, open_source
from tasks.world.recovery import ATTRIBUTES, asked, recovered, scene_from, scenes_seen
from tasks.world.scene import SIDE

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.world.scene import Scene

PARTS = 8
ORDERS = ("first", "last")
METRICS = ("progressive-psnr", "progressive-psnr-reversed", "bits-per-image")
RECOVERED = tuple(f"recovered-{name}{end}" for end in ("", "-reversed") for name in ATTRIBUTES)


def steps(count: int, parts: int = PARTS) -> tuple[int, ...]:
    """How many codes each picture of a strip is made from: 1, then multiples of ``count / parts`` rounded up, to
    ``count``."""
    return tuple(sorted({1, *(-(-count * part // parts) for part in range(1, parts + 1))}))


def step_name(order: str, shown: int) -> str:
    """For example ``first-008``; names sort as numbers below 1,000 codes."""
    return f"{order}-{shown:03d}"


def psnr(references: np.ndarray, outputs: np.ndarray, facts: Sequence[Mapping[str, Any]]) -> list[float]:
    """PSNR of each pair of 8-bit images in dB, by the definition of the metric ``psnr``, inside ``facts['crop']``
    if it is there."""
    values = []
    for reference, output, known in zip(references, outputs, facts, strict=True):
        top, left, height, width = known.get("crop", (0, 0, *reference.shape[:2]))
        inside = np.s_[top : top + height, left : left + width]
        difference = (reference[inside].astype(np.float64) - output[inside]) / 255
        if known.get("grey"):
            difference = difference.mean(axis=-1)
        values.append(float(decibel(np.array([np.square(difference).mean()]))[0]))
    return values


class Progressive(TokenizerTask):
    """``progressive@SOURCE``. Numbers are ``psnr-first-008`` ... and the area under each order's curve,
    ``area-first``."""

    title = "progressive"
    version = 2  # samples of version 1 say nothing of attributes
    metrics: Sequence[str] = METRICS

    def __init__(self, source: ImageSource, subject: Any) -> None:
        super().__init__(source, subject)
        require_parts(subject, self.title)
        drawn = isinstance(source, DrawnSource)
        self.scenes = scenes_in(source)
        self.metrics = (*METRICS, *RECOVERED) if self.scenes else METRICS
        shown = OF_SCENES if self.scenes else PROGRESSIVE
        self.shown = replace(shown, order=shown.order + drawn)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        found = {**super().fingerprint, "shares": f"1 code, then 1/{PARTS} ... {PARTS}/{PARTS}"}
        return found | ({"scenes": "as the detector sees them"} if self.scenes == "seen" else {})

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """Encode once, decode once per order and step; all codes shown are the same picture in both orders."""
        import torch

        references = np.stack(list(inputs))
        count = int(subject.code_count)
        with torch.no_grad():
            codes = codes_of(self._codes(subject, cases, inputs), len(cases), subject)
            full = self.stored(subject.decode(codes, seeds=seeds), len(cases))
            pictures = {
                (order, shown): full
                if shown == count
                else self.stored(subject.decode(codes, visible=visible(codes, order, shown), seeds=seeds), len(cases))
                for order in ORDERS
                for shown in steps(count)
            }
        facts = [case.facts for case in cases]
        truths = self._truths(cases, references)
        scores = {place: psnr(references, images, facts) for place, images in pictures.items()}
        bits = bits_spent(subject, codes)
        return [
            Sample(
                case,
                images={
                    "reference": inputs[row],
                    "output": full[row],
                    **{step_name(*place): images[row] for place, images in pictures.items()},
                },
                codes=codes[row].tolist(),
                numbers={
                    **_numbers(scores, row, count),
                    "bits": bits[row],
                    **attribute_numbers(truths[row], {place: images[row] for place, images in pictures.items()}),
                },
            )
            for row, case in enumerate(cases)
        ]

    def _codes(self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray]) -> Tensor:
        """Those that a model drew, where they are this tokenizer's own; else those of the picture."""
        drawn = self.source.drawn_codes(cases, subject) if isinstance(self.source, DrawnSource) else None
        if drawn is not None:
            return drawn.to(device_of(subject))
        encoded: Tensor = subject.encode(self.input_batch(subject, inputs))
        return encoded

    def _truths(self, cases: Sequence[Case], references: np.ndarray) -> Sequence[Scene | None]:
        """The scene of each picture; None where it shows none."""
        if self.scenes == "seen":
            return scenes_seen(references)
        return [scene_from(case.facts) if self.scenes else None for case in cases]


def scenes_in(source: ImageSource) -> Literal["told", "seen", ""]:
    """Whether the pictures are scenes of the world, whose truth is told by the facts or has to be seen in a picture
    that a model drew."""
    if source.name == "world":
        return "told"
    drawn = isinstance(source, DrawnSource) and source.of_texts and source.native_size == SIDE
    return "seen" if drawn else ""


def require_parts(subject: Any, title: str) -> None:
    """Raise UserError for a tokenizer that cannot decode a part of its codes."""
    try:
        known = inspect.signature(subject.decode).parameters
    except (AttributeError, ValueError, TypeError):
        return  # no tokenizer, which is told elsewhere; or one that does not say what it takes
    if "visible" not in known and not any(item.kind is item.VAR_KEYWORD for item in known.values()):
        raise UserError(
            f"{title} shows a part of the codes, and {type(subject).__name__} decodes all of them only: let its decode "
            "take visible=, a mask of the codes that it may use"
        )


def attribute_numbers(scene: Scene | None, strip: Mapping[tuple[str, int], np.ndarray]) -> dict[str, float]:
    """What can be told of this scene from each picture of a strip: ``right-first-colour-008`` and so on, how many
    objects were asked for (``asked-first-colour``), and the means of the former over the share of codes shown
    (``area-first-colour``). Nothing where there is no scene."""
    if scene is None:
        return {}
    counts = recovered(scene, np.stack(list(strip.values())))
    whole = max(shown for _, shown in strip)
    numbers: dict[str, float] = {}
    for attribute, of in asked(scene).items():
        right = {place: float(count[attribute]) for place, count in zip(strip, counts, strict=True)}
        for order in ORDERS:
            curve = {shown: value for (of_order, shown), value in right.items() if of_order == order}
            numbers |= {f"right-{order}-{attribute}-{shown:03d}": value for shown, value in curve.items()}
            numbers[f"asked-{order}-{attribute}"] = float(of)
            numbers[f"area-{order}-{attribute}"] = _curve_height([shown / whole for shown in curve], [*curve.values()])
    return numbers


def visible(codes: Tensor, order: str, shown: int) -> Tensor:
    """The mask ``batch codes`` that shows the first or the last codes."""
    import torch

    mask = torch.zeros(codes.shape, dtype=torch.bool, device=codes.device)
    mask[:, :shown] = True
    return mask if order == "first" else mask.flip(1)


def _numbers(scores: Mapping[tuple[str, int], Sequence[float]], row: int, count: int) -> dict[str, float]:
    numbers = {f"psnr-{step_name(*place)}": values[row] for place, values in scores.items()}
    shares = [shown / count for shown in steps(count)]
    for order in ORDERS:
        curve = [scores[order, shown][row] for shown in steps(count)]
        numbers[f"area-{order}"] = _curve_height(shares, curve)
    return numbers


def _curve_height(x: Sequence[float], y: Sequence[float]) -> float:
    """The area under a curve by trapezoids, divided by its width; of one point its value."""
    return y[0] if len(y) == 1 else float(np.trapezoid(y, x) / (x[-1] - x[0]))


def area_first() -> Ratio:
    """Mean PSNR over the share of codes shown, in native order: area under the curve, by trapezoids. Higher is
    better."""
    return Ratio("progressive-psnr", ("number.area-first",), unit="dB", worst=0.0)


def area_last() -> Ratio:
    """The same when codes are shown from the last one."""
    return Ratio("progressive-psnr-reversed", ("number.area-last",), unit="dB", worst=0.0)


def recovered_share(attribute: str, order: str) -> Ratio:
    """Share of the objects (of the pictures, for ``background``) whose attribute can be told
    (``tasks.world.recovery``), mean over the share of codes shown, from the first code on or from the last. In [0, 1],
    higher is better."""
    name = f"recovered-{attribute}" + ("-reversed" if order == "last" else "")
    number = f"number.area-{order}-{attribute}"
    return Ratio(name, (number,), (f"number.asked-{order}-{attribute}",), worst=0.0, traits=SHARE)


colour, shape, size, place, background = (partial(recovered_share, name, "first") for name in ATTRIBUTES)
colour_reversed, shape_reversed, size_reversed, place_reversed, background_reversed = (
    partial(recovered_share, name, "last") for name in ATTRIBUTES
)


def build(argument: str, subject: Any) -> Progressive:
    """The catalogue's factory: ``progressive@SOURCE``."""
    return Progressive(open_source(argument), subject)
