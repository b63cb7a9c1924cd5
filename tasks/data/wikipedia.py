"""Wikipedia paragraphs: 97 English articles as plain text, split by article.

Data: the shortened dump of English Wikipedia (2016; 206 pages, of which 106 are articles and 97 have prose) among the
test data of the package gensim 4.4.0. Licence of the text: CC BY-SA 3.0 and GFDL, its authors are the articles'
editors; it is prepared on the user's machine and is never part of this repository.

Protocol: articles of the main name space, no redirects, made plain by ``tasks/data/wiki_markup.py``: paragraphs of
prose of at least 200 characters. Articles are ranked by the SHA-256 of their title: the first tenth is the test split,
the second the validation split, the rest is for training.

Known gaps: the titles of nearly all articles begin with A, and articles are long and few: a test split of ten articles
speaks of ten topics.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import re
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, cast

from harness.errors import UserError
from harness.paths import data_root, user_path
from harness.texts import first_line
from tasks.data.parquet import reading_parquet
from tasks.data.wiki_markup import plain_paragraphs

if TYPE_CHECKING:
    import pyarrow as pa

Split = Literal["train", "validation", "test"]
Paragraph = tuple[str, str]
"""(title of the article, text)."""

DUMP = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
DUMP_SHA256 = "34c1c63050c87cc8477b9ae36b1cb0edf372612c92938b742e579a7109c20fa4"
"""Of the decompressed dump."""
DUMP_BYTES, PACKED_BYTES = 6_089_746, 1_695_871
"""Of the dump, decompressed and as it is packed: more is not unpacked."""
CURE = (
    "run 'pip download --no-deps gensim==4.4.0', then 'ddtbench data prepare wikipedia --from FILE' with that file, "
    "or install it: 'pip install --no-deps gensim==4.4.0'"
)
_DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, RuntimeError, struct.error, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError),
)
"""What the packers of Python raise on files that are damaged or packed in a way that they do not know."""
_REDIRECT = re.compile(r"\s*#redirect", re.IGNORECASE)


@dataclass(frozen=True)
class Contents:
    """What a split must hold: articles, paragraphs, and the SHA-256 of its lines ``title tab text newline``."""

    pages: int
    paragraphs: int
    sha256: str


SPLITS: dict[Split, Contents] = {
    "train": Contents(77, 3181, "ac1a8d2f80f9fb4e4abc6f66753e0b42a56a0e68be8700dfde8361ead68e37f4"),
    "validation": Contents(10, 354, "e5e1e71b0de377bb79ee4a3559df76773d46c7f18bfacb4836790b33640105d4"),
    "test": Contents(10, 576, "835769b85d53d3bcb8700ef0cba201a213ca991de9c9aeac8d08b021c8c419f6"),
}


def wikipedia(source: str | None = None) -> Path:
    """Turn the dump into paragraphs under the data folder, print what was written, and return its folder.

    ``source`` is the dump (``.bz2``), or gensim's wheel or source archive; ``None`` means what is prepared already,
    else the installed gensim's test data. Raises UserError, and leaves what was there before, when the file is missing,
    damaged or another one.
    """
    folder = _prepared_folder()
    if source is None and all((folder / f"{split}.parquet").is_file() for split in SPLITS):
        print(f"wikipedia is already prepared in {folder}")
        return folder
    if source is None and _installed() is None:
        raise UserError(f"Wikipedia's paragraphs are not on this machine: {CURE}")
    path = _installed() if source is None else user_path(source)
    assert path is not None
    splits = _convert(path)
    for split, paragraphs in splits.items():
        words, size = (sum(counts) for counts in zip(*map(_size, paragraphs), strict=True))
        pages = SPLITS[split].pages
        print(f"wikipedia {split}: {pages} articles, {len(paragraphs):,} paragraphs, {words:,} words, {size:,} bytes")
    return folder


def wikipedia_at_hand() -> bool:
    """Whether :func:`open_wikipedia` will find the text, without opening it."""
    return (_prepared_folder() / "test.parquet").is_file() or _installed() is not None


def open_wikipedia(split: Split) -> list[str]:
    """The paragraphs of "train", "validation" or "test", article by article in the dump's order, checked by digest.

    Prepares the text on first use where gensim is installed; raises UserError with the command otherwise.
    """
    return [text for _, text in open_articles(split)]


def open_articles(split: Split) -> list[Paragraph]:
    """The same paragraphs as :func:`open_wikipedia`, each with the title of its article."""
    import pyarrow.parquet as pq

    path = _prepared_folder() / f"{split}.parquet"
    if not path.is_file():
        dump = _installed()
        if dump is None:
            raise UserError(f"Wikipedia's paragraphs are not prepared (no {path}): {CURE}")
        _convert(dump)
        print(f"wikipedia: prepared from {dump} in {path.parent}", file=sys.stderr)
    with reading_parquet(f"{path} cannot be read", "delete it and prepare again"):
        table = pq.read_table(path)
        paragraphs = list(zip(table["title"].to_pylist(), table["text"].to_pylist(), strict=True))
        found = _contents(paragraphs)
    if found != SPLITS[split]:
        raise UserError(f"{path} is not the {split} split any more: delete it and prepare again")
    return paragraphs


# ------------------------------------------------------------------------------------------------ from dump to Parquet


def _prepared_folder() -> Path:
    return data_root() / "wikipedia"


def _installed() -> Path | None:
    """The dump among the test data of the gensim that is installed; nothing of it is imported."""
    spec = find_spec("gensim")
    path = Path(spec.origin).parent / "test" / "test_data" / DUMP if spec and spec.origin else None
    return path if path and path.is_file() else None


def _size(paragraph: Paragraph) -> tuple[int, int]:
    return len(paragraph[1].split()), len(paragraph[1].encode())


def _contents(paragraphs: Sequence[Paragraph]) -> Contents:
    lines = "".join(f"{title}\t{text}\n" for title, text in paragraphs)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return Contents(len({title for title, _ in paragraphs}), len(paragraphs), digest)


def _convert(source: Path) -> Mapping[Split, Sequence[Paragraph]]:
    """Read, clean and check everything first, write after: a bad source changes nothing."""
    from harness.store.files import Folder
    from harness.store.parts import encode_table

    splits = split_articles(read_dump(_dump_bytes(source)))
    for split, paragraphs in splits.items():
        if _contents(paragraphs) != SPLITS[split]:
            # The source passed its digest, so it is the cleaner that changed, or Python's tables of characters.
            raise UserError(f"wikipedia: the {split} split came out different from the published one; report this")
    folder = Folder(str(_prepared_folder()))
    for split, paragraphs in splits.items():
        folder.write(f"{split}.parquet", encode_table(_table(paragraphs)))
    return splits


def _table(paragraphs: Sequence[Paragraph]) -> pa.Table:
    import pyarrow as pa

    titles, texts = zip(*paragraphs, strict=True)
    return pa.table({"title": pa.array(titles, pa.string()), "text": pa.array(texts, pa.string())})


def _dump_bytes(source: Path) -> bytes:
    """The decompressed dump from its file, or from inside a wheel or a source archive."""
    if not source.is_file():
        raise UserError(f"{source} is not a file: {CURE}")
    try:
        with bz2.open(io.BytesIO(_compressed(source))) as file:
            data = file.read(DUMP_BYTES + 1)
    except _DAMAGED as error:
        raise UserError(f"{source} is truncated or damaged ({first_line(error)}): fetch it again") from error
    if hashlib.sha256(data).hexdigest() != DUMP_SHA256:
        raise UserError(f"{source} is not gensim 4.4.0's shortened dump (its SHA-256 differs): {CURE}")
    return data


def _compressed(source: Path) -> bytes:
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive, archive.open(_member(source, archive.namelist())) as packed:
            return packed.read(PACKED_BYTES + 1)
    if source.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(source) as package:
            file = package.extractfile(_member(source, package.getnames()))
            return file.read(PACKED_BYTES + 1) if file else b""
    with source.open("rb") as dump:
        return dump.read(PACKED_BYTES + 1)


def _member(source: Path, names: Sequence[str]) -> str:
    found = next((name for name in names if PurePosixPath(name).name == DUMP), None)
    if found is None:
        raise UserError(f"{source} holds no {DUMP}: {CURE}")
    return found


# ------------------------------------------------------------------------------------------------ articles and splits


def read_dump(xml: bytes) -> Iterator[tuple[str, str]]:
    """(title, wikitext) of each article of a MediaWiki export: main name space, no redirects, in the dump's order."""
    from xml.etree import ElementTree

    for page in ElementTree.fromstring(xml).iterfind("{*}page"):
        wikitext = page.findtext("{*}revision/{*}text") or ""
        if page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None and not _REDIRECT.match(wikitext):
            yield page.findtext("{*}title") or "", wikitext


def split_articles(articles: Iterator[tuple[str, str]]) -> dict[Split, list[Paragraph]]:
    """Paragraphs by split. Articles without a paragraph belong to none."""
    cleaned = {title: found for title, wikitext in articles if (found := plain_paragraphs(wikitext))}
    ranked = sorted(cleaned, key=lambda title: hashlib.sha256(title.encode()).digest())
    tenth = round(len(ranked) / 10)
    chosen = {
        "train": set(ranked[2 * tenth :]),
        "validation": set(ranked[tenth : 2 * tenth]),
        "test": set(ranked[:tenth]),
    }
    return {
        cast(Split, split): [(title, text) for title, texts in cleaned.items() if title in titles for text in texts]
        for split, titles in chosen.items()
    }
