"""Runs that are hostile or broken: nothing of them runs, leaves its place or hides the rest, and each says its cure."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from made_runs import names, store_run
from playwright.sync_api import Browser, Page

from harness.store.parts import encode_samples
from harness.store.run_folder import RunFolder
from reports.page.build import build_report

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]

Open = Callable[..., Page]
HALF = "\ud800"
ATTACK = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    "\"'><svg onload=window.hacked=1></svg>\u2028\u2029{{ 7 * 7 }}\u202eright to left\u2066\x00\x07\x1b[31m"
)
LONG = "a-name-of-two-hundred-characters-" * 6 + "ab"


def attacked(root: Path, model: str, task: str = "quiz") -> RunFolder:
    """A run all of whose texts are attacks."""
    cases = [f"{ATTACK} {number}" for number in range(12)]
    scores = {case: float(number % 3 > 0) for number, case in enumerate(cases)}
    said = dict.fromkeys(cases, ATTACK)
    folder = store_run(
        root, model, scores, task=task, metric="<b>right</b>", answers=said, reasons=said, fingerprint={ATTACK: ATTACK}
    )
    rows = [
        {
            **{"case": case, "group": case, "stratum": ATTACK, "numbers": "{}", "codes": [], "images": []},
            "facts": json.dumps({"quiz": {"question": ATTACK + HALF}}),
            **{"outcome": "ok" if place else "failed", "reason": "" if place else ATTACK, "text": ATTACK},
        }
        for place, case in enumerate(cases)
    ]
    folder.write_part("00000", encode_samples(rows, {"key": folder.key}))
    shown = folder.manifest()["showing"]
    shown["task"] |= {"title": ATTACK, "verdict": "<b>right</b>"}
    shown["model"]["label"] = f"{model} {ATTACK}{HALF}"
    shown["metrics"] = {"<b>right</b>": {"label": ATTACK, "meaning": ATTACK, "unit": "<i>"}}
    folder.write_manifest(showing=shown)
    environment = {"python": ATTACK, ATTACK: [ATTACK]}
    folder.folder.write_json("environment.json", {"schema": 1, "environments": {"0": environment}, "runs": []})
    return folder


def broken(root: Path, model: str) -> RunFolder:
    return store_run(root, model, {case: float(number % 2) for number, case in enumerate(names(10))}, task="second")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on attacks, names that clash or are no names for files, and runs that are broken in every way."""
    top = tmp_path_factory.mktemp("hostile")
    root = top / "runs"
    for model in ("one", "two"):
        attacked(root, model)
    for task in ("CON", "Twin", "twin", LONG):
        store_run(root, "one", {case: 1.0 for case in names(4)}, task=task)
    broken(root, "whole")
    broken(root, "tampered")
    tampered = next((root / "tampered").glob("*/*/measures/*/scores.parquet"))
    tampered.write_bytes(tampered.read_bytes()[:-1] + b"?")
    spec = next((root / "whole").glob("*/*")) / "spec.json"
    newer = root / "newer" / "second" / "0123456789abcdef"
    newer.mkdir(parents=True)
    (newer / "spec.json").write_text(json.dumps({**json.loads(spec.read_text()), "schema": 99}))
    unfinished = broken(root, "unfinished")
    for path in Path(unfinished.path).rglob("*"):
        if path.is_file() and path.name != "spec.json" and path.suffix != ".parquet":
            path.unlink()
    next(Path(unfinished.path).glob("measures/*/scores.parquet")).unlink()
    _failing(root, names(10))
    return build_report(str(root), top / "report").parent


def _failing(root: Path, cases: list[str]) -> None:
    """A run of which every case failed."""
    folder = store_run(root, "failing", {cases[0]: 1.0}, task="second", failed=cases[1:])
    path = next(Path(folder.path).glob("measures/*/estimates.json"))
    stored = json.loads(path.read_text())
    nothing = {"value": None, "low": None, "high": None, "scored": 0, "failed": 10, "absent": "all 10 cases failed"}
    stored["estimates"] = [{**item, **nothing} for item in stored["estimates"]]
    path.write_text(json.dumps(stored))
    folder.seal_measures(path.parent.name)


def pages(report: Path) -> list[Path]:
    return [report / "index.html", *sorted(report.glob("tasks/*.html"))]


