"""Every page in a real browser: no error in the console, no width that scrolls sideways, light and dark."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]

PAGES = ("index.html", "tasks/reconstruction-world.html", "tasks/progressive-world.html", "tasks/quiz.html")
WIDTHS = (360, 1024, 1440)

Open = Callable[..., Page]


def test_these_are_all_the_pages(report: Path) -> None:
    assert sorted(PAGES) == sorted(str(path.relative_to(report)) for path in report.rglob("*.html"))


@pytest.mark.parametrize("place", PAGES)
def test_no_width_makes_a_page_scroll_sideways(open_page: Open, place: str) -> None:
    """Wide tables scroll inside their own box."""
    page = open_page(place)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{over} px too wide at {width}"


@pytest.mark.parametrize("dark", [False, True])
def test_the_ground_follows_the_readers_scheme(open_page: Open, dark: bool) -> None:
    page = open_page("index.html", width=800, dark=dark)
    image = Image.open(io.BytesIO(page.screenshot())).convert("L")
    ground = image.getpixel((2, 2))
    assert isinstance(ground, int)
    assert (ground < 60) == dark
    assert len(set(image.resize((80, 60)).tobytes())) > 10, "there is something on the page"
