"""What this package adds to the catalogue: nothing that is asked for by name (``ddtbench report`` calls us)."""

from __future__ import annotations

from harness.contracts import CatalogueEntry

ENTRIES: tuple[CatalogueEntry, ...] = ()
