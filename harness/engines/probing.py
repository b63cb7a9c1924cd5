"""What asking a subject costs, as every engine measures it."""

from __future__ import annotations

from typing import Any

from harness.environment import limit_threads
from harness.isolation import attempt
from harness.jobs import Job


def probe(job: Job, subject: Any) -> dict[str, Any]:
    """``Task.probe``, or the reason why it failed: a cost that cannot be measured must not lose the samples."""
    limit_threads(job.threads)
    found, reason = attempt(lambda: dict(job.probe(subject)))
    return {"probe_failed": reason} if found is None else found
