"""What this package adds to ddtbench. It is read by every command, so nothing heavy is imported here."""

from harness.contracts import ModelEntry, ShownModel

ENTRIES = (
    ModelEntry(
        "my-tokenizer",
        "my_tokenizer.tokenizer:open_tokenizer",
        "the mean colours of 4x4 blocks, of 64 colours each",
        provides=("ImageTokenizer",),  # tasks that examine this can be run with it
        shown=ShownModel("my tokenizer", colour="#aa3377", marker="D"),
    ),
)
