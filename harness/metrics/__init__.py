"""Metrics: arithmetic on the columns of a run folder. Ratios of sums take a clustered bootstrap, metrics of a set a
grouped jackknife.

A metric may state its own ``protocol`` (JSON-able, joins the fingerprint) and ``bounds`` (an interval is cut there); a
ratio also ``monotone``, a rising function of the ratio that is shown in its place, and ``within_strata``: its interval
then resamples clusters within their stratum, and leaves out cases of no weight.
"""

from __future__ import annotations


class NotMeasured(Exception):
    """Raised by a metric whose columns are there but hold nothing for it, for example codes of a model that has none.

    The message is the reason that a table shows in place of the value.
    """
