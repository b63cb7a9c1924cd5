"""A file system of another package, whose library has errors of its own: no credentials, an endpoint that is gone."""

from __future__ import annotations

from functools import partial
from typing import Any

from harness.errors import UserError
from harness.isolation import caught, reason_of


class Remote:
    """The same file system. What it raises is an OSError, or a UserError that says where."""

    def __init__(self, fs: Any, url: str) -> None:
        self._fs, self._url = fs, url

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fs, name)
        return partial(self._call, found) if callable(found) else found

    def _call(self, method: Any, *words: Any, **options: Any) -> Any:
        value, error = caught(partial(method, *words, **options))
        if isinstance(error, OSError):
            raise error
        if error is not None:
            raise UserError(f"cannot reach {self._url}: {reason_of(error)}") from error
        return value
