"""The metric counts what its entry says."""

from my_metric.metric import Near


def test_an_error_of_a_hundredth_is_twenty_decibels():
    assert [part.tolist() for part in Near().parts({"pixels.mse": [0.009, 0.01, 0.011]})] == [[1, 1, 0], [1, 1, 1]]
