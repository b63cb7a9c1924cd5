"""What this package adds to ddtbench. It is read by every command, so nothing heavy is imported here."""

from harness.contracts import MetricEntry, ShownMetric, ShownTask, TaskEntry

SHOWN = ShownTask(
    "my task",  # its title in the report's first table
    headline=("my-task-right",),  # the metrics that stand there, the main one first
    verdict="my-task-right",  # above 0 a case is right: the sample sheet says so
    asked=("keep the dot in the {quarter}",),  # the question in words, filled from a case's facts
    pictures=(("shown", "reference"),),  # (heading, picture) that belong to the question
)

ENTRIES = (
    TaskEntry("my-task", "my_task.task:build", "does a tokenizer keep a dot where it is?", shown=SHOWN),
    MetricEntry(
        "my-task-right", "my_task.task:Right", "share of dots that are where they were", shown=ShownMetric("dots kept")
    ),
)
