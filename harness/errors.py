"""The one error that a user is meant to read, and the nearest-name suggestion that goes with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something that the user can put right. One line: what is wrong, where, and the nearest thing that would work."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause such as ``; did you mean 'vqgan'?`` (or the known names, when none is near)."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""
