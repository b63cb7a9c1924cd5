"""The markup of a wiki's articles to paragraphs of plain prose.

By regular expressions, so that no parser is needed. Comments, references, tables, galleries, files,
categories and templates are dropped; a link leaves the words that it shows; ``convert`` leaves its number and unit,
``lang`` its words. Headings, lists and indented lines are left out. A paragraph is a line of what remains, kept where
it has 200 characters or more and neither a formula nor leftover markup in it.

Known gaps: a dropped template leaves a hole in its sentence (a pronunciation, a date).
"""

from __future__ import annotations

import html
import re

SHORTEST = 200
"""Characters of a paragraph."""
_FORMULA = "\ue000"
"""Stands where a formula was, so that its paragraph can be left out: a sentence without its formula says nothing."""
_DROPPED = "ref|gallery|timeline|imagemap|score|source|syntaxhighlight|pre|code|table|div"
_FIRST: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"<(ref|references)\b[^<>]*/>", re.IGNORECASE), ""),
    (re.compile(rf"<({_DROPPED})\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"<math\b[^<>]*>.*?</math\s*>", re.DOTALL | re.IGNORECASE), _FORMULA),
    (re.compile(r"\{\{\s*math\s*\|", re.IGNORECASE), "{{" + _FORMULA),
    (re.compile(r"\{\{\s*(?:convert|cvt)\s*\|\s*([^|{}]+)\|\s*([^|{}]+)[^{}]*\}\}", re.IGNORECASE), r"\1 \2"),
    (re.compile(r"\{\{\s*(?:lang|transl)\s*\|[^|{}]*\|\s*([^|{}]+)\}\}", re.IGNORECASE), r"\1"),
)
_INNERMOST = re.compile(r"\{\|(?:(?!\{\||\|\}).)*?\|\}|\{\{(?:(?!\{\{|\}\}).)*?\}\}", re.DOTALL)
"""A table or a template with no other of its kind inside."""
_FILE = re.compile(
    r"\[\[\s*(?:file|image|category|[a-z]{2,3}|simple)\s*:(?:[^\[\]]|\[\[[^\[\]]*\]\]|\[[^\[\]]*\])*\]\]", re.I
)
_LAST: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]"), r"\1"),
    (re.compile(r"\[(?:https?|ftp)?:?//\S*?(?:\s+([^\[\]]*))?\]"), r"\1"),
    (re.compile(r"<br\s*/?>", re.IGNORECASE), " "),
    (re.compile(r"</?[a-zA-Z][^<>]*>"), ""),
    (re.compile(r"'{2,5}"), ""),
    (re.compile(r"__[A-Z]+__"), ""),
)
_TIDY: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\s\u200b\u200e\u200f\ufeff]+"), " "),
    (re.compile(r"\(\s*[;,:\s]*\s*\)"), ""),
    (re.compile(r"\(\s*[;,:]\s*"), "("),
    (re.compile(r" +([,.;:)])"), r"\1"),
    (re.compile(r"\( +"), "("),
    (re.compile(r" {2,}"), " "),
)
_NOT_PROSE = re.compile(r"^[=*#:;|!{}\[<\s]|[{}|\[\]<>]|https?://|" + _FORMULA)
"""Headings, lists, indented lines, rows of tables; markup that was left over; a formula."""


def plain_paragraphs(markup: str) -> list[str]:
    """The paragraphs of an article that are prose of at least 200 characters, by the rules at the head of this file."""
    text = markup
    for pattern, put in _FIRST:
        text = pattern.sub(put, text)
    text = _emptied(_INNERMOST, text)
    text = _emptied(_FILE, text)
    for pattern, put in _LAST:
        text = pattern.sub(put, text)
    lines = (_tidied(html.unescape(html.unescape(line))) for line in text.split("\n") if not _NOT_PROSE.match(line))
    return [line for line in lines if len(line) >= SHORTEST and not _NOT_PROSE.search(line)]


def _emptied(pattern: re.Pattern[str], text: str) -> str:
    """Remove what matches until nothing does: what is nested goes from the inside out. A formula inside leaves its
    mark."""
    count = 1
    while count:
        text, count = pattern.subn(lambda match: _FORMULA if _FORMULA in match[0] else "", text)
    return text


def _tidied(line: str) -> str:
    for pattern, put in _TIDY:
        line = pattern.sub(put, line)
    return line.strip()
