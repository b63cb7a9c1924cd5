"""What a subject says of itself is read once, and a value of a wrong type is refused before anything is run."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.errors import UserError
from harness.provenance import NOT_STATED, Provenance, provenance_of


class Subject:
    def __init__(self, **stated: Any) -> None:
        self.__dict__.update(stated)


def test_what_is_not_stated_is_the_default() -> None:
    assert provenance_of(object()) == Provenance() == provenance_of(Subject(version=None, settings=None))
    assert Provenance().first_context == NOT_STATED and Provenance().version == 1


def test_what_is_stated_is_read() -> None:
    said = provenance_of(
        Subject(
            version=3,
            settings={"steps": 8},
            checkpoint_digest="ab",
            chosen_weights="ema",
            display_name="mine",
            provides=["Adds"],
            device=torch.device("cpu"),
            first_context="begin marker",
            class_count=10,
            card={"training": {}},
        )
    )
    assert said == Provenance(
        3, {"steps": 8}, "ab", "ema", "mine", ("Adds",), "cpu", "begin marker", 10, {"training": {}}
    )


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("version", "two", "model 'toy' states the version 'two', which is not a whole number"),
        ("version", 1.5, "which is not a whole number"),
        ("checkpoint_digest", b"ab", "states the checkpoint_digest b'ab', which is not a text"),
        ("settings", ["steps"], "which is not a mapping"),
        ("settings", {"steps": object()}, "states settings that JSON cannot hold"),
        ("settings", {"steps": float("nan")}, "states settings that JSON cannot hold"),
        ("provides", "ImageTokenizer", "which is not a tuple of names"),
        ("device", 0, "which is not a text or a torch.device"),
        ("display_name", 7, "which is not a text"),
        ("class_count", "10", "which is not a whole number"),
    ],
)
def test_another_type_is_refused_by_the_name_of_model_and_attribute(attribute: str, value: Any, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        provenance_of(Subject(**{attribute: value}), "toy")
    assert reason in str(refused.value) and str(refused.value).startswith("model 'toy' states")


def test_a_run_of_such_a_model_is_refused_before_anything_is_written(toy, call, monkeypatch) -> None:
    import toy_bench.models

    monkeypatch.setattr(toy_bench.models.Adder, "version", "three")
    code, out, err = call("run", "toy")
    assert (code, out) == (2, "") and not (toy / "runs").exists()
    assert err == "ddtbench: model 'toy-adder' states the version 'three', which is not a whole number\n"
