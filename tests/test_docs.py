"""The documentation: its links lead somewhere, its commands exist, and what it promises of itself holds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from harness.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
COMMAND = re.compile(r"(?:^    |^\$ |`|\| `)(ddtbench [^`#\n]+)", re.MULTILINE)
WRONG_ON_PURPOSE = "ddtbench run reconstruction@world --modle vqgan"
"""Stands on the page of symptoms; tests/guide runs it."""
REQUIRED = {"--to": "--to X", "--out": "--out X"}
"""Options that a sentence may leave out where a command needs them."""


def of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for place, anchor in LINK.findall(page.read_text()):
        target = page.parent / place if place else page
        assert target.exists(), f"{of(page)}: {place}"
        assert not anchor or anchor in anchors(target), f"{of(page)}: {place}#{anchor}"


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command in a page: of ``A|B`` the first is taken; ``...`` behind other words means more."""
    for line in COMMAND.findall(page.read_text().replace(f"$ {WRONG_ON_PURPOSE}", "")):
        words = [word.split("|")[0] for word in shlex.split(line.strip())][1:]
        yield [word for number, word in enumerate(words) if word != "..." or number == 1]


def parse(words: list[str]) -> None:
    """Raises what the command line raises for an unknown command, option or a wrong number of words."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "get_command"):  # a group; other packages' commands are among its
        found = command.get_command(typer.Context(command), words[0])
        assert found is not None, f"no command {' '.join(words)}"
        command, words = found, words[1:]
    if not words:
        return  # it is merely named
    needed = [text for name, text in REQUIRED.items() if name not in words and _needs(command, name)]
    command.make_context("ddtbench", [*words, *(word for text in needed for word in text.split())])


def _needs(command: typer.core.TyperCommand, option: str) -> bool:
    return any(option in parameter.opts and parameter.required for parameter in command.params)


@pytest.mark.parametrize("page", [page for page in PAGES if "decisions" not in page.parts], ids=of)
def test_every_command_in_a_page_exists_with_its_options(page: Path) -> None:
    for words in commands(page):
        parse(words)


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(AssertionError):
        parse(["rum", "demo"])
    with pytest.raises(Exception, match="modle"):
        parse(["run", "demo", "--modle", "ddt"])


def test_the_readme_is_for_a_person_in_a_hurry() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 950, "what is longer belongs into docs/guide"
    assert "make demo" in text and "make test" in text and text.count("![") == 1
    assert "|--" not in text, "tables of results belong into docs/results.md"


def test_results_begin_with_what_they_cannot_say() -> None:
    text = (ROOT / "docs" / "results.md").read_text()
    assert "not about the tokenizers" in text[: text.index("| ")]
    assert "version 1" in text[: text.index("| ")], "which figures are of an older version of their metric"


def test_every_entry_of_the_log_begins_with_its_conclusion() -> None:
    text = (ROOT / "docs" / "log.md").read_text()
    entries = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(entries) >= 12
    for entry in entries:
        heading, _, first, *_ = entry.splitlines()
        assert re.match(r"\d{4}-\d\d-\d\d( \(\d\))?: \w", heading), heading
        assert first.startswith("**") and first.endswith("**"), heading


def test_the_site_lists_every_page_of_the_guide() -> None:
    listed = (ROOT / "mkdocs.yml").read_text()
    for page in sorted((ROOT / "docs" / "guide").glob("*.md")):
        assert f": guide/{page.name}\n" in listed, f"{page.name} is in no list of mkdocs.yml"
