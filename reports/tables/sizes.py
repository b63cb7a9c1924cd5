"""The N on which a metric of a set depends. A distance between sets falls with more pictures: N is part of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.contracts import Estimate


def set_size(estimate: Estimate | None) -> str:
    """How many were scored, of two sets how many there are of either (``96 outputs and 200 references``); "" for what
    is no metric of a set: such a one states its ``n``, or has an interval by the jackknife."""
    if estimate is None or estimate.value is None:
        return ""
    stated = estimate.fingerprint.get("n")
    if stated is None and "jackknife" not in estimate.method and not estimate.fingerprint.get("biased_with_n"):
        return ""
    if isinstance(stated, Mapping) and not estimate.stratum:
        counts = {str(side): count for side, count in stated.items() if isinstance(count, int)}
        if sum(counts.values()) == estimate.scored + estimate.failed:
            return " and ".join(f"{count:,} {side}s" for side, count in counts.items())
    return f"{estimate.scored:,}"


def set_sizes(estimates: Iterable[Estimate | None]) -> tuple[str, ...]:
    """Each different N once, in the order in which they come."""
    return tuple(dict.fromkeys(size for item in estimates if (size := set_size(item))))
