"""Pictures: the same cases for every model, the worst case said so, failures visible."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from reports.page.gallery import choose_cases, grids_of, worst_cases
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


def test_recursion_pictures(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task("recursion-world", [subject("ddt", 0.5)], cases=8)
    (grid,) = grids_of(read_stored(str(maker.root)))
    assert grid.columns == ("original", "t = 0.2", "t = 0.5", "t = 0.8", "t = 1")
    assert len(grid.strips) == 2 * 3
