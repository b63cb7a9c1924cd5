"""How a task, a metric and a model are shown. Each says it of itself, and a run stores it, so that a report knows no
name: neither its own packages' nor a plug-in's, which need not even be installed where the report is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["score", "rate", "cost"]
Standing = Literal["model", "ceiling", "floor", "control"]
Tier = Literal["", "blocks", "warns"]


@dataclass(frozen=True)
class ShownMetric:
    """A metric in tables and figures.

    ``label`` heads its column ("": its name); of ``NAME@FEATURES`` the features follow in brackets. ``order``: low ones
    come first where there is no room for all. A ``rate`` (bits spent) and a ``cost`` stand beside the scores and nobody
    wins by them. ``unit`` is shown in place of the estimate's ("": that one). Under ``fewest`` cases a value is no
    basis for a judgement (0: the interval tells). ``meaning``: one line in plain words ("": its line of the catalogue).

    ``margin`` is the smallest difference that matters, in the metric's own unit; ``margin_relative`` the same as a
    share of the value that it is measured from. The larger of the two counts, so that ``margin`` is the floor where
    both are stated (0: not stated); ``margin_reason`` says why. ``tier``: whether a gate fails by this metric
    (``blocks``), only warns of it, or leaves it out ("") where no policy says otherwise. ``spread``: the standard error
    of a paired difference times the root of the number of cases, as it was seen, in the margin's unit (a share of the
    value where the margin is relative), so that a plan can tell what so many cases decide (0: not stated).
    """

    label: str = ""
    order: int = 100
    role: Role = "score"
    unit: str = ""
    margin: float = 0.0
    margin_reason: str = ""
    fewest: int = 0
    meaning: str = ""
    margin_relative: float = 0.0
    tier: Tier = ""
    spread: float = 0.0

    def margin_at(self, value: float) -> float:
        """The smallest difference from ``value`` that matters, in the metric's own unit; 0 where none is stated."""
        return max(self.margin, self.margin_relative * abs(value))


@dataclass(frozen=True)
class ShownModel:
    """A model in tables and figures.

    ``family``: what is alike in it and others (a tokenizer and the language models on it). ``role``: a ``ceiling``
    cannot be beaten and a ``floor`` should be, else a measurement is wrong; these and every other ``control`` show the
    scale and are never ranked. ``order``: low ones come first. ``colour`` (hex) and ``marker`` (matplotlib's): "" is
    one of the report's own.
    """

    label: str = ""
    family: str = ""
    role: Standing = "model"
    order: int = 100
    colour: str = ""
    marker: str = ""

    @property
    def control(self) -> bool:
        return self.role != "model"


@dataclass(frozen=True)
class ShownInstrument:
    """What an instrument found in a picture, so that it can be drawn over it.

    ``objects``: the column that says so as JSON ("": it finds nothing that has a place). Either a list of objects:
    ``label`` is each in words (``{colour} {shape}``), ``box`` the names of its left, top, right and bottom edge, of its
    centre and radius (``("x", "y", "radius")``), or of one list of four edges; its confidence is ``score``. Or
    ``{"boxes": {label: [[left, top, right, bottom, score], ...]}}``. ``masks``: the column of COCO's uncompressed run
    lengths, ``{label: [mask, ...]}``, row for row with the boxes. All in pixels of ``picture``.
    """

    objects: str = ""
    label: str = "{label}"
    box: tuple[str, ...] = ("box",)
    masks: str = ""
    picture: str = "output"


@dataclass(frozen=True)
class ShownSeries:
    """Pictures and numbers that a sample has at several steps: pictures ``WAY-STEP``, numbers ``MEASURE-WAY-STEP``.

    ``ways``: (way, in words). ``share``: steps are counts, drawn as shares of the largest; else they are drawn as they
    are. ``panels``: a panel for each way, with all models in it, or for each model, with all ways. ``words`` says what
    a step is, with ``{step}`` and ``{most}`` in it.

    ``over``: numbers ``OVER-WAY-STEP``, else ``OVER-WAY``, divide those of ``measure``, sum by sum ("": a mean).
    ``against``: numbers ``AGAINST-WAY-STEP`` are the places on the axis, and the steps marks on a path (``panels`` by
    way). ``pictures``: the ways of the pictures, where they are others than those of the numbers. ``controls``: they
    are drawn, too. ``apart``: panels have scales of their own.
    """

    title: str
    axis: str
    ways: tuple[tuple[str, str], ...]
    measure: str
    label: str
    unit: str
    caption: str
    gallery: str
    share: bool = False
    panels: Literal["way", "model"] = "way"
    words: str = "{step}"
    over: str = ""
    against: str = ""
    pictures: tuple[tuple[str, str], ...] = ()
    controls: bool = False
    apart: bool = False


@dataclass(frozen=True)
class ShownTask:
    """A task in a report.

    ``title`` names it in the table over several tasks, where its ``headline`` metrics stand, the main one first; of
    tasks of one title the one of lowest ``order`` does. () keeps it out. ``breakdown``: the metric that is worth its
    strata. ``verdict``: the metric whose score of a case says whether the answer is right (above 0).

    ``asked``: where in the facts of a case the question stands, the first that is there (``geneval.prompt``); a list is
    a line each. ``truth``: where the right answers to these lines stand. ``drop``: what every question ends with, left
    out. ``pictures``: (heading, name of the picture) that belong to the question. ``reference``: the name in prose of
    the picture that an output is compared with; where it is given the samples are a ``gallery``, outputs below their
    references, and not a sheet of questions and answers.

    ``rate`` and ``plane``: the metric of what is spent, or any other, and those drawn against it. ``used``: two metrics
    of one unit, what is used of what is spent; the share that they make is drawn beside the rate, too. ``series``: what
    its samples have at several steps; ``further`` ones have numbers and no pictures of their own.
    """

    title: str = ""
    headline: tuple[str, ...] = ()
    order: int = 100
    breakdown: str = ""
    verdict: str = ""
    asked: tuple[str, ...] = ()
    truth: str = ""
    drop: str = ""
    pictures: tuple[tuple[str, str], ...] = ()
    reference: str = ""
    rate: str = ""
    plane: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    series: ShownSeries | None = None
    further: tuple[ShownSeries, ...] = ()
