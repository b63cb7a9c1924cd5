"""A training that is asked to stop saves its state, exits as a scheduler expects, and goes on to the same weights."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest
import torch

from ddt_llama.training.ending import Ending
from ddt_llama.training.journal import append, forget_after, read_state
from harness.errors import UserError


class Alone:
    num_processes = 1


def test_a_signal_is_noted_and_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    said: list[str] = []
    with Ending() as ending:
        assert not ending.asked(Alone())
        os.kill(os.getpid(), signal.SIGTERM)
        assert ending.asked(Alone())
        with pytest.raises(KeyboardInterrupt):
            ending.leave(said.append, "at step 3")
    assert said == ["stopped by SIGTERM at step 3: saved; the same command with --resume continues"]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_ctrl_c_is_noted_once_and_ends_at_once_when_repeated() -> None:
    with Ending() as ending:
        os.kill(os.getpid(), signal.SIGINT)
        assert ending.asked(Alone())
        with pytest.raises(KeyboardInterrupt):
            ending.leave(lambda line: None, "")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_may_train() -> None:
    seen: list[bool] = []

    def run() -> None:
        with Ending() as ending:
            seen.append(ending.asked(Alone()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False]


@pytest.mark.parametrize("torn", [b'{"step": 60, "lo', b'{"step": 60}', b"\xff\xfe\n", b"7\n", b'{"loss": 1}\n', b"\n"])
def test_what_is_left_of_a_line_is_dropped(tmp_path: Path, torn: bytes) -> None:
    log = tmp_path / "log.jsonl"
    for step in (20, 40):
        append(log, {"step": step, "loss": 0.5})
    with log.open("ab") as file:
        file.write(torn)
    forget_after(log, 40)
    append(log, {"step": 60, "loss": 0.25})
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [20, 40, 60]


def test_a_damaged_state_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    with pytest.raises(UserError, match="nothing to resume"):
        read_state(path)
    torch.save({"step": torch.zeros(1000)}, path)
    whole = path.read_bytes()
    for damaged in (whole[:500], b"", b"PK\x03\x04" + b"0" * 50):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="without --resume") as caught:
            read_state(path)
        assert "\n" not in str(caught.value)
