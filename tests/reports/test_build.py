"""The whole report: from nothing, half, or hostile runs; never half-written; the same bytes for the same runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from harness.errors import UserError
from reports.page import build as build_module
from reports.page.build import MARKER, build_report
from reports.page.findings import lede, warnings
from reports.reading.runs import read_stored
from reports.tables.table import build_table

ATTACK = "<script>alert(1)</script>"
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects elements and checks that they nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def make(maker: Any, to: Path, suite: str | None = None) -> Page:
    return whole(build_report(str(maker.root), to, suite).parent)


def whole(report: Path) -> Page:
    """All pages as one; each nests by itself."""
    texts = [path.read_text(encoding="utf-8") for path in (report / "index.html", *sorted(report.glob("tasks/*.html")))]
    for text in texts:
        Page(text)
    return Page("".join(texts))


@pytest.fixture(scope="module")
def small(make_runs: Callable[..., Any], subject: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Three models on twelve cases, one of which failed; two ids are attacks. Read only."""
    maker = make_runs(tmp_path_factory.mktemp("small"))
    models = [subject("ddt", 0.6, 5.0), subject("vqgan", 0.5, 3.0, failing=("scene-00004",)), subject("identity")]
    maker.task(subjects=models, cases=12, ids=[ATTACK, "a\"b'c&d"])
    return maker


