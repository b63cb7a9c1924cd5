"""The ways in which published programs score the same reconstructions, as data.

A ``ConventionsEntry`` names a TOML file of its package: ``title``, ``tasks`` whose stored pictures are scored, what
``training`` pictures there are beside them (argument of the task -> stream of the catalogue), an ``[evaluator.KEY]``
for each program, and each way once::

    [[convention]]
    name = "psnr-per-batch"
    group = "PSNR"
    label = "of each batch's squared error, mean over batches"
    measure = "psnr"              # psnr or ssim, worked out here; metric, one of the catalogue
    rounding = "truncate"         # of the output to 8 bits: nearest, truncate or none
    over = "batch"                # image, batch, batch-of-images or all
    evaluators = ["flowmo"]

``rounding_of_reference`` is *none*, or *truncate*: of pictures that went to [-1, 1] and back in float32. ``against``
says what the output is compared with: the *reference*, the *round trip* of an autoencoder, *training* pictures, or the
reference by *another crop*. ``absent`` is why a way can never be measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from harness import catalog
from harness.errors import UserError, nearest
from harness.stated import require_stated, stated

Measure = Literal["psnr", "ssim", "metric", "none"]
Rounding = Literal["nearest", "truncate", "none"]
Over = Literal["image", "batch", "batch-weighted", "batch-of-images", "all"]
Window = Literal["gaussian-11", "uniform-7"]
DataRange = Literal["1", "2", "reference"]
Against = Literal["reference", "round trip", "training", "another crop"]


@dataclass(frozen=True)
class Evaluator:
    """A published program: its name, the commit that was read, and what is known of it."""

    key: str
    about: str
    commit: str = ""


@dataclass(frozen=True)
class Convention:
    """One way to score. ``over``: what a PSNR is taken of before the mean (``batch-weighted`` weighs a batch by its
    pictures, ``batch-of-images`` takes the mean of batches' means). ``data_range`` and ``window`` are SSIM's; the
    Gaussian window takes population covariances, the uniform one those of a sample, as scikit-image does. ``metric`` is
    one of the catalogue's."""

    name: str
    group: str
    label: str
    measure: Measure
    evaluators: tuple[str, ...]
    rounding: Rounding = "nearest"
    rounding_of_reference: Rounding = "none"
    over: Over = "image"
    batch: int = 64
    window: Window = "gaussian-11"
    data_range: DataRange = "1"
    against: Against = "reference"
    metric: str = ""
    unit: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Conventions:
    """All of a file."""

    name: str
    title: str
    tasks: tuple[str, ...]
    training: Mapping[str, str] = field(hash=False)
    evaluators: tuple[Evaluator, ...]
    ways: tuple[Convention, ...]


_FILE: dict[str, Any] = {"title": "", "tasks": (), "training": {}, "evaluator": {}, "convention": []}
_EVALUATOR: dict[str, Any] = {"about": "", "commit": ""}
_CONVENTION: dict[str, Any] = {
    **{"name": "", "group": "", "label": "", "measure": "", "metric": "", "unit": "", "absent": ""},
    **{"rounding": "nearest", "rounding_of_reference": "none", "over": "image", "window": "gaussian-11"},
    **{"data_range": "1", "against": "reference", "batch": 64, "evaluators": ()},
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "measure": get_args(Measure),
    "rounding": get_args(Rounding),
    "rounding_of_reference": get_args(Rounding),
    "over": get_args(Over),
    "window": get_args(Window),
    "data_range": get_args(DataRange),
    "against": get_args(Against),
}


def read_conventions(name: str) -> Conventions:
    """The conventions of this name. Raises UserError for an unknown one, and for a file that is not as it should be,
    with the convention."""
    said = catalog.find("conventions", name)
    where = f"conventions '{name}' of {catalog.package_of('conventions', name)}"
    found = stated(said, _FILE, where)
    require_stated(found, ("title", "tasks", "convention"), where)
    evaluators = tuple(_evaluator(key, item, where) for key, item in found["evaluator"].items())
    known = {one.key for one in evaluators}
    ways = tuple(_convention(item, place, known, where) for place, item in enumerate(found["convention"], 1))
    return Conventions(name, found["title"], tuple(found["tasks"]), found["training"], evaluators, ways)


def _evaluator(key: str, said: Any, where: str) -> Evaluator:
    there = f"{where}: evaluator '{key}'"
    found = stated(said, _EVALUATOR, there)
    require_stated(found, ("about",), there)
    return Evaluator(key, **found)


def _convention(said: Any, place: int, evaluators: set[str], where: str) -> Convention:
    there = f"{where}: convention {place}"
    found = stated(said, _CONVENTION, there)
    require_stated(found, ("name", "group", "label", "measure"), there)
    for key, choices in _CHOICES.items():
        if found[key] not in choices:
            raise UserError(f"{there} ({found['name']}): {key} '{found[key]}'{nearest(found[key], choices)}")
    for key in found["evaluators"]:
        if key not in evaluators:
            raise UserError(f"{there} is of '{key}', which no [evaluator.{key}] describes{nearest(key, evaluators)}")
    if found["measure"] == "metric" and not found["metric"]:
        raise UserError(f"{there} ({found['name']}) lacks 'metric': name one of the catalogue")
    if found["batch"] < 1:
        raise UserError(f"{there} ({found['name']}): a batch of {found['batch']} holds no picture: write 1 or more")
    return Convention(**{**found, "evaluators": tuple(found["evaluators"])})
