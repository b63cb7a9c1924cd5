"""What a card keeps of a training's log."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddt_llama.training.journal import append, thinned


@pytest.mark.parametrize(("lines", "kept"), [(1, [1]), (5, [1, 2, 3, 4, 5]), (6, [2, 4, 6]), (13, [1, 4, 7, 10, 13])])
def test_a_long_log_is_thinned_evenly_and_ends_as_it_ends(lines: int, kept: list[int], tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert thinned(log, 5) == []
    for step in range(1, lines + 1):
        append(log, {"step": step, "loss": 1 / step})
    with log.open("ab") as file:
        file.write(b'{"step": 99, "lo')  # a killed writer's
    assert [line["step"] for line in thinned(log, 5)] == kept
