"""Seals: what ``manifest.json`` says of the files whose numbers are shown, so that a changed one is told from a whole.

``seals`` maps a file of the run folder to the SHA-256 of its bytes, and ``digest`` is that of the manifest's own
content. A manifest of before has neither: what it lies beside is read, and called unsealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harness.errors import UserError
from harness.spec import canonical_json

DIGEST = "digest"
SEALS = "seals"


def seal_of(data: bytes) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def sealed_manifest(content: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with its own digest, last."""
    body = {name: value for name, value in content.items() if name != DIGEST}
    return {**body, DIGEST: _digest(body)}


def opened_manifest(stored: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    """The manifest without its digest; seals that no digest protects are left out.

    Raises UserError for one that was changed, or that belongs to another run than ``key``.
    """
    body = {name: value for name, value in stored.items() if name != DIGEST}
    if DIGEST not in stored:
        body.pop(SEALS, None)
    elif stored[DIGEST] != _digest(body) or not isinstance(body.get(SEALS, {}), Mapping):
        raise UserError(f"{where} was changed since it was written: run again; nothing is asked twice")
    if body.get("key", key) != key:
        raise UserError(f"{where} belongs to another run, {body['key']}: run again; nothing is asked twice")
    return body


def _digest(body: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(body))  # keys and lists as the file gives them back
    return seal_of(canonical_json(plain).encode())
