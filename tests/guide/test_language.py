"""The picture of the words has them all, each is told in a line, and each link leads to a class that is there."""

from __future__ import annotations

import importlib
import re
from xml.etree import ElementTree

from guide_pages import ROOT, page

PAGE = page("language")
PICTURE = (ROOT / "docs" / "assets" / "language.svg").read_text(encoding="utf-8")
WORDS = ("suite", "subject", "task", "instrument", "metric", "case", "sample", "observation", "score", "estimate")
WORDS = (*WORDS, "fingerprint")


def test_the_picture_has_every_word_and_says_it_to_who_cannot_see_it() -> None:
    tree = ElementTree.fromstring(PICTURE)
    shown = [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "word"]
    assert set(shown) == set(WORDS) and len(shown) == len(WORDS)
    told = tree.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert all(word in told.lower() for word in WORDS)


def test_the_picture_follows_the_readers_scheme_and_fetches_nothing() -> None:
    assert "prefers-color-scheme: dark" in PICTURE
    assert set(re.findall(r"https?://[^\"]+", PICTURE)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in PICTURE and "@import" not in PICTURE


def test_each_word_has_its_line() -> None:
    table = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for word in (*WORDS, "model", "run", "key"):
        assert any(re.search(rf"\b{word}\b", line.split("|")[1]) for line in table), word


def test_each_link_to_the_api_leads_to_something_with_a_docstring() -> None:
    linked = re.findall(r'<autoref identifier="([\w.]+)">', PAGE + page("own-model"))
    assert len(linked) >= 9
    for place in linked:
        module, _, name = place.rpartition(".")
        found = getattr(importlib.import_module(module), name, None)
        assert (found or importlib.import_module(place)).__doc__, place
