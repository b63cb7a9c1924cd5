"""What a subject says of itself beside what it can do: read in one place, once, and refused where it is of a type that
would be stored or compared wrongly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from harness.errors import UserError

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Provenance:
    """Every one of these is an optional attribute of a subject.

    ``version`` of its code and ``settings`` (JSON-able: sampling, answer length) are part of the run's key, as is
    ``checkpoint_digest``, the SHA-256 of its weights (None: its card says it). ``chosen_weights`` says which of a file
    that holds several (its own, their average). ``display_name`` is what tables call it. ``provides`` are the
    Protocols that it satisfies where they are other than its entry's. ``device`` is where it wants its images ("":
    where its parameters are). ``first_context``: what the first token of a text is predicted from, in words.
    ``class_count``: how many classes it makes (None: it knows none). ``card`` is that of its checkpoint.
    """

    version: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_digest: str | None = None
    chosen_weights: str = ""
    display_name: str = ""
    provides: tuple[str, ...] = ()
    device: str = ""
    first_context: str = NOT_STATED
    class_count: int | None = None
    card: Mapping[str, Any] = field(default_factory=dict)


def provenance_of(subject: Any, called: str = "") -> Provenance:
    """What the subject states. Raises UserError, which names the model (``called``, else its class) and the attribute,
    for a value of another type than the attribute has."""
    read = _Reader(subject, f"model '{called or type(subject).__name__}'")
    version, first = read.whole_number("version"), read.text("first_context")
    return Provenance(
        version=1 if version is None else version,
        settings=read.settings(),
        checkpoint_digest=read.text("checkpoint_digest"),
        chosen_weights=read.text("chosen_weights") or "",
        display_name=read.text("display_name") or "",
        provides=read.names("provides"),
        device=read.device(),
        first_context=NOT_STATED if first is None else first,
        class_count=read.whole_number("class_count"),
        card=card_of(subject),
    )


def card_of(holder: Any) -> Mapping[str, Any]:
    """The card of what was opened from a checkpoint of ours; {} of anything else."""
    card = getattr(holder, "card", None)
    return card if isinstance(card, Mapping) else {}


@dataclass(frozen=True)
class _Reader:
    """Attributes that are absent or None are not stated."""

    subject: Any
    what: str

    def value(self, name: str) -> Any:
        return getattr(self.subject, name, None)

    def text(self, name: str) -> str | None:
        value = self.value(name)
        if value is not None and not isinstance(value, str):
            self._refuse(name, value, "a text")
        return value

    def whole_number(self, name: str) -> int | None:
        value = self.value(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            self._refuse(name, value, "a whole number")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        value = self.value(name)
        if value is None:
            return ()
        if not isinstance(value, tuple | list) or not all(isinstance(item, str) for item in value):
            self._refuse(name, value, "a tuple of names")
        return tuple(value)

    def device(self) -> str:
        """A text, or what torch calls a device."""
        value = self.value("device")
        if not (value is None or isinstance(value, str) or type(value).__module__ == "torch"):
            self._refuse("device", value, "a text or a torch.device")
        return "" if value is None else str(value)

    def settings(self) -> Mapping[str, Any]:
        value = self.value("settings")
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._refuse("settings", value, "a mapping")
        try:
            json.dumps(dict(value), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{self.what} states settings that JSON cannot hold, and they name its run: {error}"
            ) from None
        return dict(value)

    def _refuse(self, name: str, value: Any, wanted: str) -> NoReturn:
        raise UserError(f"{self.what} states the {name} {value!r}, which is not {wanted}")
