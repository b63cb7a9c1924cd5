"""All samples of a task in a real browser: filters, pairs, links to cases, magnified pictures, the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from made_runs import a_picture, names, store_run
from playwright.sync_api import Page, expect

from harness.display import SHOWING
from harness.store.parts import encode_observations
from harness.store.run_folder import observations_folder
from reports.page.build import build_report

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]

Open = Callable[..., Page]
QUIZ = {"clever": 5, "careless": 2}
"""Model of the report -> of how many cases each it gets one wrong."""
QUIZ_PAGE = "tasks/quiz.html"
ODD = 'a/b #1 "<b>&\u202e%zz'
"""An id that an address and a page must both take as it is."""
BOXES = '{"boxes": {"a <i>sun</i>": [[4, 6, 20, 30, 0.5]]}}'
MASKS = '{"a <i>sun</i>": [{"size": [36, 40], "counts": [150, 24, 12, 24, 1230]}]}'
"""Pixels 6 to 29 of the columns 4 and 5 of a picture of 40 x 36."""


def right(model: str) -> set[int]:
    return {number for number in range(30) if number % QUIZ[model]}


def loaded(page: Page) -> Page:
    expect(page.locator("#cases")).to_be_visible()
    return page


def shown(page: Page) -> list[str]:
    return page.locator("article.case h3").all_inner_texts()


def count(page: Page) -> str:
    return page.locator(".case-count").inner_text()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on one picture task: 45 cases, the last of an odd id, and an instrument that found something."""
    root = tmp_path_factory.mktemp("odd") / "runs"
    cases = [*names(44), ODD + "1"]
    for model in ("one", "two"):
        folder = store_run(root, model, dict.fromkeys(cases, 1.0), picture=a_picture(1), label=f"{model} <b>")
        [part] = folder.parts()
        words = {"instrument": "eye", "digest": "v1", "samples": part.digest}
        columns = {"objects": [BOXES] * len(cases), "masks": [MASKS] * len(cases)}
        data = encode_observations(sorted(cases), columns, [""] * len(cases), words)
        folder.write_part("00000", data, observations_folder("eye", "v1"))
        showing = {**folder.manifest()[SHOWING], "instruments": {"eye": {"objects": "objects", "masks": "masks"}}}
        folder.write_manifest(instruments={"eye": "v1"}, **{SHOWING: showing})
    return build_report(str(root), root.parent / "report").parent / "tasks" / "quiz.html"


def test_with_scripts_all_cases_and_without_them_a_few(open_page: Open) -> None:
    page = loaded(open_page(QUIZ_PAGE))
    assert count(page) == "31 of 31 cases" and len(shown(page)) == 20
    assert page.locator("[data-pick]").is_hidden()
    plain = open_page(QUIZ_PAGE, scripts=False)
    assert plain.locator("[data-pick] tbody tr").count() > 1 and plain.locator("#cases").is_hidden()


def test_on_paper_stands_what_stands_without_scripts(open_page: Open) -> None:
    page = open_page(QUIZ_PAGE, print=True)
    expect(page.locator("[data-pick]")).to_be_visible()
    expect(page.locator("article.case")).to_have_count(20)  # they are there
    assert page.locator("#cases").is_hidden()


def test_filters_by_verdict_stratum_model_and_text_say_how_many_are_left(open_page: Open) -> None:
    page = loaded(open_page(QUIZ_PAGE))
    page.locator("#cases").get_by_label("Model").select_option("CLEVER")
    page.get_by_label("Verdict").select_option("w")
    assert count(page) == f"{30 - len(right('clever'))} of 31 cases"
    assert page.locator("article.case").first.locator(".answer").count() == 1
    page.get_by_label("Stratum").select_option("tag-0")
    assert shown(page) == ["case-00000", "case-00010", "case-00020"]
    page.locator("#cases").get_by_role("button", name="clear filters").click()
    page.locator("#cases").get_by_label("Text").fill("CARELESS says case-00007")
    expect(page.locator(".case-count")).to_have_text("1 of 31 cases")
    page.locator("#cases").get_by_label("Text").fill("number 7?")
    expect(page.locator(".case-count")).to_have_text("1 of 31 cases")
    page.locator("#cases").get_by_label("Text").fill("nothing holds this")
    expect(page.locator(".nothing-left")).to_be_visible()
    page.locator("#cases").get_by_role("button", name="clear filters").click()
    page.get_by_label("Verdict").select_option("f")
    assert shown(page) == ["case-00030"]
    expect(page.locator("article.case .reason")).to_have_text("ValueError: no")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("A right, B wrong", right("clever") - right("careless")),
        ("A wrong, B right", right("careless") - right("clever")),
        ("both right", right("clever") & right("careless")),
        ("both wrong", set(range(30)) - right("clever") - right("careless")),
    ],
)
def test_pairs_show_where_one_is_right_and_the_other_wrong(open_page: Open, words: str, expected: set[int]) -> None:
    page = loaded(open_page(QUIZ_PAGE))
    page.get_by_label("A", exact=True).select_option("CLEVER")
    page.get_by_label("B", exact=True).select_option("CARELESS")
    button = page.get_by_role("button", name=words)
    assert button.inner_text() == f"{words} {len(expected)}"
    button.click()
    assert count(page) == f"{len(expected)} of 31 cases"
    assert shown(page) == [f"case-{number:05d}" for number in sorted(expected)][:20]
    first = page.locator("article.case").first
    expect(first.locator(".answer h4")).to_have_text(["ACLEVER", "BCARELESS"])
    if words == "A right, B wrong":
        expect(first.locator(".verdict")).to_have_text(["✓ right", "✗ wrong"])
        expect(first.locator(".reason")).to_have_text("correct: the answer is another")


