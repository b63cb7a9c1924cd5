"""Wikipedia's paragraphs: the cleaner rule by rule, every way the dump may come, every kind of bad input, no leaks."""

from __future__ import annotations

import bz2
import hashlib
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from tasks.data import wikipedia
from tasks.data.wiki_markup import plain_paragraphs

FILLER = "plain words that make the paragraph long enough to be kept " * 4
PAGES = 20


def cleaned(wikitext: str) -> str:
    """What the cleaner leaves of a few words, put before a filler that is long enough."""
    (paragraph,) = plain_paragraphs(f"{wikitext} {FILLER}")
    assert paragraph.endswith(FILLER.strip())
    return paragraph.removesuffix(FILLER.strip()).strip()


@pytest.mark.parametrize(
    ("wikitext", "plain"),
    [
        ("The '''bold''' and ''italic''", "The bold and italic"),
        ("A [[link]] and a [[Some page|shown word]]", "A link and a shown word"),
        ("A [http://a.example/x?y=1 named] and a bare [http://a.example] link", "A named and a bare link"),
        ("Said<ref>Someone, {{cite|x}} 1999</ref> so<ref name=a/>.", "Said so."),
        ("Kept<!-- a\nnote --> on", "Kept on"),
        ("Up {{Infobox|a={{nested|b}}|c=[[d]]}}to here", "Up to here"),
        ("It is {{convert|12|km|mi|abbr=on}} long", "It is 12 km long"),
        ("Called {{lang|el|λόγος}} there", "Called λόγος there"),
        ("Anarchism ({{IPAc-en|a}}; {{lang|fr|mot}})", "Anarchism (mot)"),
        ("Nothing ({{IPA|a}}) left", "Nothing left"),
        ("Seen [[File:A.jpg|thumb|A [[cat]] of [http://x.example b]]] here", "Seen here"),
        ("[[Category:Cats]]Filed", "Filed"),
        ("Salt &amp; pepper&nbsp;mill <small>small</small> H<sub>2</sub>O", "Salt & pepper mill small H2O"),
    ],
)
def test_each_rule_of_the_cleaner(wikitext: str, plain: str) -> None:
    assert cleaned(wikitext) == plain


@pytest.mark.parametrize(
    "wikitext",
    [
        f"== {FILLER} ==",
        f"* {FILLER}",
        f": {FILLER}",
        f"{{|\n|-\n| {FILLER}\n|}}",
        f"<gallery>\nA.jpg|{FILLER}\n</gallery>",
        f"the area <math>r^2</math> {FILLER}",
        f"the area {{{{math|{{{{sup|2}}}}}}}} {FILLER}",
        f"left over {{{{unclosed {FILLER}",
        "too short",
    ],
)
def test_what_is_no_prose_is_left_out(wikitext: str) -> None:
    assert plain_paragraphs(f"{wikitext}\nSecond: {FILLER}") == [f"Second: {FILLER.strip()}"]


@given(st.text(alphabet="ab [](){}|'<>&;=*\n/", max_size=400))
def test_whatever_the_wikitext_no_markup_is_left_and_the_cleaner_ends(wikitext: str) -> None:
    for paragraph in plain_paragraphs(f"{wikitext}\n{FILLER}{wikitext}"):
        assert len(paragraph) >= 200 and paragraph == paragraph.strip()
        assert not set(paragraph) & set("{}[]<>|\n") and "  " not in paragraph


def export(texts: dict[str, str]) -> bytes:
    """A MediaWiki export with one page of each kind that must be left out."""

    def page(title: str, text: str, space: int = 0, extra: str = "") -> str:
        revision = f"<revision><text>{text}</text></revision>"
        return f"<page><title>{title}</title><ns>{space}</ns>{extra}{revision}</page>"

    pages = [page(title, text) for title, text in texts.items()]
    pages.append(page("Moved", FILLER, extra='<redirect title="X" />'))
    pages.append(page("Moved too", f"#REDIRECT X {FILLER}"))
    pages.append(page("Wikipedia:About", FILLER, space=4))
    pages.append(page("Stub", "too short"))
    return f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">{"".join(pages)}</mediawiki>'.encode()


