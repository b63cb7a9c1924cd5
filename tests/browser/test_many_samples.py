"""Ten thousand samples stay usable: no large script, a small tab, the first cases at once, every case to be reached."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import names
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from harness.contracts import Estimate
from harness.spec import RunSpec
from harness.statistics import ratio_interval
from harness.store.parts import encode_samples
from harness.store.run_folder import RunFolder, case_set_digest
from reports.page.build import build_report

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.needs("chromium")]

CASES, UNIT, SIDE = 5000, 128, 64
LARGEST_FILE = 5_000_000
LARGEST_TAB = 500_000_000
PAGES_TURNED = 40


def pictures(count: int = 64) -> list[bytes]:
    """PNG of noise, the largest that pictures of their size get."""
    found = []
    for seed in range(count):
        buffer = io.BytesIO()
        noise = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(noise).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return found


def write_run(root: Path, model: int, drawn: list[bytes]) -> None:
    import pyarrow as pa

    folder = RunFolder.create_or_open(root, RunSpec(f"model-{model}", 1, "weights", "quiz", 1, "made"))
    cases = names(CASES)
    for start in range(0, CASES, UNIT):
        rows: list[dict[str, Any]] = [
            {
                "case": case,
                "group": case,
                "stratum": f"tag-{number % 5}",
                "facts": json.dumps({"question": f"what is number {number}?"}),
                "outcome": "ok",
                "reason": "",
                "text": f"an answer of model {model} to number {number}",
                "numbers": "{}",
                "codes": list(range(64)),
                "images": [{"name": "output", "image": {"bytes": drawn[(number + model) % 64], "path": None}}],
            }
            for number, case in enumerate(cases[start : start + UNIT], start)
        ]
        folder.write_part(f"{start // UNIT:05d}", encode_samples(rows, {"key": folder.key}))
    right = (np.random.default_rng(model).random(CASES) < 0.6).astype(float)
    found = ratio_interval(right, np.ones(CASES), cases, resamples=20)
    protocol = {"questions": "made"}
    ends = (found.value, found.low, found.high, found.method)
    estimate = Estimate("correct", 1, *ends, CASES, 0, "higher", "", fingerprint=protocol)
    words = {"metric": ["correct"] * CASES, "case": cases, "group": cases, "stratum": ["tag-0"] * CASES}
    table = pa.table({**words, "numerator": right, "denominator": np.ones(CASES)})
    folder.write_measures(case_set_digest(cases), table, [estimate])
    task = {"title": "quiz", "headline": ["correct"], "asked": ["{question}"], "verdict": "correct"}
    folder.write_manifest(showing={"task": task, "metrics": {"correct": {"label": "correct"}}})


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report's folder."""
    root = tmp_path_factory.mktemp("many") / "runs"
    drawn = pictures()
    for model in range(2):
        write_run(root, model, drawn)
    return build_report(str(root), root.parent / "report").parent


def tab_bytes(browser: Browser) -> int:
    """What the largest renderer holds in memory."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    sizes = []
    for process in processes:
        if process["type"] == "renderer":
            status = Path(f"/proc/{process['id']}/status").read_text(encoding="utf-8")
            sizes.append(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024)
    return max(sizes)


def test_ten_thousand_samples_stay_usable(many: Path, browser: Browser, open_page: Callable[..., Page]) -> None:
    sizes = {str(path.relative_to(many)): path.stat().st_size for path in many.rglob("*") if path.is_file()}
    assert max(sizes.values()) < LARGEST_FILE, max(sizes, key=lambda name: sizes[name])
    assert sum(name.startswith("data/") for name in sizes) > 100
    page = open_page(many / "tasks" / "quiz.html")
    expect(page.locator("article.case")).to_have_count(20, timeout=3000)
    expect(page.locator(".case-count")).to_have_text("5,000 of 5,000 cases")
    for _ in range(PAGES_TURNED):
        page.get_by_role("button", name="next").first.click()
        page.locator("article.case img").last.scroll_into_view_if_needed()
    assert page.locator("article.case").count() == 20, "no more of the page than is looked at"
    assert tab_bytes(browser) < LARGEST_TAB
    page.evaluate("location.hash = '#case=case-04999'")
    expect(page.locator("article.case.chosen h3")).to_have_text("case-04999")
    page.locator("#cases").get_by_label("Text").fill("of model 1 to number 4321")
    expect(page.locator(".case-count")).to_have_text("1 of 5,000 cases")
