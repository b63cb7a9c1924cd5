"""What the lines of the catalogue cite: keys of the BibTeX files ``references.bib`` that lie beside the catalogues.

A package writes each reference once, in the folder of its catalogue's module. A line cites the papers whose arXiv ids
its ``paper`` tells, and those whose keys its ``cites`` name (``cites=("wang2004ssim",)``). Keys are one name space over
all packages, as names of the catalogue are, so that a task may cite what a model's package holds. A run stores the
whole entries of what it used: a report of copied runs needs no catalogue.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from harness import catalog
from harness.contracts import CatalogueEntry, Kind
from harness.errors import BrokenPlugin, UserError
from harness.texts import read_text

FILE = "references.bib"
REFERENCES = "references"
"""Beside how a run is shown, in its manifest: key -> ``bibtex`` and who cites it, ``by``."""
ARXIV = "arXiv:"
"""What begins a citation by the id of a paper, for which nobody needs a key."""
_ID = re.compile(r"(?<![\d.])\d{4}\.\d{4,5}(?![\d.]*\d)")
_ASKED: tuple[Literal["model"], Literal["task"]] = ("model", "task")
_HEAD = re.compile(r"@([A-Za-z]+)\{([A-Za-z0-9][A-Za-z0-9:._+/-]*),")
_COMMA, _END = re.compile(r"\s*,"), re.compile(r"\s*\}")
_FIELD = re.compile(r"\s*([A-Za-z]+)\s*=\s*\{")


@dataclass(frozen=True)
class Reference:
    """One entry. ``fields``: as they are written, in their order, without the braces around them."""

    kind: str
    key: str
    fields: tuple[tuple[str, str], ...]

    def field(self, name: str) -> str:
        """The text of a field, "" for none."""
        return next((text for known, text in self.fields if known.lower() == name.lower()), "")

    def bibtex(self) -> str:
        """The one spelling of it, as a BibTeX file holds it."""
        lines = [f"  {name} = {{{text}}}," for name, text in self.fields]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    def words(self) -> str:
        """In one line: ``Kaihang Pan et al. 2025, Generative Multimodal Pretraining ..., arXiv 2504.14666``."""
        people = [name.strip(" {}") for name in self.field("author").split(" and ") if name.strip()]
        who = f"{people[0]} et al." if len(people) > 2 else " and ".join(people)
        parts = [f"{who} {self.field('year')}".strip(), self.field("title")]
        parts.append(f"arXiv {self.field('eprint')}" if self.field("eprint") else self.field("url"))
        return ", ".join(filter(None, parts))


def parsed(text: str, where: str) -> list[Reference]:
    """The entries of a BibTeX text: ``@kind{key, name = {text}, ...}``, braces in pairs, and lines that begin with %.

    Nothing else is taken: no quotes, no numbers without braces, no strings of its own. Raises UserError with ``where``
    and the line, also for a key or a field that is there twice.
    """
    found: dict[str, Reference] = {}
    place = 0
    while (place := _skipped(text, place)) < len(text):
        entry, end = _entry(text, place, where)
        if entry.key in found:
            raise _fault(text, place, where, f"the key '{entry.key}' is there twice")
        found[entry.key], place = entry, end
    return list(found.values())


def _skipped(text: str, place: int) -> int:
    """Where the next entry begins: after white space and remarks."""
    while place < len(text):
        if text[place] == "%":
            place = text.find("\n", place) % (len(text) + 1)
        elif not text[place].isspace():
            break
        else:
            place += 1
    return place


def _entry(text: str, place: int, where: str) -> tuple[Reference, int]:
    head = _HEAD.match(text, place)
    if head is None:
        raise _fault(text, place, where, "an entry begins with @kind{key,")
    fields: dict[str, str] = {}
    at, more = head.end(), True
    while more and (begun := _FIELD.match(text, at)) is not None:
        name, end = begun[1], _closing(text, begun.end(), where)
        if name.lower() in map(str.lower, fields):
            raise _fault(text, at, where, f"'{head[2]}' has the field '{name}' twice")
        fields[name] = " ".join(text[begun.end() : end].split())
        comma = _COMMA.match(text, end + 1)
        more, at = comma is not None, comma.end() if comma else end + 1
    closed = _END.match(text, at)
    if closed is None or not fields:
        raise _fault(
            text, at, where, f"'{head[2]}' is not a list of name = {{text}} with commas between and a brace behind"
        )
    return Reference(head[1].lower(), head[2], tuple(fields.items())), closed.end()


def _closing(text: str, place: int, where: str) -> int:
    """The place of the brace that closes what was opened before ``place``."""
    depth = 1
    for found in re.compile(r"[{}]").finditer(text, place):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return found.start()
    raise _fault(text, place, where, "a brace is not closed")


def _fault(text: str, place: int, where: str, what: str) -> UserError:
    return UserError(f"{where}, line {text.count(chr(10), 0, place) + 1}: {what}")


# ------------------------------------------------------------------------------------------------ of the catalogue


def files() -> Iterator[Path]:
    """``references.bib`` beside the catalogue of every package that has one, in a fixed order."""
    modules = sorted({point.value.partition(":")[0] for point in entry_points(group=catalog.GROUP)})
    for module in modules:
        try:
            spec = find_spec(module)
        except (ImportError, ValueError):  # a plug-in that is broken: the catalogue warns of it
            continue
        place = Path(spec.origin).parent / FILE if spec and spec.origin else None
        if place is not None and place.is_file():
            yield place


def known() -> dict[str, Reference]:
    """key -> reference over all packages. A file that cannot be read is warned about and hides no other; of two that
    give one key to different entries the first counts, and a warning names both."""
    found: dict[str, tuple[Reference, Path]] = {}
    for path in files():
        try:
            entries = parsed(read_text(path), str(path))
        except UserError as error:
            warnings.warn(f"references are left out: {error}", BrokenPlugin, stacklevel=2)
            continue
        for entry in entries:
            first, of = found.setdefault(entry.key, (entry, path))
            if first != entry:
                warnings.warn(
                    f"'{entry.key}' is one reference in {of} and another in {path}", BrokenPlugin, stacklevel=2
                )
    return {key: entry for key, (entry, _) in found.items()}


def stated(entry: CatalogueEntry) -> tuple[str, ...]:
    """What a line cites: keys, and ``arXiv:ID`` for each paper that it tells of.

    Examples:
        >>> from harness.contracts import MetricEntry
        >>> stated(MetricEntry("m", "a:b", "", paper="Tian et al. 2024, arXiv 2404.02905", cites=("wang2004ssim",)))
        ('wang2004ssim', 'arXiv:2404.02905')
    """
    told = _ID.findall(entry.paper) if "arXiv" in entry.paper else []
    return (*entry.cites, *(f"{ARXIV}{number}" for number in told))


def found(citation: str, entries: Mapping[str, Reference]) -> Reference | None:
    """The reference of a key or an arXiv id among the known ones. A paper that no file has is its id alone, since that
    is all that is certain; a key that no file has is None."""
    if not citation.startswith(ARXIV):
        return entries.get(citation)
    number = citation.removeprefix(ARXIV)
    bare = Reference("misc", f"arxiv{number}", (("eprint", number), ("archivePrefix", "arXiv")))
    return next((entry for entry in entries.values() if entry.field("eprint") == number), bare)


def cited(sources: Iterable[tuple[str, Sequence[str]]]) -> dict[str, dict[str, Any]]:
    """What a manifest holds of references: ``sources`` are (who cites, what)."""
    entries = known()
    kept: dict[str, dict[str, Any]] = {}
    for who, citations in sources:
        for reference in filter(None, (found(citation, entries) for citation in citations)):
            by = kept.setdefault(reference.key, {"bibtex": reference.bibtex(), "by": []})["by"]
            by += [who] if who not in by else []
    return kept


def merged(*several: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Several of ``cited`` as one; a later one's text of a key counts."""
    kept: dict[str, dict[str, Any]] = {}
    for one in several:
        for key, item in one.items():
            before = kept.get(key, {}).get("by", [])
            kept[key] = {"bibtex": item["bibtex"], "by": list(dict.fromkeys([*before, *item["by"]]))}
    return kept


def lines_of(kind: Kind, names: Iterable[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """(who cites, what) of the catalogue's lines of these names, ``NAME[@REST]``; nothing of one that is gone."""
    for name in dict.fromkeys(catalog.split_name(text)[0] for text in names):
        try:
            entry: CatalogueEntry = catalog.lookup(kind, name)
        except UserError:
            continue
        yield f"{kind} {name}", stated(entry)


def of_request(request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the model and the task cite that were asked for."""
    asked = ((kind, request.get(kind)) for kind in _ASKED)
    return cited(line for kind, name in asked if name for line in lines_of(kind, [str(name)]))