@pytest.fixture
def dump(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """A small dump, compressed, with the digests made to fit and no gensim installed."""
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(wikipedia, "_installed", lambda: None)
    data = export({f"Page {n}": f"On {n}: {FILLER}\nMore on {n}: {FILLER}" for n in range(PAGES)})
    monkeypatch.setattr(wikipedia, "DUMP_SHA256", hashlib.sha256(data).hexdigest())
    ranked = sorted((f"Page {n}" for n in range(PAGES)), key=lambda title: hashlib.sha256(title.encode()).digest())
    for split, titles in (("test", ranked[:2]), ("validation", ranked[2:4]), ("train", ranked[4:])):
        numbers = sorted(int(title.split()[1]) for title in titles)
        lines = [f"Page {n}\t{head} {n}: {FILLER.strip()}\n" for n in numbers for head in ("On", "More on")]
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        monkeypatch.setitem(wikipedia.SPLITS, split, wikipedia.Contents(len(titles), len(lines), digest))
    return bz2.compress(data)


def packed(kind: str, folder: Path, dump: bytes, name: str = wikipedia.DUMP) -> Path:
    """The dump as a file, in a wheel, or in a source archive."""
    if kind == "bz2":
        path = folder / "any-name.xml.bz2"
        path.write_bytes(dump)
    elif kind == "wheel":
        path = folder / "gensim-4.4.0-cp311.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("gensim/__init__.py", "")
            archive.writestr(f"gensim/test/test_data/{name}", dump)
    else:
        path = folder / "gensim-4.4.0.tar.gz"
        with tarfile.open(path, "w:gz") as package:
            entry = tarfile.TarInfo(f"gensim-4.4.0/gensim/test/test_data/{name}")
            entry.size = len(dump)
            package.addfile(entry, io.BytesIO(dump))
    return path


@pytest.mark.parametrize("kind", ["bz2", "wheel", "source"])
def test_every_way_gives_the_same_splits_by_article(
    kind: str, tmp_path: Path, dump: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = wikipedia.wikipedia(str(packed(kind, tmp_path, dump)))
    assert "wikipedia test: 2 articles, 4 paragraphs" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["test.parquet", "train.parquet", "validation.parquet"]
    titles = {split: {title for title, _ in wikipedia.open_articles(split)} for split in wikipedia.SPLITS}
    assert set.union(*titles.values()) == {f"Page {n}" for n in range(PAGES)}
    assert sum(map(len, titles.values())) == PAGES, "no article in two splits"
    assert wikipedia.open_wikipedia("test") == [text for _, text in wikipedia.open_articles("test")]
    assert wikipedia.wikipedia_at_hand()
    wikipedia.wikipedia(None)
    assert "already prepared" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["missing", "truncated", "empty", "not bz2", "another dump", "wheel without it"])
def test_a_bad_file_is_one_line_that_names_it_and_writes_nothing(kind: str, tmp_path: Path, dump: bytes) -> None:
    path = packed("wheel", tmp_path, dump, "another.bz2") if kind == "wheel without it" else tmp_path / "dump.bz2"
    contents = {"truncated": dump[:-40], "empty": b"", "not bz2": b"<html>", "another dump": bz2.compress(export({}))}
    if kind in contents:
        path.write_bytes(contents[kind])
    with pytest.raises(UserError, match=path.name) as caught:
        wikipedia.wikipedia(str(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_without_data_the_message_is_the_command(dump: bytes) -> None:
    assert not wikipedia.wikipedia_at_hand()
    for ask in (lambda: wikipedia.wikipedia(None), lambda: wikipedia.open_wikipedia("train")):
        with pytest.raises(UserError, match="pip download --no-deps gensim"):
            ask()


def test_an_installed_gensim_is_used_at_first_need_and_said(
    tmp_path: Path, dump: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = packed("bz2", tmp_path, dump)
    monkeypatch.setattr(wikipedia, "_installed", lambda: path)
    wikipedia.open_wikipedia("train")
    assert len(capsys.readouterr().err.splitlines()) == 1
    wikipedia.open_wikipedia("train")
    assert capsys.readouterr().err == ""


def test_a_prepared_file_that_changed_is_refused(tmp_path: Path, dump: bytes) -> None:
    folder = wikipedia.wikipedia(str(packed("bz2", tmp_path, dump)))
    (folder / "train.parquet").write_bytes((folder / "test.parquet").read_bytes())
    with pytest.raises(UserError, match="delete it and prepare again"):
        wikipedia.open_wikipedia("train")
    (folder / "train.parquet").write_bytes(b"")
    with pytest.raises(UserError, match="delete it and prepare again"):
        wikipedia.open_wikipedia("train")


@pytest.mark.skipif(wikipedia._installed() is None, reason="gensim is not installed")
def test_the_real_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its digests are checked in opening; and nothing of gensim is imported."""
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    texts = {split: wikipedia.open_wikipedia(split) for split in wikipedia.SPLITS}
    assert {split: len(found) for split, found in texts.items()} == {"train": 3181, "validation": 354, "test": 576}
    assert not set(texts["train"]) & (set(texts["test"]) | set(texts["validation"])), "a paragraph in two splits"
    together = "".join(text for found in texts.values() for text in found)
    assert not set(together) & set("{}[]<>|\n\ue000")
    assert together.isprintable()


@pytest.mark.parametrize("kind", ["bz2", "wheel", "source"])
def test_a_file_that_unpacks_to_more_than_the_dump_is_not_unpacked(
    tmp_path: Path, dump: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bz2.decompress(dump)
    monkeypatch.setattr(wikipedia, "DUMP_BYTES", len(whole))
    bomb = packed(kind, tmp_path, bz2.compress(whole + bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="its SHA-256 differs"):
            wikipedia.wikipedia(str(bomb))
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["bz2", "wheel", "source"])
def test_no_more_is_read_than_the_packed_dump_has(
    tmp_path: Path, dump: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wikipedia, "PACKED_BYTES", len(dump))
    path = packed(kind, tmp_path, dump + bytes(5 << 20))
    assert wikipedia._compressed(path) == dump + b"\0"
