"""WikiText's documents as lm-eval scores them: detokenised, but counted in words and bytes of the original.

The rules are those of lm-eval's task ``wikitext`` (EleutherAI/lm-evaluation-harness, version 2.0 of the task), in their
order; the parity pack ``tests/parity/lm_eval`` holds its results on texts of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from harness.contracts import Case
from tasks.data.wikitext import open_pages


def _plain(before: str, after: str) -> Callable[[str], str]:
    return lambda text: text.replace(before, after)


def _pattern(before: str, after: str) -> Callable[[str], str]:
    compiled = re.compile(before)
    return lambda text: compiled.sub(after, text)


RULES: tuple[Callable[[str], str], ...] = (
    _plain("s '", "s'"),
    # A slip of the original: its slashes are read as characters, so that it next to never applies. Kept for equality.
    _pattern(r"/' [0-9]/", "/'[0-9]/"),
    *(_plain(f" @{mark}@ ", mark) for mark in "-,."),
    *(_plain(f" {mark} ", f"{mark} ") for mark in ":;.!?,"),
    _pattern(r"\(\s*([^\)]*?)\s*\)", r"(\1)"),
    _pattern(r"\[\s*([^\]]*?)\s*\]", r"[\1]"),
    _pattern(r"{\s*([^}]*?)\s*}", r"{\1}"),
    _pattern(r"\"\s*([^\"]*?)\s*\"", r'"\1"'),
    _pattern(r"'\s*([^']*?)\s*'", r"'\1'"),
    _plain("= = = =", "===="),
    _plain("= = =", "==="),
    _plain("= =", "=="),
    _plain(" \N{DEGREE SIGN} ", "\N{DEGREE SIGN}"),
    _plain(" \n", "\n"),
    _plain("\n ", "\n"),
    _plain(" N ", " 1 "),
    _plain(" 's", "'s"),
)


def detokenised(page: str) -> str:
    """A document without the spaces that WikiText's tokenising put in."""
    for rule in RULES:
        page = rule(page)
    return page


class LmEvalDocuments:
    """A source of texts (``texts.TextSource``): one case is one document of the test split."""

    name = "wikitext"
    data = ("wikitext",)

    def __init__(self, path: str = "") -> None:
        self.path = path

    @cached_property
    def _opened(self) -> tuple[Sequence[str], str]:
        return open_pages(self.path)

    @property
    def revision(self) -> str:
        return self._opened[1]

    @property
    def about(self) -> str:
        """One line for fingerprints; files of the user's own are told by their number of documents."""
        return (
            f"WikiText (raw), {len(self._opened[0])} documents, each alone, detokenised as lm-eval does; words and "
            "bytes are the original's"
        )

    def cases(self) -> Sequence[Case]:
        """Ids are the documents' places; the title is a fact."""
        listed = []
        for number, page in enumerate(self._opened[0]):
            name = f"wikitext-{number:04d}"
            listed.append(Case(name, name, "", {"title": page.strip().split("\n")[0].strip("= ")}))
        return tuple(listed)

    def text(self, case: Case) -> str:
        return detokenised(self.counted(case))

    def counted(self, case: Case) -> str:
        """The document before detokenising."""
        return self._opened[0][int(case.id.rpartition("-")[2])]
