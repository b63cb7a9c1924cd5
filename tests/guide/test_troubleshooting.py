"""Every message that the page of symptoms quotes is printed by the command above it, or is a text of the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from guide_pages import Session, blocks, is_in_the_code, page, quoted, says, sessions
from made_runs import names, store_run

from harness.errors import Exit, UserError
from harness.instruments.weights import ALEXNET

PAGE = page("troubleshooting")
SESSIONS = [session for block in blocks(PAGE, "text") for session in sessions(block)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs, a folder without pictures, and one that is no report."""
    for model in ("vqgan", "jpeg"):
        store_run(tmp_path / "runs", model, dict.fromkeys(names(4), 1.0))
    for name in ("empty", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.command)
def test_a_command_prints_what_the_page_says_and_ends_as_bad_input(session: Session, place: Path, call: Any) -> None:
    code, out, err = call(session.command)
    assert code == 2, out + err
    assert session.printed
    for line in session.printed:
        assert says(line, out + err), f"{line}\n--- is not in\n{out}{err}"


MISSING = "lpips: "
"""Begins the one message that is put together from what the weights say of themselves."""


def test_weights_that_are_missing_say_what_the_page_says() -> None:
    (message,) = [line for line in quoted(PAGE) if line.startswith(MISSING)]
    with pytest.raises(UserError) as caught:
        ALEXNET.find()
    assert says(message.removeprefix(MISSING), str(caught.value))


@pytest.mark.parametrize("message", [line for line in quoted(PAGE) if not line.startswith(MISSING)])
def test_a_message_without_a_command_is_a_text_of_the_code(message: str) -> None:
    assert is_in_the_code(message), message


@pytest.mark.parametrize("message", ["the model's image must be square", "... was eaten by a dog", "..."])
def test_a_message_that_nobody_prints_is_found(message: str) -> None:
    assert not is_in_the_code(message)


def test_the_exit_codes_are_those_of_the_commands() -> None:
    assert [f"| {int(code)} |" in PAGE for code in Exit] == [True] * len(Exit)


def test_each_symptom_says_what_to_do() -> None:
    symptoms = PAGE.split("\n### ")[1:]
    assert len(symptoms) > 20
    for symptom in symptoms:
        title, _, body = symptom.partition("\n")
        rest = body.split("```")[-1]
        assert rest.strip(), f"'{title}' ends with a message"
