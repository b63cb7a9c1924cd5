"""What the page calls by name stands on the pages of a report, and its pictures are small and described."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from guide_pages import GUIDE, ROOT, page, texts_of_the_code
from made_runs import names, store_run
from PIL import Image

PAGE = page("read-a-report")
OF_PAGES = sorted(path for folder in ("templates", "assets") for path in (ROOT / "reports" / "page" / folder).iterdir())
MOST_BYTES, WIDEST = 400_000, 1100
PICTURES = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", PAGE)
NAMED = (
    *(
        "A right, B wrong",
        "A wrong, B right",
        "A better than B",
        "Draw what instruments found",
        "What the columns are",
        "Play",
        "#case=",
        "#number=",
    ),
    *(
        "What was compared, and how far to trust it",
        "Protocols",
        "Environment",
        "References",
        "references.bib",
        "Failures",
        "N differs",
        "not ranked",
    ),
)


def test_the_pictures_are_small_and_say_what_they_show() -> None:
    paths = [(GUIDE / place).resolve() for _, place in PICTURES]
    assert len(paths) == len(set(paths)) == 4
    assert sum(path.stat().st_size for path in paths) < MOST_BYTES
    assert all(Image.open(path).width <= WIDEST for path in paths)
    assert all(len(words.split()) >= 8 for words, _ in PICTURES)


@pytest.mark.parametrize("name", NAMED)
def test_what_it_calls_by_name_is_on_a_page(name: str) -> None:
    assert name in PAGE
    said = "\n".join([*(path.read_text(encoding="utf-8") for path in OF_PAGES), *texts_of_the_code()])
    assert name in said


def test_the_marks_are_those_of_the_tables() -> None:
    from reports.tables.cells import REFUSED
    from reports.tables.numbers import ABSENT

    table = PAGE[PAGE.index("| you see") :].split("\n\n")[0]
    for mark in (
        REFUSED,
        ABSENT,
        "\N{DAGGER}",
        "\N{GREATER-THAN OR EQUAL TO}",
        "\N{LESS-THAN OR EQUAL TO}",
        "**bold**",
    ):
        assert mark in table, mark


def test_a_page_of_made_runs_shows_them(tmp_path: Path, call: Any) -> None:
    for model, right in (("a", 8), ("b", 3)):
        scores = {name: float(place < right) for place, name in enumerate(names(10))}
        store_run(tmp_path / "runs", model, scores, failed=["case-90001"] if model == "b" else [])
    assert call(f"ddtbench report {tmp_path / 'runs'} --to {tmp_path / 'report'}")[0] == 0
    shown = (tmp_path / "report" / "tasks" / "quiz.html").read_text(encoding="utf-8")
    assert "1 failed, not ranked" in shown
    assert "What the columns are" in shown or "Protocols" in shown
