"""What this package adds to the catalogue: nothing yet that is asked for by name; ``ddtbench report`` calls ``reports.build``."""

from __future__ import annotations

from harness.contracts import Entry

ENTRIES: tuple[Entry, ...] = ()
