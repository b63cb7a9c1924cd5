"""Who differs from whom, by how much, and who may be ranked: decided from stored scores.

``from reports.comparing import compare_runs`` is the call behind ``ddtbench compare``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.comparing.comparison import compare_runs

__all__ = ["compare_runs"]


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: the other modules of the package need not wait for it."""
    if name != "compare_runs":
        raise AttributeError(f"module '{__name__}' has no '{name}'")
    from reports.comparing.comparison import compare_runs

    return compare_runs
