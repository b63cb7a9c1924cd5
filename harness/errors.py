"""The one error that a user is meant to read, the nearest-name suggestion that goes with it, and the exit codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """Done; it holds. Of ``run``: every planned run is complete and measured."""
    REGRESSION = 1
    """A regression was shown."""
    BAD_INPUT = 2
    """Bad input, or not comparable."""
    CANNOT_TELL = 3
    """The data cannot tell."""
    IN_PART = 4
    """Done in part: a run or a metric failed, and the rest is shown."""
    DEFECT = 70
    """A defect of ours."""
    INTERRUPTED = 130


class UserError(Exception):
    """Something that the user can put right. One line: what is wrong, where, and the nearest thing that would work.

    What it repeats of a file stays in that line: characters that cannot be seen, and those that turn the direction of
    writing, are shown as escapes.

    Examples:
        >>> print(UserError("unknown key 'a\\nb'"))
        unknown key 'a\\nb'
    """

    def __str__(self) -> str:
        return in_one_line(super().__str__())


def in_one_line(text: str) -> str:
    """With escapes for all that is neither printable nor a space."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class BrokenPlugin(UserWarning):
    """A package registered something that cannot be read; everything else works."""


def owner_of(point: EntryPoint) -> str:
    """The distribution that registered this, and where it is."""
    return f"{point.dist.name if point.dist else 'unknown'} ({point.value})"


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause such as ``; did you mean 'vqgan'?`` (or the known names, when none is near).

    Examples:
        >>> nearest("vqgn", ["ddt", "vqgan"])
        "; did you mean 'vqgan'?"
        >>> nearest("llama", ["ddt", "vqgan"])
        '; known: ddt, vqgan'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""
