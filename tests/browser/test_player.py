"""Players of progressive decoding: all models of a case in step, by mouse and keyboard, the strip always reachable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
PLACE = "tasks/progressive-world.html"


@pytest.fixture
def played(open_page: Callable[..., Page]) -> Page:
    page = open_page(PLACE)
    page.locator(".player").first.scroll_into_view_if_needed()
    page.wait_for_selector(".player .stage figure")
    return page


def pictures(page: Page) -> list[str]:
    """What each model of the first player shows."""
    return (
        page.locator(".player").first.locator("figure:not(.fixed) > img").evaluate_all("all => all.map(one => one.src)")
    )


def test_the_slider_moves_all_models_at_once_and_says_the_step_in_words(played: Page) -> None:
    player = played.locator(".player").first
    slider = player.get_by_role("slider", name="Step")
    assert slider.get_attribute("aria-valuetext") == "100 %, step 9 of 9"
    whole = pictures(played)
    assert len(whole) == 3, "a picture for each model"
    slider.focus()
    played.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "1 of 64, step 1 of 9"
    assert player.locator("output").inner_text() == "1 of 64"
    first = pictures(played)
    assert all(one != other for one, other in zip(first, whole, strict=True))
    played.keyboard.press("ArrowRight")
    assert all(one != other for one, other in zip(pictures(played), first, strict=True))
    said = player.locator(".said").first.inner_text()
    assert "first 8 of 64 codes" in said and "PSNR" in said and "dB" in said
    assert player.locator("figure.fixed img").get_attribute("alt").startswith("original of case")


def test_nothing_plays_by_itself_and_play_goes_through_to_the_end(played: Page) -> None:
    player = played.locator(".player").first
    slider = player.get_by_role("slider", name="Step")
    played.wait_for_timeout(900)
    assert slider.input_value() == "8"
    player.get_by_role("button", name="Play the steps").click()
    assert player.get_by_role("button", name="Pause").is_visible()
    played.wait_for_function("() => Number(document.querySelector('.player input').value) >= 1")
    player.get_by_role("button", name="Pause").click()
    stopped = slider.input_value()
    played.wait_for_timeout(800)
    assert slider.input_value() == stopped
    player.locator("select[name=speed]").select_option("4")
    slider.focus()
    played.keyboard.press("Space")
    played.wait_for_function("() => document.querySelector('.player input').value === '8'")
    assert player.get_by_role("button", name="Play the steps").is_visible(), "it stops at the end"


def test_another_case_and_another_difference(played: Page) -> None:
    player = played.locator(".player").first
    before = pictures(played)
    cases = player.locator("select[name=case]")
    assert cases.locator("option").count() > 2, "more than the strip shows"
    cases.select_option("2")
    played.wait_for_function(
        "old => document.querySelector('.player figure:not(.fixed) > img').src !== old", arg=before[0]
    )
    difference = player.locator(".difference").first
    assert difference.get_attribute("aria-label").endswith("to the original")
    player.locator("select[name=difference-to]").select_option("before")
    assert difference.get_attribute("aria-label").endswith("to the step before")
    player.locator("select[name=difference-to]").select_option("")
    assert difference.is_hidden()


def test_the_strip_stays_reachable_and_is_there_on_paper_and_without_scripts(
    played: Page, open_page: Callable[..., Page]
) -> None:
    strip = played.locator("#strip-first-progressive-world")
    assert strip.is_hidden()
    button = played.get_by_role("button", name="All steps side by side").first
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    assert strip.is_visible() and strip.locator("img").count() > 20
    assert played.locator(".player button.all").first.get_attribute("aria-expanded") == "true"
    paper = open_page(PLACE, print=True)
    assert paper.locator("#strip-first-progressive-world").is_visible()
    assert paper.locator(".player").first.is_hidden()
    plain = open_page(PLACE, scripts=False)
    assert plain.locator("#strip-first-progressive-world").is_visible()
    assert plain.locator(".player").first.is_hidden()


def test_a_case_that_cannot_be_loaded_leaves_a_line_and_the_strip(
    browser: object, report: Path, tmp_path: Path
) -> None:
    import shutil

    copy = shutil.copytree(report, tmp_path / "report")
    shutil.rmtree(copy / "data" / "players")
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto((copy / PLACE).as_uri())
    page.locator(".player").first.scroll_into_view_if_needed()
    page.wait_for_selector(".player [role=status]:not(:empty)")
    assert "could not be loaded" in page.locator(".player [role=status]").first.inner_text()
    page.get_by_role("button", name="All steps side by side").first.click()
    assert page.locator("#strip-first-progressive-world").is_visible()
    page.close()


@pytest.mark.parametrize("name", ["progressive-world-curves", "rate-distortion-reconstruction-world"])
def test_a_figure_as_an_image_follows_light_and_dark(
    open_page: Callable[..., Page], report: Path, tmp_path: Path, name: str
) -> None:
    import io

    from PIL import Image

    host = tmp_path / "host.html"
    host.write_text(
        f'<meta name="color-scheme" content="light dark"><img src="{(report / "figures" / name).as_uri()}.svg">'
    )
    for dark in (False, True):
        page = open_page(host.as_uri(), dark=dark)
        page.wait_for_function("() => document.images[0].complete && document.images[0].naturalWidth > 0")
        image = Image.open(io.BytesIO(page.locator("img").screenshot())).convert("L")
        corner, darkest, brightest = image.getpixel((3, 3)), *image.getextrema()
        assert (corner < 60) == dark
        assert brightest > 180 and darkest < 60, "ink stands out from its ground"
