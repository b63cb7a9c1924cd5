"""Draws the pictures of ``docs/guide/read-a-report.md``: parts of a report, as Debian's chromium shows it.

    ddtbench report runs --to report --suite demo
    python docs/figures/report.py report

Each is one element of a page, at one width, on the light ground, in 256 colours.
"""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

BROWSER = "/usr/bin/chromium"
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
TO = Path(__file__).parent.parent / "assets"
WIDTH, COLOURS = 1000, 256
EDGE = 12


@dataclass(frozen=True)
class Picture:
    """``of`` brings its page into the state that is shown, and gives the element; at most ``height`` of it.
    ``over``: it lies over the page."""

    name: str
    page: str
    of: Callable[[Page], Locator]
    height: int
    over: bool = False


def answer(page: Page) -> Locator:
    header = page.locator("header.top")
    header.evaluate("header => Object.assign(header.style, {paddingTop: 0, marginTop: '2rem'})")
    return header


def table(page: Page) -> Locator:
    return page.locator("table.headline").first


def pairs(page: Page) -> Locator:
    page.locator("#cases").scroll_into_view_if_needed()
    page.get_by_text("A right, B wrong").first.click()
    page.wait_for_timeout(1500)
    return page.locator("#cases")


def origin(page: Page) -> Locator:
    page.locator("table.headline td.best button, table.headline td.tied button").first.click()
    page.wait_for_timeout(500)
    return page.locator("dialog[open]")


PICTURES = (
    Picture("report-answer", "index.html", answer, 700),
    Picture("report-table", "index.html", table, 700),
    Picture("report-pairs", "tasks/geneval-world.html", pairs, 600),
    Picture("report-origin", "index.html", origin, 700, over=True),
)


def draw(report: Path, to: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        for picture in PICTURES:
            page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
            page.goto((report / picture.page).resolve().as_uri())
            box = picture.of(page).bounding_box()
            assert box is not None, f"{picture.name} is not on {picture.page}"
            whole = Image.open(io.BytesIO(page.screenshot(full_page=not picture.over)))
            top = box["y"] + (0 if picture.over else page.evaluate("scrollY"))
            sides = box["x"] - EDGE, box["x"] + box["width"] + EDGE
            edges = (sides[0], top - EDGE, min(WIDTH, sides[1]), top + min(box["height"], picture.height) + EDGE)
            cut = whole.convert("RGB").crop(tuple(max(0, round(edge)) for edge in edges))
            cut.quantize(COLOURS, dither=Image.Dither.NONE).save(to / f"{picture.name}.png", optimize=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    draw(Path(sys.argv[1]), TO)
