"""What a command writes is there at once, whatever stands behind its standard output."""

from __future__ import annotations

from pathlib import Path

from harness.terminal import lenient


def test_a_line_is_in_the_file_before_the_next_is_written(tmp_path: Path) -> None:
    """A training's lines stood in a buffer for minutes where its output went to a file."""
    with (tmp_path / "log.txt").open("w", encoding="ascii") as file:
        stream = lenient(file)
        stream.write("step 20 \u00e9\n")
        assert (tmp_path / "log.txt").read_text(encoding="ascii") == "step 20 ?\n"
        stream.close()
