"""'ddtbench view' in a real browser: what goes on changes on the open page, and the report around it stays whole."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "harness"))
sys.path.insert(0, str(Path(__file__).parents[1] / "reports" / "viewing"))

from harness_fakes import FakeSubject, FakeTask, spec_for
from served_pages import Served

from harness.contracts import Sample
from harness.run import run
from harness.store.run_folder import RunFolder
from reports.viewing.building import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
Open = Callable[..., Page]
Going = tuple[Served, RunFolder]
ATTACK = "<img src=x onerror=alert(1)>\u202e"
SAID = {"doing": "asking", "wanted": 20, "stored": 0, "made": 9, "failed": 1, "seconds": 3.0}


class Walls(FakeTask):
    """Pictures, of which one cannot be asked, and texts that would like to be markup."""

    def ask(self, subject: Any, cases: Any, inputs: Any, seeds: Any) -> list[Sample]:
        if any(case.id.endswith("3") for case in cases):
            raise ValueError(ATTACK)
        return [Sample(case, images={"output": image}, text=ATTACK) for case, image in zip(cases, inputs, strict=True)]


TASK = Walls(count=20)


@pytest.fixture
def going(report: Path, tmp_path: Path) -> Iterator[Going]:
    """The small report, beside a root in which a run is being made."""

    def build(to: Path) -> Outcome:
        shutil.copytree(report, to)
        return Outcome()

    root = tmp_path / "runs"
    folder = RunFolder.create_or_open(root, spec_for(TASK))
    run(folder.spec, TASK, FakeSubject, folder, limit=8)
    Path(folder.path, "manifest.json").unlink()
    (tmp_path / "place").mkdir()
    with folder.writing():
        folder.folder.tell(SAID)
        served = Served(root, tmp_path / "place", build)
        yield served, folder
        served.end()


def test_what_goes_on_changes_on_the_open_page(open_page: Open, going: Going) -> None:
    served, folder = going
    page = open_page(served.server.address)
    live = page.locator("#live")
    expect(live.locator(".live-words")).to_have_text("9 of 20 samples · 3.0 a second · 4 s left")
    expect(live.locator("progress")).to_have_js_property("value", 9)
    live.locator(".live-failures summary").click()
    expect(live.locator(".live-failures dd")).to_have_text("ValueError: <img src=x onerror=alert(1)>")
    assert live.locator(".live-samples > li").count() == 6
    assert live.locator(".live-samples img").first.evaluate("image => image.naturalWidth") == TASK.size
    folder.folder.tell({**SAID, "made": 15, "failed": 2})
    expect(live.locator(".live-words")).to_have_text(re.compile("^15 of 20 samples"), timeout=20_000)
    expect(live.locator(".live-failures summary")).to_have_text("2 failed so far")
    assert live.locator(".live-failures").evaluate("details => details.open"), "what was opened stays open"
    assert page.locator("img[src=x]").count() == 0


def test_a_page_stays_whole_and_says_that_there_is_a_newer_one(open_page: Open, going: Going) -> None:
    served, _ = going
    page = open_page(served.server.address + "tasks/quiz.html#samples")
    assert page.url.endswith("/v1/tasks/quiz.html#samples"), "what it asks for later is of the same report"
    expect(page.locator("#live a").first).to_have_text(re.compile("1 run goes on"))
    expect(page.locator(".live-newer")).to_be_hidden()
    (served.runs / "suites").mkdir()
    (served.runs / "suites" / "more.json").write_text("{}")
    expect(page.locator(".live-newer")).to_be_visible(timeout=20_000)
    page.locator(".live-newer a").click()
    page.wait_for_url("**/v2/tasks/quiz.html#samples")
    expect(page.locator(".live-newer")).to_be_hidden()


def test_it_fits_every_width_and_everybody_can_read_it(open_page: Open, going: Going) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for dark in (False, True):
        page = open_page(going[0].server.address, dark=dark, bypass_csp=True)  # the checker is a script of its own
        page.locator("#live .live-failures summary").click()
        for width in (360, 1024, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        found = Axe().run(page, "#live")
        assert found.violations_count == 0, found.generate_report()


def test_without_scripts_what_goes_on_is_there_too(open_page: Open, going: Going) -> None:
    page = open_page(going[0].server.address, scripts=False)
    live = page.locator("#live")
    expect(live.locator(".live-words")).to_have_text(re.compile("^9 of 20 samples"))
    assert live.locator(".live-samples img").count() == 5 and "Load the page again" in live.inner_text()
