"""WikiText's test split, raw (Merity et al. 2016, arXiv 1609.07843; CC BY-SA 3.0 and GFDL): 4,358 lines, the same in
WikiText-2 and WikiText-103.

Read from the hub's Parquet (``Salesforce/wikitext``, wikitext-2-raw-v1 or wikitext-103-raw-v1: one column ``text``, a
row is a line of the original file) and joined into documents by the rule of ``EleutherAI/wikitext_document_level``,
which lm-eval reads: a document begins at each line ``= Title =`` of the first level. The hub has empty rows where the
original file has lines of one space; these are put back.

Known gaps: no digest is published; that blank lines are one space in the original is known from its description.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.paths import user_path
from tasks.data.prepared import DataSet, revision_of
from tasks.data.tables import Listed, Records, Schema

ROWS = 4358
CURE = (
    "get test-*.parquet of wikitext-2-raw-v1 of the hub's Salesforce/wikitext and run "
    "'ddtbench data prepare wikitext --from FOLDER'"
)
SCHEMA = Schema("WikiText (raw)", CURE, blank=("text",))
PAGES = Schema("WikiText's documents", CURE, texts=("page",))


def pages(lines: Sequence[str]) -> Iterator[str]:
    """The documents of the lines of the hub's rows, in order, with their line ends."""
    text = "".join(line or " \n" for line in lines)
    page: list[str] = []
    for line in text.split("\n"):
        heading = line.replace("= = =", "===").replace("= =", "==").strip()
        if heading.startswith("= ") and heading.endswith(" ="):
            if "".join(page).strip():
                yield "\n".join(page)
            page = []
        page.append(line)
    if "".join(page).strip():
        yield "\n".join(page)


def _as_pages(lines: Records) -> Records:
    found = [{"page": page} for page in pages([cells["text"] for cells in lines.cells])]
    return Listed(found, [f"document {number}" for number in range(len(found))])


LINES = DataSet("wikitext", SCHEMA, "test", ROWS)
DATA = replace(LINES, schema=PAGES)


def prepare(source: str | None = None) -> Path:
    """The catalogue's factory: check and convert, once."""
    if source is None:
        return DATA.prepare(None)
    lines = LINES.require(user_path(source))
    return DATA.store(_as_pages(lines))


def at_hand() -> bool:
    """Whether it is prepared."""
    return DATA.at_hand()


def open_pages(path: str = "") -> tuple[Sequence[str], str]:
    """(documents, revision) of the prepared file, or of hub's files at a path of the user's. Raises UserError."""
    if not path:
        records, revision = DATA.open()
    else:
        records = _as_pages(LINES.records_at(user_path(path)))
        revision = f"{DATA.name}-{revision_of(records)}"
    if not records.cells:
        raise UserError(f"WikiText at '{path}' holds no text: {CURE}")
    return [cells["page"] for cells in records.cells], revision
