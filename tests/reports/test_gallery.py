"""Pictures: the same cases for every model, the worst case said so, failures visible."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.page import series
from reports.page.gallery import Grid, Strip, Tile, choose_cases, data_uri, grids_of, worst_cases
from reports.page.strips import FRAME, HEADING, LAST, MARGIN, PIXELS, STRIP_FORMATS, names_width, render_strips
from reports.reading.runs import read_stored
from reports.reading.samples import pictures


def test_the_choice_depends_on_ids_alone(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 2.0)])
    runs = read_stored(str(maker.root)).runs
    assert choose_cases(runs) == choose_cases(runs[::-1]) == choose_cases(runs[:1])
    assert choose_cases(runs, 4) == choose_cases(runs, 8)[:4]


def test_cases_that_a_model_failed_on_are_not_chosen_but_its_worst_is_shown(
    maker: Any, subject: Callable[..., Any]
) -> None:
    runs_of = [subject("ddt", 0.5), subject("vqgan", 2.0, failing=tuple(f"scene-{n:05d}" for n in range(20)))]
    maker.task(subjects=runs_of)
    stored = read_stored(str(maker.root))
    assert all(int(case[-5:]) >= 20 for case in choose_cases(stored.runs))
    grid = grids_of(stored)[0]
    assert grid.columns[grid.gap :]
    worst = dict((run.subject, case) for run, case in worst_cases(stored.runs, "psnr"))
    for run in stored.runs:
        values = run.scores["psnr"].by_case()
        assert values[worst[run.subject]] == min(values.values())


def test_tiles_are_the_stored_bytes(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5)], cases=3)
    stored = read_stored(str(maker.root))
    grid = grids_of(stored)[0]
    images = pictures(stored.runs[0].folder, grid.columns[:3])
    output = next(strip for strip in grid.strips if strip.subject == "ddt")
    for case, tile in zip(grid.columns[:3], output.tiles[:3], strict=True):
        assert base64.b64decode(tile.source.split(",")[1]) == images[case]["output"]
        assert case in tile.alt and "PSNR" in tile.alt


def test_a_failed_case_is_an_empty_tile_that_says_so(maker: Any, subject: Callable[..., Any]) -> None:
    failing = subject("vqgan", failing=("scene-00000", "scene-00001", "scene-00002"))
    maker.task(subjects=[subject("ddt", 0.5), failing], cases=3)
    grid = grids_of(read_stored(str(maker.root)))[0]
    strip = next(strip for strip in grid.strips if strip.subject == "vqgan")
    assert [tile.source for tile in strip.tiles] == [""] * len(strip.tiles)
    assert all("failed on case" in tile.alt for tile in strip.tiles)


def test_progressive_strips_run_from_one_code_to_all(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task("progressive-world", [subject("ddt", 0.5), subject("var", 0.4)], cases=8)
    first, last = grids_of(read_stored(str(maker.root)))
    assert first.columns[:2] == ("original", "1 of 64") and first.columns[-1] == "100 %"
    assert [tile.caption for tile in first.strips[0].tiles][1:] == ["1", "8", "16", "24", "32", "40", "48", "56", "64"]
    assert first.strips[0].tiles[-1].source == last.strips[0].tiles[-1].source, "all codes are all codes in both orders"


def test_a_player_has_more_cases_than_the_strip_and_what_each_measures(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task("progressive-world", [subject("ddt", 0.5), subject("var", 0.4)], cases=20)
    first, _ = grids_of(read_stored(str(maker.root)))
    assert first.player is not None and len(first.player.played) == 12
    assert first.player.steps == first.columns[1:] and first.player.lines == ("DDT", "VAR")
    case, told = first.player.played[0]
    assert case == first.strips[0].case and told["original"] in first.strips[0].tiles[0].source
    picture, words, numbers = told["lines"][1][2]
    assert picture in first.strips[1].tiles[3].source and words == "first 16 of 64 codes"
    assert len(numbers) == 1 and numbers[0].startswith("PSNR ") and numbers[0].endswith(" dB")


def test_what_has_no_room_is_left_out_and_counted(
    maker: Any, subject: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    maker.task("progressive-world", [subject(name, 0.5) for name in ("ddt", "var", "vqgan")], cases=8)
    stored = read_stored(str(maker.root))
    rows = [strip.tiles[1:] for grid in grids_of(stored) for strip in grid.strips]
    line = max(sum(len(base64.b64decode(tile.source.split(",")[1])) for tile in row) for row in rows)
    monkeypatch.setattr(series, "STRIPS", line)
    monkeypatch.setattr(series, "CASE", line)
    monkeypatch.setattr(series, "WHOLE", 3 * line)
    for grid in grids_of(stored):
        assert len({strip.case for strip in grid.strips}) == 1
        fits = len(grid.strips)
        assert fits < 3 and f"The first {fits} lines" in grid.caption
        assert grid.player is not None and 1 <= len(grid.player.played) < 8
        assert len(grid.player.lines) < 3 and len(grid.player.lines) + grid.player.left_out == 3


def test_recursion_pictures(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task("recursion-world", [subject("ddt", 0.5)], cases=8)
    (grid,) = grids_of(read_stored(str(maker.root)))
    assert grid.columns == ("original", "t = 0.2", "t = 0.5", "t = 0.8", "t = 1")
    assert len(grid.strips) == 2 * 3


def flat(shade: int) -> Tile:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(buffer, "PNG")
    return Tile(data_uri(buffer.getvalue()), f"shade {shade}")


GRID = Grid(
    "mixed-task",
    "task",
    "Mixed",
    "",
    ("original", "0 replaced", "0.5 replaced", "1 replaced"),
    (
        Strip("A", "a", (flat(10), flat(20), flat(30), flat(40)), case="one"),
        Strip("B", "b", (flat(10), flat(50), Tile("", ""), flat(60)), case="one"),
        Strip("A", "a", (flat(10), flat(70), flat(80), flat(90)), case="two"),
    ),
    steps=True,
)


def test_an_animation_plays_the_steps_of_all_models_and_cases() -> None:
    with Image.open(io.BytesIO(render_strips(GRID, "webp"))) as movie:
        assert movie.format == "WEBP" and movie.n_frames == 3
        frames, times = [], []
        for number in range(movie.n_frames):
            movie.seek(number)
            frames.append(np.asarray(movie.convert("RGB")))
            times.append(movie.info["duration"])
    assert times == [FRAME, FRAME, LAST]
    side, high, names = PIXELS + MARGIN, HEADING + PIXELS // 2, names_width(["A", "B"])
    shades = [
        [
            int(frame[high + side * row, names + side * column + PIXELS // 2, 0])
            for row, column in ((0, 0), (1, 0), (0, 1))
        ]
        for frame in frames
    ]
    assert shades == [[20, 50, 70], [30, 50, 80], [40, 60, 90]], "a model that lacks a step keeps the one before"


def test_strips_are_files_of_every_form_with_the_same_bytes_again() -> None:
    openings = {"png": b"\x89PNG", "pdf": b"%PDF", "webp": b"RIFF"}
    assert set(openings) == set(STRIP_FORMATS)
    made = {form: render_strips(GRID, form) for form in openings}
    assert all(made[form].startswith(opening) for form, opening in openings.items())
    assert made["png"] == render_strips(GRID, "png") and made["webp"] == render_strips(GRID, "webp")
