"""What this package adds to ddtbench. It is read by every command, so nothing heavy is imported here."""

from harness.contracts import MetricEntry, ShownMetric

ENTRIES = (
    MetricEntry(
        "my-metric",
        "my_metric.metric:Near",
        "share of pictures with a PSNR of 20 dB or more",
        shown=ShownMetric("20 dB or more", order=2),  # what heads its column; low orders stand on the left
    ),
)
