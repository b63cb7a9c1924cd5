"""The metric: of each case a numerator and a denominator; the value is the ratio of their sums."""

import numpy as np

from harness.contracts import MetricTraits


class Near:
    name, version, direction, unit = "my-metric", 1, "higher", ""
    worst = 0.0  # what a failed case would score
    needs = ("pixels.mse",)  # INSTRUMENT.COLUMN, or number.NAME of what the task stored
    traits = MetricTraits(bounds=(0.0, 1.0))

    def parts(self, columns):
        error = np.asarray(columns["pixels.mse"])  # of pixel values in [0, 1]
        return (error <= 10**-2.0).astype(float), np.ones(len(error))