def test_no_text_of_a_run_runs(open_page: Open, hostile: Path) -> None:
    for path in pages(hostile):
        page = open_page(path)
        page.wait_for_timeout(200)
        assert page.evaluate("window.hacked") is None, path.name
        assert not page.locator("img[src='x'], svg[onload], [onerror]").count()
        text = page.locator("body").inner_text()
        assert not any(character in text for character in "\u202e\u2066\x00\x07\x1b"), "it is shown what it is"
    page = open_page(hostile / "tasks" / "quiz.html")
    assert "<script>window.hacked = 1</script>" in page.locator("body").inner_text()


def test_no_name_leaves_its_folder_or_hides_another(hostile: Path) -> None:
    tasks = sorted(path.name for path in hostile.glob("tasks/*"))
    assert tasks == sorted(["_CON.html", "Twin.html", "twin-2.html", f"{LONG[:120]}.html", "quiz.html", "second.html"])
    every = [path.relative_to(hostile) for path in hostile.rglob("*")]
    lowered = [str(path).lower() for path in every]
    assert len(set(lowered)) == len(lowered)
    assert not {path.name.partition(".")[0].lower() for path in every} & {"con", "aux", "nul", "prn"}
    assert max(len(path.name) for path in every) < 140
    assert [path.name for path in hostile.parent.iterdir() if path.name not in ("runs", "report")] == []


def test_what_is_broken_stands_in_a_box_with_its_cure_and_the_rest_is_shown(open_page: Open, hostile: Path) -> None:
    page = open_page(hostile / "index.html")
    said = {item.locator(".where").inner_text(): item.inner_text() for item in page.locator(".broken li").all()}
    wanted = {
        "tampered": ("was changed after it was written", "ddtbench measure RUNS/tampered/second/"),
        "newer": ("schema 99, newer than the 1 read here", "git pull && make setup"),
        "unfinished": ("never finished", "ddtbench run second --model unfinished --out RUNS"),
        "failing": ("failed on all of its 10 cases", "ddtbench run second --model failing --out RUNS --retry-failed"),
    }
    for model, (what, cure) in wanted.items():
        found = [text for where, text in said.items() if where.startswith(f"{model}/")]
        assert any(what in text and cure in text for text in found), f"{model}: {found}"
    page.get_by_role("link", name="what is wrong, and what to type").click()
    assert page.locator("#broken").is_visible()
    second = open_page(hostile / "tasks" / "second.html")
    assert "WHOLE" in second.locator("#results table").first.inner_text()


class _Counting(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """(address of another machine, as it were, what it was asked for)."""
    _Counting.asked = []
    server = HTTPServer(("127.0.0.1", 0), _Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", _Counting.asked
    server.shutdown()
    server.server_close()


def test_the_policy_stops_what_got_into_a_page(
    browser: Browser, report: Path, elsewhere: tuple[str, list[str]]
) -> None:
    """Were a text ever written as it is: opened from disk, the page runs and fetches nothing of it all the same."""
    address, asked = elsewhere
    injected = (
        "<script>window.hacked = 'inline'</script><svg onload='window.hacked = 1'></svg>"
        "<p id='click' onclick='window.hacked = 1'>click</p><a id='link' href='javascript:window.hacked = 1'>link</a>"
        f"<img src='{address}/picture.png'><script src='{address}/script.js'></script>"
        f"<link rel='stylesheet' href='{address}/style.css'><iframe src='{address}/frame.html'></iframe>"
        f"<form id='form' action='{address}/form'><button id='send'>send</button></form>"
    )
    place = report / "tasks" / "injected.html"
    text = (report / "tasks" / "quiz.html").read_text(encoding="utf-8")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    try:
        place.write_text(text.replace("<main", f"{injected}<main", 1), encoding="utf-8")
        page.goto(place.as_uri())
        for name in ("click", "link", "send"):
            page.evaluate(f"document.getElementById('{name}').click()")
        page.evaluate("fetch('data.json').catch(() => 0)")
        page.evaluate(f"fetch('{address}/data').catch(() => 0)")
        page.wait_for_timeout(300)
        assert page.evaluate("window.hacked") is None
    finally:
        place.unlink()
        page.close()
    assert asked == []
    assert sum("Content Security Policy" in text for text in said) >= 6
