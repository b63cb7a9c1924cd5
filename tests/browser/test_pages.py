"""Every page in a real browser: no error in the console, no width that scrolls sideways, light and dark."""

from __future__ import annotations

import io
import re
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


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("place", PAGES)
def test_axe_finds_nothing_to_mend(open_page: Open, place: str, dark: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(place, dark=dark)
    # it would ask for the style sheets again, which the page's policy forbids
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
    said = [f"{item['id']}: {node['html'][:200]}: {node['failureSummary']}" for item in found for node in item["nodes"]]
    assert not said, "\n".join(said)


@pytest.mark.parametrize("place", PAGES)
def test_a_printed_page_is_light_whole_and_short(open_page: Open, place: str) -> None:
    page = open_page(place, width=718, dark=True, print=True)  # what A4 leaves between its margins
    ground = Image.open(io.BytesIO(page.screenshot())).convert("L").getpixel((2, 2))
    assert isinstance(ground, int) and ground > 240
    cut = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.getClientRects().length &&"
        " getComputedStyle(e).overflowX !== 'visible' && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 120))"
    )
    assert not cut, "\n".join(cut)
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    assert 1 <= sheets <= 20


@pytest.mark.parametrize("place", PAGES)
def test_with_scripts_off_all_is_there_and_nothing_is_dead(open_page: Open, place: str) -> None:
    page = open_page(place, scripts=False)
    assert page.locator("table:visible").count()
    if "reconstruction" in place:
        assert page.locator("figure svg:visible").count() and page.locator("table.pictures img:visible").count()
    if "quiz" in place:
        assert page.locator("table.samples:visible").count()
    dead = [item for kind in ("button", "select", "input") for item in page.locator(f"{kind}:visible").all()]
    assert not [item.evaluate("e => e.outerHTML") for item in dead]


@pytest.mark.slow
@pytest.mark.parametrize("place", PAGES)
def test_a_page_is_painted_within_a_second(open_page: Open, place: str) -> None:
    page = open_page(place)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") < 1000
