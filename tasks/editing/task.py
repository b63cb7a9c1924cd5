"""Editing by instruction: how near is an edited picture to the true edit, is the instruction done, and what else moved?

Paper: MagicBrush (Zhang et al. 2023, arXiv:2306.10012), whose sessions of up to three turns, two settings, and L1 and
L2 against the true edit are taken over. Data: edits of test scenes of the embedded world (ours, MIT), drawn with their
instructions by ``tasks/world/edits.py``; 300 sessions of one, two and three turns (600 turns), a hundred of each of
six kinds. No picture of them is an arrangement of the training split; combinations of shape and colour that training
never shows occur, and ``edit-success-held-out`` counts their cases apart.

Protocol: two tasks.

* ``editing@world`` (MagicBrush's *all turns*): every turn is a case of its own and starts from the true previous
  picture. Strata are the kinds of edit.
* ``editing-chain@world`` (*final turn*): a session is a case; each turn starts from the subject's own last output,
  rounded to 8 bits, and the last output is compared with the last true edit. Strata are the numbers of turns.

Every instruction is put once, with the seed of the case; output and true edit are compared as 8-bit pictures of 32x32,
and a subject of another size is resized on the way in and out, which the fingerprint says. Cases of one source picture
are one cluster. ``copy-source``, a control, changes nothing: its success is 0, its L1 is what an edit changes at all.

What tokens let through: the true edits themselves, encoded and decoded by the zoo's tokenizers, have an
``edit-success`` of 1.00 (VQGAN), 0.99 (VAR) and 0.92 (DDT) and an ``edit-exact`` of 1.00, 0.97 and 0.78: the most that
a model can reach which speaks these tokens (a slow test in ``tests/tasks/editing/`` holds it).

Known gaps: an added or moved object lies on a place inside its cell that the instruction does not tell (nor, half the
time, the size of an added one), so L1, L2 and cos-world of a perfect model are not perfect there, while the judged
metrics accept any place in the cell; what a tokenizer loses by itself is part of every distance. An empty picture
succeeds at removing: read ``edit-success`` beside ``edit-preserved``, or ``edit-exact`` alone. CLIP-I, DINO and CLIP-T
are not measured: their networks have not learned such pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.contracts import Case, Sample
from harness.errors import UserError, nearest
from harness.seeding import seed_for
from harness.spec import canonical_json
from tasks.editing.sessions import SESSIONS, expected, world_sessions
from tasks.reconstruction import TokenizerTask
from tasks.world.edits import Edit
from tasks.world.scene import SIDE, Scene

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8
    from torch import Tensor

ABOUT = "edits of test scenes of the embedded world"
DIGITS = 16
METRICS = ("edit-success", "edit-exact", "edit-preserved", "l1", "l2", "cos-world", "l1-outside")


class WorldEdits:
    """A source of cases (``sources.ImageSource``) whose picture is the one before the edit."""

    name = "world"
    native_size: int | None = SIDE
    about = ABOUT

    def __init__(self, chain: bool) -> None:
        self._chain = chain

    @property
    def _content(self) -> _Content:
        return _world(self._chain)

    @property
    def revision(self) -> str:
        return self._content.revision

    def cases(self) -> Sequence[Case]:
        return self._content.cases

    def image(self, case: Case) -> UInt8[np.ndarray, "32 32 3"]:
        """The picture before the first instruction of the case."""
        picture: np.ndarray = self._content.before[case.id]
        return picture

    def true_edit(self, case: Case) -> UInt8[np.ndarray, "32 32 3"]:
        """The picture after its last one."""
        picture: np.ndarray = self._content.after[case.id]
        return picture


class _Content:
    """Cases and their pictures; made once per process for each of the two settings."""

    def __init__(self, named: Sequence[tuple[str, str, str, Sequence[Edit]]]) -> None:
        self.cases = tuple(Case(name, group, stratum, _facts(edits)) for name, group, stratum, edits in named)
        pictures = _drawn([scene for *_, edits in named for scene in (edits[0].before, edits[-1].after)])
        names = [name for name, *_ in named]
        self.before = dict(zip(names, pictures[::2], strict=True))
        self.after = dict(zip(names, pictures[1::2], strict=True))
        truth = canonical_json([{"id": case.id, **case.facts} for case in self.cases]).encode()
        self.revision = f"world-edits-{hashlib.sha256(truth + pictures.tobytes()).hexdigest()[:DIGITS]}"


def _facts(edits: Sequence[Edit]) -> dict[str, Any]:
    return {
        "kinds": [edit.kind for edit in edits],
        "instructions": [edit.instruction for edit in edits],
        **expected(edits),
    }


def _drawn(scenes: Sequence[Scene]) -> UInt8[np.ndarray, "count 32 32 3"]:
    from harness.images import to_bytes
    from tasks.world.draw import draw_array
    from tasks.world.scene import as_batch

    return to_bytes(draw_array(as_batch(scenes)))


@cache
def _world(chain: bool) -> _Content:
    named: list[tuple[str, str, str, Sequence[Edit]]] = []
    for number, session in enumerate(world_sessions(SESSIONS)):
        name, edits = f"world-edit-{number:04d}", session.edits
        if chain:
            plural = "s" if len(edits) > 1 else ""
            named.append((name, name, f"{len(edits)} turn{plural}", edits))
        else:
            named += [(f"{name}-{turn}", name, edit.kind, [edit]) for turn, edit in enumerate(edits, 1)]
    return _Content(named)


class Editing(TokenizerTask):
    """``editing@world``. Sample images are ``source``, ``reference`` (the true edit) and ``output``."""

    title = "editing"
    examines = "EditsImages"
    instruments = ("pixels", "world-features", "world-detector", "world-surroundings")
    metrics: Sequence[str] = (*METRICS, "edit-success-held-out")
    chain = False
    source: WorldEdits

    def __init__(self, subject: Any) -> None:
        super().__init__(WorldEdits(self.chain), subject)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        shown = "the subject's own last output, 8 bit" if self.chain else "the true previous picture"
        return {**super().fingerprint, "sessions": SESSIONS, "each turn starts from": shown}

    def load(self, case: Case) -> Any:
        """(picture before, true edit), each uint8 ``32 32 3``."""
        return self.source.image(case), self.source.true_edit(case)

    def ask(
        self, subject: Any, cases: Sequence[Case], inputs: Sequence[tuple[np.ndarray, np.ndarray]], seeds: Sequence[int]
    ) -> Sequence[Sample]:
        """One batch: all first instructions, then all second ones of those that have one, and so on.

        Raises ValueError for outputs of another number or size than the inputs'.
        """
        last = [source for source, _ in inputs]
        images: list[dict[str, Any]] = [{"source": source, "reference": true} for source, true in inputs]
        told = [case.facts["instructions"] for case in cases]
        for turn in range(max(map(len, told))):
            rows = [row for row, lines in enumerate(told) if turn < len(lines)]
            drawn = [seeds[row] if turn == 0 else seed_for(seeds[row], "turn", turn + 1) for row in rows]
            edited = self._edited(subject, [last[row] for row in rows], [told[row][turn] for row in rows], drawn)
            for row, picture in zip(rows, edited, strict=True):
                last[row] = picture
                images[row]["output" if turn + 1 == len(told[row]) else f"turn-{turn + 1}"] = picture
        return [Sample(case, images=made) for case, made in zip(cases, images, strict=True)]

    def _edited(
        self, subject: Any, pictures: Sequence[np.ndarray], instructions: Sequence[str], seeds: Sequence[int]
    ) -> np.ndarray:
        import torch

        with torch.no_grad():
            shown = self.shown(subject, pictures)
            output: Tensor = subject.edit(shown, instructions, seeds)
        if output.shape != shown.shape:
            raise ValueError(f"edit made images of shape {tuple(output.shape)} from {tuple(shown.shape)}")
        return self.stored(output)


class EditingChain(Editing):
    """``editing-chain@world``. Sample images also hold the outputs on the way, ``turn-1`` and ``turn-2``."""

    title = "editing-chain"
    metrics = METRICS
    chain = True


def build(argument: str, subject: Any) -> Editing:
    """The catalogue's factory: ``editing@world``."""
    _require_world("editing", argument)
    return Editing(subject)


def build_chain(argument: str, subject: Any) -> EditingChain:
    """The catalogue's factory: ``editing-chain@world``."""
    _require_world("editing-chain", argument)
    return EditingChain(subject)


def _require_world(task: str, argument: str) -> None:
    if argument not in ("", "world"):
        hint = nearest(argument, ["world"])
        raise UserError(f"no edits of '{argument}': {task} is made of scenes of the world, write {task}@world{hint}")