def test_without_a_verdict_a_pair_is_sorted_by_its_difference(open_page: Open) -> None:
    page = loaded(open_page("tasks/reconstruction-world.html"))
    page.get_by_role("button", name="B better than A").click()
    leads = page.locator(".case .lead")
    expect(leads.first).to_contain_text("B is better by")
    found = [float(text.split(" by ")[1].split()[0]) for text in leads.all_inner_texts()]
    assert len(found) > 2 and found == sorted(found, reverse=True)
    assert page.locator("article.case").first.locator(".answer img").count() == 3, "original, A and B"


def test_a_link_shows_its_case_whichever_page_and_filter_it_is_in(open_page: Open, odd: Path) -> None:
    page = loaded(open_page(f"{odd}#case={quote(ODD + '1', safe='')}"))
    chosen = page.locator("article.case.chosen")
    expect(chosen).to_be_focused()
    assert chosen.locator("h3").inner_text() == ODD.replace("\u202e", "\u27e8U+202E\u27e9") + "1"
    page.locator("#cases").get_by_label("Text").fill("case-00002")
    expect(page.locator(".case-count")).to_have_text("1 of 45 cases")
    page.evaluate("location.hash = '#case=case-00031'")
    expect(page.locator("article.case.chosen h3")).to_have_text("case-00031")
    assert count(page) == "45 of 45 cases"
    page.evaluate("location.hash = '#case=no%20such'")
    expect(page.locator("[data-note]")).to_contain_text("no such")


def test_every_case_has_a_link_that_can_be_copied(open_page: Open, odd: Path) -> None:
    page = loaded(open_page(odd, permissions=["clipboard-read", "clipboard-write"]))
    page.get_by_role("button", name="Copy the link to case").first.click()
    expect(page.get_by_role("button", name="Copy the link to case").first).to_have_text("copied")
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == f"{odd.as_uri()}#case={quote(ODD + '1', safe='')}"
    again = loaded(open_page(address))
    expect(again.locator("article.case.chosen")).to_be_focused()


def test_a_failure_leads_to_its_sample(open_page: Open) -> None:
    page = loaded(open_page(QUIZ_PAGE))
    page.locator("#failures").get_by_role("link", name="case-00030").click()
    expect(page.locator("article.case.chosen h3")).to_have_text("case-00030")


def test_what_instruments_found_is_drawn_and_can_be_left_out(open_page: Open, odd: Path) -> None:
    page = loaded(open_page(odd))
    first = page.locator("article.case").first
    expect(first.locator("svg.found rect:not(.edge)").first).to_have_attribute("height", "24")
    path = first.locator("svg.found path").first.get_attribute("d")
    assert path == "M4 6h1v24h-1zM5 6h1v24h-1z"
    expect(first.locator(".found-list").first).to_have_text("a <i>sun</i> 0.50")
    page.get_by_label("Draw what instruments found").uncheck()
    expect(first.locator("img").first).to_be_visible()
    assert first.locator("svg.found").count() == 0


def test_a_picture_is_magnified_by_a_whole_number_beside_its_original(open_page: Open) -> None:
    page = loaded(open_page("tasks/reconstruction-world.html", width=1440))
    page.locator("article.case").first.locator(".answer:not(.given) button.picture").first.click()
    large = page.locator("dialog[open] img")
    assert large.count() == 2
    boxes = [large.nth(place).bounding_box() for place in range(2)]
    assert all(box and box["width"] % 32 == 0 and box["width"] > 320 for box in boxes)
    assert large.first.evaluate("element => getComputedStyle(element).imageRendering") == "pixelated"
    before = page.locator("dialog h3").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog h3").inner_text() != before
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()


def test_the_keyboard_alone_goes_from_case_to_case_and_back_to_the_filters(open_page: Open) -> None:
    page = loaded(open_page(QUIZ_PAGE))
    page.locator("article.case").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("article.case").nth(1)).to_be_focused()
    for _ in range(19):
        page.keyboard.press("j")
    expect(page.locator("article.case.chosen h3")).to_have_text("case-00020")
    page.keyboard.press("k")
    expect(page.locator("article.case.chosen h3")).to_have_text("case-00019")
    page.keyboard.press("Escape")
    expect(page.locator("#cases").get_by_label("Model")).to_be_focused()
    page.get_by_role("button", name="A wrong, B right").focus()  # of CARELESS and CLEVER
    page.keyboard.press("Enter")
    assert count(page) == f"{len(right('clever') - right('careless'))} of 31 cases"


def test_no_word_of_a_run_becomes_markup(open_page: Open, odd: Path) -> None:
    page = loaded(open_page(odd))
    assert page.locator("#cases b b, #cases i, #cases h4 b").count() == 0
    assert "one <b>" in page.locator("article.case h4").first.inner_text()


@pytest.mark.parametrize("width", [360, 1024])
def test_no_width_makes_the_samples_scroll_sideways(open_page: Open, odd: Path, width: int) -> None:
    page = loaded(open_page(odd, width=width))
    page.get_by_role("button", name="side by side").click()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
