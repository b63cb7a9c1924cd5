"""Hard prompts: is what a model draws right, and does it look like a real picture? The one beside the other.

Paper: the comparison with Emu3 on DDT-LLaMA's project page (arXiv 2504.14666), by prompts of counting, colour, position
and several conditions: "Though Emu3 generates images with higher aesthetic quality, it struggles to accurately respond
to such prompts". Data: scenes of the embedded world's test split (ours, MIT) that no other task shows.

Protocol: 60 prompts of each kind, one picture each. *Counting*: three or four objects of one kind, and not one more.
*Colour*: two shapes, each in its colour. *Position*: two shapes and where the one is. *3 conditions*, *4 conditions*:
so many shapes, each in its colour. Whether a picture is right says GenEval's rule with the exact detector, as in
``geneval@world``. Quality is that of the set: distance and precision to real scenes, of which each prompt has one that
it is true of; no prompt names a background, and the real ones have all.

Known gaps: quality is likeness to the world's scenes, no taste. 300 pictures are few for a Frechet distance: read
``kd-world``, which has no bias, beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import SHARE, Case, Columns, MetricTraits, Sample
from harness.errors import UserError, nearest
from harness.images import to_bytes
from harness.spec import canonical_json
from tasks.generation.entries import HARD
from tasks.geneval.prompts import Prompt, prompt_from_json
from tasks.geneval.scoring import Verdict, filter_detections, verdict
from tasks.geneval.world import CLASSES, DETECTOR, RULES, detections
from tasks.tokenizing.base import TokenizerTask
from tasks.world.captions import caption, relations, with_article
from tasks.world.draw import GRID, draw_array
from tasks.world.sampling import scenes_of
from tasks.world.scene import SIDE, Scene, as_batch

KINDS = ("counting", "colour", "position", "3 conditions", "4 conditions")
PER_KIND = 60
FIRST, SEARCHED = 20_000, 4_000
"""Test scenes from here on, and how many are looked through: every other task shows earlier ones."""
METRICS = ("hard-correct", "fd-world", "kd-world", "precision-world")
DIGITS = 16


def _told(scene: Scene) -> tuple[str, dict[str, Any]] | None:
    """(kind, GenEval's record) of a scene that one of the kinds can tell; else None."""
    items, shapes = scene.objects, {item.shape for item in scene.objects}
    kinds = [{"class": item.shape, "count": 1, "color": item.colour} for item in items]
    if len(items) >= 3 and len(shapes) == len({item.colour for item in items}) == 1:
        shape = items[0].shape
        return "counting", {
            "tag": "counting",
            "include": [{"class": shape, "count": len(items), "color": items[0].colour}],
            "exclude": [{"class": shape, "count": len(items) + 1}],
            "prompt": caption(scene, "objects only"),
        }
    if len(shapes) < len(items) or len(items) < 2:
        return None
    if len(items) > 2:
        return f"{len(items)} conditions", {
            "tag": "color_attr",
            "include": kinds,
            "prompt": caption(scene, "objects only"),
        }
    first, second = items
    found = relations(first.box, second.box)
    if found and int(first.x * GRID) % 2:  # of like scenes half tell where, half in which colours
        relation = max(found, key=lambda name: found[name])
        return "position", {
            "tag": "position",
            "include": [
                {"class": second.shape, "count": 1},
                {"class": first.shape, "count": 1, "position": [relation, 0]},
            ],
            "prompt": f"{with_article(first.shape)} {relation} {with_article(second.shape)}",
        }
    return "colour", {"tag": "color_attr", "include": kinds, "prompt": caption(scene, "objects only")}


def _chosen() -> Iterator[tuple[str, dict[str, Any], Scene]]:
    """The first scenes of each kind, the kinds in turn, so that a limit takes all alike; no prompt twice."""
    rows: dict[str, dict[str, tuple[dict[str, Any], Scene]]] = {kind: {} for kind in KINDS}
    for scene in scenes_of("test", FIRST, SEARCHED).scenes():
        told = _told(scene)
        if told and len(rows[told[0]]) < PER_KIND:
            rows[told[0]].setdefault(told[1]["prompt"], (told[1], scene))
    columns = [[(kind, *row) for row in rows[kind].values()] for kind in KINDS]
    for place in range(PER_KIND):
        yield from (column[place] for column in columns if place < len(column))


class HardScenes:
    """Prompts and a real scene of each. Satisfies ``tasks.tokenizing.sources.ImageSource``."""

    name = "world"
    native_size: int | None = SIDE
    about = "prompts of counting, colour, position and several conditions about the embedded world, and real scenes"

    @property
    def revision(self) -> str:
        return _content()[2]

    def cases(self) -> Sequence[Case]:
        return _content()[0]

    def image(self, case: Case) -> np.ndarray:
        """The real scene."""
        picture: np.ndarray = _content()[1][case.id]
        return picture


@cache
def _content() -> tuple[tuple[Case, ...], Mapping[str, np.ndarray], str]:
    chosen = list(_chosen())
    pictures = to_bytes(draw_array(as_batch([scene for *_, scene in chosen])))
    cases = tuple(
        Case(
            f"hard-{place:04d}",
            record["prompt"],
            kind,
            {"geneval": record, "held_out": sorted(scene.facts()["held_out"])},
        )
        for place, (kind, record, scene) in enumerate(chosen)
    )
    truth = canonical_json([[case.id, dict(case.facts)] for case in cases]).encode()
    digest = hashlib.sha256(truth + pictures.tobytes()).hexdigest()[:DIGITS]
    return cases, {case.id: picture for case, picture in zip(cases, pictures, strict=True)}, f"hard-{digest}"


class HardPrompts(TokenizerTask):
    """``hard-prompts@world``. Sample images are ``reference`` (a real scene that the prompt is true of) and
    ``output``."""

    title = "hard-prompts"
    examines = "GeneratesImages"
    instruments: Sequence[str] = (DETECTOR, "world-features")
    metrics: Sequence[str] = METRICS
    shown = HARD

    def __init__(self, subject: Any) -> None:
        super().__init__(HardScenes(), subject)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[np.ndarray], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One picture per case. The real ones are carried along and never shown to the subject."""
        import torch

        prompts = [str(case.facts["geneval"]["prompt"]) for case in cases]
        with torch.no_grad():
            made = self.stored(subject.generate(prompts, list(seeds)), len(cases))
        return [
            Sample(case, images={"reference": real, "output": output})
            for case, real, output in zip(cases, inputs, made, strict=True)
        ]


@dataclass(frozen=True)
class Correct:
    """Share of pictures that show what their prompt asks for, by GenEval's rule and the exact detector. In [0, 1],
    higher is better."""

    name: str = "hard-correct"
    version: int = 1
    direction: Literal["higher"] = "higher"
    unit: str = ""
    worst: float | None = 0.0
    needs: tuple[str, ...] = (f"{DETECTOR}.detections",)

    @property
    def traits(self) -> MetricTraits:
        return MetricTraits(bounds=SHARE.bounds, protocol={"rules": RULES.fingerprint(), "judge": DETECTOR})

    def verdicts(self, columns: Columns) -> list[Verdict]:
        """One per case."""
        rows = zip(columns["case"], columns["facts"], columns[self.needs[0]], strict=True)
        return [_verdict(str(case), json.loads(facts)["geneval"], str(found)) for case, facts, found in rows]

    def parts(self, columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """1 or 0 over 1."""
        right = np.array([found.correct for found in self.verdicts(columns)], np.float64)
        return right, np.ones_like(right)

    def reasons(self, columns: Columns) -> list[str]:
        """What is wrong in each picture, "" where it is right."""
        return [found.reason for found in self.verdicts(columns)]


def _verdict(case: str, record: Mapping[str, Any], found: str) -> Verdict:
    prompt: Prompt = prompt_from_json(dict(record), f"prompt of {case}", CLASSES)
    kept = filter_detections(detections(found, f"image {case}"), prompt.tag, RULES, CLASSES)
    return verdict(prompt, kept, RULES)


def correct() -> Correct:
    """The catalogue's factory."""
    return Correct()


def build(argument: str, subject: Any) -> HardPrompts:
    """The catalogue's factory: ``hard-prompts@world``. Raises UserError for other prompts."""
    if argument not in ("", "world"):
        raise UserError(f"hard-prompts are about the world, not '{argument}'{nearest(argument, ['world'])}")
    return HardPrompts(subject)
