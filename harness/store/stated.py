"""What the JSON files of a run folder may say: of the kinds that a writer of ours gives them, and no way out of it.

Digests tell that a file is as it was written. Whoever writes a whole folder makes its digests fit, too, so that what is
read is looked at all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contracts import Estimate
from harness.errors import UserError
from harness.spec import is_path_safe
from harness.texts import shown

_NUMBER = (int, float, type(None))
_OF_ESTIMATE: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("metric", "method", "direction", "unit", "stratum", "absent"), str),
    **dict.fromkeys(("value", "low", "high", "failures_wrong", "chance"), _NUMBER),
    **dict.fromkeys(("version", "scored", "failed"), int),
    "fingerprint": Mapping,
}


def checked_manifest(manifest: dict[str, Any], where: str) -> dict[str, Any]:
    """The same manifest. Raises UserError for entries of another kind, and for a case set that is none of the run."""
    for name, kind in (("parts", list), ("instruments", Mapping), ("unavailable", Mapping), ("seals", Mapping)):
        found = manifest.get(name, kind() if kind is list else {})
        inside = found.values() if isinstance(found, Mapping) else found
        if not isinstance(found, kind) or not all(isinstance(item, str) for item in inside):
            raise UserError(f"{where} is damaged ({name} is {shown(found)}): run again; nothing is asked twice")
    protocol = manifest.get("protocol", {})
    if not isinstance(protocol, Mapping) or not isinstance(protocol.get("request", {}), Mapping):
        raise UserError(f"{where} is damaged (protocol is {shown(protocol)}): run again; nothing is asked twice")
    sets = [manifest.get("measured", ""), *map(_case_set, manifest.get("seals", {}))]
    for found in sets:
        if found != "" and not is_path_safe(found):
            raise UserError(f"{where} names no case set by {shown(found)}: measure again")
    return manifest


def _case_set(sealed: str) -> str:
    return sealed.split("/")[1] if sealed.startswith("measures/") else ""


def estimates_of(stored: Any, where: str) -> list[Estimate]:
    """The estimates that a file holds. Raises UserError for what is none."""
    found = []
    for number, item in enumerate(stored if isinstance(stored, list) else [stored]):
        if not isinstance(item, dict):
            raise UserError(f"{where}: estimate {number} is {shown(item)}: measure again")
        for name, value in item.items():
            kind = _OF_ESTIMATE.get(name)
            if kind is None or not isinstance(value, kind) or (isinstance(value, bool) and kind is not Mapping):
                raise UserError(f"{where}: {name} of estimate {number} is {shown(value)}: measure again")
        try:
            found.append(Estimate(**item))
        except TypeError as error:
            raise UserError(f"{where}: estimate {number} is not whole ({error}): measure again") from None
    return found
