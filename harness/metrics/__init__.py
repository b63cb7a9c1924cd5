"""Metrics: arithmetic on the columns of a run folder. Ratios of sums take a clustered bootstrap, metrics of a set a
grouped jackknife, or what they owe to each case where they say it (``harness.metrics.influence``).

A metric may state its own ``protocol`` (JSON-able, joins the fingerprint) and ``bounds`` (an interval is cut there); a
ratio also ``monotone``, a rising function of the ratio that is shown in its place, and ``within_strata``: its interval
then resamples clusters within their stratum, and leaves out cases of no weight.

A metric may also state ``chance``, what a subject that knows nothing reaches: a number, or the name of the metric of
the same task that measures it; ``chance_on(columns)`` where it depends on the data. ``by_stratum = False`` keeps a
metric whose strata would mislead (a total) from being broken down. ``reasons(columns)`` says in words why each case is
not right, "" where it is; reports show it beside samples.
"""

from __future__ import annotations


class NotMeasured(Exception):
    """Raised by a metric whose columns are there but hold nothing for it, for example codes of a model that has none.

    The message is the reason that a table shows in place of the value.
    """
