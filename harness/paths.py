"""Where things lie: the checkout, and the folder that holds prepared data."""

from __future__ import annotations

import os
from pathlib import Path


def checkout_root() -> Path:
    """The folder that holds ``harness/``, ``zoo/`` and the rest."""
    return Path(__file__).resolve().parent.parent


def data_root() -> Path:
    """Prepared data: ``$DDTBENCH_DATA``, else ``~/.cache/ddtbench``."""
    return Path(os.environ.get("DDTBENCH_DATA") or Path.home() / ".cache" / "ddtbench")
