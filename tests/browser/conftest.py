"""A real browser, driven by Playwright, and a small report of every kind of task to open in it.

``open_page`` fails a test in which a page wrote an error to the console, threw one, asked for a file that is not there
or broke its own content-security policy.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from reports.page.build import build_report

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))  # runs made by hand

from drawn_runs import RunsMaker, Subject
from made_runs import names, store_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MODELS = (
    Subject("ddt", 0.55, 7.0, cost={"decode_ms_per_image": 41.2, "training_cpu_hours": 1.9}),
    Subject("vqgan", 0.50, 3.0, failing=("scene-00004",), cost={"decode_ms_per_image": 2.3}),
    Subject("autoencoder", 0.38, 0.5, bits=8192.0),
    Subject("identity", bits=24576.0),
)
QUIZ = {"clever": 5, "careless": 2}
"""Model -> of how many cases each it gets one wrong."""


def made_report(to: Path) -> Path:
    """The report's folder: pictures beside their originals, series of pictures, and questions with verdicts."""
    maker = RunsMaker(to / "runs")
    for task in ("reconstruction-world", "progressive-world"):
        maker.task(task, MODELS, cases=12)
    for model, wrong in QUIZ.items():
        scores = {case: float(number % wrong != 0) for number, case in enumerate(names(30))}
        reasons = {case: "the answer is another" for case, score in scores.items() if not score}
        store_run(maker.root, model, scores, reasons=reasons, failed=("case-00030",) if wrong == 2 else ())
    return build_report(str(maker.root), to / "report").parent


# The driver's event loop counts as running as long as it lives, and other tests start their own: not for the session.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests of a file."""
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small report. Read only."""
    return made_report(tmp_path_factory.mktemp("browsed"))


def watched(page: Page) -> list[str]:
    """What is wrong with the page, filled while it lives: a broken policy is an error of the console, too."""
    troubles: list[str] = []
    page.on("console", lambda said: troubles.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(f"thrown: {error}"))
    page.on("requestfailed", lambda asked: troubles.append(f"not loaded: {asked.url}: {asked.failure}"))
    page.on("response", lambda got: troubles.append(f"{got.status}: {got.url}") if got.status >= 400 else None)
    return troubles


@pytest.fixture
def open_page(browser: Browser, report: Path) -> Iterator[Callable[..., Page]]:
    """``open_page(place, width=1280, dark=False, scripts=True, print=False)``: the page, loaded.

    ``place``: a path (from the report's folder on, with ``#...`` and ``?...`` where wanted) or an address.
    """
    contexts: list[BrowserContext] = []
    troubles: list[tuple[str, list[str]]] = []

    def opened(
        place: str | Path,
        width: int = 1280,
        dark: bool = False,
        scripts: bool = True,
        print: bool = False,  # noqa: A002
        **more: Any,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        troubles.append((str(place), watched(page)))
        if print:
            page.emulate_media(media="print")
        page.goto(address(report, place))
        return page

    yield opened
    for context in contexts:
        context.close()
    found = [f"{place}: {trouble}" for place, mine in troubles for trouble in mine]
    assert not found, "\n".join(found)


def address(report: Path, place: str | Path) -> str:
    """The address of a place in the report, of a file elsewhere, or what is one already."""
    if "://" in str(place):
        return str(place)
    path, mark, rest = str(place).partition("#")
    return f"{(report / path).as_uri()}{mark}{rest}"
