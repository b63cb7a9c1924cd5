"""What is asked for and what the answers are compared with: cases, each with one picture of the reference set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from harness.contracts import Case
from harness.errors import UserError, nearest
from harness.images import to_bytes
from harness.spec import canonical_json
from tasks.data.fashion_mnist import FILES, open_fashion, padded_rgb

if TYPE_CHECKING:
    import numpy as np

WORLD_CASES = 2000
CLASSES = 10
SPARE = 100
"""Scenes drawn beyond the reference set, in the place of those that are left out of it."""
FEWER = 2000
"""Cases of ``fashion-2000``."""
DIGITS = 16


@dataclass(frozen=True)
class Reference:
    """Cases and, in their order, the reference pictures (``count 32 32 3``). Satisfies ``ImageSource``."""

    name: str
    about: str
    asked: str
    revision: str
    numbers: dict[str, int]
    listed: tuple[Case, ...]
    pictures: np.ndarray
    native_size: int | None = 32
    data: tuple[str, ...] = ()
    """The data entries that they come from."""

    def cases(self) -> Sequence[Case]:
        return self.listed

    def image(self, case: Case) -> np.ndarray:
        """The reference picture that this case carries."""
        picture: np.ndarray = self.pictures[self.numbers[case.id]]
        return picture


def open_reference(argument: str) -> Reference:
    """``world`` (also ""), ``fashion`` or ``fashion-2000``. Raises UserError for another word."""
    if argument in ("", "world"):
        return _world()
    if argument in ("fashion", f"fashion-{FEWER}"):
        return _fashion(None if argument == "fashion" else FEWER)
    known = ("world", "fashion", f"fashion-{FEWER}", "coco-captions-30k")
    raise UserError(f"no reference set '{argument}': one of {', '.join(known)}{nearest(argument, known)}")


def _reference(name: str, about: str, asked: str, cases: Sequence[Case], pictures: np.ndarray, data: str) -> Reference:
    truth = canonical_json([[case.id, dict(case.facts)] for case in cases]).encode()
    digest = hashlib.sha256(truth + pictures.tobytes()).hexdigest()[:DIGITS]
    numbers = {case.id: number for number, case in enumerate(cases)}
    return Reference(name, about, asked, f"{data}-{digest}", numbers, tuple(cases), pictures)


@cache
def _world() -> Reference:
    import numpy as np

    from tasks.world.captions import caption
    from tasks.world.draw import draw
    from tasks.world.sampling import scenes_of

    told = scenes_of("test", 0, WORLD_CASES).scenes()
    cases = []
    for number, scene in enumerate(told):
        name = f"world-test-{number:06d}"
        stratum = "held-out" if scene.held_out else "seen"
        cases.append(Case(name, name, stratum, {"caption": caption(scene)}))
    # Two scenes of one object each can be alike: what the captions tell of is no reference.
    known = {scene.objects for scene in told}
    later = scenes_of("test", WORLD_CASES, WORLD_CASES + SPARE)
    others = [row for row, scene in enumerate(later.scenes()) if scene.objects not in known][:WORLD_CASES]
    pictures = to_bytes(draw(later.select(np.array(others))))
    return _reference(
        "world",
        f"embedded world, test scenes {WORLD_CASES} to {WORLD_CASES + others[-1]}, without what the captions tell of",
        f"captions (plain) of test scenes 0 to {WORLD_CASES - 1}",
        cases,
        pictures,
        "world",
    )


@cache
def _fashion(count: int | None) -> Reference:
    """Cases go through the ten classes again and again, so that any first N x 10 of them are balanced. Ten such cases
    are one cluster: what varies is the picture, not how often a class is asked for."""
    import numpy as np

    images, labels = open_fashion("test")
    each = (count or FILES["test"].count) // CLASSES
    rows = np.stack([np.flatnonzero(labels == label)[:each] for label in range(CLASSES)], axis=1)
    facts = {"crop": [2, 2, 28, 28], "grey": True}
    cases = [
        Case(f"fashion-class-{label}-{round_:04d}", f"fashion-round-{round_:04d}", "", {**facts, "label": label})
        for round_ in range(each)
        for label in range(CLASSES)
    ]
    which = "test split" if count is None else f"first {each} of each class of the test split"
    found = _reference(
        "fashion" if count is None else f"fashion-{count}",
        f"Fashion-MNIST {which}, 28x28 grey padded to 32x32 RGB, of the asked class in order",
        f"{each} pictures of each of {CLASSES} classes",
        cases,
        padded_rgb(images[rows.ravel()]),
        "fashion-mnist",
    )
    return replace(found, data=("fashion-mnist",))
