"""The page in a real browser: nothing overflows a phone, and the dark ground is dark."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reports.page.build import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.needs("chromium"),
]


@pytest.fixture(scope="module")
def page(make_runs: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    maker = make_runs(tmp_path_factory.mktemp("runs"))
    maker.task(cases=12)
    return build_report(str(maker.root), tmp_path_factory.mktemp("page") / "report")


def browse(profile: Path, *arguments: str) -> bytes:
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, timeout=90, check=True).stdout


def test_no_width_makes_the_page_scroll_sideways(page: Path, tmp_path: Path) -> None:
    """Wide tables scroll inside their own box. The probe is a script, which the page's policy forbids: so in a copy."""
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    probe = "<script>document.title = 'overflow ' + (document.documentElement.scrollWidth - innerWidth)</script></body>"
    copy = tmp_path / "probe.html"
    copy.write_text(text.replace("</body>", probe), encoding="utf-8")
    for width in (500, 1280):  # 500 is the narrowest window that headless Chromium opens
        dom = browse(tmp_path / "profile", f"--window-size={width},900", "--dump-dom", copy.as_uri()).decode()
        match = re.search(r"<title>overflow (-?\d+)</title>", dom)
        assert match and int(match[1]) <= 0, f"{match and match[1]} px too wide at {width}"


@pytest.mark.parametrize(("scheme", "dark"), [("1", False), ("0", True)])
def test_the_ground_follows_the_readers_scheme(page: Path, tmp_path: Path, scheme: str, dark: bool) -> None:
    shot = tmp_path / "shot.png"
    setting = f"--blink-settings=preferredColorScheme={scheme}"
    browse(tmp_path / "profile", setting, "--window-size=800,600", f"--screenshot={shot}", page.as_uri())
    image = Image.open(io.BytesIO(shot.read_bytes())).convert("L")
    ground = image.getpixel((2, 2))
    assert isinstance(ground, int)
    assert (ground < 60) == dark
    assert len(set(image.resize((80, 60)).tobytes())) > 10, "there is something on the page"