@pytest.fixture(scope="module")
def report(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report. Read only."""
    return build_report(str(small.root), tmp_path_factory.mktemp("small-report") / "report").parent


@pytest.fixture
def page(report: Path) -> Page:
    return whole(report)


def test_whole_report(page: Page, report: Path) -> None:
    images = page.all("img")
    assert images and all(item["alt"] for item in images)
    figures = [item["src"] for item in images if not item["src"].startswith("data:image/png;base64,")]
    assert figures and all((report / name).suffix == ".svg" and (report / name).is_file() for name in figures)
    reached = set()
    for path in (report / "index.html", *report.glob("tasks/*.html")):
        one = Page(path.read_text(encoding="utf-8"))
        used = [item["href"] for item in (*one.all("a"), *one.all("link"))] + [
            item["src"] for item in one.all("script")
        ]
        for link in used:
            if link.startswith("#"):
                assert any(attributes.get("id") == link[1:] for _, attributes in one.elements), link
            else:
                target = (path.parent / unquote(link)).resolve()
                assert target.is_file(), link
                reached.add(str(target.relative_to(report.resolve())))
        headings = [int(tag[1]) for tag, _ in one.elements if re.fullmatch("h[1-6]", tag)]
        assert headings[0] == 1 and all(after <= before + 1 for before, after in pairwise(headings))
    written = {str(path.relative_to(report)) for path in report.rglob("*.*")}
    loaded = {path for path in written if path.startswith("data/")}  # by scripts, as they are looked at
    assert {path for path in written - loaded if "/" in path} == reached - {"index.html"}
    assert page.text.count("could not do scene-00004") == 2, "on the front page and on the task's"


def test_data_is_never_markup(page: Page) -> None:
    assert all(set(item) <= {"src", "defer"} and item["src"] for item in page.all("script"))
    assert ATTACK in page.text or any(ATTACK in item["alt"] for item in page.all("img"))
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)


def test_nothing_is_fetched(page: Page, report: Path, small: Any) -> None:
    for _, attributes in page.elements:
        for key in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            assert not re.match(r"(?i)\s*(https?:|//|ftp:)", attributes.get(key, ""))
    policy = next(item["content"] for item in page.all("meta") if item.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    text = "".join(path.read_text(encoding="utf-8") for path in report.rglob("*.html"))
    assert "@import" not in text and "a-host-that-no-report-names" not in text and str(small.root) not in text


def test_environment_is_told_once_without_host_and_time(page: Page) -> None:
    text = " ".join(page.text.split())
    assert text.count("Environment of 3 runs") == 2, "on the front page, and on that of the task"
    assert "numpy 2.4.0, pyarrow 22.0.0" in text and "cpu x86_64" in text
    assert "2025-01-01" not in text


def test_same_runs_same_bytes(small: Any, report: Path, tmp_path: Path) -> None:
    build_report(str(small.root), tmp_path / "again")
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (report, tmp_path / "again")
    )
    assert first == second


@pytest.mark.parametrize("exists", [True, False])
def test_empty_root_has_a_page_that_says_so(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "runs").mkdir()
    page = whole(build_report(str(tmp_path / "runs"), tmp_path / "report").parent)
    assert "There are no runs here yet" in page.text
    assert not page.all("table")


def test_a_run_of_which_every_case_failed(maker: Any, subject: Callable[..., Any], tmp_path: Path) -> None:
    every = tuple(f"scene-{number:05d}" for number in range(6))
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", failing=every)], cases=6)
    page = make(maker, tmp_path / "report")
    assert "vqgan on reconstruction-world: 6 failed" in " ".join(page.text.split())


def test_a_run_that_was_not_measured(maker: Any, subject: Callable[..., Any], tmp_path: Path) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7)], cases=6)
    for path in maker.root.glob("vqgan/*/*/measures/*/*"):
        path.unlink()
    assert "VQGAN" in make(maker, tmp_path / "report").text


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("spec.json", b"{"),
        ("spec.json", b'{"schema": 99, "key": "x", "spec": {}}'),
        ("cost.json", b"[]"),
        ("measures/*/estimates.json", b'{"schema": 1, "estimates": [{"metric": 1}]}'),
        ("environment.json", b'{"environments": 3, "runs": [1, "x"]}'),
        ("measures/*/scores.parquet", b"PAR1"),
        ("samples/*.parquet", b""),
    ],
)
def test_one_damaged_file_hides_no_other_run(
    maker: Any, subject: Callable[..., Any], tmp_path: Path, pattern: str, damage: bytes
) -> None:
    maker.task(subjects=[subject("ddt", 0.5, failing=("scene-00001",)), subject("vqgan", 0.7)], cases=12)
    next(maker.root.glob(f"ddt/*/*/{pattern}")).write_bytes(damage)
    page = make(maker, tmp_path / "report")
    assert "VQGAN" in page.text
    if pattern != "environment.json":
        assert "Could not be read" in page.text


def test_an_estimate_of_wrong_types_is_a_problem_not_a_crash(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5)], cases=12)
    maker.rewrite('"direction": "higher"', '"direction": ["higher"]')
    stored = read_stored(str(maker.root))
    assert "fields of wrong types" in stored.problems[0].reason
    assert stored.runs == ()


def test_another_folder_is_refused_and_left_alone(small: Any, tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.tex").write_text("years of work")
    with pytest.raises(UserError, match="not a report of ddtbench"):
        build_report(str(small.root), foreign)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="not a report"):
        build_report(str(small.root), tmp_path / "file")
    assert (foreign / "chapter.tex").read_text() == "years of work"


def test_an_older_report_is_replaced_whole(report: Path, small: Any, tmp_path: Path) -> None:
    to = tmp_path / "report"
    shutil.copytree(report, to)
    (to / "tables" / "stale.md").write_text("old")
    build_report(str(small.root), to)
    assert (to / MARKER).is_file() and not (to / "tables" / "stale.md").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_broken_build_keeps_the_old_report(
    report: Path, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "report"
    shutil.copytree(report, to)
    before = (to / "index.html").read_bytes()

    def full_disk(*_: Any) -> dict[str, bytes]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build_module, "rendered", full_disk)
    with pytest.raises(UserError, match="No space left"):
        build_report(str(small.root), to)
    assert (to / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_unknown_suite_writes_nothing(small: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="was not run"):
        build_report(str(small.root), tmp_path / "report", "demo")
    assert not (tmp_path / "report").exists()


def test_words_claim_only_what_is_separated(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.6), subject("var", 3.0)])
    stored = read_stored(str(maker.root))
    table = build_table("reconstruction-world", stored.runs)
    text = lede([table])
    assert re.search(r"in FD-world \([^)]*\) the data do not separate DDT from VQGAN", text)
    assert re.search(r"DDT leads in PSNR \([0-9.]+ dB \[", text)


def test_a_model_better_than_the_image_itself_is_a_warning(
    maker: Any, subject: Callable[..., Any], tmp_path: Path
) -> None:
    maker.task(subjects=[subject("ddt"), subject("identity", 0.5), subject("mean-colour", 99.0)], cases=12)
    table = build_table("reconstruction-world", read_stored(str(maker.root)).runs)
    assert any("DDT is better than identity by PSNR, which nothing can be" in text for text in warnings(table))
    assert "Check this." in make(maker, tmp_path / "report").text
