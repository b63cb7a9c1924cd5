"""Where the texts come from: Wikipedia's test paragraphs, WikiText's documents, a text file, captions of the world.

Each case is one text. ``revision`` changes with the content, and with nothing else.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

from harness.contracts import Case
from harness.errors import UserError, nearest
from harness.paths import user_path
from harness.seeding import seed_for
from harness.spec import path_safe
from harness.texts import numbered_lines, read_text
from tasks.data.wikipedia import SPLITS, open_articles
from tasks.perplexity.lm_eval_documents import LmEvalDocuments
from tasks.tokenizing.sources import DIGITS, WorldSource

TEXTS = ("wikipedia", "wikitext", "captions")


class TextSource(Protocol):
    """Texts with ids and clusters."""

    @property
    def name(self) -> str:
        """Safe in a path."""
        ...

    @property
    def revision(self) -> str: ...

    @property
    def about(self) -> str:
        """One line for fingerprints and tables: what the texts are."""
        ...

    def cases(self) -> Sequence[Case]: ...

    def text(self, case: Case) -> str:
        """The text of a case."""
        ...

    def counted(self, case: Case) -> str:
        """The text whose words and bytes count: the same, but for a corpus that is scored detokenised."""
        ...


class _Counted(ABC):
    """Texts that are counted as they are scored."""

    @abstractmethod
    def text(self, case: Case) -> str:
        """See ``TextSource``."""

    def counted(self, case: Case) -> str:
        return self.text(case)


class WikipediaTexts(_Counted):
    """The paragraphs of the test articles. Their order is a seeded one, so that a limit takes from every article."""

    name = "wikipedia"
    about = "English Wikipedia, 576 paragraphs of 10 test articles, each alone"

    @property
    def revision(self) -> str:
        return f"wikipedia-{SPLITS['test'].sha256[:DIGITS]}"

    def cases(self) -> Sequence[Case]:
        return tuple(Case(name, title, "", {"title": title}) for name, (title, _) in _wikipedia().items())

    def text(self, case: Case) -> str:
        return _wikipedia()[case.id][1]


@cache
def _wikipedia() -> Mapping[str, tuple[str, str]]:
    """id -> (title, text). The id counts the paragraphs of an article and writes its title as an address does."""
    seen: dict[str, int] = {}
    found = {}
    for title, text in open_articles("test"):
        seen[title] = seen.get(title, 0) + 1
        found[f"wikipedia-{title.replace(' ', '_')}-{seen[title]:03d}"] = (title, text)
    return dict(sorted(found.items(), key=lambda item: (seed_for("perplexity", item[0]), item[0])))


class CaptionTexts(_Counted):
    """The plain captions of the world's test scenes: same cases as every other task on them."""

    name = "captions"
    about = "plain captions of the embedded world's test scenes"

    def __init__(self) -> None:
        self._world = WorldSource()

    @property
    def revision(self) -> str:
        return self._world.revision

    def cases(self) -> Sequence[Case]:
        return self._world.cases()

    def text(self, case: Case) -> str:
        return str(case.facts["caption"])


@dataclass(frozen=True)
class FileTexts(_Counted):
    """The lines of a text file (``harness.texts``), blank ones left out."""

    path: Path

    @property
    def name(self) -> str:
        return path_safe(f"text-{self.path.stem}")

    @property
    def about(self) -> str:
        return f"the lines of {self.path.name}, each alone"

    @cached_property
    def _content(self) -> str:
        return read_text(self.path)

    @cached_property
    def _lines(self) -> dict[str, str]:
        numbered = numbered_lines(self._content)
        lines = {f"{self.name}-{number:06d}": line for number, line in numbered if line.strip()}
        if not lines:
            raise UserError(f"{self.path} holds no text: give a file with one text on each line")
        return lines

    @property
    def revision(self) -> str:
        """Of the text: the same for line ends of another kind, and for a byte order mark before it."""
        return f"text-{hashlib.sha256(self._content.encode()).hexdigest()[:DIGITS]}"

    def cases(self) -> Sequence[Case]:
        return tuple(Case(name, name) for name in self._lines)

    def text(self, case: Case) -> str:
        return self._lines[case.id]


def open_texts(argument: str, known: Sequence[str]) -> TextSource:
    """The texts that an argument names. Raises UserError for anything but one of ``TEXTS`` or a file."""
    if argument == "captions":
        return CaptionTexts()
    if argument == "wikipedia":
        return WikipediaTexts()
    name, _, place = argument.partition(":")
    if name == "wikitext":
        return LmEvalDocuments(place)
    path = user_path(argument)
    if argument and path.is_file():
        return FileTexts(path)
    raise UserError(f"no texts at '{argument}': give a text file or a name{nearest(argument, known)}")
