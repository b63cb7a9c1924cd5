"""Whether ``torchrun`` or ``accelerate launch`` started this command several times, so that the processes hold one
subject together. Imports nothing heavy."""

from __future__ import annotations

import os


def launched() -> int:
    """How many processes were started for this command; 1 without a launcher."""
    size, rank = os.environ.get("WORLD_SIZE", ""), os.environ.get("RANK", "")
    return int(size) if size.isdecimal() and rank.isdecimal() and "MASTER_ADDR" in os.environ else 1


def follows() -> bool:
    """Whether this is not the first of them, which alone stores and prints."""
    return launched() > 1 and os.environ["RANK"] != "0"
