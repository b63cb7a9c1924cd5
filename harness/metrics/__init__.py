"""Metrics: arithmetic on the columns of a run folder. Ratios of sums take a clustered bootstrap, metrics of a set a
grouped jackknife, or what they owe to each case where they say it (``harness.metrics.influence``).

What a metric may say of itself beside what its Protocol asks is ``harness.contracts.MetricTraits``.
"""

from __future__ import annotations


class NotMeasured(Exception):
    """Raised by a metric whose columns are there but hold nothing for it, for example codes of a model that has none.

    The message is the reason that a table shows in place of the value.
    """
