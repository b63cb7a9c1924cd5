"""A number of a table opens where it comes from: by mouse, by keyboard, by its address; and closes again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]

Open = Callable[..., Page]
TASK = "tasks/reconstruction-world.html"


def first_number(page: Page) -> str:
    """The name of the first number of the page's tables."""
    name = page.locator("td[data-number]").first.get_attribute("data-number")
    assert name
    return name


def test_a_number_opens_and_escape_goes_back_to_it(open_page: Open) -> None:
    page = open_page(TASK)
    number = page.locator("button.number-of").first
    number.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cases scored")
    assert "#number=" in page.url
    for words in ("95 % interval", "interval by", "fingerprint", "seed of every draw", "Environment", "run folder"):
        expect(dialog).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(number).to_be_focused()
    assert "#number=" not in page.url


def test_all_of_a_cell_is_the_button(open_page: Open) -> None:
    page = open_page(TASK)
    cell = page.locator("td[data-number]").first
    box = cell.bounding_box()
    assert box is not None
    cell.click(position={"x": box["width"] / 2, "y": box["height"] - 6})
    expect(page.get_by_role("dialog")).to_contain_text("cases scored")


@pytest.mark.parametrize("width", [360, 1440])
def test_a_number_has_an_address(open_page: Open, width: int) -> None:
    name = first_number(open_page(TASK))
    page = open_page(f"{TASK}#number={quote(name, safe='')}", width=width)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cases scored")
    over = dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth")
    assert over <= 0, f"{over} px too wide"
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator(f'td[data-number="{name}"] button')).to_be_focused()


@pytest.mark.parametrize("broken", ["nothing/of/the/kind", "%E0%A4%A", "toString", "<b>x</b>"])
def test_an_address_of_no_number_is_told_so(open_page: Open, broken: str) -> None:
    page = open_page(f"{TASK}#number={broken}")
    expect(page.get_by_role("dialog")).to_contain_text("No such number")


def test_a_stratum_in_a_closed_part_of_the_page_is_shown(open_page: Open) -> None:
    page = open_page(TASK)
    name = page.locator("td[data-number$=objects]").first.get_attribute("data-number")
    assert name
    page = open_page(f"{TASK}#number={quote(name, safe='')}")
    expect(page.get_by_role("dialog")).to_contain_text("stratum")
    page.keyboard.press("Escape")
    expect(page.locator(f'td[data-number="{name}"] button')).to_be_visible()


def test_the_command_can_be_copied(open_page: Open) -> None:
    page = open_page("tasks/quiz.html", permissions=["clipboard-read", "clipboard-write"])
    page.locator("button.number-of").first.click()
    dialog = page.get_by_role("dialog")
    command = dialog.locator("pre").first.text_content()
    assert command and command.startswith("ddtbench run quiz -m ")
    dialog.get_by_role("button", name="Copy the command").click()
    expect(dialog.get_by_role("status").first).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_the_front_page_has_numbers_with_data_of_their_own(open_page: Open) -> None:
    page = open_page("index.html")
    page.locator("button.number-of").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("cases scored")


def test_nothing_is_read_before_somebody_asks(open_page: Open) -> None:
    page = open_page(TASK)
    read = page.evaluate("performance.getEntriesByType('resource').map((item) => item.name)")
    assert not [name for name in read if "/numbers.js" in name and "/data/" in name]


def test_without_scripts_the_page_tells_it(open_page: Open) -> None:
    page = open_page("tasks/quiz.html", scripts=False)
    assert page.locator("button").count() == 0, "no button that does nothing"
    run = page.locator("#runs details").first
    run.locator("summary").click()
    expect(run.locator("pre")).to_contain_text("ddtbench run quiz -m ")
    expect(run).to_contain_text("seed of every draw")


def test_a_page_whose_data_are_damaged_says_so(open_page: Open, report: Path, tmp_path: Path) -> None:
    shutil.copytree(report, tmp_path / "damaged")
    (tmp_path / "damaged/data/reconstruction-world/numbers.js").write_text("")
    page = open_page((tmp_path / "damaged" / TASK).as_uri())
    page.locator("button.number-of").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("could not be loaded")
