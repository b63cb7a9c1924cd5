"""The terminal's table fits its width, says what failed, and lets no file steer the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import UserError
from harness.store.run_folder import RunFolder
from reports.reading.runs import read_stored
from reports.tables.terminal import summary_text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_fits_every_width_and_keeps_the_first_column(maker: Any, width: int) -> None:
    maker.task(cases=24)
    text = summary_text(str(maker.root), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "PSNR" in text and "autoencoder"[:8] in text


def test_narrower_means_fewer_columns_which_are_named(maker: Any) -> None:
    maker.task(cases=24)
    wide, narrow = (summary_text(str(maker.root), width=width) for width in (100, 50))
    assert "FD-world" in wide.split("in the report also")[0]
    assert "FD-world" in narrow.split("in the report also")[1]
    assert "decode (ms per image)" in " ".join(narrow.split())


def test_failures_marks_and_controls(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(
        subjects=[
            subject("ddt", 1.0, 5.0),
            subject("vqgan", 0.4, failing=("scene-00003",)),
            subject("var", 1.5),
            subject("identity"),
        ]
    )
    lines = summary_text(str(maker.root), width=100).splitlines()
    assert any("VQGAN is not ranked: 1 of 40 cases failed, more than 1 %" in line for line in lines)
    row = next(line for line in lines if line.startswith("VQGAN "))
    assert "\N{GREATER-THAN OR EQUAL TO}" in row and "*" not in row
    names = [line.split("  ")[0] for line in lines]
    rules = [place for place, line in enumerate(lines) if set(line) == {"\N{BOX DRAWINGS LIGHT HORIZONTAL}"}]
    assert len(rules) == 4
    assert rules[1] < names.index("DDT") < rules[2] < names.index("identity") < rules[3]


def test_control_characters_are_taken_out(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", absent=("psnr",))])
    maker.rewrite("left out by the test", "\\u001b[31mred")
    text = summary_text(str(maker.root), width=100)
    assert "\x1b" not in text and "[31mred" in text


def test_no_runs(tmp_path: Any) -> None:
    assert "No runs here yet" in summary_text(str(tmp_path / "nothing"))


def test_suite_selects_and_an_unknown_one_is_an_error(maker: Any, subject: Callable[..., Any]) -> None:
    keys = maker.task(subjects=[subject("ddt"), subject("vqgan")])
    maker.suite("one", keys[:1])
    text = summary_text(str(maker.root), "one", 100)
    assert "DDT" in text and "VQGAN" not in text
    with pytest.raises(UserError, match="was not run"):
        summary_text(str(maker.root), "two")


def test_it_says_what_the_images_are_and_what_is_true_of_whole_rows(maker: Any, subject: Callable[..., Any]) -> None:
    kind = {"reference": "photographs of another kind than the zoo learned", "biased_with_n": True, "n": 12}
    maker.task(
        subjects=[subject("ddt", bits=512.0, fingerprint=kind), subject("var", bits=300.0, fingerprint=kind)], cases=12
    )
    text = summary_text(str(maker.root), width=100)
    assert "photographs of another kind than the zoo learned" in text
    assert "depend on the number of images (12 here)" in " ".join(text.split())
    assert "models spend different numbers of bits per image, from 300 to 512" in text


def test_an_empty_column_takes_no_room_and_its_reason_is_told(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", absent=("lpips",)), subject("var", absent=("lpips",))], cases=12)
    text = summary_text(str(maker.root), width=60)
    assert "LPIPS" not in text and "lpips: left out by the test" in text
    assert "LPIPS" in summary_text(str(maker.root), width=400)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_long_name_is_folded_and_never_cut(maker: Any, subject: Callable[..., Any], width: int) -> None:
    long = "a vector-quantised autoencoder of mine, epoch"
    maker.task(subjects=[subject("ddt"), subject("vqgan", 0.4), subject("var", 0.7)], cases=12)
    for model, name in (("vqgan", f"{long} 120"), ("var", f"{long} 130")):
        for path in maker.root.glob(f"{model}/*/*/manifest.json"):
            RunFolder.open(str(path.parent)).write_manifest(shown=name)
    text = summary_text(str(maker.root), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    table = text.split("in the report also")[0]
    assert "120" in table and "130" in table
    for word in long.replace("-", "- ").split():
        assert text.count(word) >= 2, word


def test_two_models_of_one_name_are_told_apart(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("vqgan", 0.4), subject("var", 0.7)], cases=12)
    for path in maker.root.glob("*/*/*/manifest.json"):
        RunFolder.open(str(path.parent)).write_manifest(shown="mine")
    assert {run.subject for run in read_stored(str(maker.root)).runs} == {"mine (vqgan)", "mine (var)"}
