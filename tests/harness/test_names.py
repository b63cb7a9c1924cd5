"""What a user or a model's author calls a model is what tables show; it changes neither the run nor its key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import cli, plan
from harness.errors import UserError
from harness.plan import suite_for
from harness.spec import RunRequest
from harness.store.run_folder import find_run_folders


def ddtbench(*words: object) -> object:
    """The exit code."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code


def test_a_name_is_shown_and_changes_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("run", "reconstruction@world", "--limit", 4, "--batch", 4, "--model")
    assert ddtbench(*words, "identity@32", "--as", "my VQ", "--out", tmp_path / "named") == 0
    said = capsys.readouterr().out
    assert "my VQ" in said and "identity@32" not in said
    assert ddtbench(*words, "identity@32", "--out", tmp_path / "plain") == 0
    assert "identity" in capsys.readouterr().out
    (named,), (plain,) = (find_run_folders(str(tmp_path / name)) for name in ("named", "plain"))
    assert named.key == plain.key and named.spec == plain.spec
    assert (
        json.loads((tmp_path / "named" / named.spec.model / named.spec.task / named.key / "manifest.json").read_text())[
            "shown"
        ]
        == "my VQ"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model", "identity", "--model", "mean-colour", "--as", "mine"], "1 names (--as) for 2 models"),
        (["--model", "identity", "--as", "a\nb"], "one printable line"),
        (["--model", "identity", "--as", " "], "one printable line"),
        (["--model", "identity", "--as", "x" * 61], "one printable line"),
        (["--model", "identity", "--as", "mine", "--model", "mean-colour", "--as", "mine"], "would name both"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, capsys: Any, words: list[str], says: str) -> None:
    assert ddtbench("run", "reconstruction@world", *words, "--limit", 4, "--out", tmp_path / "runs") == 2
    assert says in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_a_name_stands_for_one_checkpoint(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="is 2 checkpoints, which 'mine' cannot name"):
        suite_for("reconstruction@world", models=[f"vqgan@{tmp_path}/*"], names=["mine"])


def test_an_author_names_a_model_in_the_plug_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from baselines.controls.tokenizers import open_identity

    def opened(text: str, device: str) -> Any:
        subject = open_identity("", device)
        object.__setattr__(subject, "display_name", "the author's VQ")
        return subject

    monkeypatch.setattr(plan, "opened", opened)
    suite = suite_for("reconstruction@world", models=["identity"], limit=2)
    assert plan.plan(suite)[0].shown == "the author's VQ"
    named = suite_for("reconstruction@world", models=["identity"], names=["the user's"], limit=2)
    assert plan.plan(named)[0].shown == "the user's"
    assert RunRequest("identity", "reconstruction@world").shown == ""
