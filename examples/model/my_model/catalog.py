"""What this package adds to ddtbench. It is read by every command, so nothing heavy is imported here."""

from harness.contracts import ModelEntry, ShownModel

ENTRIES = (
    ModelEntry(
        "my-model",
        "my_model.model:open_model",
        "paints a square of the colour that the prompt names",
        provides=("GeneratesImages",),  # tasks that examine this can be run with it
        shown=ShownModel("my model", colour="#aa3377", marker="D"),
    ),
)
