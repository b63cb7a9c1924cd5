"""What columns and the check of a run folder ask of it, so that neither needs to know the folder itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import pyarrow as pa

from harness.store.files import Folder
from harness.store.parts import Part

SAMPLES = "samples"


class Contents(Protocol):
    """The parts of one run, and what its manifest says of them (``harness.store.run_folder``)."""

    folder: Folder
    key: str

    @property
    def path(self) -> str: ...

    @property
    def results_only(self) -> bool: ...

    def manifest(self) -> dict[str, Any]: ...

    def instruments(self) -> Mapping[str, str]: ...

    def parts(self, folder: str = SAMPLES) -> list[Part]: ...

    def inspect(self, part: Part, folder: str = SAMPLES) -> tuple[pa.Table | None, str]: ...

    def tables(self, folder: str = SAMPLES) -> Iterator[tuple[Part, pa.Table]]: ...

    def limited_tables(self, limit: int | None) -> Iterator[tuple[Part, pa.Table]]: ...
