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
are not measured here: their networks have not learned such pictures. Photographs are ``tasks.editing.pictures``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.contracts import Case, Sample
from harness.spec import canonical_json
from tasks.editing.entries import IN_TURNS, SHOWN
from tasks.editing.picture_sets import open_edits
from tasks.editing.pictures import PictureEditing
from tasks.editing.sessions import SESSIONS, expected, world_sessions
from tasks.editing.turns import edited, in_turns
from tasks.tokenizing.base import TokenizerTask
from tasks.world.edits import Edit
from tasks.world.scene import SIDE, Scene

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8

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
    shown = SHOWN
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
        """One batch (``turns.in_turns``). Raises ValueError for outputs of another number or size than the inputs'."""

        def edit(pictures: Sequence[np.ndarray], instructions: Sequence[str], drawn: Sequence[int]) -> np.ndarray:
            return self.stored(edited(subject, self.input_batch(subject, pictures), instructions, drawn), len(pictures))

        told = [case.facts["instructions"] for case in cases]
        made = in_turns(edit, [source for source, _ in inputs], told, seeds)
        return [
            Sample(case, images={"source": source, "reference": true, **images})
            for case, (source, true), images in zip(cases, inputs, made, strict=True)
        ]


class EditingChain(Editing):
    """``editing-chain@world``. Sample images also hold the outputs on the way, ``turn-1`` and ``turn-2``."""

    title = "editing-chain"
    metrics = METRICS
    chain = True
    shown = IN_TURNS


def build(argument: str, subject: Any) -> Editing | PictureEditing:
    """The catalogue's factory: ``editing@world``, or a set of photographs (``picture_sets.open_edits``)."""
    return Editing(subject) if argument in ("", "world") else PictureEditing(open_edits(argument), subject)


def build_chain(argument: str, subject: Any) -> EditingChain | PictureEditing:
    """The catalogue's factory: ``editing-chain@world`` or ``editing-chain@magicbrush``."""
    if argument in ("", "world"):
        return EditingChain(subject)
    return PictureEditing(open_edits(argument, chain=True), subject)
