"""What is answered to each address, before anything is sent: the pages, what goes on, and the files of both."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    import jinja2

    from reports.viewing.watching import Watching

HERE = Path(__file__).parent
OWN = {
    "live/live.js": HERE / "assets" / "live.js",
    "live/live.css": HERE / "assets" / "live.css",
    "live/report.css": HERE.parent / "page" / "assets" / "report.css",
}
KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
    "pdf": "application/pdf",
}
PLAIN = "text/plain; charset=utf-8"
ALONE = "frame-ancestors 'none'"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)
NO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Of what is no page: a figure that is opened by itself."""
META = re.compile(rb"""<meta http-equiv="Content-Security-Policy" content="([^"<>]*)">""", re.IGNORECASE)
CHARSET, MAIN = re.compile(rb"<meta charset=[^>]*>"), re.compile(rb"<main\b[^>]*>")
"""Behind these stand the script, and what goes on."""
NUMBERED = re.compile(r"v(\d{1,9})/(.*)", re.DOTALL)
FRONT = "index.html"


@dataclass(frozen=True)
class Answer:
    """What is sent."""

    status: int
    body: bytes
    kind: str = PLAIN
    policy: str = f"{NO_POLICY}; {ALONE}"


NOTHING = Answer(404, b"There is nothing at this address.\n")


class Site:
    """Answers addresses."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    def answer(self, target: str) -> Answer:
        """What stands at an address, as a request names it."""
        name = _name(target)
        if name is None:
            return NOTHING
        if name == "favicon.ico":
            return Answer(204, b"")
        if name.startswith("live/"):
            return self._live(name)
        numbered = NUMBERED.fullmatch(name)
        if numbered:
            name = numbered[2]
        newest = self._watching.state.pages
        if name in ("", FRONT) and newest is None:
            return self._page(0, FRONT, self._template("waiting.html").render(live=self._watching.said).encode())
        name = name or FRONT
        # a page is always the newest; what a page asks for is of the report that it is of itself
        pages = self._watching.shelf.of(int(numbered[1])) if numbered and not name.endswith(".html") else newest
        body = pages.read(name) if pages else None
        if body is None or pages is None:
            return NOTHING
        ending = name.rpartition(".")[2].lower()
        if ending == "html":
            return self._page(pages.number, name, body)
        policy = ALONE if ending == "pdf" else f"{NO_POLICY}; {ALONE}"  # the browser's own viewer of PDF has scripts
        return Answer(200, body, KINDS.get(ending, PLAIN), policy)

    def _live(self, name: str) -> Answer:
        if name == "live/state.json":
            return Answer(200, json.dumps(self._watching.said).encode(), KINDS["json"])
        if name in OWN:
            return Answer(200, OWN[name].read_bytes(), KINDS[name.rpartition(".")[2]])
        picture = self._watching.picture(name.removeprefix("live/pictures/"))
        return NOTHING if picture is None else Answer(200, picture, KINDS["png"])

    def _page(self, number: int, name: str, body: bytes) -> Answer:
        """A page with what goes on in it. Its policy comes as a header and lets its script ask for more; the one inside
        it, which forbids that, is taken out."""
        found = META.search(body)
        policy = " ".join(found[1].decode("ascii", "ignore").split()) if found else POLICY
        if found:
            body = body[: found.start()] + body[found.end() :]
        said: Mapping[str, Any] = self._watching.said
        place = quote(name)
        script = f'<script src="/live/live.js" data-version="{number}" data-page="{place}"></script>'
        part = self._template("live.html").render(live=said, page=place, whole=name == FRONT)
        body = _after(body, CHARSET, script.encode())  # before anything is asked for
        body = body.replace(b"</head>", b'<link rel="stylesheet" href="/live/live.css">\n</head>', 1)
        body = _after(body, MAIN, part.encode("utf-8", "replace"))
        return Answer(200, body, KINDS["html"], f"{policy}; connect-src 'self'; {ALONE}")

    def _template(self, name: str) -> jinja2.Template:
        return self._environment.get_template(name)

    @cached_property
    def _environment(self) -> jinja2.Environment:
        import jinja2

        return jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def _name(target: str) -> str | None:
    """The file that an address means, from the report's folder on; "" is the front page, None means none.

    What it gives is looked up among the files that there are, so no address leads anywhere else.
    """
    path = target.partition("#")[0].partition("?")[0]
    if not path.startswith("/"):
        return None
    try:
        name = unquote(path[1:], errors="strict")
    except UnicodeDecodeError:
        return None
    parts = name.split("/")
    bad = any(part in (".", "..") for part in parts) or any(not character.isprintable() for character in name)
    return None if bad or "\\" in name or name.startswith("/") else name


def _after(body: bytes, mark: re.Pattern[bytes], added: bytes) -> bytes:
    """The page with something behind a mark; as it is where it has no such mark."""
    found = mark.search(body)
    return body[: found.end()] + b"\n" + added + body[found.end() :] if found else body
